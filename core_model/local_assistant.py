"""The assistant on this machine: opens checkpoints and answers with the in-repo Llama 4.

It only composes: weights are read by `core_model.weights`, prompts written by `core_model.text`, answers made by
`core_model.engine`. One conversation is kept in memory, the last one, whichever it is; a question of another
conversation simply shares less of its beginning. Importing this module imports torch.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

import resources
from core_model.canvas import choose_canvas, num_picture_tokens
from core_model.engine.choose_step import choose_step
from core_model.engine.expert_history import ExpertHistory, history_file
from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.expert_traffic import ExpertTraffic
from core_model.engine.generator import StopCriteria, generate
from core_model.engine.memory_budget import context_length, expected_speed
from core_model.engine.memory_plan import place
from core_model.engine.model_shape import ModelShape
from core_model.engine.offload import Offload, offload_experts
from core_model.engine.placement import device_name, dtype_name, free_bytes, memory_use
from core_model.engine.sampler import Sampler
from core_model.engine.session import Session
from core_model.engine.two_lanes import Lane, choose_lane
from core_model.errors import CheckpointError, NotLoadedError, OutOfMemoryError, RequestError
from core_model.kernels.allocator import keep_freed_memory
from core_model.kernels.gemv import is_plain_gemv_faster
from core_model.model.image_tiles import picture_tiles
from core_model.model.llama4 import Llama4
from core_model.model.moe import ResidentExperts
from core_model.text.chat_format import ChatFormat
from core_model.text.stream_decoder import StreamDecoder
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.types import (
    Finished,
    GenerationEvent,
    GenerationRequest,
    LoadEvent,
    LoadFinished,
    LoadProgress,
    LoadRequest,
    MemoryLimits,
    MemoryPlan,
    MemoryUse,
    ModelInfo,
    Picture,
    PictureView,
    Role,
    SamplingParams,
    ShouldStop,
    TileGeometry,
    never_stop,
)
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.generation_defaults import GenerationDefaults, read_generation_defaults
from core_model.weights.load import load_steps
from core_model.weights.match import FP8
from core_model.weights.memory_errors import is_out_of_memory
from core_model.weights.preprocessor import tile_geometry


@dataclass(frozen=True, slots=True, eq=False)
class _Language:
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
class _Loaded:
    """Everything that belongs to one open checkpoint."""

    info: ModelInfo
    language: _Language
    session: Session
    weights_bytes: int
    experts: ExpertMemory | None  # of a model whose experts do not all fit
    history: ExpertHistory | None  # of the same


class LocalAssistant:
    """See `core_model.assistant.Assistant`."""

    def __init__(self) -> None:
        self._loaded: _Loaded | None = None
        keep_freed_memory()

    def load(self, request: LoadRequest, should_stop: ShouldStop = never_stop) -> Generator[LoadEvent, None, None]:
        began = time.perf_counter()
        self.unload()
        yield LoadProgress(0, 0, "Checking the files")
        checkpoint = Checkpoint.open(request.checkpoint)
        placement = place(checkpoint, request)
        placement.check(request.limits)
        language = _open_language(checkpoint, request.limits)  # everything that is cheap to check comes first
        offload = placement.offload
        model = yield from load_steps(
            checkpoint,
            placement.device,
            placement.dtype,
            should_stop,
            transpose_experts=placement.transpose_experts,
            keep_fp8=placement.keep_fp8,
            left_out=() if offload is None else offload.layers.keys(),
            in_ram=placement.in_ram,
        )
        if model is not None:
            self._loaded = _assemble(checkpoint, model, language, offload, request.is_reproducible)
        info = None if self._loaded is None else self._loaded.info
        yield LoadFinished(info, time.perf_counter() - began)

    def stream(
        self, request: GenerationRequest, should_stop: ShouldStop = never_stop
    ) -> Generator[GenerationEvent, None, None]:
        loaded = self._get()
        language = loaded.language
        is_continued = bool(request.messages) and request.messages[-1].role is Role.ASSISTANT
        prompt = language.chat_format.prompt(request.messages, continue_last=is_continued)
        sampler = _sampler(request.sampling, language.defaults.sampling)
        stop = StopCriteria(language.stop_ids, language.context_length, request.sampling.max_new_tokens)
        decoder = StreamDecoder(language.tokenizer)
        traffic = None if loaded.experts is None else ExpertTraffic(loaded.experts, free_bytes)
        try:
            for event in generate(loaded.session, prompt, sampler, decoder, stop, should_stop):
                if traffic is not None and isinstance(event, Finished):
                    event = replace(event, stats=replace(event.stats, experts=traffic.stats()))
                yield event
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            loaded.session.forget()
            raise _out_of_memory() from error
        finally:
            if loaded.history is not None:
                loaded.history.save()

    def unload(self) -> None:
        if self._loaded is not None and self._loaded.experts is not None:
            self._loaded.experts.close()
        self._loaded = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def plan(self, request: LoadRequest) -> MemoryPlan:
        checkpoint = Checkpoint.open(request.checkpoint)
        placement = place(checkpoint, request)
        shape = ModelShape.of_checkpoint(checkpoint)
        speed = expected_speed(shape, placement.device, placement.kept, checkpoint.largest_file)
        return replace(placement.plan, speed=speed)

    def memory(self) -> MemoryUse:
        loaded = self._loaded
        return memory_use(0, 0) if loaded is None else memory_use(loaded.weights_bytes, loaded.session.cache.num_bytes)

    def view(self, picture: Picture) -> PictureView:
        geometry = self._get().info.tiles
        if geometry is None:
            raise RequestError("This model sees no pictures", "The loaded model reads text only.")
        canvas = choose_canvas(picture.height, picture.width, geometry)
        tiles = picture_tiles(picture, geometry).permute(0, 2, 3, 1).contiguous().numpy()
        return PictureView(canvas.rows, canvas.cols, tuple(tiles), num_picture_tokens(canvas, geometry))

    def _get(self) -> _Loaded:
        if self._loaded is None:
            raise NotLoadedError
        return self._loaded


def _open_language(checkpoint: Checkpoint, limits: MemoryLimits) -> _Language:
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
    return _Language(
        tokenizer,
        ChatFormat(tokenizer, tiles, config.image_token_id if tiles else None),
        read_generation_defaults(folder, config),
        tiles,
        context_length(config.text, limits),
    )


def _assemble(
    checkpoint: Checkpoint, model: Llama4, language: _Language, offload: Offload | None, is_reproducible: bool
) -> _Loaded:
    folder = checkpoint.folder
    lane = Lane()
    experts = None if offload is None else offload_experts(model, checkpoint, offload, lane)
    weights = [*model.parameters(), *(codes for codes in model.buffers() if codes.dtype == FP8)]
    is_built_in = folder.resolve() == resources.built_in_model().resolve()
    info = ModelInfo(
        name="Cria" if is_built_in else display_name(folder),
        checkpoint=folder,
        num_parameters=sum(weight.numel() for weight in weights) + (0 if offload is None else offload.num_parameters),
        context_length=language.context_length,
        device=device_name(model.device),
        dtype=dtype_name(model.dtype),
        tiles=language.tiles,
        is_built_in=is_built_in,
        defaults=language.defaults.sampling,
    )
    prefers_plain_gemv = _prefers_plain_gemv(model)
    if experts is not None and len(experts.tiers) > 1 and not is_reproducible:
        choose_lane(model, experts, lane)
    session = Session(model, language.tiles, uses_plain_gemv=prefers_plain_gemv, native=choose_step(model))
    held = sum(weight.nbytes for weight in weights) + (0 if offload is None else offload.kept_bytes)
    history = None if experts is None else ExpertHistory(experts, history_file(folder))
    return _Loaded(info, language, session, held, experts, history)


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


def _sampler(asked: SamplingParams, defaults: SamplingParams) -> Sampler:
    """Settings with nothing left open."""
    temperature = defaults.temperature if asked.temperature is None else asked.temperature
    top_p = defaults.top_p if asked.top_p is None else asked.top_p
    assert temperature is not None, "a checkpoint's defaults leave nothing open"
    assert top_p is not None, "a checkpoint's defaults leave nothing open"
    return Sampler(temperature, top_p, asked.seed)


def _out_of_memory() -> OutOfMemoryError:
    return OutOfMemoryError(
        "Not enough memory",
        "Memory ran out while answering. What was written so far is kept.",
        "Close other programs, ask with fewer pictures, or start a new conversation.",
    )
