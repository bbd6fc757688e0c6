"""Times as people write them on a command line, and as subtitles write them."""

from __future__ import annotations

import re

from media.errors import MediaError

_SIXTY = r":[0-5]?\d"  # "1:99" is a slip
_CLOCK = re.compile(rf"(?:\d{{1,6}}|\d{{1,3}}{_SIXTY}|\d{{1,3}}{_SIXTY}{_SIXTY})(?:\.\d{{1,6}})?", re.ASCII)


def subtitle_time(seconds: float, mark: str) -> str:
    """ "00:00:14,250"; SubRip has a comma as its mark, WebVTT a point."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"


def parse_clock(text: str) -> float:
    """Seconds of "14", "0:14", "1:02:03.5".

    Raises:
        MediaError: it is no time.
    """
    if not _CLOCK.fullmatch(text.strip()):
        raise MediaError("No time", f"{text!r} is no time.", 'Write it like "0:14" or "1:02:03".')
    seconds = 0.0
    for part in text.strip().split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
