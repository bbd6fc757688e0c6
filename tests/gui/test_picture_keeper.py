"""Pictures that are attached are on the disk before the question is sent."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from core_model.types import ShouldStop
from gui.job import Worker
from gui.models.attachments import Attachments
from gui.picture_files import PictureFiles
from gui.picture_keeper import PictureKeeper
from media.types import ConvertOptions, MediaItem, MediaKind
from tests.gui.samples import picture


def convert(path: Path, _options: ConvertOptions, _should_stop: ShouldStop) -> Generator[object, None, None]:
    """As many pictures as the file's name says."""
    seen = tuple(picture(number) for number in range(int(path.stem)))
    yield MediaItem(MediaKind.DOCUMENT, path.name, seen, seen[0].pixels)


@pytest.fixture
def attachments(worker: Worker) -> Attachments:
    return Attachments(worker, convert)


@pytest.fixture
def keeper(qtbot: QtBot, attachments: Attachments, tmp_path: Path) -> Iterator[PictureKeeper]:
    made = PictureKeeper(attachments, tmp_path / "pictures")
    yield made
    made.end()
    assert made.worker.wait(10)


def kept(folder: Path) -> set[str]:
    return {file.stem for file in (folder / "pictures").rglob("*.png")}


def names(count: int) -> set[str]:
    return {picture(number).digest().hex() for number in range(count)}


def test_what_is_attached_is_written_at_once(
    qtbot: QtBot, keeper: PictureKeeper, attachments: Attachments, tmp_path: Path
) -> None:
    attachments.add_files([Path("3.pdf"), Path("1.png")])
    qtbot.waitUntil(lambda: kept(tmp_path) == names(3))
    found = PictureFiles(tmp_path / "pictures").get(picture(2).digest().hex(), "")
    assert found is not None
    assert found.digest() == picture(2).digest()


def test_what_is_taken_away_is_not_written_on(
    qtbot: QtBot, keeper: PictureKeeper, attachments: Attachments, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, write = threading.Event(), threading.Event(), keeper._files.write

    def slowly(each: object) -> None:
        begun.set()
        assert go_on.wait(10)
        write(each)  # type: ignore[arg-type]

    monkeypatch.setattr(keeper._files, "write", slowly)
    attachments.add_files([Path("3.pdf")])
    qtbot.waitUntil(begun.is_set)
    attachments.take()
    go_on.set()
    with qtbot.waitSignal(keeper.worker.stopped):
        keeper.worker.finish()
    assert kept(tmp_path) == names(1)


def test_a_disk_that_refuses_says_nothing_yet(
    qtbot: QtBot, keeper: PictureKeeper, attachments: Attachments, tmp_path: Path
) -> None:
    (tmp_path / "pictures").write_text("in the way")
    attachments.add_files([Path("1.png")])
    qtbot.waitUntil(lambda: not attachments.is_reading)
    job = keeper.worker.submit(lambda _stop: iter(()), "after it")  # type: ignore[arg-type, return-value]
    qtbot.waitUntil(lambda: job.has_ended)
    assert (tmp_path / "pictures").read_text() == "in the way"


def test_what_is_read_after_the_end_is_not_written(
    qtbot: QtBot, attachments: Attachments, worker: Worker, tmp_path: Path
) -> None:
    keeper = PictureKeeper(attachments, tmp_path / "pictures")
    attachments.add_files([Path("1.png")])
    keeper.end()
    qtbot.waitUntil(lambda: not attachments.is_reading)
    assert keeper.worker.wait(10)
    assert kept(tmp_path) == set()


def test_the_same_item_is_written_once(
    qtbot: QtBot, keeper: PictureKeeper, attachments: Attachments, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []
    monkeypatch.setattr(keeper._files, "write", written.append)
    attachments.add_files([Path("1.png")])
    qtbot.waitUntil(lambda: len(written) == 1)
    (ready,) = attachments.all()
    attachments.update(ready)
    attachments.changed.emit(ready.id)
    with qtbot.waitSignal(keeper.worker.stopped):
        keeper.worker.finish()
    assert len(written) == 1
