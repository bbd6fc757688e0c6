"""Reads a TIFF of several pages, as scanners and fax machines write them: each page is a picture with its number.

The first page is read as any picture is (`media.image`), and what is wrong with it is said there. A further page that
cannot be read ends the pages; small previews of other pages, which cameras and microscopes add, are none.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import replace

from media.embedded import small
from media.image import count_pages, image_events, loaded, strict_pillow
from media.limits import Limits
from media.probe import Probe
from media.rgb import to_rgb
from media.stopping import ShouldStop, Stopped, open_stoppable
from media.types import ConvertProgress, MediaItem, Part, Picture, RgbArray, Text

logger = logging.getLogger(__name__)


def scan_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert a TIFF: progress page by page, then the item.

    Raises:
        MediaError: its first page cannot be used.
        Stopped: `should_stop` said so.
    """
    for event in image_events(probe, limits, should_stop):
        if not isinstance(event, MediaItem):
            yield event
            continue
        count = count_pages(probe, should_stop)
        (first,) = (part.pixels for part in event.parts if isinstance(part, Picture))
        pages = [small(first)]
        for index in range(1, min(count or limits.max_pictures, limits.max_pictures)):
            pages += _page(probe, index, limits, should_stop)
            yield ConvertProgress(min((index + 1) / (count or limits.max_pictures), 1.0), f"Reading page {index + 1}")
        yield event if len(pages) == 1 else _item(event, pages, count)


def _page(probe: Probe, index: int, limits: Limits, should_stop: ShouldStop) -> list[RgbArray]:
    """One page, or nothing where it is a preview, cannot be read, or is not there."""
    try:
        with strict_pillow(limits.max_pixels), open_stoppable(probe.path, should_stop) as source:
            image = loaded(source, probe.format, probe.name, limits, index)
        return [small(to_rgb(image, should_stop).pixels)]
    except (Stopped, MemoryError):
        raise
    except Exception:  # decoders let anything out
        logger.debug("Page %d cannot be read.", index + 1, exc_info=True)
        return []


def _item(first: MediaItem, pages: list[RgbArray], count: int | None) -> MediaItem:
    """All pages in the place of the first."""
    parts: list[Part] = []
    for number, pixels in enumerate(pages, 1):
        title = f"{first.name}, page {number} of {len(pages)}"
        parts += [Text(f"[{title}]\n"), Picture(pixels, title)]
    is_whole = count == len(pages)
    note = f"The first {len(pages)} of {count:,} pages are used." if count else f"{len(pages)} pages are used."
    facts = (f"{len(pages)} pages", *(fact for fact in first.facts if "page" not in fact))
    return replace(first, parts=tuple(parts), facts=facts, notes=() if is_whole else (note,))
