"""The one way from an order to a written file: progress events, then what was made.

Picks the converter from the table, ends it when somebody wants to stop, and lets nothing but a `MediaError` out, as
`media.convert` does for files that come in. Runs in a process of its own (`media.conversions.child`), because sources
are hostile, and because what writes films and speaks holds code under the GPL (docs/decisions/0017).
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Generator
from importlib import import_module
from pathlib import Path

from media.conversions.jobs import MakeEvent, Maker, begin, disk_error
from media.conversions.orders import Order
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.stopping import ShouldStop, Stopped, check_stop, never_stop

MAKERS = {
    "speech": "speak:speak",
    "drawing": "drawings:write_drawings",
    "slides": "slides:film_slides",
    "pan": "pan:film_picture",
    "sound_film": "sound_film:film_sound",
    "sound_picture": "sound_picture:draw_sound",
    "stills": "stills:write_stills",
    "track": "track:write_track",
    "transcript": "transcripts:write_transcript",
    "words": "transcripts:write_words",
}

_DISK_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EIO,
    errno.ENOENT,
    errno.ENAMETOOLONG,
)

logger = logging.getLogger(__name__)


def _maker(family: str) -> Maker:
    """Libraries are imported for the conversions that need them, and not before."""
    module, name = MAKERS[family].split(":")
    found: Maker = getattr(import_module(f"media.conversions.{module}"), name)
    return found


def make(
    order: Order, folder: Path, limits: Limits = DEFAULT_LIMITS, should_stop: ShouldStop = never_stop
) -> Generator[MakeEvent, None, None]:
    """Carry out an order; its files are written into a folder, under their final names.

    Yields:
        `ConvertProgress` events, and `Made` last. After a stop the generator ends without it.

    Raises:
        MediaError: the source cannot be used, or the target cannot be written; nothing else is raised.
    """
    try:
        check_stop(should_stop)
        job = begin(order, folder, limits, should_stop)
        yield from _maker(job.way.family)(job)
    except Stopped:
        return
    except MediaError:
        raise
    except Exception as error:
        logger.exception("A conversion failed.")
        raise _explain(error, order) from error


def _explain(error: Exception, order: Order) -> MediaError:
    """Words for what the system says against writing, also through FFmpeg; and for what nobody thought of."""
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.EFBIG:
        message = "It would be larger than a file may be that is written here."
        return MediaError("File too large", message, "Convert a part of it, or choose a smaller format.")
    if isinstance(error, OSError) and code in _DISK_ERRORS:
        return disk_error(error, order)
    message = "An unexpected error happened while it was made; the log has the details."
    return MediaError("Conversion failed", message, "Try another format.")
