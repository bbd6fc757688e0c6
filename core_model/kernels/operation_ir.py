"""What all operations of a decode step (`step_ir`) share: arguments, each thread's part, products, chosen experts.

An operation is a function of an array of 8-byte words, a thread's number and the number of threads. Each thread does
its share and has memory of its own for the activations that it prepares.
"""

from __future__ import annotations

from core_model.kernels.assembly import Assembly
from core_model.kernels.vector_ir import V, spread

EXPERT_WORDS = 6  # gate, its scales, up, its scales, down, its scales
OPERATION = "ptr noalias %a, i64 %thread, i64 %threads"


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


def add_to(code: Assembly, y: str, x: str, row: str) -> None:
    """y[row] += x[row]"""
    both = (code.load("float", base, row, "float", 4) for base in (y, x))
    code.store("float", code.new("fadd float " + ", ".join(both)), y, row, "float", 4)
