"""What is said in a film, as people read it: in pieces of two lines, as a file of subtitles, and within the picture.

A sentence that is too long for two lines is shown in pieces, each for the share of the time that its letters have.
Within the picture the letters are white on a dark band, which can be read over anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

from media.conversions.script import short_pieces
from media.conversions.times import subtitle_time
from media.drawing.lettering import LINE_HEIGHT, Lettering, text_at, text_width, wrapped
from media.drawing.raster import rasterize
from media.drawing.sketch import Sketch, document, rectangle
from media.types import RgbArray, Spoken

MAX_LETTERS = 84  # two lines, as subtitles of television have them
BAND, LETTERS, BAND_OPACITY = "#000000", "#FFFFFF", 0.72
SIZE, PADDING, WIDEST, RAISED = 0.047, 0.4, 0.86, 0.045  # of the height; of the size; of the width; of the height
SMALLEST = 18.0  # pixels of a letter
BASELINE = 0.33  # of the size, below the middle of a line


def caption_pieces(spoken: Iterable[Spoken]) -> list[Spoken]:
    """No piece longer than two lines."""
    found = []
    for each in spoken:
        pieces = list(short_pieces(" ".join(each.text.split()), MAX_LETTERS))
        share = (each.end_s - each.start_s) / max(sum(map(len, pieces)), 1)
        begin_s = each.start_s
        for piece in pieces:
            end_s = begin_s + share * len(piece)
            found.append(Spoken(begin_s, end_s, piece))
            begin_s = end_s
    return [each for each in found if each.text]


def caption_at(captions: Sequence[Spoken], time_s: float) -> str:
    """What is read at a moment; they are in order."""
    return next((each.text for each in captions if each.start_s <= time_s < each.end_s), "")


def write_subtitles(path: Path, captions: Sequence[Spoken]) -> None:
    """SubRip or WebVTT, by the name's ending."""
    is_vtt = path.suffix.lower() == ".vtt"
    mark = "." if is_vtt else ","
    cues = []
    for number, each in enumerate(captions, 1):
        text = " ".join(each.text.split()).replace("-->", "→")
        times = f"{subtitle_time(each.start_s, mark)} --> {subtitle_time(each.end_s, mark)}"
        cues.append(f"{number}\n{times}\n{escape(text, quote=False) if is_vtt else text}\n")
    path.write_text(("WEBVTT\n\n" if is_vtt else "") + "\n".join(cues), encoding="utf-8", newline="\n")


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """A caption that is ready to be laid over frames of one size."""

    left: int
    top: int
    colors: npt.NDArray[np.uint16]  # [height, width, 3], times their opacity in 256 steps
    clearness: npt.NDArray[np.uint16]  # [height, width, 1], 0 to 256: how much of the frame is seen through it

    def over(self, frame: RgbArray) -> RgbArray:
        """The frame with the caption, which is a copy."""
        height, width = self.clearness.shape[:2]
        found = frame.copy()
        part = found[self.top : self.top + height, self.left : self.left + width]
        part[:] = (part * self.clearness + self.colors) >> 8
        return found


@lru_cache(4)
def caption_patch(text: str, width: int, height: int) -> Patch:
    """A caption for frames of this size, in the middle of their lower end."""
    style = Lettering(size=max(SMALLEST, SIZE * min(height, width)), color=LETTERS)
    pad = PADDING * style.size
    lines = wrapped(text, style, WIDEST * width - 2 * pad)
    band_width = round(min(max(text_width(line, style) for line in lines) + 2 * pad, width))
    band_height = round(min(len(lines) * LINE_HEIGHT * style.size + pad, height))
    body = [rectangle(0, 0, band_width, band_height, BAND)]
    for number, line in enumerate(lines):
        baseline = pad / 2 + ((number + 0.5) * LINE_HEIGHT + BASELINE) * style.size
        body.append(text_at(band_width / 2, baseline, line, style, "middle"))
    pixels = rasterize(document(Sketch(band_width, band_height, "".join(body))), band_width, band_height)
    opacity = BAND_OPACITY + (1 - BAND_OPACITY) * pixels.max(axis=2, keepdims=True) / 255
    top = max(0, round(height * (1 - RAISED)) - band_height)
    return Patch(
        (width - band_width) // 2,
        top,
        (pixels * opacity * 256).astype(np.uint16),
        ((1 - opacity) * 256).astype(np.uint16),
    )
