"""One open checkpoint: the model, its language, its session, and how it is computed on this machine.

What is cheap to check (tokenizer, defaults, tiles) is read before any weight, so that a folder that cannot work is
refused at once.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

import resources
from core_model.engine.choose_rounding import choose_rounding
from core_model.engine.choose_step import DecodeStep, choose_step
from core_model.engine.expert_history import ExpertHistory, history_file
from core_model.engine.expert_memory import ExpertMemory, OffloadedExperts
from core_model.engine.expert_report import NOTHING_YET, report_experts
from core_model.engine.expert_traffic import ExpertTraffic
from core_model.engine.holdings import Holdings
from core_model.engine.memory_budget import context_length
from core_model.engine.memory_plan import Placement
from core_model.engine.offload import offload_experts
from core_model.engine.placement import device_name, dtype_name, memory_use
from core_model.engine.reading_memory import ReadingMemory
from core_model.engine.session import Session
from core_model.engine.speed_estimate import Ceilings, measure_ceilings
from core_model.engine.stopping import Check, stop_check
from core_model.engine.two_lanes import Lane, TwoLanes, choose_lane
from core_model.errors import CheckpointError, OutOfMemoryError
from core_model.kernels import fp8_choice, fp8_gpu
from core_model.kernels.gemv import is_plain_gemv_faster
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE, ResidentExperts
from core_model.model.visiting import let_vision_visit
from core_model.text.chat_format import ChatFormat
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.types import ExpertReport, MemoryLimits, ModelInfo, ModelReport, ShouldStop, TileGeometry
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.file_watch import FileWatch
from core_model.weights.generation_defaults import GenerationDefaults, read_generation_defaults
from core_model.weights.match import FP8
from core_model.weights.memory_errors import is_out_of_memory
from core_model.weights.preprocessor import tile_geometry

log = logging.getLogger(__name__)

PLANNED_ANSWER = 1024  # tokens that room is made for beforehand


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """What stands between people's words and token ids; known before any weight is read."""

    tokenizer: Tokenizer
    chat_format: ChatFormat
    defaults: GenerationDefaults
    tiles: TileGeometry | None
    context_length: int

    @property
    def stop_ids(self) -> frozenset[int]:
        return frozenset(self.defaults.eos_token_ids) | self.tokenizer.stop_ids


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """Everything that belongs to one open checkpoint."""

    info: ModelInfo
    language: Language
    session: Session
    weights_bytes: int  # without experts that may come and go
    choices: tuple[str, ...]  # see `ModelReport`
    offloaded: OffloadedModel | None  # of a model whose experts do not all fit
    files: FileWatch  # of those that weights are views of
    holdings: Holdings
    has_fp8: bool

    def report(self, traffic: ExpertTraffic | None) -> ModelReport:
        """How it is doing; any thread.

        Args:
            traffic: of the last answer.
        """
        experts_bytes = 0 if self.offloaded is None else self.offloaded.memory.num_bytes
        conversation_bytes = self.session.cache.num_bytes
        memory = memory_use(self.weights_bytes + experts_bytes, conversation_bytes)
        experts = None if self.offloaded is None else self.offloaded.report(traffic)
        return ModelReport(memory, experts, self.choices, self.holdings.lines(conversation_bytes))

    def answer_bytes(self, num_tokens: int) -> int:
        """What reading a prompt of so many tokens takes on the way, and what it adds to the conversation's memory."""
        model = self.session.model
        reading = ReadingMemory(model.config, model.device, model.dtype, self.has_fp8, num_tokens)
        return reading.num_bytes + self.session.cache.growth_bytes(num_tokens + PLANNED_ANSWER)

    def close(self) -> None:
        """Close the files."""
        if self.offloaded is not None:
            self.offloaded.memory.close()


@dataclass(frozen=True, slots=True, eq=False)
class OffloadedModel:
    """What there is beside a model whose experts do not all fit."""

    memory: ExpertMemory
    history: ExpertHistory
    ceilings: Ceilings

    def report(self, traffic: ExpertTraffic | None) -> ExpertReport:
        return report_experts(self.memory, self.ceilings, NOTHING_YET if traffic is None else traffic.moved)


def open_language(checkpoint: Checkpoint, limits: MemoryLimits) -> Language:
    """Read and check all that does not need the weights.

    Raises:
        CheckpointError: a file is missing or damaged, or the tokenizer is another model's.
    """
    folder, config = checkpoint.folder, checkpoint.config
    tokenizer = load_tokenizer(folder)
    if tokenizer.vocab_size > config.text.vocab_size:
        raise CheckpointError(
            "Tokenizer does not fit the model",
            f"The tokenizer has {tokenizer.vocab_size:,} tokens, the model knows {config.text.vocab_size:,}.",
            "The folder mixes files of different models: download the model again.",
        )
    tiles = tile_geometry(folder, config)
    return Language(
        tokenizer,
        ChatFormat(tokenizer, tiles, config.image_token_id if tiles else None),
        read_generation_defaults(folder, config),
        tiles,
        context_length(config.text, limits),
    )


