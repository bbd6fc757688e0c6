"""How large the frames of a clip are shown: a matter of tokens.

Each frame is within 672 x 336 pixels: two tiles of Llama 4's and a view of the whole, 437 tokens; 48 of them are as
long as a short book. Where a clip has three frames or fewer that differ (slides, a screen), each is within 1344 x 672,
and small print can be read: 1,307 tokens, so that three large ones cost what nine small ones do. Whoever wants to see
more of a clip asks for a shorter stretch, or fewer frames.
"""

from __future__ import annotations

LARGE_SIDES, SMALL_SIDES = (1344, 672), (672, 336)  # the longer and the shorter one
FEW_FRAMES = 3


def sides_for(num_frames: int) -> tuple[int, int]:
    """The longer and the shorter side that so many frames fit into."""
    return LARGE_SIDES if num_frames <= FEW_FRAMES else SMALL_SIDES


def fitted(width: int, height: int, sides: tuple[int, int]) -> tuple[int, int]:
    """A size of the same shape within the sides, whichever way it lies; never larger than it was."""
    longer, shorter = max(width, height), min(width, height)
    scale = min(1.0, sides[0] / longer, sides[1] / shorter)
    return max(1, round(width * scale)), max(1, round(height * scale))
