"""The assistant on this machine: opens checkpoints and answers with the in-repo Llama 4.

It only composes: weights are read by `core_model.weights`, prompts written by `core_model.text`, answers made by
`core_model.engine`. One conversation is kept in memory, the last one, whichever it is; a question of another
conversation simply shares less of its beginning. Importing this module imports torch.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from functools import partial

import torch

from core_model.canvas import choose_canvas, num_picture_tokens
from core_model.engine.expert_traffic import ExpertTraffic
from core_model.engine.generator import StopCriteria, generate, no_room
from core_model.engine.memory_budget import expected_speed
from core_model.engine.memory_plan import place
from core_model.engine.model_shape import ModelShape
from core_model.engine.placement import free_bytes, memory_use
from core_model.engine.sampler import Sampler
from core_model.engine.stopping import Stopped, beside, stop_check
from core_model.errors import NotLoadedError, OutOfMemoryError, QuestionTooLongError, RequestError
from core_model.kernels.allocator import keep_freed_memory
from core_model.loaded_model import LoadedModel, assemble, open_language
from core_model.model.image_tiles import picture_tiles
from core_model.text.chat_format import ChatFormat
from core_model.text.stream_decoder import StreamDecoder
from core_model.types import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    LoadEvent,
    LoadFinished,
    LoadProgress,
    LoadRequest,
    MemoryPlan,
    Message,
    ModelReport,
    Picture,
    PictureView,
    PrefillProgress,
    Role,
    SamplingParams,
    ShouldStop,
    TileGeometry,
    never_stop,
)
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps
from core_model.weights.memory_errors import is_out_of_memory


class LocalAssistant:
    """See `core_model.assistant.Assistant`."""

    def __init__(self) -> None:
        self._loaded: LoadedModel | None = None
        self._traffic: ExpertTraffic | None = None  # of the last answer
        keep_freed_memory()

    def load(self, request: LoadRequest, should_stop: ShouldStop = never_stop) -> Generator[LoadEvent, None, None]:
        began = time.perf_counter()
        self.unload()
        yield LoadProgress(0, 0, "Checking the files")
        checkpoint = Checkpoint.open(request.checkpoint)
        placement = place(checkpoint, request)
        placement.check(request.limits)
        language = open_language(checkpoint, request.limits)  # everything that is cheap to check comes first
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
            needed = placement.plan.needed_bytes
            yield LoadProgress(needed, needed, "Trying what is fastest on this machine")
            with suppress(Stopped):
                self._loaded = assemble(
                    checkpoint, model, language, placement, should_stop, is_reproducible=request.is_reproducible
                )
        info = None if self._loaded is None else self._loaded.info
        yield LoadFinished(info, time.perf_counter() - began)

    def stream(
        self, request: GenerationRequest, should_stop: ShouldStop = never_stop
    ) -> Generator[GenerationEvent, None, None]:
        loaded, check = self._get(), stop_check(should_stop)
        loaded.files.look()
        language = loaded.language
        is_continued = bool(request.messages) and request.messages[-1].role is Role.ASSISTANT
        try:  # a pasted book takes the tokenizer half a second
            prompt = beside(partial(language.chat_format.prompt, request.messages, continue_last=is_continued), check)
        except Stopped:
            yield Finished(FinishReason.CANCELLED)
            return
        sampler = _sampler(request.sampling, language.defaults.sampling)
        stop = StopCriteria(language.stop_ids, language.context_length, request.sampling.max_new_tokens)
        if prompt.num_tokens >= stop.context_length:
            _look_at_question(language.chat_format, request.messages, stop)
        decoder = StreamDecoder(language.tokenizer)
        traffic, make_room = None, no_room
        heeding: AbstractContextManager[None] = nullcontext()
        if loaded.offloaded is not None:
            needed = loaded.answer_bytes(prompt.num_tokens)
            traffic = self._traffic = ExpertTraffic(loaded.offloaded.memory, free_bytes, needed)
            make_room, heeding = traffic.make_room, loaded.offloaded.memory.heeding(check)
        try:
            with heeding:
                events = generate(loaded.session, prompt, sampler, decoder, stop, should_stop, make_room)
                for event in _counted(events, traffic):
                    if isinstance(event, Finished):
                        loaded.files.look()
                    else:
                        loaded.files.look_now_and_then()
                    yield event
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            loaded.session.forget()
            raise _out_of_memory() from error
        finally:
            if loaded.offloaded is not None:
                loaded.offloaded.history.save()

    def unload(self) -> None:
        if self._loaded is not None:
            self._loaded.close()
        self._loaded = self._traffic = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def plan(self, request: LoadRequest) -> MemoryPlan:
        checkpoint = Checkpoint.open(request.checkpoint)
        placement = place(checkpoint, request)
        shape = ModelShape.of_checkpoint(checkpoint)
        speed = expected_speed(shape, placement.device, placement.kept, checkpoint.largest_file)
        return replace(placement.plan, speed=speed)

    def report(self) -> ModelReport:
        loaded = self._loaded
        return ModelReport(memory_use(0, 0)) if loaded is None else loaded.report(self._traffic)

    def count_tokens(self, text: str) -> int:
        return len(self._get().language.tokenizer.encode(text))

    def view(self, picture: Picture, tiles: TileGeometry | None = None) -> PictureView:
        geometry = tiles or self._get().info.tiles
        if geometry is None:
            raise RequestError("This model sees no pictures", "The loaded model reads text only.")
        canvas = choose_canvas(picture.height, picture.width, geometry)
        pixels = picture_tiles(picture, geometry).permute(0, 2, 3, 1).contiguous().numpy()
        return PictureView(canvas.rows, canvas.cols, tuple(pixels), num_picture_tokens(canvas, geometry))

    def _get(self) -> LoadedModel:
        if self._loaded is None:
            raise NotLoadedError
        return self._loaded


def _counted(events: Iterator[GenerationEvent], traffic: ExpertTraffic | None) -> Iterator[GenerationEvent]:
    """The same events; says when the prompt is read, and at the end what the answer cost in experts."""
    for event in events:
        if traffic is not None and isinstance(event, PrefillProgress) and event.num_done == event.num_total:
            traffic.prompt_is_read()
        if traffic is not None and isinstance(event, Finished):
            event = replace(event, stats=replace(event.stats, experts=traffic.stats()))
        yield event


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


def _look_at_question(chat_format: ChatFormat, messages: Sequence[Message], stop: StopCriteria) -> None:
    """Refuse a question that would be too long in any conversation; what else is too long is refused later."""
    questions = [message for message in messages if message.role is Role.USER]
    if not questions:
        return
    prompt = chat_format.prompt(questions[-1:])
    if prompt.num_tokens < stop.context_length:
        return
    in_pictures = sum(span.end - span.start for span in prompt.pictures)
    number = len(prompt.pictures)
    pictures = "picture takes" if number == 1 else f"{number:,} pictures take"
    attached = " with what is attached to it" if len(questions[-1].parts) > 1 else ""
    share = f" Its {pictures} {in_pictures:,} of them." if number else ""
    raise QuestionTooLongError(
        "Too long for this model",
        f"This question alone has {prompt.num_tokens:,} tokens{attached}; this model holds "
        f"{stop.context_length:,}, its answer included.{share}",
        "Ask with less text or fewer attachments, or open a model with a longer context.",
    )
