"""From a frame as FFmpeg decodes it to upright RGB pixels that are as wide as they are high.

A frame may be turned (telephones film upright by saying so in the file), have pixels that are not square (DVDs), bright
colours in numbers from 16 to 235 or from 0 to 255, after one of several formulas, or brighter than a picture can be.
FFmpeg's scaler knows them all; what this module adds is what files leave unsaid.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc, Interpolation, VideoReformatter

from media.frame_sizes import LARGE_SIDES, fitted
from media.frames import LOOK_HEIGHT, LOOK_WIDTH, Look, small_copy
from media.types import RgbArray

ODD_ASPECT = 8  # pixels that are so much wider than high, or higher than wide, are a mistake of the file

# ITU-T H.273
RGB, BT709, UNSPECIFIED = 0, 1, 2
SCALER_KNOWS = frozenset({RGB, BT709, UNSPECIFIED, 4, 5, 6, 7, 9})
PQ, HLG = 16, 18  # how brightness beyond white is written

HD_WIDTH, HD_HEIGHT = 1280, 576  # clips that do not say their colours have those of television: HD's from here on


@dataclass(frozen=True, slots=True, eq=False)
class KeptFrame:
    """A frame that may be shown, in 8 bits and no larger than it could be shown."""

    image: av.VideoFrame
    turns: int  # quarters, against the clock
    aspect: Fraction  # of a pixel: its width by its height
    shown_size: tuple[int, int]  # width and height that a player would show

    def pixels(self, sides: tuple[int, int]) -> RgbArray:
        """As it is shown: upright, with square pixels, and within the sides."""
        width, height = fitted(*_square(self.image.width, self.image.height, self.aspect), sides)
        shown = VideoReformatter().reformat(
            self.image, width, height, "rgb24", interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND
        )
        return np.ascontiguousarray(np.rot90(shown.to_ndarray(), self.turns))


def _square(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size that it has with square pixels: stretched, since nothing is to be lost."""
    return (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))


class FramePainter:
    """Makes small copies of a clip's frames. It keeps what FFmpeg's scaler prepared for the frame before."""

    def __init__(self, aspect: Fraction | None) -> None:
        is_sane = aspect is not None and Fraction(1, ODD_ASPECT) <= aspect <= ODD_ASPECT
        self._aspect = aspect if is_sane and aspect else Fraction(1)
        self._for_looks, self._for_keeping = VideoReformatter(), VideoReformatter()

    def look(self, frame: av.VideoFrame) -> Look:
        """Small enough to be compared with thousands."""
        _say_colours(frame)
        small = self._for_looks.reformat(
            frame, LOOK_WIDTH, LOOK_HEIGHT, "rgb24", interpolation=Interpolation.AREA, threads=1
        )
        return small_copy(np.asarray(small.to_ndarray(), np.uint8))

    def keep(self, frame: av.VideoFrame) -> KeptFrame:
        """What is needed to show it later."""
        _say_colours(frame)
        width, height = _square(frame.width, frame.height, self._aspect)
        scale = fitted(width, height, LARGE_SIDES)[0] / width
        image = self._reduced(frame, max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
        turns = round(frame.rotation / 90) % 4
        return KeptFrame(image, turns, self._aspect, (height, width) if turns % 2 else (width, height))

    def _reduced(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        how = Interpolation.BICUBIC
        if frame.color_trc in (PQ, HLG):
            return self._for_keeping.reformat(
                frame, width, height, "rgb24", interpolation=how,
                dst_color_trc=ColorTrc.BT709, dst_color_primaries=ColorPrimaries.BT709,
            )  # fmt: skip
        is_yuv = frame.format.name.startswith(("yuv", "nv", "p0"))
        return self._for_keeping.reformat(frame, width, height, "yuv420p" if is_yuv else "rgb24", interpolation=how)


def _say_colours(frame: av.VideoFrame) -> None:
    """Where a frame does not say how its colours are written, or says what the scaler does not know."""
    if frame.colorspace not in SCALER_KNOWS:
        frame.colorspace = UNSPECIFIED
    is_hd = frame.width >= HD_WIDTH or frame.height > HD_HEIGHT
    if frame.colorspace == UNSPECIFIED and is_hd and frame.format.name.startswith(("yuv", "nv", "p0")):
        frame.colorspace = BT709
