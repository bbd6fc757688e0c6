"""What was attached and not sent is remembered by its place, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from gui.attached_files import AttachedFiles


@pytest.fixture
def attached(tmp_path: Path) -> AttachedFiles:
    return AttachedFiles(tmp_path / "data" / "attached.json")


def written(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.write_bytes(b"x")
    return paths


def test_files_come_back_once_where_they_are_still_there(tmp_path: Path, attached: AttachedFiles) -> None:
    first, gone, odd = written(tmp_path, "a.png", "b.png", "ü \udcff.png")
    attached.keep({"": [first, gone], "one": [odd], "none": []})
    gone.unlink()
    assert attached.take() == {"": [first], "one": [odd]}
    assert attached.take() == {}
    assert list((tmp_path / "data").iterdir()) == []


def test_two_windows_that_close_add_up(tmp_path: Path, attached: AttachedFiles) -> None:
    first, second = written(tmp_path, "a.png", "b.png")
    attached.keep({"": [first]})
    attached.keep({"": [first, second]})
    attached.keep({})
    assert attached.take() == {"": [first, second]}


@pytest.mark.parametrize("content", ["", "[", "[1]", '{"a": 1}', '{"a": [1]}', "\x00"])
def test_nonsense_is_nothing(tmp_path: Path, attached: AttachedFiles, content: str) -> None:
    (path,) = written(tmp_path, "a.png")
    attached.keep({"": [path]})
    (tmp_path / "data" / "attached.json").write_text(content)
    assert attached.take() == {}


def test_a_disk_that_refuses_costs_only_this(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    attached = AttachedFiles(tmp_path / "data" / "attached.json")
    attached.keep({"": written(tmp_path, "a.png")})
    assert attached.take() == {}
