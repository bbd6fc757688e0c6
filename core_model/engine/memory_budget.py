"""What goes where when so many bytes are free: a plan as arithmetic, of a model's shape and a machine's free memory.

The plan counts the weights as they will be loaded, the KV cache of a conversation, what reading a prompt takes on the
way (`reading_memory`), and the program itself. What there is no room for rests one floor lower. A GPU leaves the
embeddings, of which a token reads one row, and experts to RAM, and if it is very small the vision tower as well, which
then visits it for each picture; RAM leaves experts to the files. Slots for experts are divided among the layers as
evenly as they go.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from core_model.config import TextConfig
from core_model.engine.expert_memory import NUM_SPARE
from core_model.engine.model_shape import ModelShape
from core_model.engine.placement import choose_dtype
from core_model.engine.reading_memory import ReadingMemory
from core_model.engine.speed_estimate import BytesPerToken, estimate, measure_ceilings
from core_model.kernels.fp8_choice import has_kernels
from core_model.types import MemoryLimits, MemoryPlan, Need, Place, PlanLine, SpeedEstimate
from core_model.weights.name_map import Group

PLANNED_TOKENS = 8192  # of conversation that a plan makes room for, where nobody says how long it will be
GPU, RAM, DISK = Place.GPU, Place.RAM, Place.DISK
PROGRAM_BYTES = 350_000_000  # torch, LLVM and the rest of this process; measured, with Cria's weights taken off
GPU_PROGRAM_BYTES = 900_000_000  # CUDA's context, what its libraries and torch's allocator keep
RAM_BESIDE_GPU = 2_000_000_000  # RAM that is left to this process and the system when experts of a GPU rest there


@dataclass(frozen=True, slots=True)
class Shelf:
    """Experts as something to be put somewhere."""

    num_layers: int  # that have experts
    num_experts: int  # of each
    slot_bytes: int
    scale_bytes: int  # of all experts: small, and kept wherever experts are computed

    @classmethod
    def of(cls, shape: ModelShape, dtype: torch.dtype, keeps: bool) -> Shelf:
        scale_bytes = 4 * shape.sizes[Group.ROUTED_EXPERTS].num_scales if keeps else 0
        codes = shape.bytes_of(Group.ROUTED_EXPERTS, dtype, keeps) - scale_bytes
        slot_bytes = math.ceil(codes / (shape.num_moe_layers * shape.num_experts))
        return cls(shape.num_moe_layers, shape.num_experts, slot_bytes, scale_bytes)

    @property
    def num_all(self) -> int:
        return self.num_layers * self.num_experts

    def bytes_for(self, num_slots: int) -> int:
        """Of so many slots and the spare ones, and of all scales."""
        return (num_slots + NUM_SPARE) * self.slot_bytes + self.scale_bytes

    @property
    def fewest_bytes(self) -> int:
        """For as many as there are layers."""
        return self.bytes_for(self.num_layers)

    def slots_in(self, room: int) -> int:
        """As many as there is room for; negative where the spare ones do not fit."""
        most = (room - self.scale_bytes) // self.slot_bytes - NUM_SPARE
        return min(most, self.num_all)

    def keep(self, room: int, room_in_ram: int | None) -> Kept | None:
        """As many experts as there is room for; None where there is too little.

        A GPU may keep none, but whatever is filled from the disk (RAM behind a GPU, or RAM alone) keeps as many as
        there are layers.

        Args:
            room_in_ram: for the experts of a GPU; None where they are computed in RAM.
        """
        num_slots = self.slots_in(room)
        num_ram_slots = 0 if room_in_ram is None else self.slots_in(room_in_ram)
        if num_slots < 0 or (num_slots if room_in_ram is None else num_ram_slots) < self.num_layers:
            return None
        return Kept(self, num_slots, num_ram_slots)


@dataclass(frozen=True, slots=True)
class Kept:
    """How many experts stay where they are computed, and in RAM behind a GPU, where they do not all fit."""

    shelf: Shelf
    num_slots: int  # of all layers, without the spare ones
    num_ram_slots: int = 0  # the same behind a GPU
    aside: frozenset[Group] = frozenset()  # what else makes room on a GPU, and rests in RAM

    @property
    def kept_share(self) -> float:
        return self.num_slots / self.shelf.num_all

    @property
    def ram_share(self) -> float:
        return self.num_ram_slots / self.shelf.num_all

    def lines(self, where: str) -> Iterator[PlanLine]:
        """What a plan says of them."""
        yield PlanLine(self._in_each_layer(self.num_slots), where, self.shelf.bytes_for(self.num_slots), Need.EXPERTS)
        if self.num_ram_slots:
            in_ram = self.shelf.bytes_for(self.num_ram_slots)
            yield PlanLine(self._in_each_layer(self.num_ram_slots), RAM, in_ram, Need.EXPERTS)
        if self.ram_share < 1:
            on_disk = self.shelf.num_all * self.shelf.slot_bytes
            yield PlanLine("Routed experts, all of them", DISK, on_disk, Need.EXPERTS)

    def _in_each_layer(self, num_slots: int) -> str:
        number = f"{num_slots / self.shelf.num_layers:.1f}".removesuffix(".0")
        return f"Routed experts, {number} of {self.shelf.num_experts} in each layer"


def plan_memory(
    shape: ModelShape,
    device: torch.device,
    free: int,
    limits: MemoryLimits,
    free_ram: int = 0,
    *,
    can_offload: bool = True,
) -> tuple[MemoryPlan, Kept | None]:
    """What goes where when so many bytes are free.

    Args:
        free: on the device.
        free_ram: for a GPU: where its embeddings and its other experts rest.
        can_offload: whether experts can be used as they are stored.
    """
    dtype, keeps = choose_dtype(device, shape.num_parameters), keeps_fp8(device)
    where = GPU if device.type == "cuda" else RAM
    weights = {group: shape.bytes_of(group, dtype, keeps) for group, size in shape.sizes.items() if size.stored_bytes}
    rest = [_conversation(shape.config.text, limits, dtype, where), *_work(shape, device, dtype, limits)]
    missing = sum(weights.values()) + sum(line.num_bytes for line in rest) - free
    shelf, kept, moved = None, None, 0
    if missing > 0 and can_offload and Group.ROUTED_EXPERTS in weights:
        shelf = Shelf.of(shape, dtype, keeps)
        for aside in _may_leave(shape.config.text, weights, where):
            moved = sum(weights[group] for group in aside)
            room = weights[Group.ROUTED_EXPERTS] - (missing - moved)
            kept = shelf.keep(room, free_ram - RAM_BESIDE_GPU - moved if where == GPU else None)
            kept = None if kept is None else replace(kept, aside=aside)
            if shelf.slots_in(room) >= 0:  # if anything is missing now, it is RAM
                break
    lines = (*_weight_lines(weights, where, kept), *rest)
    plan = describe(lines, where, free, shape.name, is_limit=limit_of(limits, device) == free)
    if not plan.fits and shelf is not None:
        always = plan.needed_bytes - weights[Group.ROUTED_EXPERTS] - moved
        if where == GPU and shelf.slots_in(free - always) >= 0:
            plan = replace(plan, advice=_ram_advice(RAM_BESIDE_GPU + moved + shelf.fewest_bytes, free_ram))
        else:
            least = always + (shelf.bytes_for(0) if where == GPU else shelf.fewest_bytes)
            plan = replace(plan, advice=_least_advice(least, plan, where))
    return plan, kept


def _may_leave(config: TextConfig, weights: Mapping[Group, int], where: str) -> Iterator[frozenset[Group]]:
    """What may rest in RAM beside experts of a GPU: ever more, until there is room."""
    has_own_embeddings = not config.tie_word_embeddings  # read by row only, and not the output head as well
    first = frozenset({Group.EMBEDDINGS} if where == GPU and has_own_embeddings else ())
    yield first
    if where == GPU and Group.VISION in weights:
        yield first | {Group.VISION}


def _least_advice(least: int, plan: MemoryPlan, where: str) -> str:
    """What is the least that works, and not only what all of it would take: the two are far apart."""
    resting = "in RAM and on the disk" if where == GPU else "on the disk"
    missing, enough = gigabytes(plan.needed_bytes - plan.free_bytes), _rounded_up(least)
    return (
        f"To hold all of it, {missing} of {where} are missing. But {enough} of {where} would be enough, if most "
        f"experts rest {resting}: make so much free, or open a smaller or a quantized model."
    )


def _ram_advice(needed: int, free_ram: int) -> str:
    return (
        f"The GPU holds what every token reads, but its experts need {_rounded_up(needed)} of RAM to rest in, and "
        f"{gigabytes(free_ram)} are free: close other programs, or open a smaller or a quantized model."
    )


def _rounded_up(num_bytes: int) -> str:
    return gigabytes(math.ceil(num_bytes / 1e9) * 10**9) if num_bytes >= 10**10 else gigabytes(num_bytes)


def expected_speed(shape: ModelShape, device: torch.device, kept: Kept | None, file: Path | None) -> SpeedEstimate:
    """Tokens a second.

    Args:
        kept: where the experts are; None: all of them where they are computed.
        file: somewhere on the disk that the others come from, to measure it by.
    """
    dtype, keeps = choose_dtype(device, shape.num_parameters), keeps_fp8(device)
    token = BytesPerToken(
        shape.always_bytes(dtype, keeps),
        shape.routed_bytes(dtype, keeps),
        shape.config.text.num_hidden_layers,
        1.0 if kept is None else kept.kept_share,
        0.0 if kept is None else kept.ram_share,
    )
    return estimate(token, measure_ceilings(device, file))


def keeps_fp8(device: torch.device) -> bool:
    """Whether FP8 weights stay so in memory."""
    return device.type == "cuda" or has_kernels()


def _weight_lines(weights: Mapping[Group, int], where: str, kept: Kept | None) -> Iterator[PlanLine]:
    for group, num_bytes in weights.items():
        if group is Group.ROUTED_EXPERTS and kept is not None:
            yield from kept.lines(where)
        elif kept is not None and group in kept.aside:
            yield PlanLine(line_of(group), RAM, num_bytes)
        else:
            yield PlanLine(line_of(group), where, num_bytes)


def line_of(group: Group) -> str:
    """What a plan calls a part of the model."""
    return str(group).capitalize()


def _conversation(config: TextConfig, limits: MemoryLimits, dtype: torch.dtype, where: str) -> PlanLine:
    num_tokens, longest = planned_tokens(config, limits), context_length(config, limits)
    what = f"Conversation memory for {num_tokens:,} tokens"
    if num_tokens < longest:
        more = kv_cache_bytes(config, num_tokens + 1000, dtype) - kv_cache_bytes(config, num_tokens, dtype)
        what += f", {more / 1e6:,.0f} MB for every 1,000 more"
    num_bytes = kv_cache_bytes(config, num_tokens, dtype)
    return PlanLine(what, where, num_bytes, Need.CONVERSATION)


def _work(shape: ModelShape, device: torch.device, dtype: torch.dtype, limits: MemoryLimits) -> Iterator[PlanLine]:
    num_positions = planned_tokens(shape.config.text, limits)
    has_fp8 = keeps_fp8(device) and any(size.num_quantized for size in shape.sizes.values())
    reading = ReadingMemory(shape.config, device, dtype, has_fp8, num_positions)
    where = GPU if device.type == "cuda" else RAM
    what = f"Reading a prompt, {reading.num_tokens:,} tokens at a time"
    yield PlanLine(what, where, reading.num_bytes, Need.READING)
    itself = ("CUDA itself", GPU_PROGRAM_BYTES) if where == GPU else ("The program itself", PROGRAM_BYTES)
    yield PlanLine(itself[0], where, itself[1], Need.PROGRAM)


def limit_of(limits: MemoryLimits, device: torch.device) -> int | None:
    """What a person allows there."""
    return limits.gpu_bytes if device.type == "cuda" else limits.ram_bytes


def planned_tokens(config: TextConfig, limits: MemoryLimits) -> int:
    """Tokens of conversation that a plan makes room for: all that a person asks for, else what most need."""
    longest = context_length(config, limits)
    return longest if limits.context_length is not None else min(PLANNED_TOKENS, longest)


def context_length(config: TextConfig, limits: MemoryLimits) -> int:
    """Tokens that a conversation may have: what the checkpoint allows, or less where a person says so."""
    allowed = config.max_position_embeddings
    return allowed if limits.context_length is None else min(allowed, limits.context_length)


def kv_cache_bytes(config: TextConfig, num_tokens: int, dtype: torch.dtype) -> int:
    """Bytes of keys and values of a conversation; chunked layers stop growing at their chunk size."""
    per_position = 2 * config.num_key_value_heads * config.head_dim * dtype.itemsize
    chunk = config.attention_chunk_size or num_tokens
    kept = (min(num_tokens, chunk) if is_chunked else num_tokens for is_chunked in config.is_chunked_layer)
    return per_position * sum(kept)


def describe(lines: tuple[PlanLine, ...], where: str, free: int, name: str, *, is_limit: bool) -> MemoryPlan:
    """Sum up, and say what to do when it does not fit.

    Args:
        free: what there is for the model, either free now or a limit that a person set.
    """
    needed = sum(line.num_bytes for line in lines if line.where == where)
    summary = (
        f"{name} needs {gigabytes(needed)} of {where}; {gigabytes(free)} are {'allowed' if is_limit else 'free now'}."
    )
    if needed <= free:
        return MemoryPlan(lines, needed, free, summary)
    missing = f"{gigabytes(needed - free)} of {where} are missing"
    advice = f"{missing}: close other programs, or open a smaller or a quantized model."
    return MemoryPlan(lines, needed, free, summary, advice)


def gigabytes(num_bytes: int) -> str:
    """Decimal gigabytes for people: two digits below ten, none above."""
    value = num_bytes / 1e9
    return f"{value:.2f} GB" if value < 10 else f"{value:,.0f} GB"
