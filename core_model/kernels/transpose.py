"""Transposes a matrix in memory, in squares that stay in registers: a compiled kernel.

A fused tensor holds an expert as [in, out], and is quantized by output. torch copies such a view number by number, at
half a gigabyte a second; here squares of 64 bytes a side are turned by interleaving registers: log2 of the side times
each row is interleaved with the row half a square below, and columns have become rows. A square reads whole cache
lines, for those of one column lie a page and more apart and are not in the cache when the next square comes.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from torch import Tensor

from core_model.kernels.assembly import Assembly
from core_model.kernels.jit import KernelUnavailableError, compile_functions

_LINE = 64  # bytes
_SIGNATURE = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
_ITEMS = (2, 4)  # bytes of a number


def transpose_into(target: Tensor, source: Tensor) -> bool:
    """Copy a view whose columns are contiguous into a contiguous matrix of the same shape and type.

    Returns:
        Whether it was done: False for other views and types, and where no kernel can be compiled.
    """
    assert target.is_contiguous() and target.shape == source.shape, "a matrix of that shape"  # noqa: PT018
    item = source.element_size()
    if target.dtype != source.dtype or item not in _ITEMS or source.stride(0) != 1 or not source.numel():
        return False
    turn = _kernel(item)
    if turn is None:
        return False
    turn(source.data_ptr(), source.stride(1), target.data_ptr(), *source.shape)
    return True


@cache
def _kernel(item: int) -> Any | None:
    try:
        return compile_functions(transpose(item), {"transpose": _SIGNATURE})["transpose"]
    except KernelUnavailableError:
        return None


def transpose(item: int) -> str:
    """`transpose(source, stride, target, rows, columns)`, the last two of the target; numbers have `item` bytes."""
    code = Assembly()
    source, stride, target, rows, columns = "%source", "%stride", "%target", "%rows", "%columns"
    side, number = _LINE // item, f"i{8 * item}"

    def one(row: str, column: str) -> None:
        there = code.new(f"add i64 {code.new(f'mul i64 {column}, {stride}')}, {row}")
        value = code.load(number, source, there, number, item)
        code.store(
            number, value, target, code.new(f"add i64 {code.new(f'mul i64 {row}, {columns}')}, {column}"), number
        )

    def square(row: str, column: str) -> None:
        corner = code.new(f"add i64 {code.new(f'mul i64 {column}, {stride}')}, {row}")
        lines = [
            code.load(f"<{side} x {number}>", source, code.new(f"add i64 {corner}, {each}"), number, item)
            for each in _multiples(code, stride, side)
        ]
        corner = code.new(f"add i64 {code.new(f'mul i64 {row}, {columns}')}, {column}")
        for line, each in zip(_turned(code, lines, number), _multiples(code, columns, side), strict=True):
            code.store(f"<{side} x {number}>", line, target, code.new(f"add i64 {corner}, {each}"), number, item)

    def one_by_one(first: str, last: str, start: str) -> None:
        code.count(first, last, 1, lambda row: code.count(start, columns, 1, lambda column: one(row, column)))

    def strip(row: str) -> None:
        code.count("0", columns, side, lambda column: square(row, column))
        one_by_one(row, code.new(f"add i64 {row}, {side}"), whole_columns)

    whole_rows, whole_columns = (code.new(f"and i64 {count}, {-side}") for count in (rows, columns))
    code.count("0", rows, side, strip)
    one_by_one(whole_rows, rows, "0")
    arguments = "ptr noalias %source, i64 %stride, ptr noalias %target, i64 %rows, i64 %columns"
    return code.function("transpose", arguments, f'"prefer-vector-width"="{8 * _LINE}"')


def _multiples(code: Assembly, value: str, count: int) -> list[str]:
    return [code.new(f"mul i64 {value}, {number}") for number in range(count)]


def _turned(code: Assembly, lines: list[str], number: str) -> list[str]:
    """The columns of a square of vectors."""
    side = len(lines)
    vector, half = f"<{side} x {number}>", side // 2
    for _ in range(side.bit_length() - 1):
        pairs = zip(lines[:half], lines[half:], strict=True)
        lines = [_interleaved(code, vector, above, below, start) for above, below in pairs for start in (0, half)]
    return lines


def _interleaved(code: Assembly, vector: str, above: str, below: str, start: int) -> str:
    """Half of two vectors' numbers in turns, from one on."""
    side = int(vector[1:].partition(" ")[0])
    order = ", ".join(f"i32 {each + offset}" for each in range(start, start + side // 2) for offset in (0, side))
    return code.new(f"shufflevector {vector} {above}, {vector} {below}, <{side} x i32> <{order}>")
