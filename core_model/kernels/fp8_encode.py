"""Numbers to e4m3 codes, and what that cost, in one pass over the weights: a compiled kernel.

torch converts to FP8 one number after the other, and comparing the codes with what they were made of takes another five
passes. Here a vector is divided by its row's scale, rounded, and compared while it is in registers. Codes are bit for
bit those of the plain form in `core_model.weights.fp8`; sums of errors differ in their last digits.

Rounding to the nearest, ties to even, without a conversion instruction: at and above 2^-6 the lowest 20 bits of a
float32 are rounded away; below, where codes are multiples of 2^-9, adding 2^14 makes the processor do it.

Source: OCP 8-bit floating point specification (e4m3).
"""

from __future__ import annotations

import ctypes
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core_model.kernels import job_ir
from core_model.kernels.assembly import Assembly
from core_model.kernels.jit import KernelUnavailableError, compile_functions
from core_model.kernels.threads import run_job

NUM_SUMS = 3  # of each row: squared errors, squared weights, the largest error
PART = 2**16  # numbers that a thread takes at a time
_WIDTH = 16
_KINDS = ("ptr", "ptr", "ptr", "ptr", "i64")  # numbers, scales, codes, sums, numbers in a row
_REBIAS = (127 - 7) << 3  # of exponents, seen as codes
_SHIFTER = 2.0**14


