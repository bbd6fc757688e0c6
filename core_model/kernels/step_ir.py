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

Source of the formulas: transformers, `models/llama4/modeling_llama4.py`. What operations share is in `operation_ir`,
attention in `attend_ir`, vectors in `vector_ir`.
"""

from __future__ import annotations

from functools import partial

from core_model.kernels import fp8_ir
from core_model.kernels.assembly import Assembly
from core_model.kernels.attend_ir import attend
from core_model.kernels.operation_ir import Operation, add_to, attributes, share, word
from core_model.kernels.vector_ir import WIDTH, V, exponential, fma, splat, spread, total, widened

PART_WORDS, SEGMENT_WORDS = 9, 7


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
        if 2 * part * step % 64 == 0:
            fp8_ir.prefetch(code, code.at(weights, place, "i16"), "0")
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
declare float @llvm.vector.reduce.fmax.v16f32(<16 x float>)
declare <16 x float> @llvm.maxnum.v16f32(<16 x float>, <16 x float>)
declare <16 x float> @llvm.minnum.v16f32(<16 x float>, <16 x float>)
declare <16 x float> @llvm.rint.v16f32(<16 x float>)
"""
