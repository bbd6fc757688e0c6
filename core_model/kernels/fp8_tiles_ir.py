"""Many rows times FP8 weights on the matrix units of newer Xeons (AMX), as LLVM assembly.

Codes become bf16 in a block of weights that stays in the second cache, and the units multiply the block with 32 rows of
activations at a time: no bf16 copy of the matrix is written to memory and read again, which is what the way over the
library's product spends most of its time on. One of the eight tile registers holds 16 rows of 32 numbers; four hold
sums, two weights, two activations.

Activations of many rows come from the third cache each time that a block of weights meets them, which is half of the
time if blocks are 32 rows of all columns (docs/LOG.md). So a block may be many rows of some of the columns, and sums
wait in memory, unrounded, for the next columns.

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
STEP_BYTES = 2 * TILE_BYTES  # what 32 columns of a strip take
SUMS_BYTES = 4 * TILE_BYTES
TOGETHER = 8  # rows that are decoded at a time
_VECTOR = "<16 x i32>"

# The words of a job: what threads share (`job_ir`), the tensors and their sizes, the next job or 0, and memory.
# Of a part: codes, scales, x, y; size, tokens, stride, columns at a time (`width`); tables.
_PART_KINDS = ("ptr", "ptr", "ptr", "ptr", "i64", "i64", "i64", "i64", "ptr")
_PART_ARGUMENTS = (
    "ptr noalias %codes, ptr noalias %scales, ptr noalias %x, ptr noalias %y, i64 %size, i64 %tokens, i64 %stride, "
    "i64 %width, ptr noalias %tables, i64 %row, i64 %last, ptr noalias %memory"
)
NEXT = job_ir.FIRST_ARGUMENT + len(_PART_KINDS)
ARRIVALS, MEMORIES, MEMORY_BYTES, SHAPE = range(NEXT + 1, NEXT + 5)  # of the first job
JOB_WORDS = SHAPE + 1


def tile_shape() -> npt.NDArray[np.uint8]:
    """What `ldtilecfg` reads: all eight tiles with 16 rows of 64 bytes. [64]"""
    shape = np.zeros(64, dtype=np.uint8)
    shape[0] = 1  # the palette
    shape[16:32] = np.array([64] * 8, dtype="<u2").view(np.uint8)
    shape[48:56] = SIDE
    return shape


def memory_bytes(rows: int, width: int, size: int, num_rows: int) -> int:
    """What a thread needs: for a block of sums, for `rows` by `width` weights, and for sums that are not whole yet."""
    unfinished = 0 if width >= size else 4 * rows * -(-num_rows // STRIP) * STRIP
    return SUMS_BYTES + 2 * rows * width + unfinished


def gemm_tiles() -> str:
    """`gemm_tiles(job)`: all parts of a job, and of the jobs behind it, together with other threads that call it.

    y[n, r] = scale[r] * w[r] . x[n]. Rows of weights come in multiples of 32, inputs (`size`) and `width` of 64,
    `tokens` of 16. x is bf16 as `arrange_tiles` writes it; y: bf16 [tokens, stride].
    """
    code = Assembly()
    memories, num_bytes, shape = job_ir.load_words(code, "%job", ("ptr", "i64", "ptr"), MEMORIES)
    number = code.new(f"atomicrmw add ptr {code.at('%job', str(ARRIVALS), 'i64')}, i64 1 monotonic")
    memory = code.at(memories, code.new(f"mul i64 {number}, {num_bytes}"), "i8")
    code.add(f"call void @llvm.x86.ldtilecfg(ptr {shape})")
    current = code.variable("ptr", "%job")
    code.add("br label %jobs")
    code.add("jobs:")
    job = code.get("ptr", current)
    words = job_ir.load_words(code, job, _PART_KINDS, job_ir.FIRST_ARGUMENT)
    arguments = ", ".join(f"{kind} {word}" for kind, word in zip(_PART_KINDS, words, strict=True))

    def part(row: str, last: str) -> None:
        code.add(f"call void @one_part({arguments}, i64 {row}, i64 {last}, ptr {memory})")

    job_ir.take_parts(code, job, part)
    following = code.load("ptr", job, str(NEXT), "i64", 8)
    code.set("ptr", current, following)
    code.add(f"br i1 {code.new(f'icmp eq ptr {following}, null')}, label %done, label %jobs")
    code.add("done:")
    code.add("call void @llvm.x86.tilerelease()")
    return _one_part() + code.function("gemm_tiles", "ptr %job", fp8_ir.WIDE)


class _Part(Assembly):
    """Rows of weights from `row` to before `last`, times all tokens: column block by column block."""

    def __init__(self) -> None:
        super().__init__()
        self.tables = fp8_ir.load_tables(self)
        self.weights = self.at("%memory", str(SUMS_BYTES), "i8")
        num_rows = self.new("sub i64 %last, %row")
        self.num_strips = self.new(f"sdiv i64 {num_rows}, {STRIP}")
        self.unfinished = self.at(self.weights, self.new(f"mul i64 {num_rows}, {self.new('shl i64 %width, 1')}"), "i8")
        last_column = self.new("add i64 %size, %width")
        self.num_blocks = self.new(f"sdiv i64 {self.new(f'sub i64 {last_column}, 1')}, %width")
        self.count("0", self.num_blocks, 1, self._columns)

    def _columns(self, number: str) -> None:
        first = self.new(f"mul i64 {number}, %width")
        end = self.new(f"call i64 @llvm.smin.i64(i64 {self.new(f'add i64 {first}, %width')}, i64 %size)")
        self.first, self.columns = first, self.new(f"sub i64 {end}, {first}")
        self.strip_bytes = self.new(f"mul i64 {self.columns}, {2 * STRIP}")
        self.is_first = self.new(f"icmp eq i64 {number}, 0")
        self.is_last = self.new(f"icmp eq i64 {end}, %size")
        self.count("%row", "%last", TOGETHER, self._decode_rows)
        token = self.variable("i64", "0")
        for num_tiles in (2, 1):
            self.loop(f"t{num_tiles}", token, SIDE * num_tiles, "%tokens", partial(self._tokens, num_tiles))

    def _decode_rows(self, row: str) -> None:
        """Some codes of 8 rows as bf16, 64 at a time, into tiles of 16 rows by 32 columns: whole stretches of memory.

        What is asked for ahead is of the next 8 rows, because a row may soon be at the block's end.
        """
        number = self.new(f"sub i64 {row}, %row")
        strip = self._strip_at(self.new(f"sdiv i64 {number}, {STRIP}"))
        out = self.at(strip, self.new(f"shl i64 {self.new(f'and i64 {number}, {STRIP - 1}')}, 6"), "i8")
        lines = [self.new(f"mul i64 {self.new(f'add i64 {row}, {line}')}, %size") for line in range(TOGETHER)]
        codes = [self.at("%codes", self.new(f"add i64 {line}, {self.first}"), "i8") for line in lines]
        ahead = self.new(f"mul i64 %size, {TOGETHER}")

        def some(at: str) -> None:
            place, there = self.at(out, self.new(f"shl i64 {at}, 6"), "i8"), self.new(f"add i64 {at}, {ahead}")
            for number, line in enumerate(codes):
                self.add(f"call void @llvm.prefetch.p0(ptr {self.at(line, there, 'i8')}, i32 0, i32 2, i32 1)")
                halves = fp8_ir.look_up_64(self, self.tables, self.load("<64 x i8>", line, at, "i8"))
                for half, numbers in enumerate(halves):
                    self.store("<32 x bfloat>", numbers, place, str(STEP_BYTES * half + 64 * number), "i8", 64)

        self.count("0", self.columns, fp8_ir.TABLE_STEP, some)

    def _strip_at(self, strip: str) -> str:
        return self.at(self.weights, self.new(f"mul i64 {strip}, {self.strip_bytes}"), "i8")

    def _tokens(self, num_tiles: int, token: str) -> None:
        self.count("0", self.num_strips, 1, lambda strip: self._strip(num_tiles, token, strip))

    def _strip(self, num_tiles: int, token: str, strip: str) -> None:
        """Sums are in tiles 0 to 2 * num_tiles - 1: the upper, then the lower half of a strip."""
        row = self.new(f"add i64 %row, {self.new(f'mul i64 {strip}, {STRIP}')}")
        block = self.new(f"sdiv i64 {token}, {STRIP}")
        place = self.new(f"add i64 {self.new(f'mul i64 {block}, {self.num_strips}')}, {strip}")
        kept = self.at(self.unfinished, self.new(f"mul i64 {place}, {SUMS_BYTES}"), "i8")

        def begin() -> None:
            for tile in range(2 * num_tiles):
                self.add(f"call void @llvm.x86.tilezero(i8 {tile})")

        def resume() -> None:
            for tile in range(2 * num_tiles):
                _load_tile(self, tile, self.at(kept, str(TILE_BYTES * tile), "i8"))

        def pause() -> None:
            for tile in range(2 * num_tiles):
                self._put_down(tile, self.at(kept, str(TILE_BYTES * tile), "i8"))

        def finish() -> None:
            places = [self.at("%memory", str(TILE_BYTES * tile), "i8") for tile in range(2 * num_tiles)]
            for tile, sums in enumerate(places):
                self._put_down(tile, sums)
            for tile, sums in enumerate(places):
                side, half = divmod(tile, num_tiles)
                first_row = self.new(f"add i64 {row}, {SIDE * side}")
                _store_tile(self, sums, first_row, self.new(f"add i64 {token}, {SIDE * half}"))

        self.when(self.is_first, begin, resume)
        self._multiply(num_tiles, token, self._strip_at(strip))
        self.when(self.is_last, finish, pause)

    def _put_down(self, tile: int, place: str) -> None:
        self.add(f"call void @llvm.x86.tilestored64(i8 {tile}, ptr {place}, i64 64)")

    def _multiply(self, num_tiles: int, token: str, strip: str) -> None:
        tile_column = self.new("shl i64 %size, 5")  # bytes of all inputs of 16 tokens: 2 * 16 * size
        tokens = self.at("%x", self.new(f"mul i64 {self.new(f'lshr i64 {token}, 4')}, {tile_column}"), "i8")
        tokens = self.at(tokens, self.new(f"shl i64 {self.first}, 5"), "i8")

        def some_inputs(at: str) -> None:  # 32 of them
            weights = self.at(strip, self.new(f"shl i64 {at}, 6"), "i8")
            for side in range(2):
                _load_tile(self, 4 + side, self.at(weights, str(TILE_BYTES * side), "i8"))
            for half in range(num_tiles):
                inputs = self.at(tokens, self.new(f"shl i64 {at}, 5"), "i8")
                if half:
                    inputs = self.at(inputs, tile_column, "i8")
                _load_tile(self, 6 + half, inputs)
            for side in range(2):
                for half in range(num_tiles):
                    self.add(
                        f"call void @llvm.x86.tdpbf16ps(i8 {side * num_tiles + half}, i8 {4 + side}, i8 {6 + half})"
                    )

        self.count("0", self.columns, 2 * SIDE, some_inputs)


def _one_part() -> str:
    return _Part().function("one_part", _PART_ARGUMENTS, fp8_ir.WIDE)


def _load_tile(code: Assembly, tile: int, address: str) -> None:
    code.add(f"call void @llvm.x86.tileloadd64(i8 {tile}, ptr {address}, i64 64)")


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
    """`arrange_tiles(job)`: bf16 [count, size] as `gemm_tiles` reads it, counted in rows, a multiple of 16.

    Arguments: x, out, count, size. Rows are filled up by the last one; what is computed from those is not looked at.
    """
    code = Assembly()
    x, target, count, size = job_ir.load_words(code, "%job", ("ptr", "ptr", "i64", "i64"), job_ir.FIRST_ARGUMENT)
    last = code.new(f"sub i64 {count}, 1")
    row_words = code.new(f"lshr i64 {size}, 1")  # pairs of inputs

    def sixteen_rows(token: str) -> None:
        rows = [code.new(f"add i64 {token}, {number}") for number in range(SIDE)]
        rows = [code.new(f"call i64 @llvm.umin.i64(i64 {row}, i64 {last})") for row in rows]
        starts = [code.at(x, code.new(f"mul i64 {row}, {row_words}"), "i32") for row in rows]
        out = code.at(target, code.new(f"mul i64 {token}, {row_words}"), "i32")

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

    job_ir.take_parts(code, "%job", lambda first, end: code.count(first, end, SIDE, sixteen_rows))
    return code.function("arrange_tiles", "ptr %job", fp8_ir.WIDE)


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
