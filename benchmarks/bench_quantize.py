"""`quantize`: the rate of the whole program beside its two limits, the disk and the conversion, and beside plain torch.

    python benchmarks/bench_quantize.py [--rounds 3] [--keep FOLDER]

Writes the checkpoint of `bench_decode.py` (2.76 GB, bf16, fused experts), and then in turns, the source never in the
system's cache: the verb in a process of its own, from the start of Python to its end; the same work timed from inside,
without that start; the disk alone, which reads as many bytes and writes as many as the verb does, at the same time, and
each of the two on its own; the conversion alone, of weights that are in memory, on all threads; and, as a peer, a plain
script that divides by scales and calls `.to(torch.float8_e4m3fn)` on every matrix. Rates are gigabytes of the source a
second, but for those of reading and of writing alone. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.bench_decode import THREADS, write_checkpoint
from benchmarks.bench_offload import forget_files
from benchmarks.common import ROOT, print_result
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.file_reader import FileReader, aligned_memory
from core_model.weights.file_writer import CHUNK_BYTES, FileWriter
from core_model.weights.fp8 import FP8, Workspace, quantize_and_compare
from core_model.weights.load import run_to_end
from core_model.weights.quantize import DEFAULT_SHARD_BYTES, quantize_checkpoint
from core_model.weights.quantize_plan import Scheme, Shard, plan_outputs, plan_shards
from core_model.weights.quantize_stream import ranges_of, rows_at_once

CONVERTED_BYTES = 500_000_000  # of weights that are converted in memory


def inside(source: Path, target: Path) -> dict[str, float]:
    """The work without the start of Python."""
    began = time.perf_counter()
    assert run_to_end(quantize_checkpoint(source, target))
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "cpu_s": time.process_time(), "peak_rss_gb": peak_rss_gb()}


def peak_rss_gb() -> float:
    """Of this program alone: what getrusage tells begins with the size of the process that started it."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6


def plain_torch(source: Path, target: Path) -> dict[str, float]:
    """What one writes without thinking of speed: tensor by tensor, each row by its scale."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    began = time.perf_counter()
    found: dict[str, torch.Tensor] = {}
    quantized = {output.source for shard in plan(source) for output in shard.outputs if output.dtype == FP8}
    with safe_open(source / "model.safetensors", framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 - not a mapping
            tensor = file.get_tensor(name)
            if name not in quantized:
                found[name] = tensor
                continue
            weights = tensor.transpose(-1, -2) if tensor.ndim == 3 else tensor
            scale = (weights.abs().amax(-1, keepdim=True).float() / 448).to(torch.bfloat16)
            found[name] = (weights.float() / scale.float()).clamp_(-448, 448).to(FP8).contiguous()
            found[name + "_scale"] = scale.contiguous()
    target.mkdir()
    save_file(found, target / "model.safetensors")
    with (target / "model.safetensors").open("rb") as handle:
        os.fsync(handle.fileno())
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_rss_gb": peak_rss_gb()}


def plan(source: Path) -> tuple[Shard, ...]:
    outputs = list(plan_outputs(Checkpoint.open(source), Scheme.LINEARS))
    return plan_shards(outputs, DEFAULT_SHARD_BYTES)


def read_all(source: Path, num_readers: int = 1, *, through_cache: bool = False) -> int:
    """Every byte once, by direct reads or through the system's cache."""
    local = threading.local()

    def read(reader: FileReader, end: int, start: int) -> int:
        if not hasattr(local, "memory"):
            local.memory = aligned_memory(CHUNK_BYTES)
        size = min(CHUNK_BYTES, end - start)
        if through_cache:
            reader.read(memoryview(local.memory.data)[:size], start)
        else:
            reader.read_past_cache(local.memory, start, size)
        return size

    done = 0
    with ThreadPoolExecutor(num_readers) as pool:
        for file in Checkpoint.open(source).files:
            with contextlib.closing(FileReader(file)) as reader:
                done += sum(pool.map(partial(read, reader, file.size), range(0, file.size, CHUNK_BYTES)))
    return done


def write_all(target: Path, num_bytes: int) -> int:
    """As many bytes as the result has."""
    target.mkdir()
    data = aligned_memory(CHUNK_BYTES)[:CHUNK_BYTES]
    data[:] = 1
    with contextlib.closing(FileWriter(target / "file")) as file:
        for start in range(0, num_bytes, CHUNK_BYTES):
            file.put(data[: min(CHUNK_BYTES, num_bytes - start)])
        file.finish()
    return num_bytes


def both(source: Path, target: Path, num_bytes: int) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda work: work(), (partial(read_all, source), partial(write_all, target, num_bytes))))


