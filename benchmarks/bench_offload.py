"""FP8 weights, and experts that do not all fit: prefill and decode of a 1.4-billion-parameter Llama 4 on the CPU.

    python benchmarks/bench_offload.py [--rounds 3] [--keep FOLDER]

Writes the checkpoint of `bench_decode.py` and its FP8 copy (all linear layers). Altiplano answers from the copy with
all experts in memory, and with room for 75, 50 and 25 % of them, the system's file cache emptied before (cold) or
filled (warm); transformers answers from the bf16 original, in memory and with accelerate reading every layer from the
disk. Each runs in a process of its own. Decode is also given as a share of what the read bandwidth, measured between
the runs, would allow for the bytes that a token needs. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
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

from benchmarks.bench_decode import (
    CONFIG,
    NEW_TOKENS,
    PROMPT_TOKENS,
    THREADS,
    figures,
    prompt_ids,
    read_bandwidth,
    run_transformers,
    write_checkpoint,
)
from benchmarks.common import print_result
from core_model.engine.choose_step import choose_step
from core_model.engine.memory_plan import place
from core_model.engine.model_shape import ModelShape
from core_model.engine.offload import find_offload, offload_experts
from core_model.engine.session import Session
from core_model.kernels.allocator import keep_freed_memory
from core_model.text.chat_format import Prompt
from core_model.types import LoadRequest, never_stop
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from core_model.weights.quantize import quantize_checkpoint
from core_model.weights.quantize_plan import Scheme

NUM_EXPERTS = int(CONFIG["num_local_experts"])
DTYPE = torch.bfloat16

# What is run, by name, and the folder to drop from the file cache before.
Runs = dict[str, tuple[Callable[[], dict[str, float]], Path | None]]


def run_ours(folder: Path, num_kept: int) -> dict[str, float]:
    """Open the copy with so many experts of each layer in memory, and answer."""
    began = time.perf_counter()
    keep_freed_memory()
    checkpoint = Checkpoint.open(folder)
    placement = place(checkpoint, LoadRequest(folder, device="cpu"))
    num_layers = sum(checkpoint.config.text.is_moe_layer)
    offload = find_offload(checkpoint, DTYPE, num_kept * num_layers) if num_kept < NUM_EXPERTS else None
    left_out = () if offload is None else offload.layers.keys()
    steps = load_steps(checkpoint, placement.device, DTYPE, keep_fp8=placement.keep_fp8, left_out=left_out)
    model = run_to_end(steps)
    assert model is not None, "nobody stops this load"
    memory = None if offload is None else offload_experts(model, checkpoint, offload)
    native, _ = choose_step(model)
    load_s = time.perf_counter() - began
    list(Session(model, None).read(Prompt(tuple(prompt_ids(seed=2))), never_stop))
    session = Session(model, None, program=native)
    began = time.perf_counter()
    list(session.read(Prompt(tuple(prompt_ids())), never_stop))
    prefill_s = time.perf_counter() - began
    if memory is not None:
        memory.cache.reset_counts()
        bytes_before = memory.supply.bytes_read
    began = time.perf_counter()
    for _ in range(NEW_TOKENS):
        session.feed(int(session.logits.argmax()), never_stop)
    decode_s = time.perf_counter() - began
    found = figures(load_s, prefill_s, decode_s) | {"is_native": float(native is not None)}
    if memory is None:
        return found
    read = (memory.supply.bytes_read - bytes_before) / NEW_TOKENS
    return found | {"hit_ratio": memory.cache.counts().hit_ratio, "read_mb_per_token": read / 1e6}


def run_accelerate(folder: Path) -> dict[str, float]:
    """transformers with every layer on the disk, as accelerate does it."""
    from transformers import Llama4ForCausalLM

    began = time.perf_counter()
    layers = {f"model.layers.{number}": "disk" for number in range(int(CONFIG["num_hidden_layers"]))}
    places = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu", **layers}
    with tempfile.TemporaryDirectory() as aside:
        model = Llama4ForCausalLM.from_pretrained(folder, dtype=DTYPE, device_map=places, offload_folder=aside).eval()
        load_s = time.perf_counter() - began
        with torch.inference_mode():
            began = time.perf_counter()
            out = model(torch.tensor([prompt_ids()]), use_cache=True, logits_to_keep=1)
            prefill_s = time.perf_counter() - began
            cache, count = out.past_key_values, NEW_TOKENS // 8
            began = time.perf_counter()
            for _ in range(count):
                out = model(out.logits[:, -1:].argmax(-1), past_key_values=cache, use_cache=True)
            decode_s = (time.perf_counter() - began) * NEW_TOKENS / count
    return figures(load_s, prefill_s, decode_s)


def peers(original: Path, copy: Path) -> Runs:
    """All that is measured."""
    runs: Runs = {"resident": (partial(run_ours, copy, NUM_EXPERTS), None)}
    for percent in (75, 50, 25):
        ours = partial(run_ours, copy, NUM_EXPERTS * percent // 100)
        runs[f"{percent} % warm"] = (ours, None)
        runs[f"{percent} % cold"] = (ours, copy)
    runs["transformers"] = (partial(run_transformers, original), None)
    runs["accelerate"] = (partial(run_accelerate, original), None)
    return runs


def forget_files(folder: Path) -> None:
    """Ask the system to drop a folder's files from its cache."""
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def bytes_per_token(copy: Path) -> int:
    shape = ModelShape.of_checkpoint(Checkpoint.open(copy))
    return shape.always_bytes(DTYPE, True) + shape.routed_bytes(DTYPE, True)


