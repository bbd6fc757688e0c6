"""One token on a GPU without asking the host on the way, so that the whole step is launched at once, as a CUDA graph.

A step of the model as it stands asks the host in every layer which expert the router chose, and launches some thirty
kernels a layer from Python. Here positions, places in the KV cache and experts are looked up on the GPU, so the
launches are the same for every token and are recorded once. They are recorded again when the KV cache has grown.

An expert that a kernel cannot reach (`expert_table`) is found out behind the step. Then the token is done again layer
by layer with the host looking on, which fetches what is missing; the kernels are the same, and so are the bits.
Attention looks at the whole room of the cache through a mask. `choose_step` decides whether this is used.

Written and tested without a GPU (there the kernels run in Triton's interpreter, and nothing is recorded).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor

from core_model.engine.expert_memory import OffloadedExperts
from core_model.engine.expert_table import ResidentTable, Table, TieredTable, step_of
from core_model.engine.kv_cache import GrowingCache, KVCache
from core_model.engine.stopping import Check
from core_model.engine.two_lanes import TwoLanes
from core_model.kernels.device_kernels import step_kernels
from core_model.kernels.places import NOWHERE, RECORD
from core_model.model.attention import Attention, Step, attend
from core_model.model.fp8 import Fp8Experts
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE, route
from core_model.model.rope import frequencies_on, rotations
from core_model.model.transformer import DecoderLayer

WARM_UPS = 2  # before launches are recorded: kernels are compiled, and libraries take their memory


class UnsupportedError(Exception):
    """This model is decoded in the plain way. Internal to this module."""


@dataclass(slots=True)
class _Mixture:
    """A layer's experts, and what its step leaves behind."""

    moe: MoE
    row: int  # in the table
    source: Tensor  # int64 [3]
    target: Tensor


