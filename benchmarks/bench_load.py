"""Time to the first token: from opening an FP8 checkpoint to the first token behind a prompt, cold and warm.

    python benchmarks/bench_load.py [--rounds 3] [--keep FOLDER]

Writes the checkpoint of `bench_decode.py` and its FP8 copy (1.45 GB). Altiplano opens the copy with all experts in
memory, and with room for half of them; transformers opens the bf16 original (2.76 GB), for it would write the copy out
as bf16. Each runs in a process of its own, the imports done before the clock begins, its file dropped from the system's
cache before (cold) or read once (warm). All read a prompt of 512 tokens, which calls for every expert. "Weights alone"
opens the copy, looks at a byte of every cache line, and computes nothing: what the way from the disk costs. Rates are
bytes of the opened file a second, to the first token; beside them what the disk gives to direct reads of the same file,
one at a time or four, measured before each cold run. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_decode import THREADS, peak_rss_gb, prompt_ids
from benchmarks.bench_offload import DTYPE, NUM_EXPERTS, forget_files, prepare
from benchmarks.bench_quantize import read_all
from benchmarks.common import print_result
from core_model.engine.choose_step import choose_step
from core_model.engine.memory_plan import place
from core_model.engine.offload import find_offload, offload_experts
from core_model.engine.session import Session
from core_model.kernels.allocator import keep_freed_memory
from core_model.text.chat_format import Prompt
from core_model.types import LoadRequest, never_stop
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end

Run = Callable[[], dict[str, float]]


def run_ours(folder: Path, num_kept: int) -> dict[str, float]:
    """What the assistant does, from an empty process on."""
    keep_freed_memory()
    began = time.perf_counter()
    checkpoint = Checkpoint.open(folder)
    placement = place(checkpoint, LoadRequest(folder, device="cpu"))
    num_layers = sum(checkpoint.config.text.is_moe_layer)
    offload = find_offload(checkpoint, DTYPE, num_kept * num_layers) if num_kept < NUM_EXPERTS else None
    left_out = () if offload is None else offload.layers.keys()
    steps = load_steps(checkpoint, placement.device, DTYPE, keep_fp8=placement.keep_fp8, left_out=left_out)
    model = run_to_end(steps)
    assert model is not None, "nobody stops this load"
    if offload is not None:
        offload_experts(model, checkpoint, offload)
    program, _ = choose_step(model)
    opened_s = time.perf_counter() - began
    session = Session(model, None, program=program)
    list(session.read(Prompt(tuple(prompt_ids())), never_stop))
    int(session.logits.argmax())
    return _found(began, opened_s)


def run_weights(folder: Path) -> dict[str, float]:
    """Every weight in memory, by the way that it takes to be computed with."""
    torch.set_num_threads(1)
    began = time.perf_counter()
    checkpoint = Checkpoint.open(folder)
    keep_fp8 = place(checkpoint, LoadRequest(folder, device="cpu")).keep_fp8
    model = run_to_end(load_steps(checkpoint, torch.device("cpu"), DTYPE, keep_fp8=keep_fp8))
    assert model is not None, "nobody stops this load"
    opened_s = time.perf_counter() - began
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_contiguous():
            tensor.detach().view(-1).view(torch.uint8)[::64].max()
    return _found(began, opened_s)


def run_transformers(folder: Path) -> dict[str, float]:
    from transformers import Llama4ForCausalLM

    began = time.perf_counter()
    model = Llama4ForCausalLM.from_pretrained(folder, dtype=DTYPE).eval()
    opened_s = time.perf_counter() - began
    with torch.inference_mode():
        int(model(torch.tensor([prompt_ids()]), use_cache=True, logits_to_keep=1).logits.argmax())
    return _found(began, opened_s)


def _found(began: float, opened_s: float) -> dict[str, float]:
    return {"first_token_s": time.perf_counter() - began, "opened_s": opened_s, "peak_rss_gb": peak_rss_gb()}


def runs_of(original: Path, copy: Path) -> dict[str, tuple[Run, Path]]:
    """By name, with the folder that is opened."""
    return {
        "all in memory": (partial(run_ours, copy, NUM_EXPERTS), copy),
        "room for 50 %": (partial(run_ours, copy, NUM_EXPERTS // 2), copy),
        "weights alone": (partial(run_weights, copy), copy),
        "transformers": (partial(run_transformers, original), original),
    }


def disk_rate(folder: Path) -> float:
    """Bytes a second of direct reads, one at a time or four, whichever is faster."""
    rates = []
    for num_readers in (1, 4):
        forget_files(folder)
        began = time.perf_counter()
        rates.append(read_all(folder, num_readers) / (time.perf_counter() - began))
    forget_files(folder)
    return max(rates)


def one_run(name: str, opened: Path, folder: Path, is_cold: bool) -> dict[str, float]:
    disk = 0.0
    if is_cold:
        forget_files(opened)
        disk = disk_rate(opened)
    else:
        read_all(opened, through_cache=True)
    command = [sys.executable, "-W", "ignore", __file__, "--peer", name, "--keep", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    rate = (opened / "model.safetensors").stat().st_size / found["first_token_s"]
    found["rate_gb_per_s"] = rate / 1e9
    return found | ({"disk_gb_per_s": disk / 1e9, "share_of_disk": rate / disk} if is_cold else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder for the checkpoints, kept for the next run")
    parser.add_argument("--only", nargs="*", help="names of the runs to make")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runs = runs_of(*prepare(folder))
        if arguments.peer:
            if arguments.peer == "transformers":
                import transformers.models.llama4.modeling_llama4  # noqa: F401 - before the clock
            print(json.dumps(runs[arguments.peer][0]()))
            return
        names = arguments.only or runs
        measure(folder, {name: runs[name][1] for name in names}, arguments.rounds)


def measure(folder: Path, opened: dict[str, Path], rounds: int) -> None:
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for name, path in opened.items():
            for state in ("cold", "warm"):
                found.setdefault(f"{name}, {state}", []).append(one_run(name, path, folder, state == "cold"))
    medians = {
        name: {key: round(statistics.median(run[key] for run in each), 3) for key in each[0]}
        for name, each in found.items()
    }
    print(f"{'':22}{'first token s':>14}{'opened s':>10}{'GB/s':>7}{'disk GB/s':>11}{'share':>7}{'RSS GB':>8}")
    for name, run in medians.items():
        disk = f"{run['disk_gb_per_s']:11.2f}{run['share_of_disk']:7.0%}" if "disk_gb_per_s" in run else " " * 18
        print(
            f"{name:22}{run['first_token_s']:14.2f}{run['opened_s']:10.2f}{run['rate_gb_per_s']:7.2f}{disk}"
            f"{run['peak_rss_gb']:8.2f}"
        )
    print_result("load", threads=THREADS, settings={"rounds": rounds}, results=medians)


if __name__ == "__main__":
    main()
