"""The assistant on this machine: opens checkpoints and answers with the in-repo Llama 4.

It only composes: weights are read by `core_model.weights`, prompts written by `core_model.text`, answers made by
`core_model.engine`. One conversation is kept in memory, the last one, whichever it is; a question of another
conversation simply shares less of its beginning. Importing this module imports torch.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

import resources
from core_model.canvas import choose_canvas, num_picture_tokens
from core_model.engine.generator import Ending, generate
from core_model.engine.memory_plan import plan_memory
from core_model.engine.placement import (
    choose_device,
    choose_dtype,
    device_name,
    dtype_name,
    has_room_to_turn,
    memory_use,
)
from core_model.engine.sampler import Sampler
from core_model.engine.session import Session
from core_model.errors import CheckpointError, NotLoadedError, OutOfMemoryError, RequestError
from core_model.kernels.one_row import is_native_faster
from core_model.model.image_tiles import picture_tiles
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.text.chat_format import ChatFormat
from core_model.text.stream_decoder import StreamDecoder
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.types import (
    GenerationEvent,
    GenerationRequest,
    LoadEvent,
    LoadFinished,
    LoadRequest,
    MemoryPlan,
    MemoryUse,
    ModelInfo,
    Picture,
    PictureView,
    Role,
    SamplingParams,
    ShouldStop,
    never_stop,
)
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.generation_defaults import GenerationDefaults, read_generation_defaults
from core_model.weights.load import load_steps
from core_model.weights.name_map import Group
from core_model.weights.preprocessor import tile_geometry
from core_model.weights.sizes import group_sizes


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """Everything that belongs to one open checkpoint."""

    info: ModelInfo
    tokenizer: Tokenizer
    chat_format: ChatFormat
    defaults: GenerationDefaults
    session: Session
    weights_bytes: int


class LocalAssistant:
    """See `core_model.assistant.Assistant`."""

    def __init__(self) -> None:
        self._loaded: _Loaded | None = None

    def load(self, request: LoadRequest, should_stop: ShouldStop = never_stop) -> Generator[LoadEvent, None, None]:
        began = time.perf_counter()
        self.unload()
        device = choose_device(request.device)
        checkpoint = Checkpoint.open(request.checkpoint)
        sizes = group_sizes(checkpoint)
        dtype = choose_dtype(device, sum(size.num_parameters for size in sizes.values()))
        turn_experts = has_room_to_turn(device, dtype, sizes[Group.ROUTED_EXPERTS].num_parameters)
        tokenizer = load_tokenizer(request.checkpoint)
        model = yield from load_steps(request.checkpoint, device, dtype, should_stop, turn_experts=turn_experts)
        if model is not None:
            self._loaded = _assemble(request, model, tokenizer)
        info = None if self._loaded is None else self._loaded.info
        yield LoadFinished(info, time.perf_counter() - began)

    def stream(
        self, request: GenerationRequest, should_stop: ShouldStop = never_stop
    ) -> Generator[GenerationEvent, None, None]:
        loaded = self._get()
        is_continued = bool(request.messages) and request.messages[-1].role is Role.ASSISTANT
        prompt = loaded.chat_format.prompt(request.messages, continue_last=is_continued)
        sampling = _resolve(request.sampling, loaded.defaults)
        ending = Ending(
            frozenset(loaded.defaults.eos_token_ids) | loaded.tokenizer.stop_ids,
            loaded.info.context_length,
            sampling.max_new_tokens,
        )
        assert sampling.temperature is not None, "resolved"
        assert sampling.top_p is not None, "resolved"
        sampler = Sampler(sampling.temperature, sampling.top_p, sampling.seed)
        with _out_of_memory_explained():
            yield from generate(loaded.session, prompt, sampler, StreamDecoder(loaded.tokenizer), ending, should_stop)

    def unload(self) -> None:
        self._loaded = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def plan(self, request: LoadRequest) -> MemoryPlan:
        return plan_memory(request)

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


def _assemble(request: LoadRequest, model: Llama4, tokenizer: Tokenizer) -> _Loaded:
    folder, config = request.checkpoint, model.config
    if tokenizer.vocab_size > config.text.vocab_size:
        raise CheckpointError(
            "Tokenizer does not fit the model",
            f"The tokenizer has {tokenizer.vocab_size:,} tokens, the model knows {config.text.vocab_size:,}.",
            "The folder mixes files of different models: download the model again.",
        )
    tiles = tile_geometry(folder, config)
    defaults = read_generation_defaults(folder, config)
    parameters = list(model.parameters())
    info = ModelInfo(
        name=display_name(folder),
        checkpoint=folder,
        num_parameters=sum(parameter.numel() for parameter in parameters),
        context_length=min(config.text.max_position_embeddings, request.limits.context_length or 2**62),
        device=device_name(model.device),
        dtype=dtype_name(model.dtype),
        tiles=tiles,
        is_built_in=folder.resolve() == resources.built_in_model().resolve(),
        defaults=defaults.sampling,
    )
    chat_format = ChatFormat(tokenizer, tiles, config.image_token_id if tiles else None, info.max_pictures)
    weights_bytes = sum(parameter.nbytes for parameter in parameters)
    session = Session(model, tiles, uses_native_products=_prefers_native_products(model))
    return _Loaded(info, tokenizer, chat_format, defaults, session, weights_bytes)


def _prefers_native_products(model: Llama4) -> bool:
    """Ask the probe, once all expert weights lie the way it needs."""
    experts = [module.experts for module in model.modules() if isinstance(module, MoE)]
    if any(layer.gate_up_proj.is_contiguous() for layer in experts):
        return False
    linears = [module.weight for module in model.language_model.modules() if isinstance(module, nn.Linear)]
    return is_native_faster(linears)


def display_name(folder: Path) -> str:
    """A checkpoint's name for people: its folder, with hub cache folders (`models--owner--name`) undone."""
    resolved = folder.resolve()
    for part in reversed(resolved.parts):
        if part.startswith("models--"):
            return part.split("--")[-1]
    return "Cria" if resolved.name == "cria" else resolved.name


def _resolve(asked: SamplingParams, defaults: GenerationDefaults) -> SamplingParams:
    """Settings with nothing left open."""
    default = defaults.sampling
    return replace(
        asked,
        temperature=default.temperature if asked.temperature is None else asked.temperature,
        top_p=default.top_p if asked.top_p is None else asked.top_p,
    )


@contextmanager
def _out_of_memory_explained() -> Generator[None, None, None]:
    """Torch's two ways of running out of memory, in words."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory() from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error) and "not enough memory" not in str(error):
            raise
        raise _out_of_memory() from error


def _out_of_memory() -> OutOfMemoryError:
    return OutOfMemoryError(
        "Not enough memory",
        "Memory ran out while answering. What was written so far is kept.",
        "Close other programs, ask with fewer pictures, or start a new conversation.",
    )
