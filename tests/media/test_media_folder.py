"""A folder becomes a listing and the text of its files; what is left out is said, and nothing outside of it is read."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from media import folder_walk
from media.convert import convert
from media.errors import MediaError
from media.folder_files import read_inside
from media.folder_text import NUMBERED, FilePart, read_head, read_part, write_part
from media.folder_walk import FolderWalk
from media.limits import DEFAULT_LIMITS, Limits
from media.sandbox import Sandbox
from media.stopping import Stopped, never_stop
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, LeftOut, MediaItem, MediaKind, Text

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git says what is right")
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links and modes are others there")

Fill = Callable[[dict[str, str | bytes]], Path]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    root = tmp_path / "project"

    def it(files: dict[str, str | bytes]) -> Path:
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return it


def read(root: Path, limits: Limits = DEFAULT_LIMITS, options: ConvertOptions = AS_IT_IS) -> MediaItem:
    *before, item = convert(root, limits, options=options)
    assert before
    assert all(isinstance(event, ConvertProgress) for event in before)
    assert isinstance(item, MediaItem)
    assert item.kind is MediaKind.FOLDER
    return item


def shown(item: MediaItem) -> dict[str, str]:
    """The files that the model reads, by path."""
    parts = [read_part(part.text) for part in item.parts[1:] if isinstance(part, Text)]
    assert len(parts) == len(item.parts) - 1
    return {part.path: part.text for part in parts if part is not None}


def reasons(item: MediaItem) -> dict[str, LeftOut]:
    return {file.path: file.left_out for file in item.files if file.left_out}


def listing(item: MediaItem) -> list[str]:
    first = item.parts[0]
    assert isinstance(first, Text)
    return [line for line in first.text.splitlines() if line and line[0] not in "[("]


# What is in it


def test_the_listing_comes_first_and_then_readme_and_the_rest_by_path(fill: Fill) -> None:
    item = read(fill({"z.py": "z = 1\n", "src/b.py": "b", "src/a/deep.py": "d", "README.md": "# Hi\n", "empty.py": ""}))
    assert list(shown(item)) == ["README.md", "src/a/deep.py", "src/b.py", "z.py"]
    assert listing(item) == [
        "README.md 5 bytes", "empty.py empty", "src/", " a/", "  deep.py 1 bytes", " b.py 1 bytes", "z.py 6 bytes",
    ]  # fmt: skip
    assert item.facts == ("4 files", "13 bytes")
    assert [file.num_chars for file in item.files if not file.left_out] == [len(part.text) for part in item.parts[1:]]
    assert reasons(item) == {"empty.py": LeftOut.EMPTY}


def test_lines_have_numbers_that_come_off_again(fill: Fill) -> None:
    text = "\n".join(f"{number * 7}\tx" if number % 3 else "" for number in range(1, 24))
    part = read(fill({"a/table.tsv": text})).parts[1]
    assert isinstance(part, Text)
    head, fence, *lines = part.text.split("\n")
    assert (head, fence) == ("[a/table.tsv, 23 lines]", "```tsv")
    for number, (line, before) in enumerate(zip(lines, text.split("\n"), strict=False), 1):
        assert line == (before if number % NUMBERED else f"{number}\t{before}")
    assert read_part(part.text) == FilePart("a/table.tsv", text)
    assert read_head(part.text) == ("a/table.tsv", 23)


@pytest.mark.parametrize(
    "text", ["one", "a\n\n```\ncode\n````\n5\tfive\n", "\n\n\n\n\n\nsixth\r?", "x" * 5000, "[b, 3 lines]\n```"]
)
@pytest.mark.parametrize("path", ["a.py", "b], 7 lines] c/Makefile", "Grüße.txt"])
def test_any_text_comes_back(path: str, text: str) -> None:
    assert read_part(write_part(path, text)) == FilePart(path, text.rstrip())


@pytest.mark.parametrize(
    "text", ["", "hello", "[a, 1 line]", "[a, 2 lines]\n```\none\n```\n", "[Folder a: 1 file]\nb\n"]
)
def test_other_text_is_no_file(text: str) -> None:
    assert read_part(text) is None


def test_old_encodings_and_line_ends_are_read(fill: Fill) -> None:
    latin = "Größe und Maße für die Straße überall hätten schönere Übersetzungen verdient.\r\n" * 5
    wide = "wide\n".encode("utf-16")
    found = shown(read(fill({"latin.txt": latin.encode("latin-1"), "wide.txt": wide, "bom.txt": "\ufeffbom"})))
    assert found["latin.txt"].startswith("Größe und Maße für die Straße")
    assert "\r" not in found["latin.txt"]
    assert (found["wide.txt"], found["bom.txt"]) == ("wide", "bom")


# What is left out, and why


def test_what_is_left_out_is_listed_with_its_reason(fill: Fill) -> None:
    picture = Path(fill({"main.py": "print()\n"})) / "logo.png"
    Image.new("RGB", (9, 9)).save(picture)
    root = fill(
        {
            "poetry.lock": "[[package]]",
            "web/package-lock.json": "{}",
            "app.min.js": "a()",
            "go.pb.go": "x",
            "made.go": "// Code generated by protoc. DO NOT EDIT.\npackage x",
            "line.js": "x" * 6000,
            ".env": "TOKEN=1",
            "keys/id_rsa": "x",
            "keys/server.PEM": "x",
            "deep/.aws/credentials": "x",
            "notes.txt": "hello\n-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n",
            "binary.py": b"import os\x00\x01\x02" * 9,
            "late.py": b"x = 1\n" * 1000 + b"\0\xff",
            "big.csv": "1,2\n" * 300_000,
            "report.pdf": b"%PDF-1.7\nhello",
        }
    )
    item = read(root)
    assert reasons(item) == {
        "poetry.lock": LeftOut.LOCK, "web/package-lock.json": LeftOut.LOCK, "app.min.js": LeftOut.GENERATED,
        "go.pb.go": LeftOut.GENERATED, "made.go": LeftOut.GENERATED, "line.js": LeftOut.GENERATED,
        ".env": LeftOut.SECRET, "keys/id_rsa": LeftOut.SECRET, "keys/server.PEM": LeftOut.SECRET,
        "deep/.aws/credentials": LeftOut.SECRET, "notes.txt": LeftOut.SECRET, "binary.py": LeftOut.NOT_TEXT,
        "late.py": LeftOut.NOT_TEXT, "big.csv": LeftOut.TOO_LARGE, "report.pdf": LeftOut.NOT_TEXT,
        "logo.png": LeftOut.NOT_TEXT,
    }  # fmt: skip
    assert list(shown(item)) == ["main.py"]
    said = "".join(part.text for part in item.parts if isinstance(part, Text))
    assert "TOKEN" not in said
    assert " server.PEM 1 bytes, may hold a secret" in listing(item)
    assert any("5 may hold a secret" in note and "2 lock file" in note for note in item.notes)


def test_what_only_looks_like_it_is_read(fill: Fill) -> None:
    files: dict[str, str | bytes] = {
        ".env.example": "TOKEN=", "secrets.py": "import x", "id_rsa.pub": "ssh-rsa", "lock.py": "def lock(): pass",
        "generated.md": "How code is generated. Please do edit.", "src/secrets.rs": "fn a() {}",
    }  # fmt: skip
    assert set(shown(read(fill(files)))) == set(files)


def test_a_person_takes_in_what_would_be_left_out(fill: Fill) -> None:
    root = fill({"a.py": "a", ".env": "TOKEN=1", "uv.lock": "x", "min.js": "x" * 6000, "b.bin": b"\0\1"})
    item = read(root, options=ConvertOptions(take_in=(".env", "uv.lock", "min.js", "b.bin")))
    assert set(shown(item)) == {"a.py", ".env", "uv.lock", "min.js"}
    assert reasons(item) == {"b.bin": LeftOut.NOT_TEXT}
    assert not LeftOut.NOT_TEXT.is_a_choice


def test_a_person_leaves_out_files_and_folders(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    root = fill({"a.py": "a", "data/one.txt": "1", "data/two/three.txt": "3", "src/data/x.py": "x", "src/b.py": "b"})
    item = read(root, options=ConvertOptions(leave_out=("data/", "src/b.py")))
    assert list(shown(item)) == ["a.py", "src/data/x.py"]
    assert reasons(item) == {"data/": LeftOut.BY_YOU, "src/b.py": LeftOut.BY_YOU}
    assert "data/ left out by you" in listing(item)


def test_there_is_room_for_so_much_text(fill: Fill) -> None:
    root = fill({f"{name}.txt": f"{name} word\n" * 30 for name in "abcd"})
    limits = replace(DEFAULT_LIMITS, max_text_chars=700)
    assert list(shown(read(root, limits))) == ["a.txt", "b.txt"]
    assert reasons(read(root, limits)) == {"c.txt": LeftOut.NO_ROOM, "d.txt": LeftOut.NO_ROOM}
    left = read(root, limits, ConvertOptions(leave_out=("a.txt",)))
    assert list(shown(left)) == ["b.txt", "c.txt"]


def test_a_folder_with_nothing_to_read_is_refused(fill: Fill, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    (empty / ".git").mkdir(parents=True)
    with pytest.raises(MediaError, match="empty holds no files"):
        read(empty)
    with pytest.raises(MediaError, match="project holds 2 files, and none of them is text") as caught:
        read(fill({"a.bin": b"\0", "b.png": b"\x89PNG\r\n\x1a\n"}))
    assert "pictures" in caught.value.hint
    assert reasons(read(fill({".env": "only a secret"})))[".env"] is LeftOut.SECRET  # which could be taken in


def test_the_listing_is_summed_up_where_it_is_long(fill: Fill) -> None:
    files: dict[str, str | bytes] = {f"top/{group}/{number}.txt": "x" for group in "ab" for number in range(50)}
    root = fill(files | {"main.py": "x"})
    assert len(listing(read(root))) == 104
    limits = replace(DEFAULT_LIMITS, max_listing_lines=20)
    assert listing(read(root, limits)) == [
        "main.py 1 bytes",
        "top/",
        " a/ 50 files, 50 bytes",
        " b/ 50 files, 50 bytes",
    ]
    assert len(shown(read(root, limits))) == 101


# As git has it


def test_nested_rules_take_back_and_folders_stay_shut(fill: Fill) -> None:
    root = fill(
        {
            ".git/info/exclude": "*.tmp\n",
            ".gitignore": "# build\n*.log\n/build/\nout/*\n!out/keep.txt\nall/**\n!all/keep.txt\n",
            "sub/.gitignore": "!important.log\nlocal.py\n",
            "a.tmp": "x",
            "a.log": "x",
            "build/b.py": "x",
            "out/x.txt": "x",
            "all/x.txt": "x",
            "all/keep.txt": "x",
            "out/keep.txt": "x",
            "sub/important.log": "x",
            "sub/other.log": "x",
            "sub/local.py": "x",
            "sub/build/c.py": "x",
            "main.py": "x",
            "build/.gitignore": "!b.py\n",
        }
    )
    item = read(root)
    wanted = {
        ".gitignore",
        "main.py",
        "all/keep.txt",
        "out/keep.txt",
        "sub/.gitignore",
        "sub/important.log",
        "sub/build/c.py",
    }
    assert set(shown(item)) == wanted
    assert "Ignored by .gitignore, and not listed: 7." in item.notes
    below = read(root / "sub")  # the rules of the repository around it hold as well
    assert set(shown(below)) == {".gitignore", "important.log", "build/c.py"}


PATTERNS = [
    *("a", "/a", "a/", "*.log", "!x.log", "foo/**", "**/foo", "a/**/b", "!a/", "/foo/*", "!foo/b", "*", "!*/", "b/c"),
    *("!/b/c", "[ab]", "a*", "?", "\\#h", "\\!e", "foo.txt ", "**", "**/", "/**", "a/*/c", "!**/y.py", "*/", "/*/a"),
    *("  ", "!", "[", "a\\ ", "foo\\", " s", "x.l?g", "**/a/**", "!foo/**", "!*", "*/**", "# a"),
    *("*o*o*", "f*o*o", "*.*t*", "x*.l*g", "*o/**/b*", "f*o/a*/*", "[!x]*o*o", "**/*o*/*b*", "!*o*.*t*t", "y*.*y*"),
]
NAMES = ("a", "b", "c", "ab", "foo", "x.log", "y.py", "foo.txt", " s", "#h", "!e")


@needs_git
@pytest.mark.parametrize("seed", range(40))
def test_git_agrees(tmp_path: Path, seed: int) -> None:
    chance, root = random.Random(seed), tmp_path / "repository"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for _ in range(25):
        path = root.joinpath(*[chance.choice(NAMES) for _ in range(chance.randint(1, 4))])
        if not any(parent.is_file() for parent in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
    folders = [root, *(each for each in root.rglob("*") if each.is_dir() and ".git" not in each.parts)]
    for file in (root / ".git/info/exclude", *(each / ".gitignore" for each in chance.sample(folders, 3))):
        file.write_text("\n".join(chance.choice(PATTERNS) for _ in range(chance.randint(1, 4))) + "\n")
    command = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    said = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    walk = FolderWalk(root, DEFAULT_LIMITS, never_stop, AS_IT_IS)
    walk.run()
    assert {file.path for file in walk.files} == {os.fsdecode(path) for path in said.split(b"\0") if path}


def test_what_tools_made_is_not_looked_into(fill: Fill) -> None:
    root = fill(
        {"a.py": "a", "node_modules/x/index.js": "x", "src/__pycache__/a.pyc": "x", ".git": "gitdir: elsewhere"}
    )
    item = read(root)
    assert [file.path for file in item.files] == ["a.py"]
    assert "Folders of tools, and not listed: 3." in item.notes


# Hostile and odd folders


@pytest.mark.parametrize("line", ["*a" * 30 + "*b", "a*" * 30 + "b", "**/a/" * 30 + "b", "*" * 60 + "b*" * 20])
def test_no_line_takes_endless_time(fill: Fill, line: str) -> None:
    names = ["a" * 200, "/".join("a" * 38)]
    root = fill({".gitignore": f"{line}\nleft out\n", **dict.fromkeys([*names, "left out"], "x")})
    sandbox = Sandbox(remembers_bytes=0)
    try:
        *_, item = sandbox.convert(root, replace(DEFAULT_LIMITS, max_seconds=20.0))
    finally:
        sandbox.close()
    assert isinstance(item, MediaItem)
    assert set(shown(item)) == {".gitignore", *names}


@needs_links
def test_no_link_is_followed(fill: Fill, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("a.py")  # what is ignored is not said from outside, either
    root = fill({"a.py": "a", "sub/b.py": "b"})
    (root / "out.txt").symlink_to(tmp_path / "outside.txt")
    (root / "sub" / "loop").symlink_to(root, target_is_directory=True)
    (root / "self").symlink_to("self")
    (root / ".gitignore").symlink_to(tmp_path / "outside.txt")
    item = read(root)
    assert list(shown(item)) == ["a.py", "sub/b.py"]
    assert reasons(item) == dict.fromkeys((".gitignore", "out.txt", "self", "sub/loop"), LeftOut.LINK)


@needs_links
def test_what_becomes_a_link_between_two_looks_is_not_followed(fill: Fill, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.txt").write_text("secret of somebody else")
    root = fill({"a.txt": "a", "sub/b.txt": "b", "z.txt": "z"})
    events = convert(root)
    next(events)
    assert next(events) == ConvertProgress(0.0, "Reading 3 files")  # it has walked, and not yet read
    for path in ("a.txt", "sub/b.txt"):
        (root / path).unlink()
    (root / "a.txt").symlink_to(outside / "b.txt")
    (root / "sub").rmdir()
    (root / "sub").symlink_to(outside, target_is_directory=True)
    *_, item = events
    assert isinstance(item, MediaItem)
    assert reasons(item) == {"a.txt": LeftOut.UNREADABLE, "sub/b.txt": LeftOut.UNREADABLE}
    assert list(shown(item)) == ["z.txt"]


@needs_links
def test_a_pipe_is_not_waited_for(fill: Fill) -> None:
    root = fill({"a.txt": "a"})
    os.mkfifo(root / "pipe.txt")
    item = read(root)
    assert [file.path for file in item.files] == ["a.txt"]
    assert "Neither files nor folders: 1." in item.notes
    with pytest.raises(OSError, match="no file any more"):
        read_inside(root, "pipe.txt", 10)


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/hostname", "sub/../../outside.txt"])
def test_nothing_outside_is_opened(fill: Fill, tmp_path: Path, path: str) -> None:
    (tmp_path / "outside.txt").write_text("x")
    root = fill({"sub/a.txt": "a"})
    with pytest.raises(OSError, match="leads out of the folder"):
        read_inside(root, path, 10)
    assert read_inside(root, "sub/a.txt", 10) == b"a"


def test_files_that_vanish_or_grow_on_the_way_are_said(fill: Fill) -> None:
    root = fill({"a.txt": "a", "b.txt": "b", "c.txt": "c"})
    events = convert(root, replace(DEFAULT_LIMITS, max_folder_file_bytes=100))
    next(events)
    next(events)
    (root / "a.txt").unlink()
    (root / "b.txt").write_text("b" * 101)
    *_, item = events
    assert isinstance(item, MediaItem)
    assert reasons(item) == {"a.txt": LeftOut.UNREADABLE, "b.txt": LeftOut.TOO_LARGE}


@needs_links
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_said(fill: Fill) -> None:
    root = fill({"a.txt": "a", "shut/b.txt": "b", "c.txt": "c"})
    (root / "shut").chmod(0)
    (root / "c.txt").chmod(0)
    item = read(root)
    (root / "shut").chmod(0o700)
    assert reasons(item) == {"c.txt": LeftOut.UNREADABLE}
    assert "Folders that cannot be opened: 1." in item.notes
    root.chmod(0)
    with pytest.raises(MediaError, match="You may not read project"):
        read(root)
    root.chmod(0o700)


def test_a_folder_that_cannot_be_opened_is_said(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, also where the tests run as root."""
    root, scandir = fill({"a.txt": "a", "shut/b.txt": "b"}), os.scandir

    def refusing(path: str) -> object:
        if path.rstrip("/").endswith(shut):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(folder_walk.os, "scandir", refusing)
    shut = "shut"
    assert "Folders that cannot be opened: 1." in read(root).notes
    shut = "project"
    with pytest.raises(MediaError, match="You may not read project"):
        read(root)


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_names_that_are_no_text_are_read_and_shown_harmlessly(tmp_path: Path) -> None:
    root = tmp_path / "odd"
    root.mkdir()
    raw = os.fsencode(root)
    for name in (b"caf\xe9.py", b"new\nline.py", "\u202eevil.py".encode(), b"[a, 9 lines].py"):
        Path(os.fsdecode(raw + b"/" + name)).write_text("x = 1")
    sandbox = Sandbox()
    *_, item = sandbox.convert(root)
    assert isinstance(item, MediaItem)
    assert {file.path for file in item.files} == {"caf\udce9.py", "new\nline.py", "\u202eevil.py", "[a, 9 lines].py"}
    assert set(shown(item)) == {"caf\ufffd.py", "new\ufffdline.py", "\ufffdevil.py", "[a, 9 lines].py"}
    *_, without = sandbox.convert(root, options=ConvertOptions(leave_out=("caf\udce9.py",)))
    sandbox.close()
    assert isinstance(without, MediaItem)
    assert reasons(without) == {"caf\udce9.py": LeftOut.BY_YOU}


