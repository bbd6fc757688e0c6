"""One token through a decoder layer, as LLVM assembly: what stands between the products, and a loop that runs it all.

A step of one token is a few large products and many small things. In Python each small thing costs more than its
arithmetic, and half of the step is spent between the products. Here a step is a *program*: a list of operations, each
a function and the address of its arguments. Every thread runs the whole list, does its share of each operation, and
waits for the others behind it. Python is asked once for a step, and the interpreter lock is free meanwhile.

Threads share rows of the weights, or heads; the small vectors (norms, activations in the order that the products want)
every thread computes for itself, which is cheaper than waiting for somebody else to do it. Results do not depend on
the number of threads: each number is computed by one of them, in a fixed order.

Numbers between operations are float32; sums as well. Weights are e4m3 codes with scales or bf16, keys and values bf16.
All sizes are multiples of 64, a head's of 16. Arguments are arrays of 8-byte words; what is in which word, each
function's docstring says.

Sources of the formulas: transformers, `models/llama4/modeling_llama4.py`. exp: range reduction by powers of two and a
polynomial of degree six (Cody and Waite 1980; coefficients of the Taylor series, error below 2e-7).
"""

from __future__ import annotations

import struct
from functools import partial

from core_model.kernels import fp8_ir
from core_model.kernels.assembly import Assembly

WIDTH = 16  # float32 numbers in a register, or in as many as they take
V = f"<{WIDTH} x float>"
LOG2_E, LN_2_HIGH, LN_2_LOW = 1.4426950408889634, 0.693359375, -2.12194440e-4
PART_WORDS, SEGMENT_WORDS = 9, 7
EXPERT_WORDS = 6  # gate, its scales, up, its scales, down, its scales

OPERATION = "ptr noalias %a, i64 %thread, i64 %threads"


def number(value: float) -> str:
    """A float constant as LLVM wants it: the bits of the double that it stands for."""
    (rounded,) = struct.unpack("<f", struct.pack("<f", value))
    return f"0x{struct.unpack('<Q', struct.pack('<d', rounded))[0]:016X}"


def splat(value: str) -> str:
    """A vector of one constant."""
    return f"splat (float {value})"


def attributes(form: str) -> str:
    return '"prefer-vector-width"="512" "min-legal-vector-width"="512"' if form == "table" else ""


def word(code: Assembly, index: int, kind: str = "i64", base: str = "%a") -> str:
    """An argument."""
    return code.load(kind, base, str(index), "i64", 8)


def share(code: Assembly, rows: str, step: int = 1) -> tuple[str, str]:
    """This thread's rows, from first to last, in multiples of `step`."""
    units = code.new(f"sdiv i64 {rows}, {step}")
    edges = []
    for thread in ("%thread", code.new("add i64 %thread, 1")):
        part = code.new(f"sdiv i64 {code.new(f'mul i64 {units}, {thread}')}, %threads")
        edges.append(code.new(f"mul i64 {part}, {step}"))
    return edges[0], edges[1]


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


