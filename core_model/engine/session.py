"""One conversation in the model's memory: what has been read stays read.

A session holds the KV cache and knows which tokens are in it, so a follow-up question reads only what is new, and an
edited message goes back to where the conversations part. Two prompts share a position when they have the same token
there and, at a patch position, the same picture: all patches have one id, so the picture's digest stands in for it.

Prompts are read in pieces, cut at attention chunk boundaries; between layers and between experts the stop check is
looked at. A stopped step is never committed, so the session stays sound whatever happens to a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core_model.config import Llama4Config
from core_model.engine.kv_cache import KVCache
from core_model.kernels.one_row import native_products
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.model.llama4 import Llama4
from core_model.text.chat_format import PictureSpan, Prompt
from core_model.types import PrefillProgress, ShouldStop, TileGeometry

Keys = npt.NDArray[np.int64]  # one per position: a token id, or a negative number that stands for a picture

TILES_AT_ONCE = {"cpu": 2, "cuda": 8}  # bounds the vision tower's working memory, and how late a stop may come
PIECE_FLOPS = 1e11  # arithmetic of one prompt piece in one layer, so that progress is shown and a stop is quick
LARGEST_PIECE, SMALLEST_PIECE = 2048, 64  # tokens


class Stopped(Exception):  # noqa: N818 - not an error
    """The person stopped the step. Internal to the engine: outside, being stopped is a `FinishReason`."""


class Session:
    """Reads prompts and tokens.

    Attributes:
        logits: float32 [V] for the token after the last one that was read; empty before anything was.
    """

    def __init__(self, model: Llama4, tiles: TileGeometry | None, *, uses_native_products: bool = False) -> None:
        """Begin with nothing read.

        Args:
            tiles: how pictures are cut; None for a model that sees none.
            uses_native_products: how one-row products are done (`core_model.kernels.one_row`).
        """
        self.model = model
        self.cache = KVCache(model.config.text, model.device, model.dtype)
        self.piece_size = piece_size(model.config)
        self.logits = torch.empty(0)
        self._tiles = tiles
        self._uses_native_products = uses_native_products
        self._keys: Keys = np.empty(0, np.int64)
        self._features: tuple[PictureSpan, Tensor] | None = None  # of the picture that is being read

    def read(self, prompt: Prompt, should_stop: ShouldStop) -> Iterator[PrefillProgress]:
        """Read what the session does not know yet of a prompt.

        Yields:
            Progress: once at first, saying how much was known, then after each piece.

        Raises:
            Stopped: `should_stop` said so; what was read completely stays read.
        """
        keys = prompt_keys(prompt, self.model.config.image_token_id)
        num_known = self._keep_common(keys)
        yield PrefillProgress(num_known, prompt.num_tokens, num_known)
        ids = torch.tensor(prompt.token_ids, device=self.model.device)
        check = stop_check(should_stop)
        while self.cache.length < len(keys):
            start = self.cache.length
            end = start + self.cache.longest_step(min(self.piece_size, len(keys) - start))
            features = self._features_between(prompt, start, end, check)
            self.logits = self._step(ids[start:end], features, check)
            self._keys = keys[:end]
            yield PrefillProgress(end, prompt.num_tokens, num_known)
        self._features = None

    def feed(self, token_id: int, should_stop: ShouldStop) -> None:
        """Read one generated token.

        Raises:
            Stopped: `should_stop` said so in the middle; the token is not in the cache.
        """
        ids = torch.tensor([token_id], device=self.model.device)
        self.logits = self._step(ids, None, stop_check(should_stop))
        self._keys = np.append(self._keys, token_id)

    def _keep_common(self, keys: Keys) -> int:
        """Go back to where the prompt and the session part; the last token is always read again, for its logits."""
        num_compared = min(len(self._keys), len(keys) - 1)
        differs = np.flatnonzero(self._keys[:num_compared] != keys[:num_compared])
        num_known = self.cache.truncate(int(differs[0]) if len(differs) else num_compared)
        self._keys = keys[:num_known]
        return num_known

    @torch.inference_mode()
    def _step(self, ids: Tensor, features: Tensor | None, check: Callable[[], None]) -> Tensor:
        embedded = self.model.embed(ids, features)
        start = self.cache.begin_step()
        with native_products(self._uses_native_products and len(ids) == 1):
            hidden = self.model.language_model.model(embedded[None], start, self.cache.layers, check)
        with native_products(self._uses_native_products):
            logits = self.model.head(hidden[0, -1:])[0]
        self.cache.commit(len(ids))
        return logits

    def _features_between(self, prompt: Prompt, start: int, end: int, check: Callable[[], None]) -> Tensor | None:
        """Features for the patch tokens at positions `start` to `end - 1`."""
        found = []
        is_patch = np.asarray(prompt.token_ids[start:end]) == self.model.config.image_token_id
        for span in prompt.pictures:
            first, last = max(span.start, start), min(span.end, end)
            num_patches = int(is_patch[first - start : last - start].sum()) if first < last else 0
            if num_patches:
                before = prompt.token_ids[span.start : first].count(self.model.config.image_token_id)
                found.append(self._picture_features(span, check)[before : before + num_patches])
        return torch.cat(found) if found else None

    @torch.inference_mode()
    def _picture_features(self, span: PictureSpan, check: Callable[[], None]) -> Tensor:
        """All features of a picture [patch tokens, D]; kept while its tokens are spread over several pieces."""
        if self._features is not None and self._features[0] is span:
            return self._features[1]
        assert self._tiles is not None, "the chat format refuses pictures for a model without a vision tower"
        tiles = picture_tiles(span.picture, self._tiles)
        pixels = normalize_tiles(tiles, self.model.dtype)
        batches = pixels.split(TILES_AT_ONCE[self.model.device.type])
        features = torch.cat([self.model.picture_features(some, check) for some in batches])
        self._features = (span, features)
        return features


def stop_check(should_stop: ShouldStop) -> Callable[[], None]:
    """The check that the model calls between layers: leaves the step by raising `Stopped`."""

    def check() -> None:
        if should_stop():
            raise Stopped

    return check


def prompt_keys(prompt: Prompt, image_token_id: int) -> Keys:
    """What must be equal for two prompts to share a position."""
    keys = np.array(prompt.token_ids, np.int64)
    for span in prompt.pictures:
        number = int.from_bytes(span.picture.digest()[:8], "little") >> 1
        inside = keys[span.start : span.end]
        inside[inside == image_token_id] = -number - 1
    return keys


def piece_size(config: Llama4Config) -> int:
    """Prompt tokens to read at once: a power of two that follows from the model's width alone, so that the same
    prompt is always cut, and therefore rounded, in the same way."""
    text = config.text
    attention = 2 * text.hidden_size * text.head_dim * (text.num_attention_heads + text.num_key_value_heads)
    experts = 3 * text.hidden_size * max(text.intermediate_size * (1 + text.num_experts_per_tok), 1)
    tokens = PIECE_FLOPS / (2 * (attention + experts))
    return int(min(max(2 ** int(np.log2(tokens)), SMALLEST_PIECE), LARGEST_PIECE))