def test_a_deep_folder_ends(tmp_path: Path) -> None:
    root = deep = tmp_path / "deep"
    for _ in range(60):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (deep / "b.txt").write_text("b")
    item = read(root)
    assert list(shown(item)) == ["a.txt"]
    assert "Folders that cannot be opened: 1." in item.notes


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100,000 files."""
    root = tmp_path_factory.mktemp("crowd")
    for group in range(100):
        folder = root / f"{group:02}"
        folder.mkdir()
        for number in range(1000):
            os.close(os.open(folder / f"{number}.txt", os.O_CREAT | os.O_WRONLY))
    (root / "zz").mkdir()
    (root / "zz" / "last.txt").write_text("found")
    (root / "main.py").write_text("main")
    return root


def test_a_crowd_is_cut_and_said(crowd: Path) -> None:
    item = read(crowd, replace(DEFAULT_LIMITS, max_folder_files=500))
    assert len(item.files) == 500
    assert "It is larger than a folder may be: only the first 500 files are here." in item.notes
    assert list(shown(item)) == ["main.py"]  # what lies near the top is seen first
    left_out = tuple(f"{group:02}/" for group in range(100))
    left = read(crowd, replace(DEFAULT_LIMITS, max_folder_files=500), ConvertOptions(leave_out=left_out))
    assert list(shown(left)) == ["main.py", "zz/last.txt"]


def test_no_more_entries_are_looked_at_than_a_folder_may_have(crowd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    take = FolderWalk._take
    monkeypatch.setattr(
        FolderWalk, "_take", lambda walk, entry, folder: (looks.append(entry.name), take(walk, entry, folder))
    )
    walk = FolderWalk(crowd, replace(DEFAULT_LIMITS, max_folder_entries=3000), never_stop, AS_IT_IS)
    walk.run()
    assert walk.passed.is_cut
    assert len(looks) <= 3000


@pytest.mark.parametrize("when", [1, 50, 102, 103, 1000, 60_000])
def test_a_stop_is_heard_at_the_next_entry(crowd: Path, monkeypatch: pytest.MonkeyPatch, when: int) -> None:
    """Each entry is looked at twice: when its folder is listed, and when it is sorted out; never many between two."""
    num_asked = num_since = 0

    def should_stop() -> bool:
        nonlocal num_asked, num_since
        num_asked, num_since = num_asked + 1, 0
        return num_asked >= when

    def looking() -> None:
        nonlocal num_since
        num_since += 1
        assert num_since <= 2, "the last entry of a folder, and the first of the next"

    take, counted = FolderWalk._take, FolderWalk._counted

    def watched(walk: FolderWalk, entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        for entry in counted(walk, entries):
            looking()
            yield entry

    monkeypatch.setattr(FolderWalk, "_take", lambda walk, entry, folder: (looking(), take(walk, entry, folder)))
    monkeypatch.setattr(FolderWalk, "_counted", watched)
    walk = FolderWalk(crowd, replace(DEFAULT_LIMITS, max_folder_files=10**6), should_stop, AS_IT_IS)
    with pytest.raises(Stopped):
        walk.run()
    assert num_asked == when, "it does not go on asking"