def assemble(
    checkpoint: Checkpoint,
    model: Llama4,
    language: Language,
    placement: Placement,
    should_stop: ShouldStop,
    *,
    is_reproducible: bool,
) -> LoadedModel:
    """Put the parts of an opened checkpoint together, and choose how it is computed on this machine.

    Args:
        placement: by which it was loaded; says which experts the model lacks.
        is_reproducible: choose nothing that may change an answer's bits from one time to the next.

    Raises:
        Stopped: `should_stop` said so.
        CheckpointError: an expert cannot be read.
        OutOfMemoryError: what was planned for is not there any more.
    """
    let_vision_visit(model)
    lane, check, offload = Lane(), stop_check(should_stop), placement.offload
    experts = None
    try:
        experts = None if offload is None else offload_experts(model, checkpoint, offload, lane)
        with nullcontext() if experts is None else experts.heeding(check):
            choices = _choose(model, experts, lane, check, is_reproducible)
        offloaded = None if experts is None else _offloaded(experts, checkpoint, model.device)
    except BaseException as error:
        if experts is not None:
            experts.close()
        if isinstance(error, RuntimeError | MemoryError) and is_out_of_memory(error):
            raise OutOfMemoryError(
                "Not enough memory",
                "Other programs took memory while the model was opened.",
                "Close some of them and open the model again.",
            ) from error
        raise
    session = Session(model, language.tiles, uses_plain_gemv=choices.uses_plain_gemv, program=choices.program)
    weights = [*model.parameters(), *(codes for codes in model.buffers() if codes.dtype == FP8)]
    held = sum(weight.nbytes for weight in weights)
    num_parameters = sum(weight.numel() for weight in weights) + (0 if offload is None else offload.num_parameters)
    for sentence in choices.sentences:
        log.info(sentence)
    info = _info(checkpoint, model, language, num_parameters)
    files = FileWatch(checkpoint.files_behind([*model.parameters(), *model.buffers()]))
    holdings = Holdings.of(placement.plan, model, experts, 0 if offload is None else offload.file_bytes)
    return LoadedModel(
        info, language, session, held, choices.sentences, offloaded, files, holdings, bool(_fp8_shapes(model))
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Choices:
    """How a model is computed on this machine."""

    program: DecodeStep | None
    uses_plain_gemv: bool
    sentences: tuple[str, ...]


def _choose(model: Llama4, experts: ExpertMemory | None, lane: Lane, check: Check, is_reproducible: bool) -> _Choices:
    sentences, by_time = [], not is_reproducible
    shapes, fetched, text = _fp8_shapes(model), _fetched_fp8_shapes(model), model.config.text
    if shapes and model.device.type == "cuda":
        shape = text.hidden_size, text.intermediate_size
        sentences.append(fp8_gpu.choose_kernels(shapes, by_time=by_time, shape=shape))
        sentences += choose_rounding(model, fp8_gpu.many_rows(), check)
    on_cpu = shapes if model.device.type == "cpu" else fetched  # the CPU may compute what a GPU lacks
    if on_cpu:
        sentences.append(fp8_choice.choose_kernels(on_cpu, model.dtype, by_time=by_time))
    if experts is not None and len(experts.tiers) > 1 and by_time:
        sentences.append(choose_lane(model, experts, lane, check))
    program, why = choose_step(model, by_time=by_time, memory=experts, check=check)
    return _Choices(program, by_time and _prefers_plain_gemv(model), (*sentences, why))


def _fp8_shapes(model: Llama4) -> set[tuple[int, int]]:
    """Of all its FP8 matrices [O, I]."""
    held = {(codes.shape[0], codes.shape[1]) for codes in model.buffers() if codes.dtype == FP8}
    return held | _fetched_fp8_shapes(model)


def _fetched_fp8_shapes(model: Llama4) -> set[tuple[int, int]]:
    """Of the matrices [O, I] of experts that are not held in the model."""
    sources = (module.source for module in model.modules() if isinstance(module, MoE))
    if not any(isinstance(source, OffloadedExperts | TwoLanes) and source.is_fp8 for source in sources):
        return set()
    text = model.config.text
    return {(text.intermediate_size, text.hidden_size), (text.hidden_size, text.intermediate_size)}


def _offloaded(experts: ExpertMemory, checkpoint: Checkpoint, device: torch.device) -> OffloadedModel:
    history = ExpertHistory(experts, history_file(checkpoint.folder))
    experts.cache.reset_counts()  # of the probes
    return OffloadedModel(experts, history, measure_ceilings(device, checkpoint.largest_file))


def _info(checkpoint: Checkpoint, model: Llama4, language: Language, num_parameters: int) -> ModelInfo:
    folder = checkpoint.folder
    is_built_in = folder.resolve() == resources.built_in_model().resolve()
    return ModelInfo(
        name="Cria" if is_built_in else display_name(folder),
        checkpoint=folder,
        num_parameters=num_parameters,
        context_length=language.context_length,
        device=device_name(model.device),
        dtype=dtype_name(model.dtype),
        tiles=language.tiles,
        is_built_in=is_built_in,
        defaults=language.defaults.sampling,
    )


def _prefers_plain_gemv(model: Llama4) -> bool:
    """Ask the probe, once all expert weights lie the way it needs."""
    experts = [module for module in model.modules() if isinstance(module, ResidentExperts)]
    if any(layer.gate_up_proj.is_contiguous() for layer in experts):
        return False
    linears = [module.weight for module in model.language_model.modules() if isinstance(module, nn.Linear)]
    return is_plain_gemv_faster(linears)


def display_name(folder: Path) -> str:
    """A checkpoint's name for people: its folder, with hub cache folders (`models--owner--name`) undone."""
    resolved = folder.resolve()
    for part in reversed(resolved.parts):
        if part.startswith("models--"):
            return part.split("--")[-1]
    return resolved.name
