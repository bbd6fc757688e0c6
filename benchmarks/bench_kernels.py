"""FP8 kernels of the CPU as shares of what is possible: the memory's read bandwidth, and the library's bf16 product.

    python benchmarks/bench_kernels.py [--rounds 5] [--without-matrix-units]

Matrices have the shapes of Scout and of the model of `bench_decode.py`, with random codes. One row (decode) is given in
GB/s of codes, as a share of the read bandwidth measured between the products: the best of torch's sum and of a loop of
our own that reads as far ahead as the kernels do. It is measured twice: as a call from Python, and as the compiled
decode step drives its product (`core_model.engine.native_step`), many matrices in one program. Many rows are given as a
share of the speed of torch's bf16 `F.linear` of the same shape, which is the peer: its weights take twice the memory.

Every form that this processor can run is measured, and which one the probe chooses is told. Weights take turns in more
memory than the processor's caches serve; all ways take turns in each round; medians over the rounds. With
`--without-matrix-units` the library is held to AVX-512, as on processors that have no AMX; our own tiles are left out.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

THREADS = 2
SHAPES = [(8192, 5120), (5120, 8192), (5120, 5120), (1024, 5120), (2048, 1024), (1024, 2048)]  # outputs, inputs
ROWS = (8, 16, 32, 64, 128, 512)
WEIGHT_BYTES = 1_500_000_000  # of codes that take turns; a server's last cache holds hundreds of millions
BURST_S = 0.05  # how long a way is measured in a round
GOAL_ONE_ROW, GOALS = 0.9, {32: 0.6, 512: 0.85}

Way = Callable[[int], object]  # multiplies with the matrix of a number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-matrix-units", action="store_true")
    arguments = parser.parse_args()
    if arguments.without_matrix_units:
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE_BF16"  # read by torch when it is imported
    measure(arguments.rounds, has_units=not arguments.without_matrix_units)


def measure(rounds: int, *, has_units: bool) -> None:
    import torch

    from benchmarks.common import print_result
    from core_model.kernels.allocator import keep_freed_memory

    torch.set_num_threads(THREADS)
    keep_freed_memory()  # as `LocalAssistant` does
    bench = Bench(rounds, has_units=has_units)
    results: dict[str, Any] = {}
    with torch.inference_mode():
        for num_out, num_in in SHAPES:
            results[f"{num_out}x{num_in}"] = bench.shape(num_out, num_in)
    settings = {"rounds": rounds, "matrix_units": has_units, "weight_bytes": WEIGHT_BYTES}
    print_summary(results)
    print_result("kernels", threads=THREADS, settings=settings, results=results)


def print_summary(results: dict[str, Any]) -> None:
    """The goals, and the weakest of what the probe chooses."""
    one = min(shape["one_row"]["step"]["share"] for shape in results.values())
    print(f"one row in the compiled step: at least {one:.0%} of the read bandwidth (goal {GOAL_ONE_ROW:.0%})")
    for rows, goal in GOALS.items():
        shares = [shape["rows"][str(rows)] for shape in results.values()]
        worst = min(each["shares"][each["chosen"]] for each in shares)
        print(f"{rows} rows as chosen: at least {worst:.0%} of the bf16 linear (goal {goal:.0%})")


class Bench:
    """Ways to multiply, and the memory's bandwidth beside them."""

    def __init__(self, rounds: int, *, has_units: bool) -> None:
        import torch

        from core_model.kernels import fp8_choice, fp8_forms, fp8_tiles

        self.rounds, self.choice = rounds, fp8_choice
        if not has_units:
            fp8_tiles.tile_kernel = lambda: None
        kernels = {
            fp8_choice.UNITS: fp8_tiles.tile_kernel(),
            fp8_choice.TABLE: fp8_forms.table_kernels(),
            fp8_choice.SHIFT: fp8_forms.shift_kernels(),
        }
        self.forms = {name: kernel for name, kernel in kernels.items() if kernel is not None}
        self.block = torch.ones(WEIGHT_BYTES // 4)
        self.read = reader()

    def shape(self, num_out: int, num_in: int) -> dict[str, Any]:
        import torch

        count = max(2, WEIGHT_BYTES // (num_out * num_in))
        self.codes = [
            torch.randint(0, 127, (num_out, num_in), dtype=torch.uint8).view(torch.float8_e4m3fn) for _ in range(count)
        ]
        self.scales = torch.rand(num_out) + 0.5
        self.halves = [codes.to(torch.bfloat16) for codes in self.codes[: max(2, count // 4)]]
        self.choice.choose_kernels([(num_out, num_in)], torch.bfloat16)
        print(f"\n{num_out} x {num_in}")
        return {"one_row": self.one_row(num_out, num_in), "rows": {str(n): self.many_rows(n) for n in ROWS}}

    def one_row(self, num_out: int, num_in: int) -> dict[str, Any]:
        """GB/s of codes, and the share of the bandwidth measured in the same rounds."""
        import torch

        x = torch.randn(1, num_in).to(torch.bfloat16)
        ways = {name: self.form(name, x) for name in self.forms if name != self.choice.UNITS}
        ways |= self.plain(x)
        ways |= {"step": step} if (step := self.step(num_out, num_in)) is not None else {}
        bandwidths, seconds = self.alternate(ways)
        bandwidth = statistics.median(bandwidths)
        found: dict[str, Any] = {"read_gb_per_s": round(bandwidth, 1)}
        for name, times in seconds.items():
            rate = num_out * num_in / statistics.median(times) / 1e9
            found[name] = {"gb_per_s": round(rate, 1), "share": round(rate / bandwidth, 3)}
            print(f"  one row {name:30}{rate:7.1f} GB/s{rate / bandwidth:7.0%} of {bandwidth:.1f}")
        return found

    def many_rows(self, num_rows: int) -> dict[str, Any]:
        """Shares of the speed of the bf16 linear."""
        import torch
        import torch.nn.functional as F

        num_out, num_in = self.codes[0].shape
        x = torch.randn(num_rows, num_in).to(torch.bfloat16)
        halves = itertools.cycle(self.halves)
        ways: dict[str, Way] = {"bf16": lambda _: F.linear(x, next(halves))}
        ways |= {name: self.form(name, x) for name in self.forms}
        ways |= self.plain(x) if num_rows in GOALS else {}
        _, seconds = self.alternate(ways)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        shares = {name: round(medians["bf16"] / medians[name], 3) for name in medians if name != "bf16"}
        chosen = self.choice.form_for(num_rows, (num_out, num_in), torch.bfloat16).name
        words = ", ".join(
            f"{name}{' (chosen)' if name == chosen else ''} {share:.0%}" for name, share in shares.items()
        )
        print(f"  {num_rows:4} rows: bf16 {1000 * medians['bf16']:.2f} ms; {words}")
        return {"bf16_ms": round(1000 * medians["bf16"], 3), "shares": shares, "chosen": chosen}

    def alternate(self, ways: dict[str, Way]) -> tuple[list[float], dict[str, list[float]]]:
        """Seconds of each way, and bandwidths, in turns; slow ways are asked once in a round."""
        numbers = itertools.cycle(range(len(self.codes)))
        bandwidths, seconds = [], {name: [] for name in ways}
        for _ in range(self.rounds):
            bandwidths.append(self.bandwidth())
            for name, way in ways.items():
                way(next(numbers))  # what is compiled or allocated at first, is
                seconds[name].append(burst(way, numbers))
        return bandwidths, seconds

    def bandwidth(self) -> float:
        """Gigabytes a second that reading once through more than the caches hold brings: the better of two readers."""
        best = 0.0
        for read in (self.block.sum, lambda: self.read(self.block)):
            began = time.perf_counter()
            read()
            best = max(best, self.block.nbytes / (time.perf_counter() - began) / 1e9)
        return best

    def form(self, name: str, x: Any) -> Way:
        return lambda number: self.forms[name].multiply(x, (self.codes[number], self.scales))

    def plain(self, x: Any) -> dict[str, Way]:
        return {self.choice.PLAIN.name: lambda number: self.choice.PLAIN.multiply(x, (self.codes[number], self.scales))}

    def step(self, num_out: int, num_in: int) -> Way | None:
        """All matrices in one program, as one token is decoded; a call is one of them, the time of all is shared."""
        import numpy as np
        import torch

        from core_model.kernels.step import address, step_kernels

        kernels = step_kernels()
        if kernels is None:
            return None
        x, y = torch.randn(num_in), torch.empty(num_out)
        stride = 8 * num_in
        scratch = torch.empty(THREADS * stride + 64, dtype=torch.uint8)
        first = -(-scratch.data_ptr() // 64) * 64
        blocks = [
            np.array(
                [address(x), 0, 0, num_in, first, stride, 1, kernels.addresses["gemm_fp8"], codes.data_ptr(),
                 address(self.scales), 1, address(y), num_out, 0], dtype=np.int64,
            )
            for codes in self.codes
        ]  # fmt: skip
        program = np.array([(kernels.addresses["linear"], block.ctypes.data) for block in blocks], dtype=np.int64)
        keep = (x, y, scratch, blocks)

        def run(_: int) -> object:
            kernels.run(program, THREADS)
            return keep

        run.calls = len(blocks)  # type: ignore[attr-defined]
        return run


def burst(way: Way, numbers: Iterator[int]) -> float:
    """Seconds of one product, measured over some."""
    calls, began = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - began < BURST_S:
        way(next(numbers))
        calls += getattr(way, "calls", 1)
    return (time.perf_counter() - began) / calls


def reader() -> Callable[[Any], None]:
    """A loop that reads memory, in parts shared by the threads, with the same prefetch as the kernels."""
    import numpy as np

    from core_model.kernels import fp8_ir, job_ir
    from core_model.kernels.assembly import Assembly
    from core_model.kernels.jit import compile_functions
    from core_model.kernels.threads import run_job

    vector = "<16 x i32>"
    code = Assembly()
    base, out = job_ir.load_words(code, "%job", ("ptr", "ptr"), job_ir.FIRST_ARGUMENT)
    sums = [code.variable(vector, "zeroinitializer") for _ in range(4)]

    def part(first: str, last: str) -> None:
        def some(at: str) -> None:
            for number, total in enumerate(sums):
                place = code.new(f"add i64 {at}, {64 * number}")
                fp8_ir.prefetch(code, base, place)
                read = code.load(vector, base, place, "i8", 4)
                code.set(vector, total, code.new(f"xor {vector} {code.get(vector, total)}, {read}"))

        code.count(first, last, 256, some)

    job_ir.take_parts(code, "%job", part)
    for total in sums:  # or LLVM would leave the reading out
        code.add(f"store volatile {vector} {code.get(vector, total)}, ptr {out}, align 4")
    declared = job_ir.DECLARATIONS + "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)\n"
    text = declared + code.function("read", "ptr %job", fp8_ir.WIDE)
    function = compile_functions(text, {"read": (ctypes.c_void_p,)})["read"]
    result = np.zeros(64, dtype=np.int32)

    def read(block: Any) -> None:
        words = (0, block.nbytes // 256 * 256, 2**20, block.data_ptr(), result.ctypes.data)
        run_job(function, np.array(words, dtype=np.int64), block.nbytes)

    return read


if __name__ == "__main__":
    main()
