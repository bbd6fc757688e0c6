"""One query's attention as an operation of a decode step: rotation, QK-norm, scores, softmax, and the weighted values.

Heads are shared among threads. Keys and values are read some positions at a time, so that a piece of the query or of
the result is loaded once for all of them. Nothing here knows of chunks: whoever calls gives the keys of the current
one.

Source of the formulas: transformers, `models/llama4/modeling_llama4.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from core_model.kernels.assembly import Assembly
from core_model.kernels.operation_ir import Operation, share, word
from core_model.kernels.vector_ir import WIDTH, V, fma, number, splat, spread, total, widened

KEYS_AT_ONCE, VALUES_AT_ONCE = 4, 8  # positions


def attend(form: str) -> str:
    """`attend`: one query position against all keys of its layer, heads shared among threads.

    Words: q, k, v (float32, heads side by side), rotations of this position (cos and sin in turn) or 0, whether queries
    and keys are normalised, eps (float), temperature (float), keys and values (bf16, head by head), numbers from one
    head to the next, positions before this one, heads, key/value heads, head size, out, scratch, its stride. Scratch:
    a query, a key, then a score for each position and 16 more.

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
        _scores(code, query, keys, size, length, scale, scores)
        sum_ = _softmax(code, scores, length)
        out = code.at(word(code, 14, "ptr"), code.new(f"mul i64 {number_}, {size}"), "float")
        _weigh(code, scores, sum_, values, size, length, out)

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


def _in_blocks(code: Assembly, length: str, size: int, body: Callable[[list[str]], None]) -> None:
    """`body` for `size` positions at a time, and for the rest one by one."""
    position = code.variable("i64", "0")
    for step in (size, 1):
        code.loop(
            f"positions{len(code.lines)}",
            position,
            step,
            length,
            lambda at, step=step: body([at, *(code.new(f"add i64 {at}, {more}") for more in range(1, step))]),  # type: ignore[misc]
        )


def _scores(code: Assembly, query: str, keys: str, size: str, length: str, scale: str, scores: str) -> None:
    """A score for each position."""

    def block(positions: list[str]) -> None:
        rows = [code.at(keys, code.new(f"mul i64 {at}, {size}"), "i16") for at in positions]
        for variable in sums[: len(rows)]:
            code.set(V, variable, "zeroinitializer")

        def piece(start: str) -> None:
            q = code.load(V, query, start, "float", 4)
            for row, variable in zip(rows, sums, strict=False):
                code.set(V, variable, fma(code, q, widened(code, row, start), code.get(V, variable)))

        code.count("0", size, WIDTH, piece)
        for at, variable in zip(positions, sums, strict=False):
            score = code.new(f"fmul float {total(code, code.get(V, variable))}, {scale}")
            code.store("float", score, scores, at, "float", 4)

    sums = [code.variable(V, "zeroinitializer") for _ in range(KEYS_AT_ONCE)]
    _in_blocks(code, length, KEYS_AT_ONCE, block)


def _softmax(code: Assembly, scores: str, length: str) -> str:
    """e to the power of each score above the largest, in place, and the sum of them. Writes up to `WIDTH` further."""
    code.store(V, splat(number(-3e38)), scores, length, "float", 4)
    end = code.new(f"add i64 {length}, {WIDTH - 1}")
    largest, sums = code.variable(V, splat(number(-3e38))), code.variable(V, "zeroinitializer")

    def look(at: str) -> None:
        both = f"{V} {code.get(V, largest)}, {V} {code.load(V, scores, at, 'float', 4)}"
        code.set(V, largest, code.new(f"call {V} @llvm.maxnum.v{WIDTH}f32({both})"))

    def raise_(at: str) -> None:
        below = code.new(f"fsub {V} {code.load(V, scores, at, 'float', 4)}, {top}")
        weights = code.new(f"call {V} @exp16({V} {below})")
        code.store(V, weights, scores, at, "float", 4)
        code.set(V, sums, code.new(f"fadd {V} {code.get(V, sums)}, {weights}"))

    code.count("0", end, WIDTH, look)
    top = spread(code, code.new(f"call float @llvm.vector.reduce.fmax.v{WIDTH}f32({V} {code.get(V, largest)})"))
    code.count("0", end, WIDTH, raise_)
    return total(code, code.get(V, sums))


def _weigh(code: Assembly, weights: str, sum_: str, values: str, size: str, length: str, out: str) -> None:
    """out = weights @ values / sum"""
    code.count("0", size, WIDTH, lambda at: code.store(V, "zeroinitializer", out, at, "float", 4))

    def block(positions: list[str]) -> None:
        rows = [code.at(values, code.new(f"mul i64 {at}, {size}"), "i16") for at in positions]
        shares = [spread(code, code.load("float", weights, at, "float", 4)) for at in positions]

        def piece(start: str) -> None:
            so_far = code.load(V, out, start, "float", 4)
            for row, part in zip(rows, shares, strict=True):
                so_far = fma(code, part, widened(code, row, start), so_far)
            code.store(V, so_far, out, start, "float", 4)

        code.count("0", size, WIDTH, piece)

    _in_blocks(code, length, VALUES_AT_ONCE, block)
    factor = spread(code, code.new(f"fdiv float 1.0, {sum_}"))

    def divide(at: str) -> None:
        code.store(V, code.new(f"fmul {V} {code.load(V, out, at, 'float', 4)}, {factor}"), out, at, "float", 4)

    code.count("0", size, WIDTH, divide)
