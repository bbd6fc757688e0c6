"""What a GPU makes of Scout: kernels, the link, decode with experts in RAM, prefill, loading, and memory.

    python benchmarks/bench_gpu.py [--parts kernels tiles grouped link decode prefill load] [--budgets 16 24 32 48]

Not yet run on a GPU.

The model has Scout's shape and random FP8 weights (`random_model`), as many layers as RAM holds. Beside the figures
stands what they are to be held against: the card's own read rate, and the rate of one large copy from locked RAM. The
peer of the kernels is plain torch, which dequantises and multiplies; that of the gather kernel is the copy engine.

"tiles" and "grouped" are the products of prompts (`gpu_products`); with TRITON_INTERPRET=1, `--device cpu --scale 32`
and a few rows the script can be tried without a card.

"load" (`gpu_load`) writes a checkpoint of that shape with `--load-layers` layers, 2.1 GB each, to a folder that is kept
where one is named, and has the assistant open it, cold and warm.

"gather" is the first question of a step without the host: can a kernel read locked RAM at the link's rate?
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import gpu_load, gpu_products
from benchmarks.common import print_result
from benchmarks.random_model import RestingExperts, random_codes, random_model
from core_model.config import Llama4Config, parse_config
from core_model.engine.device_step import DeviceStep
from core_model.engine.expert_memory import NUM_SPARE, ExpertMemory
from core_model.engine.model_shape import published_shapes
from core_model.engine.session import Session
from core_model.kernels import fp8_gpu
from core_model.text.chat_format import Prompt
from core_model.types import never_stop

PARTS = ["kernels", "tiles", "grouped", "link", "decode", "prefill", "load"]
NEW_TOKENS = 48
RAM_SHARE = 0.88  # of what is free
WORKING_BYTES = 2.5e9  # activations of long prompts and CUDA's own


def text_of(num_layers: int, scale: int) -> dict[str, Any]:
    """The config of Scout's text model, with fewer layers, each side divided by `scale`."""
    text: dict[str, Any] = json.loads(published_shapes()["scout"].read_text(encoding="utf-8"))["text_config"]
    text |= {"num_hidden_layers": num_layers, "vocab_size": text["vocab_size"] // scale // scale}
    for name in ("hidden_size", "intermediate_size", "intermediate_size_mlp", "num_attention_heads"):
        text[name] //= scale
    text["num_key_value_heads"] = max(1, text["num_key_value_heads"] // scale)
    return text


def config_of(num_layers: int, scale: int) -> Llama4Config:
    """The same, parsed."""
    return parse_config(text_of(num_layers, scale))


def seconds(work: Callable[[], object], device: torch.device, rounds: int = 7) -> float:
    """The median of a few times, the device being done."""
    times = []
    for _ in range(rounds + 1):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def read_rate(device: torch.device, num_bytes: int) -> float:
    """How fast the device reads its own memory, GB/s."""
    block = torch.ones(num_bytes // 4, device=device)
    return num_bytes / seconds(block.sum, device) / 1e9


def kernels(config: Llama4Config, device: torch.device) -> dict[str, float]:
    """One row with each of the shapes of a layer, GB/s of codes; weights cycle through more than the caches hold."""
    text = config.text
    shapes = {
        "gate or up": (text.intermediate_size, text.hidden_size),
        "down": (text.hidden_size, text.intermediate_size),
    }
    found: dict[str, float] = {}
    for name, shape in shapes.items():
        matrices = [random_codes(shape, device) for _ in range(8)]
        scales = torch.ones(shape[0], device=device)
        x = torch.randn(1, shape[1], device=device).bfloat16()
        for way, multiply in (("chosen", fp8_gpu.multiply), ("plain torch", fp8_gpu.plain)):
            taken = seconds(lambda: [multiply(x, codes, scales) for codes in matrices], device)  # noqa: B023
            found[f"{name}, {way}"] = round(8 * shape[0] * shape[1] / taken / 1e9, 1)
    return found


def link(device: torch.device, num_bytes: int) -> dict[str, float]:
    """From locked RAM to the card, GB/s: by the copy engine, and read by a kernel."""
    source = torch.ones(num_bytes // 4, dtype=torch.int32, pin_memory=device.type == "cuda")
    target = torch.empty_like(source, device=device)
    found = {"copy engine": num_bytes / seconds(lambda: target.copy_(source, non_blocking=True), device) / 1e9}
    try:
        from benchmarks.gather_kernel import gather
    except ImportError:
        return found
    target.zero_()
    found["gather kernel"] = num_bytes / seconds(lambda: gather(source, target), device) / 1e9
    assert bool((target == 1).all()), "what the kernel read is what is there"
    return {name: round(rate, 1) for name, rate in found.items()}


def prompt(config: Llama4Config, num_tokens: int, seed: int) -> Prompt:
    chance = torch.Generator().manual_seed(seed)
    return Prompt(tuple(torch.randint(3, config.text.vocab_size - 8, (num_tokens,), generator=chance).tolist()))


def decode(session: Session, memory: ExpertMemory) -> dict[str, float]:
    """Tokens at random, so that routing is not that of one repeated word."""
    tokens = prompt(session.model.config, 2 * NEW_TOKENS, 5).token_ids
    for token in tokens[:NEW_TOKENS]:
        session.feed(token, never_stop)
    memory.cache.reset_counts()
    copied, copy_s, began = memory.supply.bytes_copied, memory.supply.copy_s, time.perf_counter()
    for token in tokens[NEW_TOKENS:]:
        session.feed(token, never_stop)
        session.logits.argmax().item()
    taken = time.perf_counter() - began
    copied, copy_s = memory.supply.bytes_copied - copied, memory.supply.copy_s - copy_s
    return {
        "tokens_per_s": round(NEW_TOKENS / taken, 2),
        "hit_ratio": round(memory.cache.counts().hit_ratio, 3),
        "copied_gb_per_s": round(copied / taken / 1e9, 2),
        "link_busy_share": round(copy_s / taken, 3),
    }


def budgets(model_bytes: float, experts: RestingExperts, options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Names and numbers of slots: everything on the card if it fits, then each budget."""
    all_slots = len(experts.layers) * experts.num_experts
    device = experts.model.device
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 1e12
    if (all_slots + NUM_SPARE) * experts.expert_bytes + WORKING_BYTES < free:
        yield "resident", all_slots
    for budget in options.budgets:
        room = budget * 1e9 - model_bytes - (WORKING_BYTES if device.type == "cuda" else 0)
        num_slots = int(room // experts.expert_bytes) - NUM_SPARE
        if 0 <= num_slots < all_slots:
            yield f"{budget} GB", num_slots


def run_model(config: Llama4Config, device: torch.device, options: argparse.Namespace) -> dict[str, object]:
    began = time.perf_counter()
    model = random_model(config, device)
    experts = RestingExperts(model)
    experts.fill()
    found: dict[str, object] = {"made_s": round(time.perf_counter() - began, 1)}
    model_bytes = sum(t.nbytes for t in (*model.parameters(), *model.buffers()))
    for name, num_slots in budgets(model_bytes, experts, options):
        memory = experts.above(num_slots)
        session = Session(model, None)
        list(session.read(prompt(config, 64, 1), never_stop))
        if "decode" in options.parts and (step := DeviceStep.for_model(model)) is not None:
            recorded = Session(model, None, program=step)
            list(recorded.read(prompt(config, 64, 1), never_stop))
            found[f"decode, {name}, recorded"] = decode(recorded, memory)
            del recorded, step
        if "decode" in options.parts:
            for is_open in (False, True):
                experts.lane.is_open = is_open
                found[f"decode, {name}, {'CPU lane' if is_open else 'fetched'}"] = decode(session, memory)
            experts.lane.is_open = False
        if "prefill" in options.parts:
            for length in options.prompts:
                taken = seconds(
                    lambda n=length: list(Session(model, None).read(prompt(config, n, 2), never_stop)), device, 1
                )
                found[f"prefill of {length}, {name}"] = round(length / taken, 1)
        if device.type == "cuda":
            found[f"peak GB, {name}"] = round(torch.cuda.max_memory_allocated(device) / 1e9, 2)
            found[f"peak reserved GB, {name}"] = round(torch.cuda.max_memory_reserved(device) / 1e9, 2)
            torch.cuda.reset_peak_memory_stats(device)
        del memory, session
        if device.type == "cuda":
            torch.cuda.empty_cache()
    experts.ram.close()
    return found


def run_load(device: torch.device, options: argparse.Namespace) -> dict[str, object]:
    """See `gpu_load`; without a card, on the CPU, to try the script."""
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "scout"
        if not (folder / "config.json").exists():
            gpu_load.write_checkpoint(folder, text_of(options.load_layers, options.scale))
        is_cuda = device.type == "cuda"
        budgets = [None, *options.budgets] if is_cuda else [None]
        return gpu_load.measure(folder, budgets, None if is_cuda else "cpu", ("cold", "warm"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--parts", nargs="*", default=["kernels", "tiles", "grouped", "link", "decode", "prefill", "load"]
    )
    parser.add_argument("--budgets", type=float, nargs="*", default=[16, 24, 32, 48], help="GB of the card")
    parser.add_argument("--rows", type=int, nargs="*", default=[4, 16, 64, 256, 1024], help="of tiles and grouped")
    parser.add_argument("--prompts", type=int, nargs="*", default=[512, 2048, 8192])
    parser.add_argument("--layers", type=int, default=48)
    parser.add_argument("--load-layers", type=int, default=12, help="of the checkpoint that is opened")
    parser.add_argument("--folder", type=Path, help="where that is, or will be")
    parser.add_argument("--scale", type=int, default=1, help="divide each side by this, to try the script on a CPU")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = torch.device(options.device)
    layer_bytes = 16 * 3 * 5120 * 8192 // options.scale**2
    num_layers = int(min(options.layers, RAM_SHARE * psutil.virtual_memory().available // layer_bytes))
    config = config_of(max(4, num_layers - num_layers % 4), options.scale)
    probe_bytes = 2**30 // options.scale**2
    results: dict[str, object] = {"read_rate_gb_per_s": round(read_rate(device, probe_bytes), 1)}
    shape = config.text.hidden_size, config.text.intermediate_size
    results["chosen"] = fp8_gpu.choose_kernels(shape=shape) if device.type == "cuda" else "nothing"
    if "kernels" in options.parts:
        results["kernels_gb_per_s"] = kernels(config, device)
    if "tiles" in options.parts:
        results |= gpu_products.tiles(config, device, options.rows)
    if "grouped" in options.parts:
        results |= gpu_products.grouped(config, device, options.rows)
    if "link" in options.parts:
        results["link_gb_per_s"] = link(device, probe_bytes)
    if {"decode", "prefill"} & set(options.parts):
        results |= run_model(config, device, options)
    if "load" in options.parts:
        results |= run_load(device, options)
    for name, value in results.items():
        print(f"{name:40}{value}")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    settings = {"layers": config.text.num_hidden_layers, "scale": options.scale, "gpu": name}
    print_result("gpu", threads=torch.get_num_threads(), settings=settings, results=results)


if __name__ == "__main__":
    main()
