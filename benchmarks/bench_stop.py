"""How late a stop is heard: while pictures are seen, while prompts are read, and while answers are written.

    python benchmarks/bench_stop.py [--stops 12] [--layers 8]

Two models. Cria answers through `LocalAssistant`, as in the window, and a stop counts until the stream has ended. A
model with the widths of Scout (random FP8 weights, fewer layers and experts) has the longest pieces of work that a real
checkpoint gives this machine; there a stop counts until the step is left. Stops come at random moments. The peer is
transformers with Cria, which can be asked to stop between two tokens of `generate`. Two threads.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import resources
from benchmarks.common import print_result
from benchmarks.random_model import random_codes, random_model
from core_model.canvas import choose_canvas
from core_model.config import parse_config
from core_model.engine.choose_step import choose_step
from core_model.engine.model_shape import published_shapes
from core_model.engine.session import Session
from core_model.engine.stopping import Stopped
from core_model.kernels.allocator import keep_freed_memory
from core_model.local_assistant import LocalAssistant
from core_model.model.fp8 import Fp8Experts, Fp8Linear
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.text.chat_format import ChatFormat, PictureSpan, Prompt
from core_model.text.tokenizer import load_tokenizer
from core_model.types import (
    GenerationRequest,
    LoadFinished,
    LoadRequest,
    Message,
    ModelInfo,
    Role,
    SamplingParams,
    ShouldStop,
    TileGeometry,
    never_stop,
)
from media.types import Picture

THREADS = 2
PROMPT_TOKENS = 4096
VISION_LAYERS = 4  # a stop is heard between two of them, however many there are
CONTEXT = 2000  # tokens of Cria's long prompt, about

Work = Callable[[ShouldStop], object]  # raises `Stopped`, or ends early; or goes on for too long


class Button:
    """Somebody who stops at a moment, and remembers it."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self.began = time.perf_counter()

    def is_pressed(self) -> bool:
        return time.perf_counter() - self.began >= self._after_s

    @property
    def late_ms(self) -> float:
        return 1000 * (time.perf_counter() - self.began - self._after_s)


def stops(work: Work, num_stops: int) -> dict[str, float]:
    """Stop some work at random moments. Also says how long it takes when nobody stops it."""
    began = time.perf_counter()
    with suppress(Stopped):
        work(never_stop)
    whole_s, chance, late = time.perf_counter() - began, random.Random(0), []
    for _ in range(num_stops):
        button = Button(chance.uniform(0.0, 0.9) * whole_s)
        with suppress(Stopped):
            work(button.is_pressed)
        if button.is_pressed():
            late.append(button.late_ms)
    return {"median_ms": statistics.median(late), "worst_ms": max(late), "unstopped_ms": 1000 * whole_s}


# Scout's widths


def wide_model(num_layers: int) -> Llama4:
    """Scout's shape with few layers, two experts in each, and random weights, all of it in memory."""
    config: dict[str, Any] = json.loads(published_shapes()["scout"].read_text(encoding="utf-8"))
    config["text_config"] |= {"num_hidden_layers": num_layers, "num_local_experts": 2}
    config["vision_config"] |= {"num_hidden_layers": VISION_LAYERS}
    model = random_model(parse_config(config), torch.device("cpu"))
    text = model.config.text
    for module in model.modules():
        if isinstance(module, MoE):
            module.experts = Fp8Experts(text.num_local_experts, text.hidden_size, text.intermediate_size)
            for linear in module.experts.modules():
                if isinstance(linear, Fp8Linear):
                    linear.codes = random_codes(linear.codes.shape, torch.device("cpu"))
                    linear.scales.fill_(linear.codes.shape[0] ** -0.5 / 100)
    return model


def wide(num_layers: int, num_stops: int) -> dict[str, dict[str, float]]:
    model = wide_model(num_layers)
    native, sentence = choose_step(model, by_time=False)
    print(sentence)
    tiles = TileGeometry(336, 16, 144)
    session = Session(model, tiles, program=native)
    ids = torch.randint(3, 200_000, (PROMPT_TOKENS,)).tolist()

    def see(should_stop: ShouldStop) -> None:
        """A photograph of 12 megapixels, new each time."""
        session.forget()
        photograph = Picture(np.random.default_rng(0).integers(0, 256, (3024, 4032, 3), dtype=np.uint8))
        for _ in session.read(picture_prompt(model, photograph, tiles), should_stop):
            pass

    def read(should_stop: ShouldStop) -> None:
        session.forget()
        for _ in session.read(Prompt(tuple(ids)), should_stop):
            pass

    def write(should_stop: ShouldStop) -> None:
        for token in ids[:20]:
            session.feed(token, should_stop)

    found = {"seeing a photograph": stops(see, num_stops), "reading a prompt": stops(read, num_stops)}
    with suppress(Stopped):
        read(Button(1.0).is_pressed)
    list(session.read(Prompt(tuple(ids[:64])), never_stop))
    return found | {"writing": stops(write, num_stops)}


