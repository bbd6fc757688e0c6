"""Which kernel multiplies FP8 weights of which shape on this CPU: tried against plain torch, and timed, at a load.

For each shape of a model's weights, the forms that this processor's features allow multiply the same rows with a sample
of it (noise, as many inputs, fewer outputs), from the best to the plainest. One that is wrong beyond rounding is
refused for good, and the log and the sentence for people say so. Of those that are right the fastest is taken, for one
row, a few and many. All this takes some milliseconds for each shape, less than reading one expert.

Shapes that nobody announced are tried when they first come, and not timed; nor is anything where answers must be the
same each time, because what is faster may change from day to day. Then the order below decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.kernels import fp8_forms, fp8_tiles
from core_model.kernels.fp8_tiles import Fp8Matrix

log = logging.getLogger(__name__)

TILES_FROM = 3  # rows from which matrix units are asked
TRIED = {1: 1, TILES_FROM: 8, 17: 64}  # from how many rows on: what so many rows of a sample showed
UNITS, TABLE, SHIFT = "on matrix units", "by table", "by shifting"  # how weights are multiplied, for people
SAMPLE_CODES = 2**20
ROUNDS = 5
CLEARLY = 0.8  # a form that comes later in the order must take less than this share of the time to be chosen
LARGEST_ERROR, LARGEST_ERROR_16_BITS = 1e-4, 1e-2  # of the largest result: what is rounded on the way
SMALL_SHAPE = (256, 256)

Shape = tuple[int, int]  # outputs, inputs


@dataclass(frozen=True, slots=True)
class Form:
    """One way to multiply."""

    name: str
    multiply: Callable[..., list[Tensor]]  # (rows, *matrices)
    takes: Callable[[Tensor], bool]
    least_rows: int = 1


def _plain(x: Tensor, *matrices: Fp8Matrix) -> list[Tensor]:
    return [(F.linear(x.float(), codes.float()) * scales).to(x.dtype) for codes, scales in matrices]


PLAIN = Form("by torch alone, which is slow", _plain, lambda _: True)

_chosen: dict[tuple[Shape, torch.dtype], dict[int, Form]] = {}  # forms by the least number of rows
_refused: set[str] = set()  # forms that are wrong on this machine


def form_for(num_rows: int, shape: Iterable[int], dtype: torch.dtype) -> Form:
    """Who multiplies so many rows with weights [O, I]."""
    num_out, num_in = shape
    key = (num_out, num_in), dtype
    if key not in _chosen:
        _chosen[key], _ = _choose((num_out, num_in), dtype, by_time=False)
    by_rows = _chosen[key]
    return by_rows[max(least for least in by_rows if least <= max(num_rows, 1))]


def choose_kernels(shapes: Iterable[Shape], dtype: torch.dtype, *, by_time: bool = True) -> str:
    """Decide how FP8 weights of a model are multiplied from now on, and say so, in a sentence.

    Args:
        shapes: of its weights [O, I], those of experts that are not in memory too.
        dtype: of its activations.
        by_time: without, the first form in order that is right is taken.
    """
    _chosen.clear()
    speedups = _choose_all(sorted(set(shapes)), dtype, by_time)
    groups: dict[str, list[str]] = {}
    for shape in speedups:
        groups.setdefault(_in_words(_chosen[shape, dtype]), []).append("{} x {}".format(*shape))
    ways = "; ".join(f"{words} ({', '.join(names)})" for words, names in groups.items())
    gain = min(speedups.values(), default=0.0)
    praise = f"; one row at least {gain:.0f} times as fast as by torch alone" if gain >= 2 else ""
    faults = "".join(
        f" Kernels that multiply {name} are wrong on this processor and are not used." for name in sorted(_refused)
    )
    return f"FP8 weights are multiplied on the CPU {ways}{praise}.{faults}"


def _choose_all(shapes: list[Shape], dtype: torch.dtype, by_time: bool) -> dict[Shape, float]:
    """How many times as fast as plain torch one row is, for each shape. All over again where a form is refused."""
    speedups, num_refused = {}, len(_refused)
    for shape in shapes:
        _chosen[shape, dtype], speedups[shape] = _choose(shape, dtype, by_time=by_time)
    return speedups if len(_refused) == num_refused else _choose_all(shapes, dtype, by_time)


def has_kernels() -> bool:
    """Whether any is right; without them FP8 weights are better converted once than at each product."""
    return form_for(1, SMALL_SHAPE, torch.bfloat16) is not PLAIN


def is_refused(name: str) -> bool:
    """Whether kernels of this name were found wrong."""
    return name in _refused


def _choose(shape: Shape, dtype: torch.dtype, *, by_time: bool) -> tuple[dict[int, Form], float]:
    """Forms by the least number of rows; and, if that was timed, how many times as fast as plain torch one row is."""
    with torch.inference_mode():
        sample = Sample(shape, dtype)
        forms = list(_right_forms(sample))
        by_rows = {least: _best(forms, sample, tried, by_time=by_time) for least, tried in TRIED.items()}
        is_compared = by_time and by_rows[1] is not PLAIN
        return by_rows, sample.plain_s / sample.seconds([by_rows[1]], 1)[0] if is_compared else 0.0


def _in_words(by_rows: dict[int, Form]) -> str:
    """ "up to 2 rows by table, more on matrix units" """
    forms, ends = list(by_rows.values()), [least - 1 for least in by_rows][1:]
    parts = [
        f"up to {end} rows {form.name}"
        for form, following, end in zip(forms, forms[1:], ends, strict=False)
        if form != following
    ]
    return ", ".join([*parts, f"more {forms[-1].name}" if parts else forms[-1].name])


class Sample:
    """Weights of a shape, rows for them, and what comes out."""

    def __init__(self, shape: Shape, dtype: torch.dtype) -> None:
        num_out, num_in = shape
        if num_out * num_in > SAMPLE_CODES:  # fewer, but as many behind the last whole strip
            num_out = max(32, SAMPLE_CODES // num_in // 32 * 32) + num_out % 32
        codes, rows, scales = _noise()
        rows_tried = max(TRIED.values())
        self.matrix = _repeated(codes, num_out, num_in).view(torch.float8_e4m3fn), _repeated(scales, 1, num_out)[0]
        self.x = _repeated(rows, rows_tried, num_in).to(dtype)
        began = time.perf_counter()
        self.expected = F.linear(self.x.float(), self.matrix[0].float()) * self.matrix[1]
        self.plain_s = time.perf_counter() - began

    def error(self, form: Form, num_rows: int) -> float:
        """Of the largest result."""
        (found,) = form.multiply(self.x[:num_rows], self.matrix)
        right = self.expected[:num_rows]
        return float((found.float() - right).abs().max() / right.abs().max())

    def seconds(self, forms: list[Form], num_rows: int) -> list[float]:
        """Of each form the shortest of a few times, taken in turns: what else the machine does meets all of them."""
        times: list[list[float]] = [[] for _ in forms]
        for _ in range(ROUNDS):
            for form, its_times in zip(forms, times, strict=True):
                began = time.perf_counter()
                form.multiply(self.x[:num_rows], self.matrix)
                its_times.append(time.perf_counter() - began)
        return [min(its_times) for its_times in times]


@cache
def _noise() -> tuple[Tensor, Tensor, Tensor]:
    """Codes but NaN, activations and scales; of prime lengths, so that rows that repeat them differ."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(False):
        codes = torch.randint(0, 254, (2039,), generator=generator, dtype=torch.uint8)
        codes += codes > 126
        return codes, torch.randn(8191, generator=generator), torch.rand(8191, generator=generator) + 0.5


