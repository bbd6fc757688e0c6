"""Vectors of float32 in LLVM assembly: constants, sums, bf16 widened, and e to the power of each. No kernel is in here.

exp: range reduction by powers of two and a polynomial of degree six (Cody and Waite 1980; coefficients of the Taylor
series, error below 2e-7).
"""

from __future__ import annotations

import struct

from core_model.kernels.assembly import Assembly

WIDTH = 16  # float32 numbers in a register, or in as many as they take
V = f"<{WIDTH} x float>"
LOG2_E, LN_2_HIGH, LN_2_LOW = 1.4426950408889634, 0.693359375, -2.12194440e-4


def number(value: float) -> str:
    """A float constant as LLVM wants it: the bits of the double that it stands for."""
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"


def splat(value: str) -> str:
    """A vector of one constant."""
    return f"splat (float {value})"


def widened(code: Assembly, base: str, index: str) -> str:
    """16 bf16 numbers as float32."""
    bits = code.new(f"zext <{WIDTH} x i16> {code.load(f'<{WIDTH} x i16>', base, index, 'i16')} to <{WIDTH} x i32>")
    return code.new(f"bitcast <{WIDTH} x i32> {code.new(f'shl <{WIDTH} x i32> {bits}, splat (i32 16)')} to {V}")


def fma(code: Assembly, a: str, b: str, c: str) -> str:
    return code.new(f"call {V} @llvm.fma.v{WIDTH}f32({V} {a}, {V} {b}, {V} {c})")


def total(code: Assembly, vector: str) -> str:
    return code.new(f"call reassoc float @llvm.vector.reduce.fadd.v{WIDTH}f32(float 0.0, {V} {vector})")


def spread(code: Assembly, scalar: str) -> str:
    """A vector of one computed number."""
    one = code.new(f"insertelement {V} poison, float {scalar}, i64 0")
    return code.new(f"shufflevector {V} {one}, {V} poison, <{WIDTH} x i32> zeroinitializer")


def exponential() -> str:
    """`exp16(x)`: e to each of 16 numbers; 0 below -87, as softmax wants."""
    code = Assembly()
    low = code.new(f"call {V} @llvm.maxnum.v{WIDTH}f32({V} %x, {V} {splat(number(-87.0))})")
    x = code.new(f"call {V} @llvm.minnum.v{WIDTH}f32({V} {low}, {V} {splat(number(88.0))})")
    power = code.new(f"call {V} @llvm.rint.v{WIDTH}f32({V} {code.new(f'fmul {V} {x}, {splat(number(LOG2_E))}')})")
    rest = fma(code, power, splat(number(-LN_2_HIGH)), x)
    rest = fma(code, power, splat(number(-LN_2_LOW)), rest)
    value = splat(number(1 / 720))
    for divisor in (120, 24, 6, 2, 1, 1):
        value = fma(code, value, rest, splat(number(1 / divisor)))
    whole = code.new(f"fptosi {V} {power} to <{WIDTH} x i32>")
    bits = code.new(f"shl <{WIDTH} x i32> {code.new(f'add <{WIDTH} x i32> {whole}, splat (i32 127)')}, splat (i32 23)")
    result = code.new(f"fmul {V} {value}, {code.new(f'bitcast <{WIDTH} x i32> {bits} to {V}')}")
    is_low = code.new(f"fcmp olt {V} %x, {splat(number(-87.0))}")
    code.add(f"ret {V} {code.new(f'select <{WIDTH} x i1> {is_low}, {V} zeroinitializer, {V} {result}')}")
    body = "\n".join(f"  {line}" for line in code.lines)
    return f"define {V} @exp16({V} %x) nounwind alwaysinline {{\n{body}\n}}\n"
