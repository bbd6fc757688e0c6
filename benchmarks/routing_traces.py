"""Which experts a model calls, token by token: recorded from a model that is run here, or made up.

    python benchmarks/routing_traces.py TRACE.npz [--model FOLDER | --random EXPERTS] [--tokens 2000]

A checkpoint with a tokenizer answers questions of Cria's own evaluation; one without reads prompts of random tokens and
goes on with tokens drawn from what it says. `--random` writes such a checkpoint first, in the shape of
`bench_decode.py` but narrower, so that it takes seconds; `--model` takes any other, that of `bench_offload.py --keep`
among them. Made up traces follow Zipf's law, each layer in an order of its own, with a chance that a layer stays with
the expert of the token before. What is recorded is every call of a router: prompts as they are read, then one token at
a time. The compiled step is not used meanwhile, since it calls no router that could be listened to.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import resources
from benchmarks.bench_decode import CONFIG, write_checkpoint
from core_model.engine.session import Session
from core_model.local_assistant import LocalAssistant
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE, route
from core_model.text.chat_format import Prompt
from core_model.training.data.grading import held_out_questions
from core_model.training.evaluate import asked
from core_model.types import GenerationRequest, LoadRequest, SamplingParams, never_stop
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end

PROMPT_TOKENS, ANSWER_TOKENS = 64, 96  # of a model without a tokenizer
NARROW = {"hidden_size": 256, "intermediate_size": 256, "num_attention_heads": 4, "head_dim": 64, "vocab_size": 4096}


@dataclass(frozen=True, slots=True)
class Trace:
    """The experts that tokens called, in the order in which they were read."""

    name: str
    experts: npt.NDArray[np.int64]  # [tokens, layers]
    lengths: npt.NDArray[np.int64]  # tokens of each step: a piece of a prompt, or one
    num_experts: int

    @property
    def num_layers(self) -> int:
        return int(self.experts.shape[1])

    def save(self, file: Path) -> None:
        """A byte or two for each call, compressed."""
        dtype = np.uint8 if self.num_experts <= 256 else np.uint16
        np.savez_compressed(
            file,
            name=self.name,
            experts=self.experts.astype(dtype),
            lengths=self.lengths.astype(np.uint32),
            num_experts=self.num_experts,
        )

    @classmethod
    def load(cls, file: Path) -> Trace:
        with np.load(file) as stored:
            experts, lengths = stored["experts"].astype(np.int64), stored["lengths"].astype(np.int64)
            return cls(str(stored["name"]), experts, lengths, int(stored["num_experts"]))


def synthetic(num_tokens: int, num_layers: int, num_experts: int, skew: float, stay: float, seed: int = 0) -> Trace:
    """Experts by Zipf's law with exponent `skew`; with chance `stay` a layer's expert is that of the token before."""
    chance = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, num_experts + 1) ** skew
    ranks = chance.choice(num_experts, size=(num_tokens, num_layers), p=weights / weights.sum())
    order = np.stack([chance.permutation(num_experts) for _ in range(num_layers)])
    experts = order[np.arange(num_layers), ranks]
    stays = chance.random((num_tokens, num_layers)) < stay
    for token in range(1, num_tokens):
        experts[token] = np.where(stays[token], experts[token - 1], experts[token])
    name = f"made up: {num_experts} experts, skew {skew:g}, stay {stay:g}"
    return Trace(name, experts, np.ones(num_tokens, np.int64), num_experts)


def turning(num_tokens: int, num_layers: int, num_experts: int, skew: float, period: int) -> Trace:
    """The same, but which experts are popular changes every `period` tokens, as when the subject does."""
    parts = [synthetic(period, num_layers, num_experts, skew, 0.0, seed) for seed in range(-(-num_tokens // period))]
    experts = np.concatenate([part.experts for part in parts])[:num_tokens]
    name = f"made up: {num_experts} experts, skew {skew:g}, another order every {period}"
    return Trace(name, experts, np.ones(len(experts), np.int64), num_experts)


@contextmanager
def listening(model: Llama4) -> Iterator[list[list[npt.NDArray[np.int64]]]]:
    """Meanwhile the choices of each layer's router are noted, call by call."""
    mixtures = [module for module in model.modules() if isinstance(module, MoE)]
    calls: list[list[npt.NDArray[np.int64]]] = [[] for _ in mixtures]

    def hear(into: list[npt.NDArray[np.int64]]) -> Callable[[object, object, torch.Tensor], None]:
        return lambda _router, _inputs, logits: into.append(route(logits, 1)[1].flatten().numpy())

    hooks = [moe.router.register_forward_hook(hear(heard)) for moe, heard in zip(mixtures, calls, strict=True)]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def trace_of(name: str, model: Llama4, calls: list[list[npt.NDArray[np.int64]]]) -> Trace:
    assert model.config.text.num_experts_per_tok == 1, "of several experts for a token only one would be noted"
    experts = np.stack([np.concatenate(heard) for heard in calls], axis=1)
    return Trace(name, experts, np.array([len(call) for call in calls[0]]), model.config.text.num_local_experts)