def prepare(form: str) -> str:
    """`prepare(x, weight, eps, size, factor, out, plain)`: activations as products want them.

    x: float32 [size]. With a norm's weight (bf16 [size], or null) x is divided by its root mean square and multiplied
    by the weight; then by `factor`. Table form: `out` is bf16 in the order of the FP8 products, `plain` bf16 in its
    own; shift form: both are float32, and the same memory.
    """
    code = Assembly()
    scale, has_norm = code.variable("float", "%factor"), code.new("icmp ne ptr %weight, null")
    sums = code.variable(V, "zeroinitializer")

    def measure() -> None:
        def add_squares(at: str) -> None:
            x = code.load(V, "%x", at, "float", 4)
            code.set(V, sums, fma(code, x, x, code.get(V, sums)))

        code.count("0", "%size", WIDTH, add_squares)
        size = code.new("sitofp i64 %size to float")
        mean = code.new(f"fdiv float {total(code, code.get(V, sums))}, {size}")
        root = code.new(f"call float @llvm.sqrt.f32(float {code.new(f'fadd float {mean}, %eps')})")
        code.set("float", scale, code.new(f"fdiv float %factor, {root}"))

    code.when(has_norm, measure)
    factors = code.variable(V, spread(code, code.get("float", scale)))

    def block(at: str) -> None:
        for part in range(4):
            place = code.new(f"add i64 {at}, {WIDTH * part}")
            value = code.new(f"fmul {V} {code.load(V, '%x', place, 'float', 4)}, {code.get(V, factors)}")
            code.set(V, parts[part], value)
            code.when(has_norm, partial(weigh, place, part))
        (_store_table if form == "table" else _store_plain)(code, at, [code.get(V, part) for part in parts])

    def weigh(place: str, part: int) -> None:
        weighed = code.new(f"fmul {V} {code.get(V, parts[part])}, {widened(code, '%weight', place)}")
        code.set(V, parts[part], weighed)

    parts = [code.variable(V, "zeroinitializer") for _ in range(4)]
    code.count("0", "%size", 64, block)
    arguments = "ptr noalias %x, ptr %weight, float %eps, i64 %size, float %factor, ptr %out, ptr %plain"
    return code.function("prepare", arguments, attributes(form))


def _store_plain(code: Assembly, at: str, parts: list[str]) -> None:
    for number_, part in enumerate(parts):
        code.store(V, part, "%out", code.new(f"add i64 {at}, {WIDTH * number_}"), "float", 4)


def _store_table(code: Assembly, at: str, parts: list[str]) -> None:
    halves = [code.new(f"fptrunc {V} {part} to <{WIDTH} x bfloat>") for part in parts]
    while len(halves) > 1:
        width = 64 // len(halves)
        order = ", ".join(f"i32 {index}" for index in range(2 * width))
        halves = [
            code.new(f"shufflevector <{width} x bfloat> {a}, <{width} x bfloat> {b}, <{2 * width} x i32> <{order}>")
            for a, b in zip(halves[::2], halves[1::2], strict=True)
        ]
    code.store("<64 x bfloat>", halves[0], "%plain", at, "i16", 2)
    order = ", ".join(f"i32 {index}" for index in fp8_ir.TABLE_ORDER.tolist())
    mixed = code.new(f"shufflevector <64 x bfloat> {halves[0]}, <64 x bfloat> poison, <64 x i32> <{order}>")
    code.store("<64 x bfloat>", mixed, "%out", at, "i16", 2)


