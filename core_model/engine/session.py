"""One conversation in the model's memory: what has been read stays read.

A session holds the KV cache and knows which tokens are in it, so a follow-up question reads only what is new, and an
edited message goes back to where the conversations part. Two prompts share a position when they have the same token
there and, at a patch position, the same picture: all patches have one id, so the picture's digest stands in for it.

Prompts are read in sweeps, cut at attention chunk boundaries. A sweep goes layer by layer over all of its tokens: in
pieces through attention and the shared expert, so that a stop is heard soon, and at once through the routed experts, so
that each is read or fetched once in a sweep. A stopped sweep is never committed, so the session stays sound.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from core_model.config import Llama4Config
from core_model.engine.choose_step import DecodeStep
from core_model.engine.expert_table import NotLockedError
from core_model.engine.image_reader import ImageReader
from core_model.engine.kv_cache import KVCache
from core_model.engine.stopping import Check, beside, stop_check
from core_model.kernels.gemv import plain_gemv
from core_model.model.llama4 import Llama4
from core_model.text.chat_format import Prompt
from core_model.types import PrefillProgress, ShouldStop, TileGeometry

log = logging.getLogger(__name__)

Keys = npt.NDArray[np.int64]  # one per position: a token id, or a negative number that stands for a picture

PIECE_FLOPS = {"cpu": 1e11, "cuda": 1e13}  # arithmetic of one piece in one layer, so that a stop is quick
LARGEST_PIECE, SMALLEST_PIECE = 2048, 64  # tokens
SWEEP = {"cpu": 2048, "cuda": 4096}  # tokens; a stop gives up what was read of one, and working memory grows with it
SEEING = 0.12  # about as much of the work on a picture of Scout's is done before its tokens come to the decoder


class Session:
    """Reads prompts and tokens.

    Attributes:
        logits: float32 [V] for the token after the last one that was read; empty before anything was.
    """

    def __init__(
        self,
        model: Llama4,
        tiles: TileGeometry | None,
        *,
        uses_plain_gemv: bool = False,
        program: DecodeStep | None = None,
    ) -> None:
        """Begin with nothing read.

        Args:
            tiles: how pictures are cut; None for a model that sees none.
            uses_plain_gemv: how one-row products are done (`core_model.kernels.gemv`).
            program: the decode step as a program, where that is faster.
        """
        self.model = model
        self.cache = KVCache(model.config.text, model.device, model.dtype)
        self.piece_size = piece_size(model.config, model.device.type)
        self.sweep_size = SWEEP[model.device.type]
        self.logits = torch.empty(0)
        self._images = None if tiles is None else ImageReader(model, tiles)
        self._uses_plain_gemv = uses_plain_gemv
        self._program = program
        self._keys: Keys = np.empty(0, np.int64)  # of what was read as a prompt
        self._fed: list[int] = []  # and of what was generated after it

    def read(self, prompt: Prompt, should_stop: ShouldStop) -> Iterator[PrefillProgress]:
        """Read what the session does not know yet of a prompt.

        Yields:
            Progress: once at first, saying how much was known, then while a sweep goes on and after each; within a
            sweep a number says how much of its work is done.

        Raises:
            Stopped: `should_stop` said so; what was read completely stays read.
        """
        check = stop_check(should_stop)
        keys = beside(partial(prompt_keys, prompt, self.model.config.image_token_id), check)
        num_known = self._keep_common(keys)
        yield PrefillProgress(num_known, prompt.num_tokens, num_known)
        ids = torch.tensor(prompt.token_ids, device=self.model.device)
        while self.cache.length < len(keys):
            start = self.cache.length
            end = start + self.cache.longest_step(min(self.sweep_size, len(keys) - start))
            for position in self._sweep(prompt, ids[start:end], start, check):
                yield PrefillProgress(position, prompt.num_tokens, num_known)
            self._keys = keys[:end]
            yield PrefillProgress(end, prompt.num_tokens, num_known)
        if self._images is not None:
            self._images.forget()

    def feed(self, token_id: int, should_stop: ShouldStop) -> None:
        """Read one generated token.

        Raises:
            Stopped: `should_stop` said so in the middle; the token is not in the cache.
        """
        check = stop_check(should_stop)
        if not self._run_program(token_id, check):
            self.logits = self._step(torch.tensor([token_id], device=self.model.device), None, check)
        self._fed.append(token_id)

    def _run_program(self, token_id: int, check: Check) -> bool:
        """Whether there is one, and it could."""
        if self._program is None:
            return False
        self.cache.begin_step()
        try:
            self.logits = self._program.run(token_id, self.cache, check)
        except NotLockedError:
            log.warning("The system locks no more memory: tokens are decoded by torch from now on")
            self._program = None
            return False
        self.cache.commit(1)
        return True

    def forget(self) -> None:
        """Give all memory back: the next prompt is read from its beginning."""
        self.cache.truncate(0)
        self._keys, self._fed, self.logits = np.empty(0, np.int64), [], torch.empty(0)
        if self._images is not None:
            self._images.forget()

    def _keep_common(self, keys: Keys) -> int:
        """Go back to where the prompt and the session part; the last token is always read again, for its logits."""
        known = np.concatenate([self._keys, np.array(self._fed, np.int64)])
        num_compared = min(len(known), len(keys) - 1)
        differs = np.flatnonzero(known[:num_compared] != keys[:num_compared])
        num_known = self.cache.truncate(int(differs[0]) if len(differs) else num_compared)
        self._keys, self._fed = keys[:num_known], []
        return num_known

    @torch.inference_mode()
    def _step(self, ids: Tensor, features: Tensor | None, check: Check) -> Tensor:
        embedded = self.model.embed(ids, features)
        start = self.cache.begin_step()
        with plain_gemv(self._uses_plain_gemv and len(ids) == 1):
            hidden = self.model.language_model.model(embedded[None], start, self.cache.layers, check)
        with plain_gemv(self._uses_plain_gemv):
            logits = self.model.head(hidden[0, -1:])[0]
        self.cache.commit(len(ids))
        return logits

    def _sweep(self, prompt: Prompt, ids: Tensor, start: int, check: Check) -> Iterator[int]:
        """Read the tokens of one sweep; yields how far it would be if its work were done token by token."""
        end, told = start + len(ids), start
        for share in self._shares(prompt, ids, start, check):
            position = start + int(share * len(ids))
            if told < position < end:
                told = position
                yield position

    @torch.inference_mode()
    def _shares(self, prompt: Prompt, ids: Tensor, start: int, check: Check) -> Iterator[float]:
        """The same; yields how much of the work is done, 0 to 1."""
        end, seen, features = start + len(ids), 0.0, []
        for first in range(start, end, self.piece_size):
            found = self._features_between(prompt, first, min(first + self.piece_size, end), check)
            if found is not None:
                features.append(found)
                seen += SEEING * len(found) / len(ids)
                yield seen
        if len(ids) == 1:  # as in decoding
            self.logits = self._step(ids, torch.cat(features) if features else None, check)
            return
        x = self.model.embed(ids, torch.cat(features) if features else None)[None]
        found, features = None, []  # they are in x now
        self.cache.begin_step()
        decoder = self.model.language_model.model
        layers = decoder.layer_by_layer(x, start, self.cache.layers, check, self.piece_size)
        for number, hidden in enumerate(layers, 1):
            x = hidden
            yield seen + (1 - seen) * number / len(decoder.layers)
        with plain_gemv(self._uses_plain_gemv):
            self.logits = self.model.head(decoder.norm(x[0, -1:]))[0]
        self.cache.commit(len(ids))

    def _features_between(self, prompt: Prompt, start: int, end: int, check: Check) -> Tensor | None:
        """Features for the patch tokens at positions `start` to `end - 1`."""
        found = []
        is_patch = np.asarray(prompt.token_ids[start:end]) == self.model.config.image_token_id
        for span in prompt.pictures:
            first, last = max(span.start, start), min(span.end, end)
            num_patches = int(is_patch[first - start : last - start].sum()) if first < last else 0
            if num_patches:
                assert self._images is not None, "the chat format refuses pictures for a model without a vision tower"
                before = prompt.token_ids[span.start : first].count(self.model.config.image_token_id)
                found.append(self._images.features(span.picture, before, before + num_patches, check))
        return torch.cat(found) if found else None


def prompt_keys(prompt: Prompt, image_token_id: int) -> Keys:
    """What must be equal for two prompts to share a position. Reads every pixel the first time it meets a picture."""
    keys = np.array(prompt.token_ids, np.int64)
    for span in prompt.pictures:
        number = int.from_bytes(span.picture.digest()[:8], "little") >> 1
        inside = keys[span.start : span.end]
        inside[inside == image_token_id] = -number - 1
    return keys


def piece_size(config: Llama4Config, device: str) -> int:
    """Prompt tokens to compute at once: a power of two that follows from the model's width and the kind of device
    alone, so that the same prompt is always cut, and therefore rounded, in the same way."""
    text = config.text
    attention = 2 * text.hidden_size * text.head_dim * (text.num_attention_heads + text.num_key_value_heads)
    experts = 3 * text.hidden_size * max(text.intermediate_size * (1 + text.num_experts_per_tok), 1)
    tokens = PIECE_FLOPS[device] / (2 * (attention + experts))
    return int(min(max(2 ** int(np.log2(tokens)), SMALLEST_PIECE), LARGEST_PIECE))
