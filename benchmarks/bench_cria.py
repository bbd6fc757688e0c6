"""How soon the built-in model answers about a picture, and how fast it streams, beside transformers in the same run.

    python benchmarks/bench_cria.py [--rounds 5]

Through `LocalAssistant`, as the window does it: from the request to the first piece of text, cutting and seeing the
picture included, then tokens a second; for a small drawing, a photograph of 12 megapixels, and a follow-up question.
transformers gets the same token ids and the same tiles, ready made, in float32 like ours. Two threads.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import resources
from benchmarks.common import print_result
from core_model.local_assistant import LocalAssistant
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.text.chat_format import ChatFormat
from core_model.text.tokenizer import load_tokenizer
from core_model.types import (
    Finished,
    GenerationRequest,
    LoadFinished,
    LoadRequest,
    Message,
    Role,
    SamplingParams,
    TextDelta,
    TileGeometry,
)
from media.types import Picture

THREADS = 2
NEW_TOKENS = 40
QUESTION = "Describe the picture."


def pictures() -> dict[str, Picture]:
    """A drawing, and noise of a photograph's size: what is in it does not change the work."""
    random = np.random.default_rng(0)
    drawing = np.full((300, 400, 3), 255, np.uint8)
    drawing[80:220, 130:270] = (220, 30, 30)
    return {
        "drawing 400 x 300": Picture(drawing),
        "photograph 4032 x 3024": Picture(random.integers(0, 256, (3024, 4032, 3), dtype=np.uint8)),
    }


def ask(assistant: LocalAssistant, messages: tuple[Message, ...]) -> tuple[float, float, str]:
    """Seconds to the first text, tokens a second, and the answer."""
    request = GenerationRequest(messages, SamplingParams(temperature=0.0, max_new_tokens=NEW_TOKENS))
    began, first_s, speed, text = time.perf_counter(), 0.0, 0.0, ""
    for event in assistant.stream(request):
        if isinstance(event, TextDelta):
            first_s = first_s or time.perf_counter() - began
            text += event.text
        elif isinstance(event, Finished):
            speed = event.stats.decode_tokens_per_s
    return first_s, speed, text


class Transformers:
    """The same model and prompt there."""

    def __init__(self, folder: Path, tiles: TileGeometry) -> None:
        import transformers

        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        self.model = transformers.Llama4ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        self.format, self.tiles = ChatFormat(load_tokenizer(folder), tiles), tiles

    @torch.inference_mode()
    def ask(self, messages: tuple[Message, ...]) -> tuple[float, float]:
        prompt = self.format.prompt(messages)
        tiles = [normalize_tiles(picture_tiles(span.picture, self.tiles), torch.float32) for span in prompt.pictures]
        ids = torch.tensor([prompt.token_ids])
        began = time.perf_counter()
        out = self.model(ids, pixel_values=torch.cat(tiles), use_cache=True, logits_to_keep=1)
        first_s, cache = time.perf_counter() - began, out.past_key_values
        began = time.perf_counter()
        for _ in range(NEW_TOKENS):
            out = self.model(out.logits[:, -1:].argmax(-1), past_key_values=cache, use_cache=True)
        return first_s, NEW_TOKENS / (time.perf_counter() - began)


def medians(work: Callable[[], tuple[float, ...]], rounds: int) -> tuple[float, ...]:
    runs = [work() for _ in range(rounds)]
    return tuple(statistics.median(values) for values in zip(*runs, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    folder, assistant = resources.built_in_model(), LocalAssistant()
    *_, loaded = assistant.load(LoadRequest(folder, device="cpu"))
    assert isinstance(loaded, LoadFinished)
    assert loaded.model is not None
    assert loaded.model.tiles is not None
    peer = Transformers(folder, loaded.model.tiles)
    results: dict[str, dict[str, float]] = {}
    for name, picture in pictures().items():
        messages = (Message.of(Role.USER, picture, QUESTION),)

        def fresh(messages: tuple[Message, ...] = messages) -> tuple[float, float]:
            ask(assistant, (Message.of(Role.USER, "hello"),))  # so that nothing of the picture is known
            return ask(assistant, messages)[:2]

        answer = ask(assistant, messages)[2]
        later = (*messages, Message.of(Role.ASSISTANT, answer), Message.of(Role.USER, "What colour is it?"))
        first_s, speed = medians(fresh, arguments.rounds)
        their_first_s, their_speed = medians(lambda messages=messages: peer.ask(messages), arguments.rounds)
        follow_up_s = statistics.median([_follow_up(assistant, messages, later) for _ in range(arguments.rounds)])
        results[name] = {
            "first_text_s": round(first_s, 3),
            "tokens_per_s": round(speed, 1),
            "follow_up_first_text_s": round(follow_up_s, 3),
            "transformers_first_token_s": round(their_first_s, 3),
            "transformers_tokens_per_s": round(their_speed, 1),
        }
    for name, row in results.items():
        print(name, *(f"{what} {value}" for what, value in row.items()), sep="\n    ")
    print(f"loaded in {loaded.load_s:.2f} s")
    print_result("cria", threads=THREADS, settings={"rounds": arguments.rounds}, results=results)


def _follow_up(assistant: LocalAssistant, messages: tuple[Message, ...], later: tuple[Message, ...]) -> float:
    ask(assistant, messages)
    return ask(assistant, later)[0]


if __name__ == "__main__":
    main()