def encode_rows(numbers: Tensor, scales: Tensor) -> tuple[Tensor, Tensor] | None:
    """Round rows to codes.

    Args:
        numbers: float32 [R, I], finite, contiguous.
        scales: float32 [R], contiguous; no number is larger than 448 times its row's, but for rounding of the scale.

    Returns:
        e4m3 [R, I], and float32 [R, 3]: each row's squared errors and squared weights, summed, and its largest error.
        None where no kernel can be compiled.
    """
    encode = _kernel()
    if encode is None:
        return None
    assert numbers.dtype == scales.dtype == torch.float32, "read as they lie"
    assert numbers.is_contiguous() and scales.is_contiguous() and len(scales) == len(numbers), "a scale for each row"  # noqa: PT018
    num_rows, size = numbers.shape
    codes, sums = torch.empty(num_rows, size, dtype=torch.uint8), torch.empty(num_rows, NUM_SUMS)
    pointers = (numbers.data_ptr(), scales.data_ptr(), codes.data_ptr(), sums.data_ptr())
    job = np.array((0, num_rows, -(-PART // max(size, 1)), *pointers, size), dtype=np.int64)
    run_job(encode, job, numbers.numel(), num_rows=64)
    return codes.view(torch.float8_e4m3fn), sums


@cache
def _kernel() -> Any | None:
    try:
        return compile_functions(encode_job(), {"encode_job": (ctypes.c_void_p,)})["encode_job"]
    except KernelUnavailableError:
        return None


def encode_job() -> str:
    """`encode_job(job)`: see `job_ir`; counted in rows."""
    code = Assembly()
    numbers, scales, codes, sums, size = job_ir.load_words(code, "%job", _KINDS, job_ir.FIRST_ARGUMENT)
    wide = [code.variable(f"<{_WIDTH} x float>", "zeroinitializer") for _ in range(NUM_SUMS)]
    single = [code.variable("<1 x float>", "zeroinitializer") for _ in range(NUM_SUMS)]
    column = code.variable("i64", "0")

    def one_row(row: str) -> None:
        start = code.new(f"mul i64 {row}, {size}")
        source, target = code.at(numbers, start, "float"), code.at(codes, start, "i8")
        scale = code.load("float", scales, row, "float", 4)
        for width, parts in ((_WIDTH, wide), (1, single)):
            for variable in parts:
                code.set(f"<{width} x float>", variable, "zeroinitializer")
        code.set("i64", column, "0")
        for width, parts in ((_WIDTH, wide), (1, single)):
            divisor = code.splat("float", width, scale)
            code.loop(f"w{width}", column, width, size, partial(_encode, code, width, source, target, divisor, parts))
        _store_sums(code, wide, single, code.at(sums, code.new(f"mul i64 {row}, {NUM_SUMS}"), "float"))

    job_ir.take_parts(code, "%job", lambda first, last: code.count(first, last, 1, one_row))
    declarations = "".join(
        f"declare <{w} x float> @llvm.{name}.v{w}f32({', '.join([f'<{w} x float>'] * count)})\n"
        for w in (1, _WIDTH)
        for name, count in (("fabs", 1), ("minnum", 2), ("maxnum", 2), ("fma", 3))
    )
    reductions = (
        f"declare float @llvm.vector.reduce.fadd.v{_WIDTH}f32(float, <{_WIDTH} x float>)\n"
        f"declare float @llvm.vector.reduce.fmax.v{_WIDTH}f32(<{_WIDTH} x float>)\n"
    )
    body = code.function("encode_job", "ptr %job", f'"prefer-vector-width"="{32 * _WIDTH}"')
    return job_ir.DECLARATIONS + declarations + reductions + body


def _encode(code: Assembly, width: int, source: str, target: str, scale: str, sums: list[str], at: str) -> None:
    """`width` numbers: their codes, and what they add to the sums."""
    floats, words = f"<{width} x float>", f"<{width} x i32>"

    def call(name: str, *arguments: str) -> str:
        given = ", ".join(f"{floats} {argument}" for argument in arguments)
        return code.new(f"call {floats} @llvm.{name}.v{width}f32({given})")

    weight = code.load(floats, source, at, "float", 4)
    scaled = code.new(f"fdiv {floats} {weight}, {scale}")
    size = call("minnum", call("fabs", scaled), f"splat (float {_literal(448.0)})")
    bits = code.new(f"bitcast {floats} {size} to {words}")
    # at and above 2^-6: twenty bits are rounded away, ties to even
    is_odd = code.new(f"and {words} {code.new(f'lshr {words} {bits}, splat (i32 20)')}, splat (i32 1)")
    nudged = code.new(f"add {words} {code.new(f'add {words} {bits}, {is_odd}')}, splat (i32 {2**19 - 1})")
    rounded = code.new(f"lshr {words} {nudged}, splat (i32 20)")
    code_above = code.new(f"sub {words} {rounded}, splat (i32 {_REBIAS})")
    above = code.new(f"bitcast {words} {code.new(f'shl {words} {rounded}, splat (i32 20)')} to {floats}")
    # below: multiples of 2^-9
    shifted = code.new(f"fadd {floats} {size}, splat (float {_literal(_SHIFTER)})")
    shifted_bits = code.new(f"bitcast {floats} {shifted} to {words}")
    code_below = code.new(f"sub {words} {shifted_bits}, splat (i32 {_bits(_SHIFTER)})")
    below = code.new(f"fsub {floats} {shifted}, splat (float {_literal(_SHIFTER)})")
    is_below = code.new(f"fcmp olt {floats} {size}, splat (float {_literal(2.0**-6)})")
    chosen = code.new(f"select <{width} x i1> {is_below}, {words} {code_below}, {words} {code_above}")
    meant = code.new(f"select <{width} x i1> {is_below}, {floats} {below}, {floats} {above}")
    sign_bits = code.new(f"lshr {words} {code.new(f'bitcast {floats} {scaled} to {words}')}, splat (i32 24)")
    sign = code.new(f"and {words} {sign_bits}, splat (i32 128)")
    narrow = code.new(f"trunc {words} {code.new(f'or {words} {chosen}, {sign}')} to <{width} x i8>")
    code.store(f"<{width} x i8>", narrow, target, at, "i8")
    exact = call("fabs", weight)
    error = code.new(f"fsub {floats} {code.new(f'fmul {floats} {meant}, {scale}')}, {exact}")
    code.set(floats, sums[0], call("fma", error, error, code.get(floats, sums[0])))
    code.set(floats, sums[1], call("fma", exact, exact, code.get(floats, sums[1])))
    code.set(floats, sums[2], call("maxnum", call("fabs", error), code.get(floats, sums[2])))


def _store_sums(code: Assembly, wide: list[str], single: list[str], target: str) -> None:
    vector = f"<{_WIDTH} x float>"
    for number, (many, one) in enumerate(zip(wide, single, strict=True)):
        rest = code.new(f"extractelement <1 x float> {code.get('<1 x float>', one)}, i64 0")
        values = code.get(vector, many)
        if number < 2:
            total = code.new(
                f"call reassoc float @llvm.vector.reduce.fadd.v{_WIDTH}f32(float {rest}, {vector} {values})"
            )
        else:
            most = code.new(f"call float @llvm.vector.reduce.fmax.v{_WIDTH}f32({vector} {values})")
            total = code.new(f"select i1 {code.new(f'fcmp ogt float {most}, {rest}')}, float {most}, float {rest}")
        code.store("float", total, target, str(number), "float", 4)


def _literal(value: float) -> str:
    """A float32 as LLVM writes it: the bits of the double of the same value."""
    return f"0x{int(np.array(value, dtype=np.float64).view(np.uint64)):016X}"


def _bits(value: float) -> int:
    return int(np.array(value, dtype=np.float32).view(np.int32))
