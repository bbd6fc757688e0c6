"""Has files made in a process of their own, and puts them to their places when they are complete.

A conversion writes into a hidden folder beside the target, which is on the same disk, so that the last step is a
rename: a file is there whole or not at all. Whatever goes wrong, the folder is removed. What is there already is not
replaced unless that was asked for.
"""

from __future__ import annotations

import atexit
import errno
import shutil
import stat
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from media.conversions.child import OrderRequest
from media.conversions.jobs import disk_error, name_too_long
from media.conversions.orders import Kind, Made, Order, target_kind
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.probe import display_name
from media.stopping import ShouldStop, never_stop
from media.types import ConvertProgress, MediaItem
from media.worker import EndedError, Worker

FOLDER_PREFIX = ".altiplano-"
LEFT_BEHIND_S = 24 * 3600.0  # no conversion takes so long


class Workshop(Worker):
    """Carries out orders, one after the other."""

    module = "media.conversions.child"

    def make(
        self,
        order: Order,
        limits: Limits = DEFAULT_LIMITS,
        should_stop: ShouldStop = never_stop,
        *,
        may_replace: bool = False,
    ) -> Generator[ConvertProgress | Made, None, None]:
        """Carry out an order: progress, and `Made` last, when the files are at their places.

        After a stop there is no `Made`, and nothing was written.

        Raises:
            MediaError: the source cannot be used, or the target cannot be written.
        """
        order = _absolute(order)
        refuse_existing(files_of(order.target), may_replace=may_replace)
        with self._lock:
            folder = _new_folder(order)
            try:
                yield from self._made(order, folder, limits, should_stop, may_replace)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def _made(
        self, order: Order, folder: Path, limits: Limits, should_stop: ShouldStop, may_replace: bool
    ) -> Generator[ConvertProgress | Made, None, None]:
        made = None
        line = OrderRequest(order, folder, limits).line()
        with closing(self.ask(line, order.target, limits, should_stop)) as events:
            for event in events:
                if isinstance(event, MediaItem):
                    raise self.crashed(order.target)  # it was asked to write
                if isinstance(event, Made):
                    made = event
                else:
                    yield event
        if made is not None and not should_stop():
            self._deliver(made, order, folder, may_replace)
            yield made

    def _deliver(self, made: Made, order: Order, folder: Path, may_replace: bool) -> None:
        """Move complete files to their places. The process that names them may have been taken over by its source."""
        for name in made.names:
            if not _is_own(folder / name, order):
                raise self.crashed(order.target)
        refuse_existing([order.target.with_name(name) for name in made.names], may_replace=may_replace)
        try:
            for name in reversed(made.names):  # the target last: where it is, all is
                (folder / name).replace(order.target.with_name(name))
        except OSError as error:
            raise disk_error(error, order) from error

    def crashed(self, path: Path) -> MediaError:
        message = f"The program that writes {display_name(path)} broke off."
        return EndedError("Conversion failed", message, "The source may be damaged. Try another format.")

    def too_slow(self, path: Path, limits: Limits) -> MediaError:
        message = f"Writing {display_name(path)} did not get on for {limits.max_seconds:.0f} seconds."
        return EndedError("Conversion takes too long", message, "Convert a smaller or shorter file.")


def _absolute(order: Order) -> Order:
    source = None if order.source is None else order.source.absolute()
    return replace(order, target=order.target.absolute(), source=source)


def _is_own(path: Path, order: Order) -> bool:
    """Whether it is a plain file that is named after the target."""
    try:
        is_file = stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
    return is_file and path.name.startswith(order.target.stem)


def files_of(target: Path) -> list[Path]:
    """What a conversion may write, as far as its target says that: films have subtitles beside them.

    Raises:
        MediaError: no conversion writes such files.
    """
    return [target, target.with_suffix(".srt")] if target_kind(target) is Kind.VIDEO else [target]


def refuse_existing(paths: Sequence[Path], *, may_replace: bool) -> None:
    """Nothing that a person has is written over by accident.

    Raises:
        MediaError: one is there, or is a folder, or the system takes no such name.
    """
    for path in paths:
        is_folder, is_there = _look(path)
        if is_folder:
            raise MediaError("A folder", f"{display_name(path)} is a folder.", "Name a file in it.")
        if is_there and not may_replace:
            message = f"{display_name(path)} is there already."
            raise MediaError(
                "File exists", message, "Choose another name, or allow that it is replaced (--force in the terminal)."
            )


def _look(path: Path) -> tuple[bool, bool]:
    """Whether there is a folder, and whether there is anything.

    Raises:
        MediaError: the system does not say, because the name is too long or the folder is closed to us.
    """
    try:
        return path.is_dir(), path.exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise name_too_long(path) from error
        message = f"{display_name(path)}: {error.strerror or error}."
        raise MediaError("File cannot be written", message, "Choose another folder.") from error


def _new_folder(order: Order) -> Path:
    _remove_left_behind(order.target.parent)
    try:
        return Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=order.target.parent))
    except OSError as error:
        raise disk_error(error, order) from error


def _remove_left_behind(folder: Path) -> None:
    """Folders of conversions whose program was killed with its process: nobody else would ever remove them."""
    for left in folder.glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):
            if left.is_dir() and not left.is_symlink() and time.time() - left.stat().st_mtime > LEFT_BEHIND_S:
                shutil.rmtree(left, ignore_errors=True)


_workshop = Workshop()
make = _workshop.make
close = _workshop.close
atexit.register(close)
