"""What a file became is used again for the same content, and for nothing else."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from media import cache
from media.cache import FileState, ItemCache
from media.limits import DEFAULT_LIMITS
from media.stopping import Stopped, never_stop
from media.types import AS_IT_IS, ConvertOptions, MediaItem, MediaKind, Picture


def item(num_bytes: int = 300) -> MediaItem:
    pixels = np.zeros((num_bytes // 3, 1, 3), np.uint8)
    return MediaItem(MediaKind.IMAGE, "a", (Picture(pixels),), np.zeros((1, 1, 3), np.uint8))


def state_of(path: Path) -> FileState:
    state = FileState.of(path)
    assert state is not None
    return state


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one" / "clip.mp4"
    path.parent.mkdir()
    path.write_bytes(b"some content")
    return path


def kept(file: Path) -> tuple[ItemCache, MediaItem]:
    memory, made = ItemCache(), item()
    memory.keep(state_of(file), DEFAULT_LIMITS, AS_IT_IS, made)
    return memory, made


def find(memory: ItemCache, path: Path, options: ConvertOptions = AS_IT_IS) -> MediaItem | None:
    return memory.find(state_of(path), DEFAULT_LIMITS, options, never_stop)


def test_the_same_file_is_found_without_being_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, made = kept(file)
    monkeypatch.setattr(cache, "_digest", lambda *_: pytest.fail("it need not be read"))
    assert find(memory, file) is made


def test_the_same_content_elsewhere_is_found(file: Path, tmp_path: Path) -> None:
    memory, made = kept(file)
    (tmp_path / "two").mkdir()
    assert find(memory, Path(shutil.copyfile(file, tmp_path / "two" / "clip.mp4"))) is made


def test_another_name_content_wish_or_limit_is_not(file: Path, tmp_path: Path) -> None:
    memory, _ = kept(file)
    assert find(memory, Path(shutil.copyfile(file, tmp_path / "film.mp4"))) is None
    (tmp_path / "clip.mp4").write_bytes(b"SOME CONTENT")
    assert find(memory, tmp_path / "clip.mp4") is None
    assert find(memory, file, ConvertOptions(start_s=1.0)) is None
    assert memory.find(state_of(file), replace(DEFAULT_LIMITS, max_pages=1), AS_IT_IS, never_stop) is None


def test_a_file_that_was_written_to_is_another_one(file: Path) -> None:
    memory, _ = kept(file)
    file.write_bytes(b"SOME CONTENT")
    os.utime(file, ns=(0, 7))
    assert find(memory, file) is None


@pytest.mark.parametrize("change", ["touch", "move", "link"])
def test_what_keeps_its_content_is_found_again(file: Path, tmp_path: Path, change: str) -> None:
    memory, made = kept(file)
    elsewhere = tmp_path / "clip.mp4"
    if change == "touch":
        os.utime(file, ns=(0, 7))
    elif change == "move":
        file.rename(elsewhere)
    else:
        elsewhere.hardlink_to(file)
    assert find(memory, elsewhere if elsewhere.exists() else file) is made


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say when a file was changed")
def test_a_file_whose_time_was_set_back_is_another_one(file: Path) -> None:
    memory, _ = kept(file)
    before = file.stat()
    file.write_bytes(b"SOME CONTENT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert find(memory, file) is None


def test_a_large_file_is_read_only_when_that_is_needed(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "AT_ONCE_BYTES", 4)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_digest", lambda *_: pytest.fail("it need not be read"))
        memory, made = kept(file)
    assert find(memory, Path(shutil.copyfile(file, tmp_path / "clip.mp4"))) is made


def test_what_was_kept_of_a_large_file_that_is_gone_is_not_trusted(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "AT_ONCE_BYTES", 4)
    memory, _ = kept(file)
    other = Path(shutil.copyfile(file, tmp_path / "clip.mp4"))
    file.unlink()
    assert find(memory, other) is None, "its content cannot be compared any more"


def test_a_file_that_changed_while_it_was_read_is_not_kept(file: Path) -> None:
    memory, before = ItemCache(), state_of(file)
    os.utime(file, ns=(0, 7))
    memory.keep(before, DEFAULT_LIMITS, AS_IT_IS, item())
    assert find(memory, file) is None


def test_the_one_that_was_not_asked_for_longest_goes(tmp_path: Path) -> None:
    memory = ItemCache(max_bytes=1000)
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_bytes(path.name.encode())
    first, second, third = paths
    for path in (first, second):
        memory.keep(state_of(path), DEFAULT_LIMITS, AS_IT_IS, item(450))
    assert find(memory, first) is not None
    memory.keep(state_of(third), DEFAULT_LIMITS, AS_IT_IS, item(450))
    assert [find(memory, path) is not None for path in paths] == [True, False, True]
    memory.keep(state_of(second), DEFAULT_LIMITS, AS_IT_IS, item(3000))
    assert [find(memory, path) is not None for path in paths] == [True, False, True], "too large for any place"


def test_a_stop_is_heard_while_files_are_compared(file: Path, tmp_path: Path) -> None:
    memory, _ = kept(file)
    other = Path(shutil.copyfile(file, tmp_path / "clip.mp4"))
    with pytest.raises(Stopped):
        memory.find(state_of(other), DEFAULT_LIMITS, AS_IT_IS, lambda: True)


def test_a_folder_has_no_state(tmp_path: Path) -> None:
    assert FileState.of(tmp_path) is None
    assert FileState.of(tmp_path / "nothing") is None
