"""What a person chooses of a folder becomes options, and those options make what was chosen, by the real converter."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from gui.folder_choice import FolderMap, folders_of
from media.convert import convert
from media.limits import DEFAULT_LIMITS
from media.types import AS_IT_IS, ConvertOptions, LeftOut, MediaItem

FILES = {
    "README.md": "read me", "a.py": "a = 1", "src/one.py": "1", "src/two.py": "2 " * 50, "src/deep/three.py": "3",
    "data/x.csv": "1,2", "data/y.csv": "3,4", "uv.lock": "lock", ".env": "TOKEN=1", "keys/id_rsa": "key",
    "web/app.min.js": "a()", "web/index.js": "b()", "img/a.bin": "\0",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def read(root: Path, options: ConvertOptions = AS_IT_IS, max_files: int = 100) -> MediaItem:
    *_, item = convert(root, replace(DEFAULT_LIMITS, max_folder_files=max_files), options=options)
    assert isinstance(item, MediaItem)
    return item


def map_of(root: Path) -> FolderMap:
    folder = FolderMap(AS_IT_IS)
    folder.take(read(root), AS_IT_IS)
    return folder


def test_at_first_all_is_chosen_that_is_not_left_out_by_habit(root: Path) -> None:
    folder = map_of(root)
    by_habit = {"uv.lock", ".env", "keys/id_rsa", "web/app.min.js"}
    assert folder.chosen == FILES.keys() - by_habit - {"img/a.bin"}
    assert folder.choosable == folder.chosen | by_habit
    assert folder.options_for(folder.chosen) == AS_IT_IS


def test_whole_folders_are_named_where_nothing_of_them_is_wanted(root: Path) -> None:
    folder = map_of(root)
    options = folder.options_for(folder.chosen - {"src/one.py", "src/deep/three.py", "data/x.csv", "data/y.csv"})
    assert options.leave_out == ("data/", "src/deep/", "src/one.py")
    assert folder.options_for(frozenset({".env"})).take_in == (".env",)
    assert folder.options_for(frozenset({".env"})).leave_out == ("README.md", "a.py", "data/", "src/", "web/")


@pytest.mark.parametrize("seed", range(25))
def test_the_options_make_what_was_chosen_again_and_again(root: Path, seed: int) -> None:
    chance, folder = random.Random(seed), map_of(root)
    everything = folder.choosable
    for _ in range(4):
        wanted = frozenset(path for path in everything if chance.random() < chance.choice((0.2, 0.8)))
        options = folder.options_for(wanted)
        folder.take(read(root, options), options)
        assert folder.chosen == wanted
        assert folder.choosable >= everything, "what was once seen is remembered"


def test_what_is_left_out_makes_room_for_what_was_not_seen(tmp_path: Path) -> None:
    for path in [*(f"data/{number}.txt" for number in range(10)), "src/one.py", "src/two.py"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("x")
    folder = FolderMap(AS_IT_IS)
    folder.take(read(tmp_path, max_files=10), AS_IT_IS)
    assert "src/one.py" not in folder.files
    options = folder.options_for(frozenset())
    assert options.leave_out == ("data/",)
    folder.take(read(tmp_path, options, max_files=10), options)
    assert folder.chosen == {"src/one.py", "src/two.py"}
    assert "data/3.txt" in folder.choosable


def test_a_folder_that_was_never_looked_into_can_be_taken_in(root: Path) -> None:
    options, folder = ConvertOptions(leave_out=("src/",)), FolderMap(AS_IT_IS)
    folder.take(read(root, options), options)
    assert folder.files["src/"].left_out is LeftOut.BY_YOU
    assert folder.options_for(folder.chosen) == options
    again = folder.options_for(folder.chosen | {"src/"})
    folder.take(read(root, again), again)
    assert {"src/one.py", "src/two.py", "src/deep/three.py"} <= folder.chosen
    assert "src/" not in folder.files


def test_costs_are_counted_or_guessed(root: Path) -> None:
    folder = map_of(root)
    guess = folder.cost("src/two.py")
    assert guess == round(folder.files["src/two.py"].num_chars / 4)
    assert folder.cost(".env") == round(len(FILES[".env"]) / 4)
    assert not folder.is_counted({"src/two.py"})
    folder.tokens = {"": 7, "src/two.py": 30}
    assert folder.is_counted({"src/two.py"})
    assert not folder.is_counted({"src/two.py", "a.py"})
    assert folder.total({"src/two.py"}) == 37
    options = folder.options_for(folder.chosen - {"src/two.py"})
    folder.tokens = {}
    folder.take(read(root, options), options)
    assert folder.cost("src/two.py") == guess, "what it had when it was read is the best guess"


def test_the_folders_around_a_file() -> None:
    assert folders_of("a/b/c.py") == ["a/", "a/b/"]
    assert folders_of("a/b/") == ["a/"]
    assert folders_of("c.py") == []
