"""Decodes one token with compiled operations: the same model, without Python between its products.

A program is written once for a loaded model (`core_model.kernels.step_ir` says what operations there are): six of them
for a layer, then the head. For each token only what changes is filled in: the embedding, the rotation, where the keys
of each layer are. Where experts are fetched, the program is cut behind each router and behind each shared expert, so
that an expert is on its way while the shared one is computed.

Numbers between the products stay float32 here, while `core_model.model` rounds them to bf16 after each operation; so
logits differ in the last bits of bf16, and a prompt is read by the model as before. Not every model can be decoded
like this (`NativeStep.for_model`); those that cannot take the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from core_model.engine.expert_memory import OffloadedExperts
from core_model.engine.kv_cache import KVCache
from core_model.kernels.operation_ir import EXPERT_WORDS
from core_model.kernels.step import StepKernels, address, float_word, step_kernels
from core_model.kernels.threads import Words
from core_model.model.attention import Attention, Step
from core_model.model.fp8 import Fp8Experts, Fp8Linear
from core_model.model.layers import FeedForward, RMSNorm
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.model.transformer import DecoderLayer

PIECE_BYTES = 500_000_000  # of weights that are read without looking for a stop: 50 ms where memory gives 10 GB/s
SMALLEST_ATTENTION = 4096  # positions that the threads' memory is made for at first
EXPERT_PARTS = ("gate_proj", "up_proj", "down_proj")


class UnsupportedError(Exception):
    """This model is decoded in the plain way. Internal to this module."""


@dataclass(slots=True)
class Matrix:
    """A weight as operations take it."""

    function: int
    weights: int
    scales: int
    is_fp8: int
    rows: int
    size: int


@dataclass(slots=True)
class Piece:
    """Operations that run without Python, and what Python does behind them."""

    program: Words
    then: Callable[[], None] | None = None


@dataclass(slots=True)
class _Layer:
    """What changes in a layer from token to token."""

    attention: Attention
    words: Words  # of its `attend`


@dataclass(slots=True)
class _Draft:
    """A program being written. Arguments must stay where they are for as long as it runs."""

    kernels: StepKernels
    arguments: list[Words] = field(default_factory=list)
    operations: list[tuple[int, int]] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    weight_bytes: int = 0  # that the piece reads

    def add(self, operation: str, words: Sequence[int]) -> Words:
        block = np.array(words, dtype=np.int64)
        self.arguments.append(block)
        self.operations.append((self.kernels.addresses[operation], block.ctypes.data))
        return block

    def cut(self, then: Callable[[], None] | None = None) -> None:
        """End a piece here."""
        self.pieces.append(Piece(np.array(self.operations, dtype=np.int64), then))
        self.operations, self.weight_bytes = [], 0


class NativeStep:
    """A model's decode step as a program."""

    def __init__(self, model: Llama4, kernels: StepKernels) -> None:
        """Write the program.

        Raises:
            UnsupportedError: something in this model is not of the kind that the operations know.
        """
        self.model, self.kernels = model, kernels
        self.config = model.config.text
        self._num_threads = torch.get_num_threads()
        self._check()
        self._kept: list[Tensor] = []
        self._layers: list[_Layer] = []
        self._fetches: list[Fetch] = []
        self._plan_memory()
        self._draft = _Draft(kernels)
        decoder = model.language_model.model
        for layer in decoder.layers:
            assert isinstance(layer, DecoderLayer)
            self._write_layer(layer)
        head = self._matrix(model.language_model.lm_head)
        self._logits = self._memory(head.rows)
        self._linear(self._x, decoder.norm, [(head, self._logits, None)])
        self._draft.cut()
        self._attention_scratch = torch.empty(0, dtype=torch.uint8)

    @classmethod
    def for_model(cls, model: Llama4) -> NativeStep | None:
        """The program of a model; None where it or this machine cannot do it."""
        kernels = step_kernels()
        if kernels is None:
            return None
        try:
            return cls(model, kernels)
        except UnsupportedError:
            return None

    @property
    def name(self) -> str:
        return f"compiled with {self.kernels.form} kernels"

    @torch.inference_mode()
    def run(self, token_id: int, cache: KVCache, check: Callable[[], None]) -> Tensor:
        """Decode one token behind what the cache holds; the caller begins and commits the step.

        Returns:
            Logits for the next token, float32 [V].
        """
        start = cache.length
        self._x.copy_(self.model.language_model.model.embed_tokens.weight[token_id])
        self._place(cache, start)
        try:
            for piece in self._draft.pieces:
                check()
                self.kernels.run(piece.program, self._num_threads)
                if piece.then is not None:
                    piece.then()
        finally:
            for fetch in self._fetches:
                fetch.close()
        return self._logits.clone()

    # What changes with each token

    def _place(self, cache: KVCache, start: int) -> None:
        step = Step.at(self.config, start, 1, self._x)
        rotations = [None if r is None else torch.view_as_real(r[0]).contiguous() for r in (
            step.rotation, step.absolute_rotation
        )]  # fmt: skip
        self._kept_rotations = rotations
        temperature = float_word(1.0 if step.temperature is None else float(step.temperature))
        scratch, stride = self._scratch_for(start + 1)
        for layer, stored in zip(self._layers, cache.layers, strict=True):
            keys, values, first = stored.room(start)
            attention, words = layer.attention, layer.words
            rotation = rotations[0 if attention.chunk_size is not None else 1] if attention.uses_rope else None
            words[3] = 0 if rotation is None else rotation.data_ptr()
            words[6] = float_word(1.0) if attention.uses_rope else temperature
            words[7:11] = keys.data_ptr(), values.data_ptr(), keys.shape[2] * attention.head_dim, first
            words[15:17] = scratch, stride

    def _scratch_for(self, num_positions: int) -> tuple[int, int]:
        needed = 4 * (2 * self.config.head_dim + num_positions + 64)
        if self._attention_scratch.numel() < needed * self._num_threads:
            size = 4 * max(SMALLEST_ATTENTION, 2 * num_positions) + needed
            self._attention_scratch = torch.empty(-(-size // 64) * 64 * self._num_threads, dtype=torch.uint8)
        return self._attention_scratch.data_ptr(), self._attention_scratch.numel() // self._num_threads // 64 * 64

    # Writing the program

    def _check(self) -> None:
        text = self.config
        sizes = [text.hidden_size, text.num_attention_heads * text.head_dim, text.num_key_value_heads * text.head_dim]
        if any(size % 64 for size in sizes) or text.head_dim % 16:
            raise UnsupportedError("a size is no multiple of 64")
        if self.model.device.type != "cpu" or self.model.dtype != torch.bfloat16:
            raise UnsupportedError("only bf16 on the CPU")
        if text.num_experts_per_tok != 1 and any(text.is_moe_layer):
            raise UnsupportedError("more than one expert for a token")

    def _plan_memory(self) -> None:
        text = self.config
        heads, kv_heads = text.num_attention_heads * text.head_dim, text.num_key_value_heads * text.head_dim
        widest = max(text.intermediate_size, text.intermediate_size_mlp)
        self._x, self._aside = self._memory(text.hidden_size), self._memory(text.hidden_size)
        self._q, self._out = self._memory(heads), self._memory(heads)
        self._k, self._v = self._memory(kv_heads), self._memory(kv_heads)
        self._router = self._memory(max(text.num_local_experts, 1))
        self._hidden = [self._memory(widest) for _ in range(2)]
        self._gate, self._up = self._memory(widest), self._memory(widest)
        self._scratch_stride = 8 * max(widest, text.hidden_size, heads)
        self._scratch = torch.empty(self._scratch_stride * self._num_threads + 64, dtype=torch.uint8)

    def _memory(self, size: int) -> Tensor:
        block = torch.zeros(size)
        self._kept.append(block)
        return block

    def _matrix(self, module: nn.Module) -> Matrix:
        addresses = self.kernels.addresses
        if isinstance(module, Fp8Linear):
            if module.in_features % 64:
                raise UnsupportedError("a size is no multiple of 64")
            codes, scales = module.codes.data_ptr(), address(module.scales)
            self._draft.weight_bytes += module.codes.nbytes
            return Matrix(addresses["gemm_fp8"], codes, scales, 1, module.out_features, module.in_features)
        has_bias = getattr(module, "bias", None) is not None
        if isinstance(module, nn.Linear) and not has_bias and module.weight.dtype == torch.bfloat16:
            if module.in_features % 64 or not module.weight.is_contiguous():
                raise UnsupportedError("a size is no multiple of 64")
            self._draft.weight_bytes += module.weight.nbytes
            weights = module.weight.data_ptr()
            return Matrix(addresses["gemm_bf16"], weights, 0, 0, module.out_features, module.in_features)
        raise UnsupportedError("a linear layer of another kind")

    def _cut_if_long(self) -> None:
        if self._draft.weight_bytes >= PIECE_BYTES:
            self._draft.cut()

    def _norm(self, norm: RMSNorm) -> tuple[int, int]:
        if norm.weight.dtype != torch.bfloat16:
            raise UnsupportedError("a norm of another kind")
        return address(norm.weight), float_word(norm.eps)

    def _linear(
        self, x: Tensor, norm: RMSNorm | None, segments: Sequence[tuple[Matrix, Tensor, Tensor | None]]
    ) -> None:
        weight, eps = (0, 0) if norm is None else self._norm(norm)
        words = [address(x), weight, eps, segments[0][0].size, *self._own_memory(), len(segments)]
        for matrix, y, aside in segments:
            added = 0 if aside is None else address(aside)
            words += [matrix.function, matrix.weights, matrix.scales, matrix.is_fp8, address(y), matrix.rows, added]
        self._draft.add("linear", words)

    def _own_memory(self) -> tuple[int, int]:
        return -(-self._scratch.data_ptr() // 64) * 64, self._scratch_stride

    def _write_layer(self, layer: DecoderLayer) -> None:
        self._write_attention(layer.self_attn, layer.input_layernorm)
        norm = layer.post_attention_layernorm
        if isinstance(layer.feed_forward, MoE):
            self._write_experts(layer.feed_forward, norm)
        else:
            self._write_dense(layer.feed_forward, norm)
        self._cut_if_long()

    def _write_attention(self, attention: Attention, norm: RMSNorm) -> None:
        q, k, v = (self._matrix(part) for part in (attention.q_proj, attention.k_proj, attention.v_proj))
        self._linear(self._x, norm, [(q, self._q, None), (k, self._k, None), (v, self._v, None)])
        words = [
            address(self._q), address(self._k), address(self._v), 0, int(attention.normalizes_qk),
            float_word(attention.eps), 0, 0, 0, 0, 0, attention.num_heads, attention.num_kv_heads, attention.head_dim,
            address(self._out), 0, 0,
        ]  # fmt: skip
        self._layers.append(_Layer(attention, self._draft.add("attend", words)))
        self._linear(self._out, None, [(self._matrix(attention.o_proj), self._x, self._aside)])

    def _gated(
        self, norm: RMSNorm, gate: Matrix, up: Matrix, hidden: Tensor, chosen: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        if gate.rows % 16:
            raise UnsupportedError("a size is no multiple of 16")
        words = [
            address(self._x), *self._norm(norm), gate.size, *self._own_memory(), gate.rows, address(hidden),
            address(self._gate), address(self._up), gate.function, gate.is_fp8, gate.weights, gate.scales, up.weights,
            up.scales, *chosen,
        ]  # fmt: skip
        self._draft.add("gated", words)

    def _down(self, parts: Sequence[tuple[Tensor, Matrix, tuple[int, int, int]]]) -> None:
        rows = parts[0][1].rows
        words = [rows, address(self._x), address(self._aside), *self._own_memory(), len(parts)]
        for hidden, matrix, chosen in parts:
            words += [address(hidden), matrix.size, matrix.function, matrix.is_fp8, matrix.weights, matrix.scales]
            words += chosen
        self._draft.add("down", words)

    def _write_dense(self, dense: FeedForward, norm: RMSNorm) -> None:
        gate, up, down = self._feed_forward(dense)
        self._gated(norm, gate, up, self._hidden[0])
        self._down([(self._hidden[0], down, (0, 0, 0))])

    def _feed_forward(self, module: FeedForward) -> tuple[Matrix, Matrix, Matrix]:
        gate, up, down = (self._matrix(part) for part in (module.gate_proj, module.up_proj, module.down_proj))
        return gate, up, down

    def _write_experts(self, moe: MoE, norm: RMSNorm) -> None:
        gate, up, down = self._feed_forward(moe.shared_expert)
        table, source = self._experts(moe)
        chosen = self._router.data_ptr(), moe.router.out_features, table.ctypes.data
        text = self.config
        routed = Matrix(self.kernels.addresses["gemm_fp8"], 0, 0, 1, text.intermediate_size, text.hidden_size)
        back = Matrix(self.kernels.addresses["gemm_fp8"], 0, 0, 1, text.hidden_size, text.intermediate_size)
        self._draft.weight_bytes += 3 * text.hidden_size * text.intermediate_size
        fetch = None if source is None else Fetch(source, self._router[: moe.router.out_features], table)
        self._fetches += [] if fetch is None else [fetch]
        self._linear(self._x, norm, [(self._matrix(moe.router), self._router, None)])
        if fetch is not None:
            self._draft.cut(fetch.announce)
        self._gated(norm, gate, up, self._hidden[0])
        if fetch is not None:
            self._draft.cut(fetch.wait)
        self._gated(norm, routed, routed, self._hidden[1], chosen)
        self._down([(self._hidden[0], down, (0, 0, 0)), (self._hidden[1], back, chosen)])
        if fetch is not None:
            self._draft.cut(fetch.close)

    def _experts(self, moe: MoE) -> tuple[Words, OffloadedExperts | None]:
        """Where each expert's matrices are; for those that are fetched it is filled in when they are there."""
        table = np.zeros((moe.router.out_features, EXPERT_WORDS), dtype=np.int64)
        self._draft.arguments.append(table)
        if self.config.intermediate_size % 64:
            raise UnsupportedError("a size is no multiple of 64")
        if isinstance(moe.source, OffloadedExperts) and moe.source.is_fp8:
            return table, moe.source
        if moe.source is not None or not isinstance(moe.experts, Fp8Experts):
            raise UnsupportedError("experts that are not FP8")
        for expert in range(len(table)):
            linears = (getattr(moe.experts, part)[expert] for part in EXPERT_PARTS)
            table[expert] = [word for linear in linears for word in (linear.codes.data_ptr(), address(linear.scales))]
        return table, None


class Fetch:
    """Brings the expert that a router chose, in the pauses of a program."""

    def __init__(self, source: OffloadedExperts, logits: Tensor, table: Words) -> None:
        self._source, self._logits, self._table = source, logits, table
        self._coming: Generator[tuple[int, list[int]], None, None] | None = None
        self._wanted: dict[int, int] = {}

    def announce(self) -> None:
        self._wanted = {int(self._logits.argmax()): 1}
        self._source.announce(self._wanted, 1)

    def wait(self) -> None:
        self._coming = self._source.addresses(self._wanted)
        expert, words = next(self._coming)
        self._table[expert] = words

    def close(self) -> None:
        """The expert was used, or will not be, because the step was left; its slot may be given to another."""
        if self._coming is not None:
            self._coming.close()
        self._coming = None