def prepare(folder: Path) -> tuple[Path, Path]:
    """The checkpoint and its FP8 copy; how long the copy took is printed."""
    original, copy = folder / "bf16", folder / "fp8"
    if not (original / "model.safetensors").exists():
        write_checkpoint(original)
    if not copy.exists():
        began = time.perf_counter()
        assert run_to_end(quantize_checkpoint(original, copy, Scheme.LINEARS))
        size = (original / "model.safetensors").stat().st_size
        seconds = time.perf_counter() - began
        print(f"quantized {size / 1e9:.2f} GB in {seconds:.1f} s, {size / seconds / 1e9:.2f} GB/s")
    return original, copy


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
        original, copy = prepare(folder)
        runs = peers(original, copy)
        if arguments.peer:
            print(json.dumps(runs[arguments.peer][0]()))
            return
        measure(folder, copy, {name: runs[name] for name in arguments.only or runs}, arguments.rounds)


def measure(folder: Path, copy: Path, runs: Runs, rounds: int) -> None:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
    bandwidths = []
    for _ in range(rounds):
        for name, (_, forgotten) in runs.items():
            bandwidths.append(read_bandwidth())
            if forgotten is not None:
                forget_files(forgotten)
            command = [sys.executable, "-W", "ignore", __file__, "--peer", name, "--keep", str(folder)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[name].append(json.loads(output.splitlines()[-1]))
    medians = {
        name: {key: round(statistics.median(run[key] for run in each), 3) for key in each[0]}
        for name, each in found.items()
    }
    bandwidth = statistics.median(bandwidths)
    ceiling = bandwidth * 1e9 / bytes_per_token(copy)
    print(f"{'':16}{'decode':>8}{'share':>8}{'prefill':>9}{'load s':>8}{'RSS GB':>8}{'hits':>7}{'MB/token':>10}")
    for name, run in medians.items():
        decode = run["decode_tokens_per_s"]
        print(
            f"{name:16}{decode:8.1f}{decode / ceiling:8.0%}{run['prefill_tokens_per_s']:9.0f}{run['load_s']:8.1f}"
            f"{run['peak_rss_gb']:8.2f}{run.get('hit_ratio', 1):7.0%}{run.get('read_mb_per_token', 0):10.1f}"
        )
    print(f"read bandwidth {bandwidth:.1f} GB/s; ceiling for FP8 decode {ceiling:.1f} tokens/s")
    print_result(
        "offload",
        threads=THREADS,
        settings={"prompt_tokens": PROMPT_TOKENS, "new_tokens": NEW_TOKENS, "rounds": rounds},
        results={**medians, "read_bandwidth_gb_per_s": round(bandwidth, 1), "ceiling_tokens_per_s": round(ceiling, 1)},
    )


if __name__ == "__main__":
    main()