def gemm_bf16(form: str) -> str:
    """`gemm_bf16(w, scales, x, y, first, last, size, stride, tables)`: one row with bf16 weights; scales are not used.

    x: bf16 in the table form, float32 in the shift form, in its own order; the rest as in `fp8_ir.gemm_table`.
    """
    code = Assembly()
    step = 32 if form == "table" else WIDTH
    sums = [code.variable(V, "zeroinitializer") for _ in range(4)]

    def sum_row(row: str) -> None:
        weights = code.at("%w", code.new(f"mul i64 {row}, %size"), "i16")
        for variable in sums:
            code.set(V, variable, "zeroinitializer")
        code.count("0", "%size", 64, lambda at: add_all(weights, at))
        pairs = [code.new(f"fadd {V} {code.get(V, a)}, {code.get(V, b)}") for a, b in (sums[:2], sums[2:])]
        code.store("float", total(code, code.new(f"fadd {V} {pairs[0]}, {pairs[1]}")), "%y", row, "float", 4)

    def add_all(weights: str, at: str) -> None:
        for part in range(64 // step):
            add(weights, at, part)

    def add(weights: str, at: str, part: int) -> None:
        place, variable = code.new(f"add i64 {at}, {part * step}"), sums[part]
        if form == "table":
            w, x = (code.load("<32 x bfloat>", base, place, "i16", 2) for base in (weights, "%x"))
            before = code.get(V, variable)
            code.set(V, variable, code.new(
                f"call {V} @llvm.x86.avx512bf16.dpbf16ps.512({V} {before}, <32 x bfloat> {w}, <32 x bfloat> {x})"
            ))  # fmt: skip
        else:
            x = code.load(V, "%x", place, "float", 4)
            code.set(V, variable, fma(code, widened(code, weights, place), x, code.get(V, variable)))

    code.count("%first", "%last", 1, sum_row)
    arguments = (
        "ptr noalias %w, ptr %scales, ptr noalias %x, ptr noalias %y, i64 %first, i64 %last, i64 %size, i64 %stride, "
        "ptr %tables"
    )
    return code.function("gemm_bf16", arguments, attributes(form))


class Operation(Assembly):
    """What all operations share: arguments, this thread's own memory, products, chosen experts."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.scratch = form, ""

    def own_memory(self, base: int, stride: int) -> None:
        """This thread's part of the memory whose address and stride in bytes are in two words."""
        offset = self.new(f"mul i64 {word(self, stride)}, %thread")
        self.scratch = self.at(word(self, base, "ptr"), offset, "i8")

    def plain(self, size: str) -> str:
        """Where activations in their own order are, for bf16 weights."""
        return self.at(self.scratch, size, "float") if self.form == "table" else self.scratch

    def prepare(self, x: str, weight: str, eps: str, size: str, factor: str) -> None:
        self.add(
            f"call void @prepare(ptr {x}, ptr {weight}, float {eps}, i64 {size}, float {factor}, ptr {self.scratch}, "
            f"ptr {self.plain(size)})"
        )

    def product(
        self, function: str, weights: str, scales: str, is_fp8: str, y: str, rows: tuple[str, str], size: str
    ) -> None:
        """This thread's rows of one product of the prepared activations."""
        x = self.new(f"select i1 {is_fp8}, ptr {self.scratch}, ptr {self.plain(size)}")
        tables = self.new("load ptr, ptr @tables")
        self.add(
            f"call void {function}(ptr {weights}, ptr {scales}, ptr {x}, ptr {y}, i64 {rows[0]}, i64 {rows[1]}, "
            f"i64 {size}, i64 0, ptr {tables})"
        )

    def choose(self, logits: str, count: str) -> tuple[str, str]:
        """The place of the largest of some logits, and its sigmoid, in variables."""
        best, largest = self.variable("i64", "0"), self.variable("float", self.load("float", logits, "0", "float", 4))

        def look(at: str) -> None:
            logit = self.load("float", logits, at, "float", 4)
            is_larger = self.new(f"fcmp ogt float {logit}, {self.get('float', largest)}")
            self.when(is_larger, lambda: take(at, logit))

        def take(at: str, logit: str) -> None:
            self.set("i64", best, at)
            self.set("float", largest, logit)

        self.count("1", count, 1, look)
        minus = spread(self, self.new(f"fneg float {self.get('float', largest)}"))
        power = self.new(f"call {V} @exp16({V} {minus})")
        below = self.new(f"fadd float 1.0, {self.new(f'extractelement {V} {power}, i64 0')}")
        return best, self.variable("float", self.new(f"fdiv float 1.0, {below}"))

    def pointers(self, names: list[str], table: str, expert: str, first: int) -> None:
        """Replace pointers in variables by those of an expert."""
        base = self.at(table, self.new(f"mul i64 {expert}, {EXPERT_WORDS}"), "i64")
        for offset, name in enumerate(names):
            self.set("ptr", name, self.load("ptr", base, str(first + offset), "i64", 8))

    def operation(self, name: str) -> str:
        return self.function(name, OPERATION, attributes(self.form))


def linear(form: str) -> str:
    """`linear`: products of one normalised vector with several matrices.

    Words: x, norm weight or 0, eps (float), inputs, scratch, its stride, number of segments; then for each segment:
    function, weights, scales, whether FP8, y, rows, memory of `rows` numbers if the result is added to y, or 0.
    """
    code = Operation(form)
    code.own_memory(4, 5)
    size = word(code, 3)
    code.prepare(word(code, 0, "ptr"), word(code, 1, "ptr"), code.load("float", "%a", "2", "i64", 8), size, "1.0")

    def segment(index: str) -> None:
        base = code.at("%a", code.new(f"add i64 7, {code.new(f'mul i64 {index}, {SEGMENT_WORDS}')}"), "i64")
        function, weights, scales = (word(code, at, "ptr", base) for at in range(3))
        is_fp8 = code.new(f"icmp ne i64 {word(code, 3, base=base)}, 0")
        y, rows, aside = word(code, 4, "ptr", base), word(code, 5, base=base), word(code, 6, "ptr", base)
        first, last = share(code, rows)
        adds = code.new(f"icmp ne ptr {aside}, null")
        target = code.new(f"select i1 {adds}, ptr {aside}, ptr {y}")
        code.product(function, weights, scales, is_fp8, target, (first, last), size)
        code.when(adds, lambda: code.count(first, last, 1, lambda row: add_to(code, y, aside, row)))

    code.count("0", word(code, 6), 1, segment)
    return code.operation("linear")


def add_to(code: Assembly, y: str, x: str, row: str) -> None:
    """y[row] += x[row]"""
    both = (code.load("float", base, row, "float", 4) for base in (y, x))
    code.store("float", code.new("fadd float " + ", ".join(both)), y, row, "float", 4)


def gated(form: str) -> str:
    """`gated`: h = silu(gate x) * (up x), of a shared expert, a dense layer, or the expert that a router chose.

    Words: x, norm weight, eps (float), inputs, scratch, its stride, outputs, h, memory for gate and for up, function,
    whether FP8, gate, its scales, up, its scales, router logits or 0, their number, table of experts.
    """
    code = Operation(form)
    code.own_memory(4, 5)
    size, num_out = word(code, 3), word(code, 6)
    h, gate_y, up_y = (word(code, at, "ptr") for at in (7, 8, 9))
    function, is_fp8 = word(code, 10, "ptr"), code.new(f"icmp ne i64 {word(code, 11)}, 0")
    names = [code.variable("ptr", word(code, at, "ptr")) for at in range(12, 16)]
    factor, logits = code.variable("float", "1.0"), word(code, 16, "ptr")

    def choose() -> None:
        expert, score = code.choose(logits, word(code, 17))
        code.set("float", factor, code.get("float", score))
        code.pointers(names, word(code, 18, "ptr"), code.get("i64", expert), 0)

    code.when(code.new(f"icmp ne ptr {logits}, null"), choose)
    eps = code.load("float", "%a", "2", "i64", 8)
    code.prepare(word(code, 0, "ptr"), word(code, 1, "ptr"), eps, size, code.get("float", factor))
    rows = share(code, num_out, WIDTH)
    gate, gate_scales, up, up_scales = (code.get("ptr", name) for name in names)
    code.product(function, gate, gate_scales, is_fp8, gate_y, rows, size)
    code.product(function, up, up_scales, is_fp8, up_y, rows, size)

    def combine(at: str) -> None:
        gate_v, up_v = (code.load(V, base, at, "float", 4) for base in (gate_y, up_y))
        power = code.new(f"call {V} @exp16({V} {code.new(f'fneg {V} {gate_v}')})")
        below = code.new(f"fadd {V} {power}, {splat('1.0')}")
        silu = code.new(f"fdiv {V} {gate_v}, {below}")
        code.store(V, code.new(f"fmul {V} {silu}, {up_v}"), h, at, "float", 4)

    code.count(*rows, WIDTH, combine)
    return code.operation("gated")


def down(form: str) -> str:
    """`down`: x += the sum of several products, each with a vector of its own.

    Words: outputs, x, memory of as many numbers, scratch, its stride, number of parts; then for each part: h, inputs,
    function, whether FP8, weights, scales, router logits or 0, their number, table of experts.
    """
    code = Operation(form)
    code.own_memory(3, 4)
    x, aside = word(code, 1, "ptr"), word(code, 2, "ptr")
    first, last = share(code, word(code, 0))

    def part(index: str) -> None:
        base = code.at("%a", code.new(f"add i64 6, {code.new(f'mul i64 {index}, {PART_WORDS}')}"), "i64")
        h, size, function = word(code, 0, "ptr", base), word(code, 1, base=base), word(code, 2, "ptr", base)
        is_fp8 = code.new(f"icmp ne i64 {word(code, 3, base=base)}, 0")
        names = [code.variable("ptr", word(code, at, "ptr", base)) for at in (4, 5)]
        logits = word(code, 6, "ptr", base)

        def choose() -> None:
            expert, _ = code.choose(logits, word(code, 7, base=base))
            code.pointers(names, word(code, 8, "ptr", base), code.get("i64", expert), 4)

        code.when(code.new(f"icmp ne ptr {logits}, null"), choose)
        code.prepare(h, "null", "0.0", size, "1.0")
        weights, scales = (code.get("ptr", name) for name in names)
        code.product(function, weights, scales, is_fp8, aside, (first, last), size)
        code.count(first, last, 1, lambda row: add_to(code, x, aside, row))

    code.count("0", word(code, 5), 1, part)
    return code.operation("down")


def attend(form: str) -> str:
    """`attend`: one query position against all keys of its layer, heads shared among threads.

    Words: q, k, v (float32, heads side by side), rotations of this position (cos and sin in turn) or 0, whether queries
    and keys are normalised, eps (float), temperature (float), keys and values (bf16, head by head), numbers from one
    head to the next, positions before this one, heads, key/value heads, head size, out, scratch, its stride. Scratch:
    a query, a key, then a score for each position.

    The new key and value are written behind the others, by every thread that needs them: they are the same bytes.
    """
    code = Operation(form)
    code.own_memory(15, 16)
    size, heads, kv_heads, before = (word(code, at) for at in (13, 11, 12, 10))
    stride, turned = word(code, 9), word(code, 3, "ptr")
    query, key = code.scratch, code.at(code.scratch, size, "float")
    scores = code.at(key, size, "float")
    length = code.new(f"add i64 {before}, 1")
    is_normed = code.new(f"icmp ne i64 {word(code, 4)}, 0")
    eps, temperature = (code.load("float", "%a", str(at), "i64", 8) for at in (5, 6))
    root = code.new(f"call float @llvm.sqrt.f32(float {code.new(f'sitofp i64 {size} to float')})")
    scale = code.new(f"fdiv float {temperature}, {root}")
    repeats = code.new(f"sdiv i64 {heads}, {kv_heads}")

    def head(number_: str) -> None:
        kv = code.new(f"sdiv i64 {number_}, {repeats}")
        offset = code.new(f"mul i64 {kv}, {stride}")
        keys, values = (code.at(word(code, at, "ptr"), offset, "i16") for at in (7, 8))
        _turn(code, word(code, 0, "ptr"), number_, size, turned, is_normed, eps, query)
        _turn(code, word(code, 1, "ptr"), kv, size, turned, is_normed, eps, key)
        here = code.new(f"mul i64 {before}, {size}")
        _narrow(code, key, "0", code.at(keys, here, "i16"), size)
        _narrow(code, word(code, 2, "ptr"), code.new(f"mul i64 {kv}, {size}"), code.at(values, here, "i16"), size)
        largest = _scores(code, query, keys, size, length, scale, scores)
        out = code.at(word(code, 14, "ptr"), code.new(f"mul i64 {number_}, {size}"), "float")
        _weigh(code, scores, largest, values, size, length, out)

    code.count(*share(code, heads), 1, head)
    return code.operation("attend")


def _turn(code: Assembly, x: str, head: str, size: str, turned: str, is_normed: str, eps: str, out: str) -> None:
    """Rotate pairs of numbers of one head, then divide by the root mean square, where the layer does."""
    start = code.at(x, code.new(f"mul i64 {head}, {size}"), "float")
    sums = code.variable(V, "zeroinitializer")
    swap = ", ".join(f"i32 {index ^ 1}" for index in range(WIDTH))
    cosines = ", ".join(f"i32 {index & ~1}" for index in range(WIDTH))
    sines = ", ".join(f"i32 {index | 1}" for index in range(WIDTH))
    signs = ", ".join(f"float {'-1.0' if index % 2 == 0 else '1.0'}" for index in range(WIDTH))

    def piece(at: str) -> None:
        value = code.variable(V, code.load(V, start, at, "float", 4))

        def rotate() -> None:
            x_v, both = code.get(V, value), code.load(V, turned, at, "float", 4)
            mixed = [
                code.new(f"shufflevector {V} {source}, {V} poison, <{WIDTH} x i32> <{order}>")
                for source, order in ((x_v, swap), (both, cosines), (both, sines))
            ]
            signed = code.new(f"fmul {V} {mixed[2]}, <{signs}>")
            crossed = code.new(f"fmul {V} {mixed[0]}, {signed}")
            code.set(V, value, fma(code, x_v, mixed[1], crossed))

        code.when(code.new(f"icmp ne ptr {turned}, null"), rotate)
        result = code.get(V, value)
        code.set(V, sums, fma(code, result, result, code.get(V, sums)))
        code.store(V, result, out, at, "float", 4)

    code.count("0", size, WIDTH, piece)

    def normalise() -> None:
        mean = code.new(f"fdiv float {total(code, code.get(V, sums))}, {code.new(f'sitofp i64 {size} to float')}")
        root = code.new(f"call float @llvm.sqrt.f32(float {code.new(f'fadd float {mean}, {eps}')})")
        factor = spread(code, code.new(f"fdiv float 1.0, {root}"))

        def divide(at: str) -> None:
            code.store(V, code.new(f"fmul {V} {code.load(V, out, at, 'float', 4)}, {factor}"), out, at, "float", 4)

        code.count("0", size, WIDTH, divide)

    code.when(is_normed, normalise)


def _narrow(code: Assembly, x: str, start: str, out: str, size: str) -> None:
    """float32 to bf16, rounded to the nearest."""

    def piece(at: str) -> None:
        value = code.load(V, x, code.new(f"add i64 {start}, {at}"), "float", 4)
        code.store(f"<{WIDTH} x bfloat>", code.new(f"fptrunc {V} {value} to <{WIDTH} x bfloat>"), out, at, "i16", 2)

    code.count("0", size, WIDTH, piece)


def _scores(code: Assembly, query: str, keys: str, size: str, length: str, scale: str, scores: str) -> str:
    """A score for each position, and a variable with the largest."""
    largest = code.variable("float", number(-3e38))
    sums = [code.variable(V, "zeroinitializer") for _ in range(2)]

    def position(at: str) -> None:
        row = code.at(keys, code.new(f"mul i64 {at}, {size}"), "i16")
        for variable in sums:
            code.set(V, variable, "zeroinitializer")

        def piece(start: str) -> None:
            q = code.load(V, query, start, "float", 4)
            code.set(V, sums[0], fma(code, q, widened(code, row, start), code.get(V, sums[0])))

        code.count("0", size, WIDTH, piece)
        score = code.new(f"fmul float {total(code, code.get(V, sums[0]))}, {scale}")
        code.store("float", score, scores, at, "float", 4)
        code.set("float", largest, code.new(
            f"call float @llvm.maxnum.f32(float {code.get('float', largest)}, float {score})"
        ))  # fmt: skip

    code.count("0", length, 1, position)
    return largest


def _weigh(code: Assembly, scores: str, largest: str, values: str, size: str, length: str, out: str) -> None:
    """out = softmax(scores) @ values"""
    code.count("0", size, WIDTH, lambda at: code.store(V, "zeroinitializer", out, at, "float", 4))
    sums, top = code.variable("float", "0.0"), code.get("float", largest)

    def position(at: str) -> None:
        difference = code.new(f"fsub float {code.load('float', scores, at, 'float', 4)}, {top}")
        weights = code.new(f"call {V} @exp16({V} {spread(code, difference)})")
        weight = code.new(f"extractelement {V} {weights}, i64 0")
        code.set("float", sums, code.new(f"fadd float {code.get('float', sums)}, {weight}"))
        row = code.at(values, code.new(f"mul i64 {at}, {size}"), "i16")

        def piece(start: str) -> None:
            before = code.load(V, out, start, "float", 4)
            code.store(V, fma(code, weights, widened(code, row, start), before), out, start, "float", 4)

        code.count("0", size, WIDTH, piece)

    code.count("0", length, 1, position)
    factor = spread(code, code.new(f"fdiv float 1.0, {code.get('float', sums)}"))

    def divide(at: str) -> None:
        code.store(V, code.new(f"fmul {V} {code.load(V, out, at, 'float', 4)}, {factor}"), out, at, "float", 4)

    code.count("0", size, WIDTH, divide)


def run() -> str:
    """`run(program, count, thread, threads, barrier)`: all operations, with everybody waiting behind each.

    program: pairs of a function and its arguments. barrier: 16 words of zeros, the same for all threads.
    """
    code = Assembly()

    def operation(at: str) -> None:
        place = code.new(f"mul i64 {at}, 2")
        function = code.load("ptr", "%program", place, "i64", 8)
        arguments = code.load("ptr", "%program", code.new(f"add i64 {place}, 1"), "i64", 8)
        code.add(f"call void {function}(ptr {arguments}, i64 %thread, i64 %threads)")
        code.add("call void @wait(ptr %barrier, i64 %threads)")

    code.count("0", "%count", 1, operation)
    return code.function("run", "ptr %program, i64 %count, i64 %thread, i64 %threads, ptr %barrier")


def wait(yield_name: str, is_x86: bool) -> str:
    """`wait(barrier, threads)`: until all are here. Spins for a while, then lets others run.

    Words of the barrier: how many are here; eight words on, in a cache line of its own, how often all were.
    """
    pause = "call void @llvm.x86.sse2.pause()" if is_x86 else ""
    return f"""\
define void @wait(ptr %barrier, i64 %threads) nounwind {{
  %alone = icmp sle i64 %threads, 1
  br i1 %alone, label %done, label %arrive
arrive:
  %turn = getelementptr i64, ptr %barrier, i64 8
  %before = load atomic i64, ptr %turn acquire, align 8
  %here = atomicrmw add ptr %barrier, i64 1 acq_rel
  %all = sub i64 %threads, 1
  %last = icmp eq i64 %here, %all
  br i1 %last, label %release, label %spin
release:
  store atomic i64 0, ptr %barrier monotonic, align 8
  %next = add i64 %before, 1
  store atomic i64 %next, ptr %turn release, align 8
  br label %done
spin:
  %count = phi i64 [0, %arrive], [%more, %again]
  %now = load atomic i64, ptr %turn acquire, align 8
  %free = icmp ne i64 %now, %before
  br i1 %free, label %done, label %rest
rest:
  {pause}
  %more = add i64 %count, 1
  %long = icmp sgt i64 %more, 4000
  br i1 %long, label %yield, label %again
yield:
  %ignored = call i32 @{yield_name}()
  br label %again
again:
  br label %spin
done:
  ret void
}}
"""


def module(form: str, tables: int, yield_name: str, is_x86: bool) -> str:
    """Everything but the FP8 product itself, which `fp8_ir` writes.

    Args:
        tables: address of `fp8_ir.bf16_tables`.
        yield_name: the system's function that lets other threads run.
    """
    functions = (
        exponential(), prepare(form), gemm_bf16(form), linear(form), gated(form), down(form), attend(form), run(),
        wait(yield_name, is_x86),
    )  # fmt: skip
    return _DECLARATIONS.format(tables=tables, yield_name=yield_name) + "".join(functions)


_DECLARATIONS = """\
@tables = internal constant ptr inttoptr (i64 {tables} to ptr)
declare i32 @{yield_name}()
declare void @llvm.x86.sse2.pause()
declare float @llvm.sqrt.f32(float)
declare float @llvm.maxnum.f32(float, float)
declare <16 x float> @llvm.maxnum.v16f32(<16 x float>, <16 x float>)
declare <16 x float> @llvm.minnum.v16f32(<16 x float>, <16 x float>)
declare <16 x float> @llvm.rint.v16f32(<16 x float>)
"""