def convert_in_memory(source: Path) -> float:
    """Bytes a second that all threads convert."""
    checkpoint, blocks, num_bytes = Checkpoint.open(source), deque[torch.Tensor](), 0
    for matrix in matrices(checkpoint, plan(source)):
        num_rows = rows_at_once(matrix.shape[1])
        blocks.extend(matrix[start : start + num_rows] for start in range(0, len(matrix), num_rows))
        num_bytes += matrix.numel() * matrix.element_size()
        if num_bytes >= CONVERTED_BYTES:
            break

    def work(workspace: Workspace) -> None:
        with contextlib.suppress(IndexError):
            while True:
                quantize_and_compare(blocks.popleft(), workspace)

    with ThreadPoolExecutor(THREADS) as pool:
        workspaces = [Workspace() for _ in range(THREADS)]
        list(pool.map(partial(quantize_and_compare, blocks[0]), workspaces))  # compiles, and takes the memory
        began = time.perf_counter()
        list(pool.map(work, workspaces))
        return num_bytes / (time.perf_counter() - began)


def matrices(checkpoint: Checkpoint, shards: tuple[Shard, ...]) -> Iterator[torch.Tensor]:
    """Weights as the verb reads them, in memory."""
    with contextlib.ExitStack() as stack:
        readers = {file.path: stack.enter_context(contextlib.closing(FileReader(file))) for file in checkpoint.files}
        for each in (each for shard in shards for each in ranges_of(checkpoint, shard)):
            if each.outputs[0].dtype == FP8:
                extent = each.extent
                memory = aligned_memory(extent.num_bytes)
                data = readers[extent.file.path].read_past_cache(memory, extent.start, extent.num_bytes)
                yield from (matrix for _, matrix in each.matrices(data))


def in_process(name: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", __file__, "--peer", name, "--keep", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(output.splitlines()[-1])
    return found


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def one_round(source: Path, target: Path, folder: Path, written: int) -> dict[str, float]:
    size = sum(file.size for file in Checkpoint.open(source).files)

    def fresh() -> None:
        shutil.rmtree(target, ignore_errors=True)
        forget_files(source)

    fresh()
    verb = [sys.executable, str(ROOT / "main.py"), "quantize", str(source), str(target)]
    found = {"program": size / seconds_of(partial(subprocess.run, verb, check=True, capture_output=True))}
    fresh()
    ours = in_process("inside", folder)
    found |= {"work": size / ours["seconds"], "cpu_s": ours["cpu_s"], "peak_rss_gb": ours["peak_rss_gb"]}
    fresh()
    found["disk"] = size / seconds_of(partial(both, source, target, written))
    fresh()
    found["read_alone"] = size / seconds_of(partial(read_all, source))
    fresh()
    found["read_alone_by_four"] = size / seconds_of(partial(read_all, source, 4))
    found["write_alone"] = written / seconds_of(partial(write_all, target, written))
    found["conversion"] = convert_in_memory(source)
    fresh()
    theirs = in_process("plain_torch", folder)
    found |= {"plain_torch": size / theirs["seconds"], "plain_torch_peak_rss_gb": theirs["peak_rss_gb"]}
    fresh()
    return {key: value / 1e9 if value > 1e6 else value for key, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="folder for the checkpoint, kept for the next run")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source, target = folder / "bf16", folder / "quantized"
        if arguments.peer:
            peers = {"inside": inside, "plain_torch": plain_torch}
            print(json.dumps(peers[arguments.peer](source, target)))
            return
        if not (source / "model.safetensors").exists():
            write_checkpoint(source)
        written = sum(shard.num_bytes for shard in plan(source))
        report([one_round(source, target, folder, written) for _ in range(arguments.rounds)], written)


def report(rounds: list[dict[str, float]], written: int) -> None:
    found = {key: round(statistics.median(each[key] for each in rounds), 3) for key in rounds[0]}
    for key, value in found.items():
        spread = f"{min(each[key] for each in rounds):.2f} to {max(each[key] for each in rounds):.2f}"
        print(f"{key:26}{value:8.2f}   ({spread}) {'' if key.endswith(('_s', '_gb')) else 'GB/s'}")
    limit = min(("disk", "conversion"), key=lambda name: found[name])
    shares = [each["work"] / each[limit] for each in rounds]
    share = round(statistics.median(shares), 3)
    print(f"The limit is the {limit}; the work reached {share:.0%} of it, the program with its start less.")
    print_result(
        "quantize",
        threads=THREADS,
        settings={"rounds": len(rounds), "written_gb": round(written / 1e9, 3)},
        results={**found, "limit": limit, "share_of_limit": share},
    )


if __name__ == "__main__":
    main()
