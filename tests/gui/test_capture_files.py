"""Where captures lie: for this person only, until the program ends; what was not sent goes on to the next window."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gui.capture_files import CaptureFiles


@pytest.fixture
def files(tmp_path: Path) -> CaptureFiles:
    return CaptureFiles(tmp_path / "data" / "captures")


def test_nothing_is_made_before_something_is_captured(tmp_path: Path, files: CaptureFiles) -> None:
    files.remove_left_behind()
    files.remove_all()
    assert list(tmp_path.iterdir()) == []


def test_names_stay_as_they_are_where_they_are_free(files: CaptureFiles) -> None:
    names = []
    for _ in range(3):
        path = files.new("Recording", ".wav")
        path.write_bytes(b"x")
        names.append(path.name)
    assert names == ["Recording.wav", "Recording (2).wav", "Recording (3).wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_others_on_this_machine_see_nothing(files: CaptureFiles) -> None:
    folder = files.new("Recording", ".wav").parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_what_is_ours_is_removed(tmp_path: Path, files: CaptureFiles) -> None:
    mine = tmp_path / "mine.wav"
    mine.write_bytes(b"x")
    files.remove(mine)
    kept = files.keep(b"x", "Pasted picture")
    files.remove(mine)
    files.remove(kept)
    files.remove(kept)
    assert mine.exists()
    assert not kept.exists()


def test_a_file_that_was_made_for_us_moves_in(tmp_path: Path, files: CaptureFiles) -> None:
    made = tmp_path / "shot.png"
    made.write_bytes(b"x")
    adopted = files.adopt(made)
    assert adopted.read_bytes() == b"x"
    assert not made.exists()
    files.remove_all()
    assert not adopted.exists()


def test_what_a_killed_program_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    root = tmp_path / "captures"
    code = "import sys; from pathlib import Path; from gui.capture_files import CaptureFiles\n"
    code += "CaptureFiles(Path(sys.argv[1])).keep(b'x', 'said'); import os; os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(root)], cwd=Path(__file__).parents[2], check=False)
    (left,) = root.iterdir()
    (root / "not ours").mkdir()
    own = CaptureFiles(root)
    kept = own.keep(b"y", "said")
    CaptureFiles(root).remove_left_behind()
    assert not left.exists()
    assert kept.exists()
    assert (root / "not ours").exists()
    assert kept.parent.name.startswith(f"{os.getpid()}-")


def test_only_what_was_not_sent_goes_on_to_the_next_window(tmp_path: Path, files: CaptureFiles) -> None:
    unsent, sent = (files.new_recording(name, "Recording", ".wav") for name in ("", "abc"))
    pasted, mine = files.keep(b"pasted", "Pasted picture"), tmp_path / "mine.wav"
    for path in (unsent, sent, mine):
        path.write_bytes(path.parent.name.encode())
    files.keep_unsent({"": [unsent, mine], "abc": [pasted]})
    assert mine.exists(), "what is the person's own stays where it is"
    after = CaptureFiles(tmp_path / "data" / "captures")
    taken = after.take_over()
    assert {name: [path.read_bytes() for path in paths] for name, paths in taken.items()} == {
        "": [b"new"],
        "abc": [b"pasted"],
    }
    assert CaptureFiles(tmp_path / "data" / "captures").take_over() == {}, "a living window has them"
    after.remove_all()
    assert [path for path in (tmp_path / "data" / "captures").rglob("*") if path.is_file()] == []


def test_what_was_recorded_survives_a_kill_and_comes_with_what_has_its_name(tmp_path: Path) -> None:
    root = tmp_path / "captures"
    code = "import sys; from pathlib import Path; from gui.capture_files import CaptureFiles\n"
    code += "files = CaptureFiles(Path(sys.argv[1])); files.keep(b'sent', 'Pasted picture')\n"
    code += "files.new_recording('abc', 'Recording', '.wav').write_bytes(b'sound')\n"
    code += "files.new_recording('abc', 'Silence', '.wav').write_bytes(b'')\n"
    code += "import os; os._exit(9)"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(root)], cwd=Path(__file__).parents[2], check=False)
    files = CaptureFiles(root)
    CaptureFiles(root).remove_left_behind()
    taken = files.take_over()
    files.remove_left_behind()
    assert {name: [path.name for path in paths] for name, paths in taken.items()} == {
        "abc": ["Recording.wav", "Recording (2).wav"]
    }
    assert [folder.name.partition("-")[0] for folder in root.iterdir() if folder.name != "kept"] == [str(os.getpid())]


def test_where_nothing_can_be_put_aside_all_stays(files: CaptureFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.new_recording("", "Recording", ".wav")
    path.write_bytes(b"sound")

    def refuse(_path: Path, _target: Path) -> Path:
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "rename", refuse)
    files.keep_unsent({"": [path]})
    assert path.read_bytes() == b"sound"
