"""Part of `bench_gpu`: a Scout-shaped checkpoint is opened from the disk and asked a question, at budgets of the card.

What the assistant does, each time in a new process, its file dropped from the system's cache before (cold) or read once
(warm): seconds until the model is open and until the first token behind a prompt, and beside each line of the plan what
is held. For the card as a whole that is the most that torch ever allocated and reserved; CUDA's own memory, which torch
does not see, stands in the plan as a line of its own and is what the card lost beyond that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from benchmarks.bench_offload import forget_files
from benchmarks.bench_quantize import read_all
from benchmarks.common import ROOT
from benchmarks.random_model import random_codes
from core_model.config import parse_config
from core_model.engine.memory_plan import place
from core_model.local_assistant import LocalAssistant
from core_model.types import (
    GenerationRequest,
    LoadRequest,
    MemoryLimits,
    MemoryPlan,
    Message,
    Need,
    Place,
    Role,
    SamplingParams,
)
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import build_on_meta
from core_model.weights.name_map import EXPERT_PARTS, FUSED_EXPERTS
from tests.assistants import write_byte_tokenizer
from tests.checkpoints import fp8_config

PROMPT_BYTES = 512  # each is a token
QUESTION = GenerationRequest(
    (Message.of(Role.USER, ("Tell me what lies on the table. " * 16)[:PROMPT_BYTES]),),
    SamplingParams(temperature=0.0, max_new_tokens=1),
)
Found = dict[str, Any]


def write_checkpoint(folder: Path, text: Mapping[str, Any]) -> None:
    """Random weights, all linear layers of the text FP8, a file for each layer and one for the rest."""
    folder.mkdir(parents=True)
    config = {**text, "architectures": ["Llama4ForCausalLM"], "quantization_config": fp8_config()}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "generation_config.json").write_text(json.dumps({"do_sample": False}), encoding="utf-8")
    write_byte_tokenizer(folder)
    shards: dict[str, list[tuple[str, torch.Size]]] = {}
    for name, parameter in build_on_meta(parse_config(config)).named_parameters():
        stored = name.removeprefix("language_model.")
        layer = stored.split(".")[2] if ".layers." in stored else "rest"
        shards.setdefault(f"model-{layer}.safetensors", []).append((stored, parameter.shape))
    weight_map = {}
    for file, wanted in shards.items():
        tensors = {name: tensor for each in wanted for name, tensor in _random_tensors(*each)}
        save_file(tensors, folder / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(tensors, file))
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}), encoding="utf-8")


def _random_tensors(name: str, shape: torch.Size) -> Iterator[tuple[str, torch.Tensor]]:
    fused = FUSED_EXPERTS.match(name)
    if fused is not None:
        parts = EXPERT_PARTS[fused["kind"]]
        for expert in range(shape[0]):
            for part in parts:
                yield from _quantized(f"{fused['stem']}.{expert}.{part}", shape[2] // len(parts), shape[1])
    elif "self_attn" in name or "shared_expert" in name:
        yield from _quantized(name.removesuffix(".weight"), *shape)
    else:
        yield name, torch.empty(shape).normal_(0, 0.02).bfloat16() if len(shape) > 1 else torch.ones(shape).bfloat16()


def _quantized(name: str, num_out: int, num_in: int) -> Iterator[tuple[str, torch.Tensor]]:
    yield f"{name}.weight", random_codes((num_out, num_in), torch.device("cpu"))
    yield f"{name}.weight_scale", torch.full((num_out, 1), num_in**-0.5 / 100)


def first_token(folder: Path, limits: MemoryLimits, device: str | None) -> Found:
    """Open, ask, and look at what there is."""
    is_cuda = device != "cpu" and torch.cuda.is_available()
    free = torch.cuda.mem_get_info()[0] if is_cuda else 0  # the first call makes CUDA's own context
    request = LoadRequest(folder, limits, device)
    plan = place(Checkpoint.open(folder), request).plan
    assistant = LocalAssistant()
    began = time.perf_counter()
    for _ in assistant.load(request):
        pass
    opened_s = time.perf_counter() - began
    for _ in assistant.stream(QUESTION):  # a single token
        pass
    found = {"opened_s": opened_s, "first_token_s": time.perf_counter() - began}
    lines = [[line.what, line.where, line.planned_bytes, line.held_bytes] for line in assistant.report().lines]
    lost = free - torch.cuda.mem_get_info()[0] if is_cuda else 0
    card = beside_the_plan(plan, *_peaks(is_cuda), lost)
    assistant.unload()
    return found | {"lines": lines, "card": card}


def _peaks(is_cuda: bool) -> tuple[int, int]:
    """The most that torch allocated and reserved."""
    return (torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()) if is_cuda else (0, 0)


def beside_the_plan(plan: MemoryPlan, allocated: int, reserved: int, lost: int) -> dict[str, float]:
    """Gigabytes of the card.

    Args:
        lost: what was free before and is not any more, CUDA's context of before left out.
    """
    on_card = [line for line in plan.lines if line.where == Place.GPU]
    for_torch = sum(line.num_bytes for line in on_card if line.need is not Need.PROGRAM)
    whole = sum(line.num_bytes for line in on_card)
    found = {
        "planned": whole,
        "planned for torch": for_torch,
        "allocated": allocated,
        "reserved": reserved,
        "lost": lost,
    }
    in_gb = {name: round(num_bytes / 1e9, 3) for name, num_bytes in found.items()}
    return in_gb | {"allocated of planned": round(allocated / for_torch, 3) if for_torch else 0.0}


def measure(folder: Path, budgets: list[float | None], device: str | None, states: tuple[str, ...]) -> Found:
    """Each budget in GB (None: all of the card), each in a process of its own."""
    found: Found = {}
    for budget in budgets:
        for state in states:
            forget_files(folder) if state == "cold" else read_all(folder, through_cache=True)
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu_load", str(folder)]
            command += [] if budget is None else ["--budget", str(budget)]
            command += [] if device is None else ["--device", device]
            output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
            run: Found = json.loads(output.splitlines()[-1])
            name = f"load, {'the card' if budget is None else f'{budget:g} GB'}, {state}"
            found[name] = run
            print("\n".join(table(name, run)))
    return found


def table(name: str, run: Found) -> Iterator[str]:
    """For people."""
    yield f"{name}: open after {run['opened_s']:.2f} s, first token after {run['first_token_s']:.2f} s"
    for what, where, planned, held in run["lines"]:
        yield f"  {what[:60]:62}{where:12}{_in_gb(planned)}{_in_gb(held)}"
    for what, value in run["card"].items():
        yield f"  {what:62}{'':12}{value:9.3f}"


def _in_gb(num_bytes: int | None) -> str:
    return f"{'-':>9}" if num_bytes is None else f"{num_bytes / 1e9:9.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget", type=float, help="GB of the card")
    parser.add_argument("--device")
    options = parser.parse_args()
    limits = MemoryLimits(gpu_bytes=None if options.budget is None else int(options.budget * 1e9))
    print(json.dumps(first_token(options.folder, limits, options.device)))


if __name__ == "__main__":
    main()
