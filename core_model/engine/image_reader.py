"""Pictures to features while a prompt is read, a few tiles at a time.

A picture may have seventeen tiles, and on a CPU one tile of Scout takes seconds. They are therefore asked for piece by
piece of the prompt, so that progress is shown and a stop is heard inside a picture. Tiles are always encoded in the
same groups, counted from the picture's first, so features do not depend on where a prompt was cut; the last group is
kept, because the next piece usually begins in it.

Shapes: D the text decoder's width.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.model.llama4 import Llama4
from core_model.types import Picture, TileGeometry

TILES_AT_ONCE = {"cpu": 1, "cuda": 8}  # bounds the vision tower's working memory, and how late a stop may come


class ImageReader:
    """Encodes one picture after the other."""

    def __init__(self, model: Llama4, geometry: TileGeometry) -> None:
        self._model = model
        self._geometry = geometry
        self._group_size = TILES_AT_ONCE[model.device.type]
        self.forget()

    def forget(self) -> None:
        """Let go of the last picture."""
        self._picture: Picture | None = None
        self._tiles = torch.empty(0)  # uint8 [N, 3, S, S]
        self._group, self._features = -1, torch.empty(0)  # the group that was encoded last, [tokens, D]

    def features(self, picture: Picture, start: int, end: int, check: Callable[[], None]) -> Tensor:
        """Features of a picture's patch tokens `start` to `end - 1`, counted within the picture. [end - start, D]"""
        if picture is not self._picture:
            self.forget()
            self._picture, self._tiles = picture, picture_tiles(picture, self._geometry)
        size = self._group_size * self._geometry.tokens_per_tile
        parts = []
        for group in range(start // size, (end - 1) // size + 1):
            first = group * size
            parts.append(self._encoded(group, check)[max(start - first, 0) : end - first])
        return torch.cat(parts)

    @torch.inference_mode()
    def _encoded(self, group: int, check: Callable[[], None]) -> Tensor:
        if group != self._group:
            check()
            first = group * self._group_size
            pixels = normalize_tiles(self._tiles[first : first + self._group_size], self._model.dtype)
            self._features = self._model.image_features(pixels, check)
            self._group = group
        return self._features
