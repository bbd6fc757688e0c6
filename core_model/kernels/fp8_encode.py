"""Numbers to e4m3 codes, and what that cost, in one visit to the weights: a compiled kernel.

torch converts to FP8 one number after the other, and finding the largest of each row and comparing the codes with what
they were made of take another six passes over memory. Here a row is read as it is stored, first for its scale; then,
out of the nearest cache, a vector is divided by the scale, rounded, and compared while it is in registers. Codes and
scales are bit for bit those of the plain form in `core_model.weights.fp8`; sums of errors differ in their last digits.

A call is one thread's work, and lets go of the interpreter lock: who has several matrices calls from several threads.
Rounding to the nearest, ties to even, without a conversion instruction: at and above 2^-6 the lowest 20 bits of a
float32 are rounded away; below, where codes are multiples of 2^-9, adding 2^14 makes the processor do it.

Source: OCP 8-bit floating point specification (e4m3).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core_model.kernels.assembly import Assembly
from core_model.kernels.jit import KernelUnavailableError, compile_functions

NUM_SUMS = 4  # of each row: squared errors, squared weights, the largest error, the largest number
_WIDTH = 16
_SIGNATURE = (*(ctypes.c_void_p,) * 4, ctypes.c_int64, ctypes.c_int64)
KINDS: Mapping[torch.dtype, str] = MappingProxyType(
    {torch.float32: "float", torch.float16: "half", torch.bfloat16: "bfloat"}
)
_REBIAS = (127 - 7) << 3  # of exponents, seen as codes
_SHIFTER = 2.0**14


def encode_rows(numbers: Tensor, codes: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor] | None:
    """Find each row's scale and round the row to codes.

    Args:
        numbers: [R, I] of one of the types in `KINDS`, contiguous.
        codes: memory for the result, uint8 [R, I], contiguous; new memory costs as much as the work.

    Returns:
        e4m3 [R, I]; scales, bf16 [R, 1], not finite where the row is not; and float32 [R, 4]: each row's squared errors
        and squared weights, summed, its largest error and its largest number.
        None where no kernel can be compiled.
    """
    assert numbers.is_contiguous(), "read as it lies"
    encode = _kernel(KINDS[numbers.dtype])
    if encode is None:
        return None
    num_rows, size = numbers.shape
    codes = torch.empty(num_rows, size, dtype=torch.uint8) if codes is None else codes
    assert codes.is_contiguous() and codes.shape == numbers.shape, "a code for each number"  # noqa: PT018
    scales, sums = torch.empty(num_rows, 1, dtype=torch.bfloat16), torch.empty(num_rows, NUM_SUMS)
    encode(numbers.data_ptr(), scales.data_ptr(), codes.data_ptr(), sums.data_ptr(), num_rows, size)
    return codes.view(torch.float8_e4m3fn), scales, sums


@cache
def _kernel(kind: str) -> Any | None:
    try:
        return compile_functions(encode_function(kind), {"encode": _SIGNATURE})["encode"]
    except KernelUnavailableError:
        return None


def encode_function(kind: str) -> str:
    """`encode(numbers, scales, codes, sums, rows, size)`: that many rows of `size` numbers.

    Args:
        kind: of the numbers, in LLVM's words.
    """
    code = Assembly()
    numbers, scales, codes, sums, size = "%numbers", "%scales", "%codes", "%sums", "%size"
    wide = [code.variable(f"<{_WIDTH} x float>", "zeroinitializer") for _ in range(3)]
    single = [code.variable("<1 x float>", "zeroinitializer") for _ in range(3)]
    largest = {width: code.variable(f"<{width} x i32>", "zeroinitializer") for width in (1, _WIDTH)}
    column = code.variable("i64", "0")

    def over_row(label: str, body: Callable[[int, str], None]) -> None:
        code.set("i64", column, "0")
        for width in (_WIDTH, 1):
            code.loop(f"{label}{width}", column, width, size, partial(body, width))

    def one_row(row: str) -> None:
        start = code.new(f"mul i64 {row}, {size}")
        source, target = code.at(numbers, start, kind), code.at(codes, start, "i8")
        for width, parts in ((_WIDTH, wide), (1, single)):
            for variable in parts:
                code.set(f"<{width} x float>", variable, "zeroinitializer")
            code.set(f"<{width} x i32>", largest[width], "zeroinitializer")
        over_row("look", lambda width, at: _look(code, kind, width, source, largest[width], at))
        most = _largest(code, largest)
        scale = _scale(code, most, scales, row)

        def encode(width: int, at: str) -> None:
            parts = wide if width == _WIDTH else single
            _encode(code, kind, width, source, target, code.splat("float", width, scale), parts, at)

        over_row("encode", encode)
        own = code.at(sums, code.new(f"mul i64 {row}, {NUM_SUMS}"), "float")
        _store_sums(code, wide, single, own)
        code.store("i32", most, own, "3", "float", 4)

    code.count("0", "%rows", 1, one_row)
    declarations = "".join(
        f"declare <{w} x float> @llvm.{name}.v{w}f32({', '.join([f'<{w} x float>'] * count)})\n"
        for w in (1, _WIDTH)
        for name, count in (("fabs", 1), ("minnum", 2), ("maxnum", 2), ("fma", 3))
    )
    reductions = (
        f"declare float @llvm.vector.reduce.fadd.v{_WIDTH}f32(float, <{_WIDTH} x float>)\n"
        f"declare float @llvm.vector.reduce.fmax.v{_WIDTH}f32(<{_WIDTH} x float>)\n"
        f"declare i32 @llvm.vector.reduce.umax.v{_WIDTH}i32(<{_WIDTH} x i32>)\n"
        "declare i32 @llvm.umax.i32(i32, i32)\n"
        "declare i32 @llvm.umin.i32(i32, i32)\n"
    ) + "".join(f"declare <{w} x i32> @llvm.umax.v{w}i32(<{w} x i32>, <{w} x i32>)\n" for w in (1, _WIDTH))
    arguments = ", ".join(f"ptr noalias {each}" for each in (numbers, scales, codes, sums)) + ", i64 %rows, i64 %size"
    return declarations + reductions + code.function("encode", arguments, f'"prefer-vector-width"="{32 * _WIDTH}"')


def _numbers(code: Assembly, kind: str, width: int, source: str, at: str) -> str:
    """Some numbers as float32."""
    floats, words = f"<{width} x float>", f"<{width} x i32>"
    if kind == "float":
        return code.load(floats, source, at, kind, 4)
    if kind == "half":
        return code.new(f"fpext <{width} x half> {code.load(f'<{width} x half>', source, at, kind, 2)} to {floats}")
    bits = code.new(f"zext <{width} x i16> {code.load(f'<{width} x i16>', source, at, 'i16', 2)} to {words}")
    return code.new(f"bitcast {words} {code.new(f'shl {words} {bits}, splat (i32 16)')} to {floats}")


def _look(code: Assembly, kind: str, width: int, source: str, largest: str, at: str) -> None:
    """The largest magnitude. As integers, magnitudes keep their order, and what is not a number is above all."""
    words = f"<{width} x i32>"
    bits = code.new(f"bitcast <{width} x float> {_numbers(code, kind, width, source, at)} to {words}")
    size = code.new(f"and {words} {bits}, splat (i32 {0x7FFFFFFF})")
    most = code.new(f"call {words} @llvm.umax.v{width}i32({words} {size}, {words} {code.get(words, largest)})")
    code.set(words, largest, most)


def _largest(code: Assembly, largest: Mapping[int, str]) -> str:
    """Of both loops over a row, as bits; one NaN for all, for rounding might carry another into the sign."""
    vector = f"<{_WIDTH} x i32>"
    wide = code.new(f"call i32 @llvm.vector.reduce.umax.v{_WIDTH}i32({vector} {code.get(vector, largest[_WIDTH])})")
    single = code.new(f"extractelement <1 x i32> {code.get('<1 x i32>', largest[1])}, i64 0")
    most = code.new(f"call i32 @llvm.umax.i32(i32 {wide}, i32 {single})")
    return code.new(f"call i32 @llvm.umin.i32(i32 {most}, i32 {0x7FC00000})")


def _scale(code: Assembly, largest: str, scales: str, row: str) -> str:
    """Store a row's scale as bf16, rounded to even; 1 in the place of 0. Returns what was stored as a float32."""
    exact = code.new(f"fdiv float {code.new(f'bitcast i32 {largest} to float')}, {_literal(448.0)}")
    bits = code.new(f"bitcast float {exact} to i32")
    is_odd = code.new(f"and i32 {code.new(f'lshr i32 {bits}, 16')}, 1")
    nudged = code.new(f"add i32 {code.new(f'add i32 {bits}, {is_odd}')}, {0x7FFF}")
    rounded = code.new(f"lshr i32 {nudged}, 16")
    chosen = code.new(f"select i1 {code.new(f'icmp eq i32 {rounded}, 0')}, i32 {0x3F80}, i32 {rounded}")
    code.store("i16", code.new(f"trunc i32 {chosen} to i16"), scales, row, "i16", 2)
    return code.new(f"bitcast i32 {code.new(f'shl i32 {chosen}, 16')} to float")


def _encode(
    code: Assembly, kind: str, width: int, source: str, target: str, scale: str, sums: list[str], at: str
) -> None:
    """`width` numbers: their codes, and what they add to the sums."""
    floats, words = f"<{width} x float>", f"<{width} x i32>"

    def call(name: str, *arguments: str) -> str:
        given = ", ".join(f"{floats} {argument}" for argument in arguments)
        return code.new(f"call {floats} @llvm.{name}.v{width}f32({given})")

    weight = _numbers(code, kind, width, source, at)
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