def record(folder: Path, num_tokens: int) -> Trace:
    """What a checkpoint's routers do until so many tokens were read."""
    has_words = any((folder / name).exists() for name in ("tokenizer.json", "tokenizer.model"))
    return record_answers(folder, num_tokens) if has_words else record_random_text(folder, num_tokens)


def record_answers(folder: Path, num_tokens: int) -> Trace:
    assistant = LocalAssistant()
    for _ in assistant.load(LoadRequest(folder, device="cpu")):
        pass
    assert assistant._loaded is not None
    session = assistant._loaded.session
    session._native = None  # it would be faster, and silent
    with listening(session.model) as calls:
        for question in held_out_questions(num_tokens, 11):
            for _ in assistant.stream(GenerationRequest(asked(question), SamplingParams(temperature=0.0))):
                pass
            if sum(map(len, calls[0])) >= num_tokens:
                break
    is_built_in = folder.resolve() == resources.built_in_model().resolve()
    name = "Cria answers questions about pictures" if is_built_in else f"{folder.name} answers questions"
    return trace_of(name, session.model, calls)


def record_random_text(folder: Path, num_tokens: int) -> Trace:
    checkpoint = Checkpoint.open(folder)
    model = run_to_end(load_steps(checkpoint, torch.device("cpu"), torch.bfloat16, keep_fp8=True))
    assert model is not None, "nobody stops this load"
    generator = torch.Generator().manual_seed(0)
    with listening(model) as calls:
        while sum(map(len, calls[0])) < num_tokens:
            session = Session(model, None)
            prompt = torch.randint(0, model.config.text.vocab_size, (PROMPT_TOKENS,), generator=generator)
            list(session.read(Prompt(tuple(prompt.tolist())), never_stop))
            for _ in range(ANSWER_TOKENS):
                drawn = torch.multinomial(session.logits.float().softmax(-1), 1, generator=generator)
                session.feed(int(drawn), never_stop)
    return trace_of(f"random weights, {model.config.text.num_local_experts} experts", model, calls)


def record_random(num_experts: int, num_tokens: int) -> Trace:
    """Of a checkpoint with random weights that is written for this."""
    config = CONFIG | NARROW | {"num_local_experts": num_experts}
    with tempfile.TemporaryDirectory() as folder:
        write_checkpoint(Path(folder), config)
        return record_random_text(Path(folder), num_tokens)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trace", type=Path, help="file to write, .npz")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model", type=Path, help="folder; the built-in model when none is given")
    source.add_argument("--random", type=int, metavar="EXPERTS", help="of a model with random weights")
    parser.add_argument("--tokens", type=int, default=2000)
    options = parser.parse_args()
    if options.random:
        trace = record_random(options.random, options.tokens)
    else:
        trace = record(options.model or resources.built_in_model(), options.tokens)
    trace.save(options.trace)
    alone = int((trace.lengths == 1).sum())
    print(f"{trace.name}: {len(trace.experts)} tokens, {alone} of them one at a time, {trace.num_layers} layers")


if __name__ == "__main__":
    main()
