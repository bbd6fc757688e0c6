"""Kernels for FP8 weights, as LLVM assembly: products with a few rows, and codes to bf16.

Two forms of one idea, which is to turn e4m3 codes into numbers in registers, so that memory is read once, as codes:

* **table** (AVX-512 with VBMI and BF16): a code without its sign is one of 128; `vpermi2b` looks up the high and the
  low byte of its bf16 value in two tables of 128 bytes that stay in registers; the sign is put back, the bytes are
  interleaved, and `vdpbf16ps` multiplies pairs with the activations. Interleaving two registers leaves the weights in
  an order of their own, so the activations are brought into it once per product (`TABLE_ORDER`).
* **shift** (everything else): moved left by seven bits a code *is* an fp16 number, 256 times too small, subnormals
  included; the processor turns that into float32. LLVM finds the instructions: `vcvtph2ps` from AVX2 on.

Both are exact for all 256 codes, NaN included. Sums are float32, in 16 or more parts, so the order of adding is fixed:
the same inputs give the same bits on one machine, whichever thread computes a row.

Sources: OCP 8-bit floating point specification (e4m3); Intel's intrinsics guide for the instructions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core_model.kernels import job_ir
from core_model.kernels.assembly import Assembly

PREFETCH_BYTES = 8192  # processors prefetch within a page; weights that are asked for two pages ahead are there in time
TABLE_STEP = 64  # weights that one round of the table form handles
MAX_ROWS = 4  # activations that the shift form multiplies while a weight is in registers
TABLE_ROWS = (1, 2, 3, 4, 8)  # the same of the table form, whose sums fill half of the registers at most

TABLE_FEATURES = frozenset({"avx512f", "avx512bw", "avx512vbmi", "avx512bf16"})


def _interleaved(half: int) -> list[int]:
    """Which weights of 64 land in one of the two registers that `vpunpckl/hbw` makes: lane by lane, eight each."""
    return [16 * lane + 8 * half + number for lane in range(4) for number in range(8)]


TABLE_ORDER = np.array(
    [*_interleaved(0), *_interleaved(1)]
)  # position in a block of 64 activations -> their place in x


def bf16_tables() -> npt.NDArray[np.uint8]:
    """High bytes, then low bytes, of the bf16 values of the 128 codes without sign. [256]"""
    codes = np.arange(128, dtype=np.uint32)
    exponent, mantissa = codes >> 3, codes & 7
    normal = (exponent + 120) << 7 | mantissa << 4
    subnormal = (mantissa.astype(np.float32) * np.float32(2.0**-9)).view(np.uint32) >> 16
    bits = np.where(exponent > 0, normal, subnormal)
    bits[127] = 0x7FC0  # NaN
    return np.concatenate([bits >> 8, bits & 0xFF]).astype(np.uint8)


_GEMM_ARGUMENTS = (
    "ptr noalias %codes, ptr noalias %scales, ptr noalias %x, ptr noalias %y, "
    "i64 %first, i64 %last, i64 %size, i64 %stride, ptr noalias %tables"
)
WIDE = '"prefer-vector-width"="512" "min-legal-vector-width"="512"'


def gemm_table(num_rows: int) -> str:
    """`gemm_table_N(codes, scales, x, y, first, last, size, stride, tables)`: y[n, r] = scale[r] * w[r] . x[n].

    Weights' rows `first` to `last - 1` of `size` codes each, a multiple of 64; x: bf16 [size / 64, N, 64], each 64 in
    `TABLE_ORDER`; scales and y: float32, `stride` numbers from one of y's N rows to the next; tables: `bf16_tables`.
    """
    code = Assembly()
    tables = load_tables(code)
    unroll = max(1, 4 // num_rows)

    def sum_row(row: str) -> None:
        offset = code.new(f"mul i64 {row}, %size")
        weights = code.new(f"getelementptr i8, ptr %codes, i64 {offset}")
        for variable in sums:
            code.add(f"store <16 x float> zeroinitializer, ptr {variable}")
        code.add(f"store i64 0, ptr {column}")
        label = f"r{len(code.lines)}"
        code.loop(f"{label}_wide", column, TABLE_STEP * unroll, "%size", lambda at: rounds(weights, at, unroll))
        code.loop(f"{label}_rest", column, TABLE_STEP, "%size", lambda at: rounds(weights, at, 1))
        scale = code.load("float", "%scales", row, "float", 4)
        for number in range(num_rows):
            _store_sum(code, sums[number::num_rows], scale, number, row)

    def rounds(weights: str, at: str, count: int) -> None:
        for number in range(count):
            place = code.new(f"add i64 {at}, {TABLE_STEP * number}")
            _table_round(code, tables, weights, place, sums[2 * num_rows * number : 2 * num_rows * (number + 1)])

    sums = [code.variable("<16 x float>", "zeroinitializer") for _ in range(2 * unroll * num_rows)]
    column, current = code.variable("i64", "0"), code.variable("i64", "%first")
    code.loop("rows", current, 1, "%last", sum_row)
    return code.function(f"gemm_table_{num_rows}", _GEMM_ARGUMENTS, WIDE)


def gemm_job(form: str, num_rows: int) -> str:
    """`gemm_FORM_N_job(job)`: the same in parts (`job_ir`). Arguments: codes, scales, x, y, size, stride, tables."""
    code = Assembly()
    kinds = ("ptr", "ptr", "ptr", "ptr", "i64", "i64", "ptr")
    codes, scales, x, y, size, stride, tables = job_ir.load_words(code, "%job", kinds, job_ir.FIRST_ARGUMENT)

    def part(first: str, last: str) -> None:
        pointers = f"ptr {codes}, ptr {scales}, ptr {x}, ptr {y}"
        numbers = f"i64 {first}, i64 {last}, i64 {size}, i64 {stride}"
        code.add(f"call void @gemm_{form}_{num_rows}({pointers}, {numbers}, ptr {tables})")

    job_ir.take_parts(code, "%job", part)
    return code.function(f"gemm_{form}_{num_rows}_job", "ptr %job")


def decode_job(form: str) -> str:
    """`decode_FORM_job(job)`: codes to bf16 in parts; counted in codes. Arguments: codes, out, tables."""
    code = Assembly()
    codes, out, tables = job_ir.load_words(code, "%job", ("ptr", "ptr", "ptr"), job_ir.FIRST_ARGUMENT)

    def part(first: str, last: str) -> None:
        start, target = code.at(codes, first, "i8"), code.at(out, first, "i16")
        count = code.new(f"sub i64 {last}, {first}")
        code.add(f"call void @decode_{form}(ptr {start}, ptr {target}, i64 {count}, ptr {tables})")

    job_ir.take_parts(code, "%job", part)
    return code.function(f"decode_{form}_job", "ptr %job")


def _table_round(code: Assembly, tables: Sequence[str], weights: str, place: str, sums: Sequence[str]) -> None:
    """64 weights times every row of x. `sums`: of the first half of all rows of x, then of the second half."""
    num_rows = len(sums) // 2
    prefetch(code, weights, place)
    halves = look_up_64(code, tables, code.load("<64 x i8>", weights, place, "i8"))
    start = code.new(f"mul i64 {place}, {num_rows}")
    for half in range(2):
        for number in range(num_rows):
            at = code.new(f"add i64 {start}, {TABLE_STEP * number + 32 * half}")
            x = code.load("<32 x bfloat>", "%x", at, "i16", 2)
            variable = sums[half * num_rows + number]
            total = code.get("<16 x float>", variable)
            added = code.new(
                "call <16 x float> @llvm.x86.avx512bf16.dpbf16ps.512("
                f"<16 x float> {total}, <32 x bfloat> {halves[half]}, <32 x bfloat> {x})"
            )
            code.add(f"store <16 x float> {added}, ptr {variable}")


def look_up_64(code: Assembly, tables: Sequence[str], codes: str) -> list[str]:
    """The bf16 values of 64 codes, in two halves that follow `TABLE_ORDER`."""
    low, high = _low_and_high(code, tables, codes)
    return [_interleave(code, low, high, half) for half in range(2)]


def _low_and_high(code: Assembly, tables: Sequence[str], codes: str) -> tuple[str, str]:
    sign = code.new(f"and <64 x i8> {codes}, splat (i8 -128)")
    high = code.new(f"or <64 x i8> {_look_up(code, tables[:2], codes)}, {sign}")
    return _look_up(code, tables[2:], codes), high


def prefetch(code: Assembly, base: str, index: str) -> None:
    """Ask for what will be wanted soon, into the second cache. Addresses behind the end do no harm."""
    there = code.new(f"getelementptr i8, ptr {code.at(base, index, 'i8')}, i64 {PREFETCH_BYTES}")
    code.add(f"call void @llvm.prefetch.p0(ptr {there}, i32 0, i32 2, i32 1)")


def load_tables(code: Assembly) -> list[str]:
    return [code.load("<64 x i8>", "%tables", str(64 * number), "i8") for number in range(4)]


def _look_up(code: Assembly, table: Sequence[str], indices: str) -> str:
    return code.new(
        "call <64 x i8> @llvm.x86.avx512.vpermi2var.qi.512("
        f"<64 x i8> {table[0]}, <64 x i8> {indices}, <64 x i8> {table[1]})"
    )


def _interleave(code: Assembly, low: str, high: str, half: int) -> str:
    order = ", ".join(f"i32 {at}, i32 {64 + at}" for at in _interleaved(half))
    mixed = code.new(f"shufflevector <64 x i8> {low}, <64 x i8> {high}, <64 x i32> <{order}>")
    return code.new(f"bitcast <64 x i8> {mixed} to <32 x bfloat>")


def _store_sum(code: Assembly, sums: Sequence[str], scale: str, number: int, row: str) -> None:
    """Add up the parts of one result, in a fixed order, and put it where it belongs."""
    parts = [code.get("<16 x float>", variable) for variable in sums]
    _store_total(code, parts, "0.0", "<16 x float>", scale, number, row)


def _store_total(
    code: Assembly, parts: Sequence[str], single: str, vector: str, scale: str, number: int, row: str
) -> None:
    while len(parts) > 1:
        parts = [code.new(f"fadd {vector} {a}, {b}") for a, b in zip(parts[::2], parts[1::2], strict=True)]
    name = f"@llvm.vector.reduce.fadd.v{vector[1:].split()[0]}f32"
    total = code.new(f"call reassoc float {name}(float {single}, {vector} {parts[0]})")
    result = code.new(f"fmul float {total}, {scale}")
    base = code.new(f"mul i64 %stride, {number}")
    place = code.new(f"add i64 {base}, {row}")
    code.add(f"store float {result}, ptr {code.new(f'getelementptr float, ptr %y, i64 {place}')}, align 4")


def decode_table() -> str:
    """`decode_table(codes, out, count, tables)`: bf16 values of `count` codes, a multiple of 64, in their own order."""
    code = Assembly()
    tables = load_tables(code)
    position = code.variable("i64", "0")

    def block(at: str) -> None:
        prefetch(code, "%codes", at)
        low, high = _low_and_high(code, tables, code.load("<64 x i8>", "%codes", at, "i8"))
        for half in range(2):
            order = ", ".join(f"i32 {32 * half + number}, i32 {64 + 32 * half + number}" for number in range(32))
            mixed = code.new(f"shufflevector <64 x i8> {low}, <64 x i8> {high}, <64 x i32> <{order}>")
            place = code.new(f"add i64 {at}, {32 * half}")
            target = code.new(f"getelementptr i16, ptr %out, i64 {place}")
            code.add(f"store <64 x i8> {mixed}, ptr {target}, align 2")

    code.loop("blocks", position, TABLE_STEP, "%count", block)
    arguments = "ptr noalias %codes, ptr noalias %out, i64 %count, ptr noalias %tables"
    return code.function("decode_table", arguments, WIDE)


def gemm_shift(num_rows: int, width: int) -> str:
    """`gemm_shift_N(codes, scales, x, y, first, last, size, stride, tables)`: as `gemm_table`, in the other form.

    x: float32 [N, size] in its own order, of any size; `tables` is not used; `width`: float32 numbers in a register.
    """
    code = Assembly()
    unroll = 4 if num_rows == 1 else 2
    vector = f"<{width} x float>"

    def sum_row(row: str) -> None:
        offset = code.new(f"mul i64 {row}, %size")
        weights = code.new(f"getelementptr i8, ptr %codes, i64 {offset}")
        for variable in sums:
            code.add(f"store {vector} zeroinitializer, ptr {variable}")
        for variable in singles:
            code.add(f"store <1 x float> zeroinitializer, ptr {variable}")
        code.add(f"store i64 0, ptr {column}")
        label = f"r{len(code.lines)}"
        code.loop(f"{label}_wide", column, width * unroll, "%size", lambda at: rounds(weights, at))
        code.loop(f"{label}_rest", column, 1, "%size", lambda at: _shift_round(code, 1, weights, at, singles))
        scale = code.new(f"fmul float {code.load('float', '%scales', row, 'float', 4)}, 256.0")
        for number in range(num_rows):
            parts = [code.get(vector, sums[num_rows * at + number]) for at in range(unroll)]
            single = code.new(f"extractelement <1 x float> {code.get('<1 x float>', singles[number])}, i64 0")
            _store_total(code, parts, single, vector, scale, number, row)

    def rounds(weights: str, at: str) -> None:
        prefetch(code, weights, at)
        for number in range(unroll):
            place = code.new(f"add i64 {at}, {width * number}")
            _shift_round(code, width, weights, place, sums[num_rows * number : num_rows * (number + 1)])

    sums = [code.variable(vector, "zeroinitializer") for _ in range(unroll * num_rows)]
    singles = [code.variable("<1 x float>", "zeroinitializer") for _ in range(num_rows)]
    column, current = code.variable("i64", "0"), code.variable("i64", "%first")
    code.loop("rows", current, 1, "%last", sum_row)
    return code.function(f"gemm_shift_{num_rows}", _GEMM_ARGUMENTS, f'"prefer-vector-width"="{32 * width}"')


def _shift_round(code: Assembly, width: int, weights: str, place: str, sums: Sequence[str]) -> None:
    """`width` weights times every row of x."""
    vector = f"<{width} x float>"
    numbers = _shifted(code, width, code.load(f"<{width} x i8>", weights, place, "i8"))
    for number, variable in enumerate(sums):
        row = code.new(f"mul i64 %size, {number}")
        x = code.load(vector, "%x", code.new(f"add i64 {row}, {place}"), "float", 4)
        total = code.get(vector, variable)
        name = f"@llvm.fma.v{width}f32"
        added = code.new(f"call {vector} {name}({vector} {numbers}, {vector} {x}, {vector} {total})")
        code.add(f"store {vector} {added}, ptr {variable}")


def _shifted(code: Assembly, width: int, bytes_: str) -> str:
    """The values of codes, divided by 256, as float32."""
    wide = code.new(f"zext <{width} x i8> {bytes_} to <{width} x i16>")
    magnitude = code.new(f"and <{width} x i16> {wide}, splat (i16 127)")
    sign = code.new(f"shl <{width} x i16> {code.new(f'and <{width} x i16> {wide}, splat (i16 128)')}, splat (i16 8)")
    moved = code.new(f"or <{width} x i16> {code.new(f'shl <{width} x i16> {magnitude}, splat (i16 7)')}, {sign}")
    is_nan = code.new(f"icmp eq <{width} x i16> {magnitude}, splat (i16 127)")
    bits = code.new(f"select <{width} x i1> {is_nan}, <{width} x i16> splat (i16 32256), <{width} x i16> {moved}")
    return code.new(
        f"fpext <{width} x half> {code.new(f'bitcast <{width} x i16> {bits} to <{width} x half>')} to <{width} x float>"
    )


def decode_shift(width: int) -> str:
    """`decode_shift(codes, out, count, tables)`: as `decode_table`, for any number of codes."""
    code = Assembly()
    position = code.variable("i64", "0")

    def block(width: int, at: str) -> None:
        numbers = _shifted(code, width, code.load(f"<{width} x i8>", "%codes", at, "i8"))
        scaled = code.new(f"fmul <{width} x float> {numbers}, splat (float 256.0)")
        bits = code.new(f"bitcast <{width} x float> {scaled} to <{width} x i32>")
        high = code.new(f"lshr <{width} x i32> {bits}, splat (i32 16)")
        result = code.new(f"trunc <{width} x i32> {high} to <{width} x i16>")
        target = code.new(f"getelementptr i16, ptr %out, i64 {at}")
        code.add(f"store <{width} x i16> {result}, ptr {target}, align 2")

    code.loop("wide", position, width, "%count", lambda at: block(width, at))
    code.loop("rest", position, 1, "%count", lambda at: block(1, at))
    arguments = "ptr noalias %codes, ptr noalias %out, i64 %count, ptr noalias %tables"
    return code.function("decode_shift", arguments, f'"prefer-vector-width"="{32 * width}"')


def shift_declarations(width: int) -> str:
    return (
        "".join(
            f"declare <{each} x float> @llvm.fma.v{each}f32(<{each} x float>, <{each} x float>, <{each} x float>)\n"
            for each in (1, width)
        )
        + f"declare float @llvm.vector.reduce.fadd.v{width}f32(float, <{width} x float>)\n"
        + "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)\n"
    )


TABLE_DECLARATIONS = """\
declare <64 x i8> @llvm.x86.avx512.vpermi2var.qi.512(<64 x i8>, <64 x i8>, <64 x i8>)
declare <16 x float> @llvm.x86.avx512bf16.dpbf16ps.512(<16 x float>, <32 x bfloat>, <32 x bfloat>)
declare float @llvm.vector.reduce.fadd.v16f32(float, <16 x float>)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
"""