def picture_prompt(model: Llama4, picture: Picture, tiles: TileGeometry) -> Prompt:
    """Patch tokens alone: what stands around them takes no time."""
    canvas = choose_canvas(picture.height, picture.width, tiles)
    num_tiles = canvas.rows * canvas.cols + canvas.has_global_view
    ids = [5, *[model.config.image_token_id] * (num_tiles * tiles.tokens_per_tile), 5]
    return Prompt(tuple(ids), (PictureSpan(picture, canvas, 1, len(ids) - 1),))


# Cria, as in the window


def questions() -> dict[str, tuple[Message, ...]]:
    random_bits = np.random.default_rng(0)
    photograph = Picture(random_bits.integers(0, 256, (3024, 4032, 3), dtype=np.uint8))
    long_text = "red circle and blue square " * (CONTEXT // 6)
    return {
        "seeing a photograph": (Message.of(Role.USER, photograph, "What is this?"),),
        "reading a prompt": (Message.of(Role.USER, long_text),),
        "writing": (Message.of(Role.USER, "hello"),),
    }


def built_in(num_stops: int) -> dict[str, dict[str, float]]:
    assistant = LocalAssistant()
    info = load(assistant)
    found = {}
    for name, messages in questions().items():
        length = 200 if name == "writing" else 1
        request = GenerationRequest(messages, SamplingParams(temperature=5.0, max_new_tokens=length))  # it rambles

        def work(should_stop: ShouldStop, request: GenerationRequest = request) -> None:
            for _ in assistant.stream(GenerationRequest((Message.of(Role.USER, "x"),), request.sampling), never_stop):
                break  # forget the last question
            for _ in assistant.stream(request, should_stop):
                pass

        found[name] = stops(work, num_stops)
    assistant.unload()
    assert info.tiles is not None
    return found


def load(assistant: LocalAssistant) -> ModelInfo:
    *_, last = assistant.load(LoadRequest(resources.built_in_model(), device="cpu"))
    assert isinstance(last, LoadFinished)
    assert last.model is not None
    return last.model


def peer(num_stops: int) -> dict[str, dict[str, float]]:
    """transformers, told to stop in the way it offers: a criterion that it looks at behind every token."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    folder = resources.built_in_model()
    model = transformers.Llama4ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    assistant = LocalAssistant()
    tiles = load(assistant).tiles
    assert tiles is not None
    chat, found = ChatFormat(load_tokenizer(folder), tiles), {}
    for name, messages in questions().items():
        prompt = chat.prompt(messages)
        pictures = [normalize_tiles(picture_tiles(span.picture, tiles), torch.float32) for span in prompt.pictures]
        inputs = {"input_ids": torch.tensor([prompt.token_ids])}
        inputs |= {"pixel_values": torch.cat(pictures)} if pictures else {}

        def work(should_stop: ShouldStop, inputs: dict[str, Any] = inputs, name: str = name) -> None:
            length = 200 if name == "writing" else 1
            ask = [lambda *_, **__: torch.tensor([should_stop()])]
            model.generate(
                **inputs, min_new_tokens=length, max_new_tokens=length, do_sample=False, stopping_criteria=ask
            )

        found[name] = stops(work, num_stops)
    return found


def show(who: str, found: dict[str, dict[str, float]]) -> None:
    for name, times in found.items():
        print(f"{who:14}{name:22}" + "".join(f"{what:>14} {value:8.0f}" for what, value in times.items()))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=12)
    parser.add_argument("--layers", type=int, default=8)
    options = parser.parse_args(arguments)
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    results = {
        "Cria": built_in(options.stops),
        "transformers": peer(options.stops),
        "Scout's widths": wide(options.layers, options.stops),
    }
    for who, found in results.items():
        show(who, found)
    rounded = {
        who: {name: {what: round(value, 1) for what, value in times.items()} for name, times in found.items()}
        for who, found in results.items()
    }
    worst = max(times["worst_ms"] for who in ("Cria", "Scout's widths") for times in results[who].values())
    settings = {"stops": options.stops, "layers": options.layers, "prompt_tokens": PROMPT_TOKENS}
    print_result("stop", threads=THREADS, settings=settings, results={**rounded, "worst_ms": round(worst, 1)})


if __name__ == "__main__":
    main()