class DeviceStep:
    """A model's decode step on its device."""

    def __init__(self, model: Llama4, kernels: ModuleType) -> None:
        """Lay out what the step needs.

        Raises:
            UnsupportedError: something in this model is not of the kind that the kernels know.
        """
        self.model, self.config, self._kernels = model, model.config.text, kernels
        self._decoder, device = model.language_model.model, model.device
        mixtures = [layer.feed_forward for layer in self._layers() if isinstance(layer.feed_forward, MoE)]
        self._table = _table(mixtures, device)
        self._mixtures = {
            id(moe): _Mixture(moe, row, *(torch.zeros(3, dtype=torch.int64, device=device) for _ in range(2)))
            for row, moe in enumerate(mixtures)
        }
        self._embedded = torch.zeros(1, self.config.hidden_size, dtype=model.dtype, device=device)
        self._position = torch.zeros(1, dtype=torch.int64, device=device)
        self._records = torch.zeros(len(mixtures), RECORD, dtype=torch.int64, device=device)
        self._num_taken = torch.zeros(1, dtype=torch.int32, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._recorded: tuple[int, ...] = ()  # where the KV cache was when launches were recorded
        self._logits = torch.empty(0)
        self._is_missing_some = False  # the last token's experts had to be brought

    @classmethod
    def for_model(cls, model: Llama4) -> DeviceStep | None:
        """The step of a model; None where it or this machine cannot do it."""
        kernels = step_kernels(model.device)
        if kernels is None:
            return None
        try:
            return cls(model, kernels)
        except UnsupportedError:
            return None

    def _layers(self) -> list[DecoderLayer]:
        return [layer for layer in self._decoder.layers if isinstance(layer, DecoderLayer)]

    @property
    def name(self) -> str:
        return "as one recording of kernels"

    @torch.inference_mode()
    def run(self, token_id: int, cache: KVCache, check: Check) -> Tensor:
        """Decode one token behind what the cache holds; the caller begins and commits the step.

        Returns:
            Logits for the next token, float32 [V], on the device.

        Raises:
            NotLockedError: an expert cannot be where a kernel reads it.
        """
        check()
        rooms = [layer.room(cache.length)[:2] for layer in cache.layers]
        self._embedded.copy_(self.model.embed(torch.tensor([token_id])))
        self._position.fill_(cache.length)
        if not self._is_missing_some:
            with step_of(self._table):
                self._num_taken.fill_(self._table.first_spare)
                began = time.perf_counter()
                logits = self._launch(cache.layers, rooms)
                records = self._records.tolist()  # waits for the step
                if all(home != NOWHERE for _, home, _ in records):
                    self._table.end(records, time.perf_counter() - began)
                    return logits.clone()
                self._table.give_up()
        return self._attended(cache.layers, rooms, check)

    def _attended(self, caches: Sequence[GrowingCache], rooms: Sequence[tuple[Tensor, Tensor]], check: Check) -> Tensor:
        """The same with the host looking on, which brings what is missing."""
        num_brought = 0

        def bring(mixture: _Mixture) -> Callable[[], None] | None:
            nonlocal num_brought
            check()
            expert, home, _ = self._records[mixture.row].tolist()
            if home != NOWHERE:
                return None
            num_brought += 1
            return self._table.bring(mixture.row, expert)

        with step_of(self._table):
            self._num_taken.fill_(self._table.first_spare)
            began = time.perf_counter()
            logits = self._step(caches, rooms, bring)
            self._table.end(self._records.tolist(), time.perf_counter() - began)
        self._is_missing_some = num_brought > 0
        return logits

    def _launch(self, caches: Sequence[GrowingCache], rooms: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        if self.model.device.type != "cuda":
            return self._step(caches, rooms)
        places = tuple(tensor.data_ptr() for room in rooms for tensor in room)
        places += tuple(keys.shape[2] for keys, _ in rooms)
        if self._graph is None or places != self._recorded:
            self._record(caches, rooms)
            self._recorded = places
        assert self._graph is not None, "it was recorded"
        self._graph.replay()
        return self._logits

    def _record(self, caches: Sequence[GrowingCache], rooms: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Record the launches. The step is done a few times before: it writes the same to the same places."""
        self._graph = None  # gives its memory back
        stream = torch.cuda.Stream(self.model.device)
        stream.wait_stream(torch.cuda.current_stream(self.model.device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                self._step(caches, rooms)
                self._num_taken.fill_(self._table.first_spare)
        torch.cuda.current_stream(self.model.device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._logits = self._step(caches, rooms)
        self._graph = graph

    # The step itself

    def _step(
        self,
        caches: Sequence[GrowingCache],
        rooms: Sequence[tuple[Tensor, Tensor]],
        bring: Callable[[_Mixture], Callable[[], None] | None] | None = None,
    ) -> Tensor:
        step, x = self._positions(), self._embedded
        for layer, cache, room in zip(self._layers(), caches, rooms, strict=True):
            x = x + self._attention(layer.self_attn, layer.input_layernorm(x), step, cache.window, room)
            y = layer.post_attention_layernorm(x)
            feed_forward = layer.feed_forward
            if isinstance(feed_forward, MoE):
                x = x + self._experts(self._mixtures[id(feed_forward)], y, bring)
            else:
                x = x + feed_forward(y)
        logits: Tensor = self.model.head(self._decoder.norm(x))[0]
        return logits

    def _positions(self) -> Step:
        """What layers share, with the position on the device."""
        text, device, position = self.config, self.model.device, self._position
        frequencies = frequencies_on(device, text.head_dim, text.rope_theta, text.rope_scaling)
        chunk = text.attention_chunk_size
        within = position if chunk is None else position % chunk
        temperature = None
        if text.attn_temperature_tuning:
            steps = torch.floor((position.float() + 1.0) / text.floor_scale)
            temperature = (torch.log1p(steps) * text.attn_scale + 1.0)[:, None, None]
        return Step(0, 1, rotations(within, frequencies), rotations(position, frequencies), temperature)

    def _attention(
        self, attention: Attention, x: Tensor, step: Step, window: int | None, room: tuple[Tensor, Tensor]
    ) -> Tensor:
        q, k, v = attention.project(x[None], step)  # [1, heads, 1, D]
        keys, values = room
        place = self._position if window is None else self._position % window
        keys.index_copy_(2, place, k)
        values.index_copy_(2, place, v)
        is_seen = torch.arange(keys.shape[2], device=x.device)[None] <= place
        out = attend(q, keys, values, is_seen)
        return attention.o_proj(out.transpose(1, 2).flatten(-2))[0]

    def _experts(
        self, mixture: _Mixture, y: Tensor, bring: Callable[[_Mixture], Callable[[], None] | None] | None
    ) -> Tensor:
        moe, row, table, kernels = mixture.moe, mixture.row, self._table, self._kernels
        scores, chosen = route(moe.router(y), 1)
        chosen, record = chosen.flatten(), self._records[row]
        places, homes, where = table.places[row], table.homes[row], (mixture.source, mixture.target)
        kernels.find(chosen, places, homes, table.spares, self._num_taken, *where, record)
        release = bring(mixture) if bring is not None else None
        if release is not None:
            kernels.find(chosen, places, homes, table.spares, self._num_taken, *where, record)
        gate, up, down = table.scales[row]
        hidden = kernels.gated_at(y * scores, *where, chosen, gate, up)
        routed = kernels.down_at(hidden, *where, chosen, down)
        if release is not None:
            if routed.is_cuda:
                torch.cuda.current_stream(routed.device).synchronize()
            release()
        return moe.shared_expert(y) + routed


def _table(mixtures: Sequence[MoE], device: torch.device) -> Table:
    if any(moe.top_k != 1 for moe in mixtures):
        raise UnsupportedError("more than one expert for a token")
    sources = [moe.source.on_gpu if isinstance(moe.source, TwoLanes) else moe.source for moe in mixtures]
    offloaded = [source for source in sources if isinstance(source, OffloadedExperts) and source.is_fp8]
    if mixtures and len(offloaded) == len(mixtures) and len(offloaded[0].memory.tiers) == 2:
        return TieredTable(offloaded, device)
    resident = [moe.experts for moe in mixtures if moe.source is None and isinstance(moe.experts, Fp8Experts)]
    if len(resident) == len(mixtures):
        return ResidentTable(resident, device)
    raise UnsupportedError("experts of another kind")
