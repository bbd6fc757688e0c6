"""The one way from a file to what the model will see of it: progress events, then one `MediaItem`.

Each kind of medium has a converter, a generator that lives in its own module; this one picks it by content, ends it
when somebody wants to stop, and lets nothing but a `MediaError` out. That includes what nobody thought of: a decoder
that fails in a new way on a hostile file becomes a sentence for the person and a traceback in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path

from media.animations import FORMATS_THAT_MOVE, animation_events, is_animated
from media.errors import MediaError
from media.image import image_events
from media.limits import DEFAULT_LIMITS, Limits
from media.probe import Probe, probe
from media.stopping import ShouldStop, Stopped, check_stop, never_stop
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, MediaItem, MediaKind

logger = logging.getLogger(__name__)

ConvertEvent = ConvertProgress | MediaItem
Converter = Callable[[Probe, Limits, ShouldStop], Generator[ConvertEvent, None, None]]


def _converter(found: Probe, limits: Limits, should_stop: ShouldStop, options: ConvertOptions) -> Converter:
    """Who reads a file. Libraries are imported for the formats that need them, and not before."""
    match found.format:
        case "pdf":
            from media.pdf import pdf_events

            return pdf_events
        case "office":
            from media.office import office_events

            return office_events
        case "folder":
            from media.folder import folder_events

            return partial(folder_events, options=options)
        case "text" | "html":
            from media.text_files import text_events

            return text_events
        case "mp4" | "mov" | "webm" | "mkv" | "avi" | "ogv":  # or a recording, where it has no pictures
            from media.video import video_events

            return partial(video_events, options=options)
        case "m4a" | "mp3" | "wav" | "flac" | "ogg" | "aac":
            from media.audio import audio_events

            return partial(audio_events, options=options)
        case "svg":
            from media.svg import svg_events

            return svg_events
        case "tiff":
            from media.scans import scan_events

            return scan_events
        case name if name in FORMATS_THAT_MOVE and is_animated(found, limits, should_stop):
            return partial(animation_events, options=options)
        case _:
            assert found.kind is MediaKind.IMAGE, "what is readable has a converter"
            return image_events


def convert(
    path: Path,
    limits: Limits = DEFAULT_LIMITS,
    should_stop: ShouldStop = never_stop,
    options: ConvertOptions = AS_IT_IS,
) -> Generator[ConvertEvent, None, None]:
    """Convert a file. Each event is a place to stop, and `should_stop` is also looked at while the file is read.

    Yields:
        `ConvertProgress` events, and the `MediaItem` last. After a stop the generator ends without an item.

    Raises:
        MediaError: the file cannot be used; nothing else is raised, whatever the file holds.
    """
    try:
        check_stop(should_stop)
        found = probe(path)
        yield from _converter(found, limits, should_stop, options)(found, limits, should_stop)
    except Stopped:
        return
    except MediaError:
        raise
    except Exception as error:
        logger.exception("A conversion failed in an unexpected way.")
        message = "An unexpected error happened while it was read; the log has the details."
        raise MediaError("File cannot be read", message, "Save it in another format, and try that.") from error
