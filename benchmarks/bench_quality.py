"""What FP8 weights change in the answers: each scheme of `quantize` beside the bf16 original.

    python benchmarks/bench_quality.py [--questions 300] [--keep FOLDER]

Two models: Cria, asked held-out questions with their pictures, and read along the expected answers; and the random
1.4-billion-parameter checkpoint of `bench_decode.py`, along random tokens. Reported are the divergence of the next
token's distribution from that of the original (KL, nats, mean and 99th percentile), how often the likeliest token is
the same, the size, and for Cria how many answers are right. All arithmetic is float32, so that only weights differ.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import core_model
import resources
from benchmarks.bench_decode import prompt_ids, write_checkpoint
from benchmarks.common import print_result
from core_model.local_assistant import LocalAssistant
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.model.llama4 import Llama4
from core_model.text.chat_format import ChatFormat, PictureSpan
from core_model.text.tokenizer import load_tokenizer
from core_model.training.data.grading import HeldOutQuestion, held_out_questions
from core_model.training.evaluate import EVALUATION_SEED, asked, evaluate
from core_model.types import LoadRequest, Message, Role, TileGeometry
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import run_to_end
from core_model.weights.preprocessor import tile_geometry
from core_model.weights.quantize import quantize_checkpoint
from core_model.weights.quantize_plan import Scheme

THREADS = 2
RANDOM_PROMPTS = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """A text to read along: tokens, the tiles of its pictures, and from where on predictions count."""

    token_ids: list[int]
    tiles: Tensor | None
    first: int


def cria_readings(folder: Path, questions: Sequence[HeldOutQuestion]) -> Iterator[Reading]:
    """Held-out questions with the expected answers; predictions count within the answers."""
    tiles = tile_geometry(folder, Checkpoint.open(folder).config)
    assert tiles is not None, "Cria sees"
    chat = ChatFormat(load_tokenizer(folder), tiles)
    for question in questions:
        messages = asked(question)
        first = chat.prompt(messages).num_tokens
        whole = chat.prompt((*messages, Message.of(Role.ASSISTANT, question.expected)), continue_last=True)
        yield Reading(list(whole.token_ids), _tiles(whole.pictures, tiles), first)


def _tiles(pictures: Sequence[PictureSpan], geometry: TileGeometry) -> Tensor | None:
    cut = [normalize_tiles(picture_tiles(span.picture, geometry), torch.float32) for span in pictures]
    return torch.cat(cut) if cut else None


def random_readings() -> Iterator[Reading]:
    for seed in range(RANDOM_PROMPTS):
        yield Reading(prompt_ids(seed), None, 1)


@torch.inference_mode()
def distributions(model: Llama4, readings: Sequence[Reading]) -> list[Tensor]:
    """Log probabilities of the next token wherever it counts, for each reading. [T, V]"""
    return [
        model.logits(reading.token_ids, reading.tiles)[reading.first - 1 : -1].float().log_softmax(-1)
        for reading in readings
    ]


def compare(original: Sequence[Tensor], copy: Sequence[Tensor]) -> dict[str, float]:
    """KL divergence of the copy from the original, and agreement on the likeliest token."""
    pairs = list(zip(original, copy, strict=True))
    divergence = torch.cat([(p.exp() * (p - q)).sum(-1).clamp_min(0) for p, q in pairs]).double()
    same = torch.cat([p.argmax(-1) == q.argmax(-1) for p, q in pairs])
    return {
        "kl_mean": float(divergence.mean()),
        "kl_p99": float(divergence.quantile(0.99)),
        "top1_same": float(same.double().mean()),
        "tokens": len(same),
    }


def accuracy(folder: Path, questions: Sequence[HeldOutQuestion]) -> float:
    assistant = LocalAssistant()
    for _ in assistant.load(LoadRequest(folder, device="cpu")):
        pass
    verdicts = list(evaluate(assistant, questions))
    return sum(verdict.is_right for verdict in verdicts) / len(verdicts)


def schemes(
    original: Path, aside: Path, readings: Sequence[Reading], questions: Sequence[HeldOutQuestion]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Figures of the original and of its copy in each scheme."""
    expected = distributions(core_model.load_model(original), readings)
    for name in ("bf16", *Scheme):
        folder = original
        if name != "bf16":
            folder = aside / f"{original.name}-{name}"
            assert run_to_end(quantize_checkpoint(original, folder, Scheme(name)))
        found = compare(expected, distributions(core_model.load_model(folder), readings))
        found["mb"] = sum(file.stat().st_size for file in folder.glob("*.safetensors")) / 1e6
        if questions:
            found["answers_right"] = accuracy(folder, questions)
        yield name, found
        if folder != original:
            shutil.rmtree(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="folder of the random checkpoint, kept for the next run")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    cria = resources.built_in_model()
    questions = list(held_out_questions(arguments.questions, EVALUATION_SEED))
    results: dict[str, dict[str, dict[str, float]]] = {}
    with contextlib.ExitStack() as stack:
        aside = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        random = (arguments.keep or aside) / "bf16"
        if not (random / "model.safetensors").exists():
            write_checkpoint(random)
        results["cria"] = report("Cria", schemes(cria, aside, list(cria_readings(cria, questions)), questions))
        results["random"] = report("random weights", schemes(random, aside, list(random_readings()), ()))
    print_result("quality", threads=THREADS, settings={"questions": arguments.questions}, results=results)


def report(title: str, found: Iterator[tuple[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    print(f"{title:16}{'KL mean':>11}{'KL 99 %':>11}{'same top 1':>12}{'MB':>9}{'right':>8}")
    results = {}
    for name, run in found:
        results[name] = {key: round(value, 6) for key, value in run.items()}
        right = f"{run['answers_right']:8.1%}" if "answers_right" in run else ""
        print(
            f"{name:16}{run['kl_mean']:11.6f}{run['kl_p99']:11.6f}{run['top1_same']:12.2%}{run['mb']:9.0f}{right}",
            flush=True,
        )
    return results


if __name__ == "__main__":
    main()
