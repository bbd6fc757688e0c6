"""Many rows times FP8 weights on the matrix units of newer Xeons (AMX), as LLVM assembly.

Codes become bf16 in a strip of 32 rows of weights that stays in the second cache, and the units multiply the strip
with 32 rows of activations at a time: no bf16 copy of the matrix is written to memory and read again, which is what the
way over the library's product spends most of its time on. One of the eight tile registers holds 16 rows of 32 numbers;
four hold sums, two weights, two activations.

Each result is summed in one order, whoever computes it and with however many rows this kernel is given beside it.

Sources: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18 (AMX); for the look-up of
codes, `core_model.kernels.fp8_ir`.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from core_model.kernels import fp8_ir, job_ir
from core_model.kernels.assembly import Assembly

FEATURES = fp8_ir.TABLE_FEATURES | {"amx-tile", "amx-bf16"}
STRIP = 32  # rows of weights
SIDE = 16  # rows of a tile register; also how many float32 numbers a row of it holds
TILE_BYTES = 1024
_VECTOR = "<16 x i32>"
PADDING = 64  # bytes between rows of a strip, so that they do not all fall into the same places of the cache

# The words of a job: what threads share (`job_ir`), the tensors and their sizes, the next job or 0, and memory.
# Of a strip: codes, scales, x, y; size, tokens, stride; tables.
_STRIP_KINDS = ("ptr", "ptr", "ptr", "ptr", "i64", "i64", "i64", "ptr")
_STRIP_ARGUMENTS = (
    "ptr noalias %codes, ptr noalias %scales, ptr noalias %x, ptr noalias %y, i64 %size, i64 %tokens, i64 %stride, "
    "ptr noalias %tables, i64 %row, ptr noalias %strip"
)
NEXT = job_ir.FIRST_ARGUMENT + len(_STRIP_KINDS)
ARRIVALS, STRIPS, STRIP_BYTES, SHAPE = range(NEXT + 1, NEXT + 5)  # of the first job
JOB_WORDS = SHAPE + 1


def tile_shape() -> npt.NDArray[np.uint8]:
    """What `ldtilecfg` reads: all eight tiles with 16 rows of 64 bytes. [64]"""
    shape = np.zeros(64, dtype=np.uint8)
    shape[0] = 1  # the palette
    shape[16:32] = np.array([64] * 8, dtype="<u2").view(np.uint8)
    shape[48:56] = SIDE
    return shape


def strip_bytes(size: int) -> int:
    """Room for a strip of weights with so many columns, and behind it for a tile of sums."""
    return STRIP * (2 * size + PADDING) + TILE_BYTES


def gemm_tiles() -> str:
    """`gemm_tiles(job)`: all strips of a job, and of the jobs behind it, together with other threads that call it.

    y[n, r] = scale[r] * w[r] . x[n]. Rows of weights come in multiples of 32, inputs (`size`) of 64, `tokens` of 16.
    x is bf16 as `arrange_tiles` writes it; y: bf16 [tokens, stride].
    """
    code = Assembly()
    strips, strip_bytes, shape = job_ir.load_words(code, "%job", ("ptr", "i64", "ptr"), STRIPS)
    number = code.new(f"atomicrmw add ptr {code.at('%job', str(ARRIVALS), 'i64')}, i64 1 monotonic")
    strip = code.at(strips, code.new(f"mul i64 {number}, {strip_bytes}"), "i8")
    code.add(f"call void @llvm.x86.ldtilecfg(ptr {shape})")
    current = code.variable("ptr", "%job")
    code.add("br label %jobs")
    code.add("jobs:")
    job = code.get("ptr", current)
    words = job_ir.load_words(code, job, _STRIP_KINDS, job_ir.FIRST_ARGUMENT)
    arguments = ", ".join(f"{kind} {word}" for kind, word in zip(_STRIP_KINDS, words, strict=True))
    job_ir.take_parts(code, job, lambda row, _: code.add(f"call void @one_strip({arguments}, i64 {row}, ptr {strip})"))
    following = code.load("ptr", job, str(NEXT), "i64", 8)
    code.set("ptr", current, following)
    code.add(f"br i1 {code.new(f'icmp eq ptr {following}, null')}, label %done, label %jobs")
    code.add("done:")
    code.add("call void @llvm.x86.tilerelease()")
    return _one_strip() + code.function("gemm_tiles", "ptr %job", fp8_ir.WIDE)


def _one_strip() -> str:
    """32 rows of weights from `row` on, times all tokens."""
    code = Assembly()
    tables = fp8_ir.load_tables(code)
    row_bytes = code.new(f"add i64 {code.new('shl i64 %size, 1')}, {PADDING}")
    sums = code.at("%strip", code.new(f"mul i64 {row_bytes}, {STRIP}"), "i8")

    def block(num_tiles: int, token: str) -> None:
        _multiply_tiles(code, token, row_bytes, num_tiles)
        for number in range(2 * num_tiles):
            side, half = divmod(number, num_tiles)
            code.add(f"call void @llvm.x86.tilestored64(i8 {number}, ptr {sums}, i64 64)")
            first_row = code.new(f"add i64 %row, {SIDE * side}")
            _store_tile(code, sums, first_row, code.new(f"add i64 {token}, {SIDE * half}"))

    _decode_strip(code, tables, "%row", row_bytes)
    token = code.variable("i64", "0")
    for num_tiles in (2, 1):
        code.loop(f"t{num_tiles}", token, SIDE * num_tiles, "%tokens", partial(block, num_tiles))
    return code.function("one_strip", _STRIP_ARGUMENTS, fp8_ir.WIDE)


def _decode_strip(code: Assembly, tables: list[str], row: str, row_bytes: str) -> None:
    """The codes of 32 rows as bf16, 64 at a time, each row on its own line of the strip."""
    start = code.at("%codes", code.new(f"mul i64 {row}, %size"), "i8")

    def one_row(number: str) -> None:
        codes = code.at(start, code.new(f"mul i64 {number}, %size"), "i8")
        out = code.at("%strip", code.new(f"mul i64 {number}, {row_bytes}"), "i8")

        def some(at: str) -> None:
            fp8_ir.prefetch(code, codes, at)
            halves = fp8_ir.look_up_64(code, tables, code.load("<64 x i8>", codes, at, "i8"))
            place = code.at(out, at, "i16")
            for half, numbers in enumerate(halves):
                code.store("<32 x bfloat>", numbers, place, str(32 * half), "i16", 2)

        code.count("0", "%size", fp8_ir.TABLE_STEP, some)

    code.count("0", str(STRIP), 1, one_row)


def _multiply_tiles(code: Assembly, token: str, row_bytes: str, num_tiles: int) -> None:
    """Tiles 0 to 2 * num_tiles - 1: the upper, then the lower half of the strip times one or two tiles of tokens."""
    for tile in range(2 * num_tiles):
        code.add(f"call void @llvm.x86.tilezero(i8 {tile})")
    lower = code.at("%strip", code.new(f"mul i64 {row_bytes}, {SIDE}"), "i8")
    tile_column = code.new("shl i64 %size, 5")  # bytes of all inputs of 16 tokens: 2 * 16 * size
    tokens = code.at("%x", code.new(f"mul i64 {code.new(f'lshr i64 {token}, 4')}, {tile_column}"), "i8")

    def some_inputs(at: str) -> None:  # 32 of them
        for side, weights in enumerate(("%strip", lower)):
            _load_tile(code, 4 + side, code.at(weights, at, "i16"), row_bytes)
        for half in range(num_tiles):
            inputs = code.at(tokens, code.new(f"shl i64 {at}, 5"), "i8")
            if half:
                inputs = code.at(inputs, tile_column, "i8")
            _load_tile(code, 6 + half, inputs, "64")
        for side in range(2):
            for half in range(num_tiles):
                code.add(f"call void @llvm.x86.tdpbf16ps(i8 {side * num_tiles + half}, i8 {4 + side}, i8 {6 + half})")

    code.count("0", "%size", 2 * SIDE, some_inputs)


def _load_tile(code: Assembly, tile: int, address: str, row_bytes: str) -> None:
    code.add(f"call void @llvm.x86.tileloadd64(i8 {tile}, ptr {address}, i64 {row_bytes})")


def _store_tile(code: Assembly, sums: str, row: str, token: str) -> None:
    """Sums of 16 rows of weights by 16 tokens into y, where tokens are rows: turned over, scaled, and rounded."""
    rows = [code.load(_VECTOR, sums, str(SIDE * number), "i32", 4) for number in range(SIDE)]
    scales = code.load("<16 x float>", "%scales", row, "float", 4)
    for number, numbers in enumerate(_transposed(code, rows)):
        values = code.new(f"bitcast {_VECTOR} {numbers} to <16 x float>")
        scaled = code.new(f"fptrunc <16 x float> {code.new(f'fmul <16 x float> {values}, {scales}')} to <16 x bfloat>")
        line = code.new(f"mul i64 {code.new(f'add i64 {token}, {number}')}, %stride")
        code.store("<16 x bfloat>", scaled, "%y", code.new(f"add i64 {line}, {row}"), "i16", 2)


def arrange_tiles() -> str:
    """`arrange_tiles(x, out, count, size)`: bf16 [count, size] as `gemm_tiles` reads it.

    Rows are filled up to a multiple of 16 by the last one; what is computed from those is not looked at.
    """
    code = Assembly()
    last = code.new("sub i64 %count, 1")
    row_words = code.new("lshr i64 %size, 1")  # pairs of inputs

    def sixteen_rows(token: str) -> None:
        rows = [code.new(f"add i64 {token}, {number}") for number in range(SIDE)]
        rows = [code.new(f"call i64 @llvm.umin.i64(i64 {row}, i64 {last})") for row in rows]
        starts = [code.at("%x", code.new(f"mul i64 {row}, {row_words}"), "i32") for row in rows]
        out = code.at("%out", code.new(f"mul i64 {token}, {row_words}"), "i32")

        def block(at: str) -> None:  # 32 pairs of each row
            places = (at, code.new(f"add i64 {at}, {SIDE}"))
            pairs = [[code.load(_VECTOR, start, place, "i32") for place in places] for start in starts]
            place = code.at(out, code.new(f"mul i64 {at}, {SIDE}"), "i32")
            for half in range(2):
                order = (fp8_ir.TABLE_ORDER[32 * half : 32 * half + 32 : 2] // 2).tolist()
                turned = _transposed(code, [_shuffled(code, one, other, order) for one, other in pairs])
                for number, words in enumerate(turned):
                    code.store(_VECTOR, words, place, str(SIDE * (SIDE * half + number)), "i32", 4)

        code.count("0", row_words, 2 * SIDE, block)

    filled = code.new(f"and i64 {code.new(f'add i64 %count, {SIDE - 1}')}, {-SIDE}")
    code.count("0", filled, SIDE, sixteen_rows)
    return code.function("arrange_tiles", "ptr noalias %x, ptr noalias %out, i64 %count, i64 %size", fp8_ir.WIDE)


def _transposed(code: Assembly, rows: list[str]) -> list[str]:
    """16 vectors of 16 words, turned over in four rounds that exchange 1, 2, 4 and 8 neighbours."""
    for distance in (1, 2, 4, 8):
        swapped = list(rows)
        for number in range(SIDE):
            if number & distance:
                continue
            one, other = rows[number], rows[number + distance]
            low = [lane if not lane & distance else SIDE + lane - distance for lane in range(SIDE)]
            high = [lane + distance if not lane & distance else SIDE + lane for lane in range(SIDE)]
            swapped[number], swapped[number + distance] = (_shuffled(code, one, other, order) for order in (low, high))
        rows = swapped
    return rows


def _shuffled(code: Assembly, one: str, other: str, order: list[int]) -> str:
    lanes = ", ".join(f"i32 {lane}" for lane in order)
    return code.new(f"shufflevector {_VECTOR} {one}, {_VECTOR} {other}, <16 x i32> <{lanes}>")


DECLARATIONS = """\
declare void @llvm.x86.ldtilecfg(ptr)
declare void @llvm.x86.tilerelease()
declare void @llvm.x86.tilezero(i8)
declare void @llvm.x86.tileloadd64(i8, ptr, i64)
declare void @llvm.x86.tilestored64(i8, ptr, i64)
declare void @llvm.x86.tdpbf16ps(i8, i8, i8)
declare i64 @llvm.umin.i64(i64, i64)
"""
