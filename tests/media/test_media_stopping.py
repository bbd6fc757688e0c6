"""A file that stops being readable."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.stopping import Stopped, check_stop, never_stop, open_stoppable


def test_it_reads_like_any_file(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(range(256)) * 100)
    with open_stoppable(path, never_stop) as file:
        assert file.read(3) == b"\0\1\2"
        file.seek(256)
        assert file.tell() == 256
        assert file.read() == bytes(range(256)) * 99


def test_it_stops_reading(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(100_000))
    is_over = False
    with open_stoppable(path, lambda: is_over) as file:
        file.read(10)
        is_over = True
        with pytest.raises(Stopped):
            file.read(90_000)


def test_it_offers_no_way_around_the_check(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.touch()
    with open_stoppable(path, never_stop) as file, pytest.raises(OSError, match="fileno"):
        file.fileno()


def test_check_stop() -> None:
    check_stop(never_stop)
    with pytest.raises(Stopped):
        check_stop(lambda: True)