def _repeated(noise: Tensor, num_rows: int, size: int) -> Tensor:
    return noise.repeat(-(-num_rows * size // len(noise)))[: num_rows * size].view(num_rows, size)


def _right_forms(sample: Sample) -> Iterator[Form]:
    """In order, as far as to the first that takes any number of rows: those behind it are slower on all processors that
    have both, and each takes time to compile.
    """
    for form in _available(sample):
        if _is_right(form, sample):
            yield form
            if form.least_rows == 1:
                return
    yield PLAIN


def _available(sample: Sample) -> Iterator[Form]:
    codes, dtype = sample.matrix[0], sample.x.dtype
    for make in (_units, _table, _shift):
        form = make() if make is not _units or dtype == torch.bfloat16 else None
        if form is not None and form.takes(codes) and form.name not in _refused:
            yield form


def _units() -> Form | None:
    kernel = fp8_tiles.tile_kernel()
    return None if kernel is None else Form(UNITS, kernel.multiply, kernel.takes, TILES_FROM)


def _table() -> Form | None:
    kernels = fp8_forms.table_kernels()
    return None if kernels is None else Form(TABLE, kernels.multiply, kernels.takes)


def _shift() -> Form | None:
    kernels = fp8_forms.shift_kernels()
    return None if kernels is None else Form(SHIFT, kernels.multiply, kernels.takes)


def _is_right(form: Form, sample: Sample) -> bool:
    counts = [rows for rows in TRIED.values() if rows >= form.least_rows]
    errors = [sample.error(form, rows) for rows in counts]
    largest = LARGEST_ERROR if sample.x.dtype == torch.float32 else LARGEST_ERROR_16_BITS
    if all(error <= largest for error in errors):  # which NaN is not
        return True
    log.warning("FP8 products %s are wrong by %s of the largest result, and are not used", form.name, errors)
    _refused.add(form.name)
    for key in [key for key, by_rows in _chosen.items() if any(each.name == form.name for each in by_rows.values())]:
        del _chosen[key]
    return False


def _best(forms: list[Form], sample: Sample, num_rows: int, *, by_time: bool) -> Form:
    able = [form for form in forms if form.least_rows <= num_rows]
    if not by_time or len(able) == 1:
        return able[0]
    first_s, *times = sample.seconds(able, num_rows)
    best_s, best = min(zip(times, able[1:], strict=True), key=lambda each: each[0])
    return best if best_s < CLEARLY * first_s else able[0]
