"""A little help for writing LLVM assembly as text: names for results, variables, loops. No kernel is in here."""

from __future__ import annotations

from collections.abc import Callable


class Assembly:
    """Lines of a function, and names for what they compute. Variables are memory, which LLVM turns into registers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._entry: list[str] = []  # variables take their memory once, also those of a loop's body
        self._count = 0

    def add(self, line: str) -> None:
        self.lines.append(line)

    def new(self, expression: str) -> str:
        """Compute something; the name of the result."""
        self._count += 1
        self.add(f"%v{self._count} = {expression}")
        return f"%v{self._count}"

    def load(self, kind: str, base: str, index: str, item: str, align: int = 1) -> str:
        """Read a `kind` at `base[index]`, counted in `item`s."""
        return self.new(f"load {kind}, ptr {self.at(base, index, item)}, align {align}")

    def variable(self, kind: str, value: str) -> str:
        self._count += 1
        name = f"%v{self._count}"
        self._entry.append(f"{name} = alloca {kind}, align 64")
        self.add(f"store {kind} {value}, ptr {name}")
        return name

    def get(self, kind: str, variable: str) -> str:
        return self.new(f"load {kind}, ptr {variable}")

    def loop(self, label: str, variable: str, step: int, end: str, body: Callable[[str], None]) -> None:
        """`while variable + step <= end: body; variable += step`"""
        self.add(f"br label %{label}_test")
        self.add(f"{label}_test:")
        position = self.get("i64", variable)
        following = self.new(f"add i64 {position}, {step}")
        is_inside = self.new(f"icmp sle i64 {following}, {end}")
        self.add(f"br i1 {is_inside}, label %{label}_body, label %{label}_end")
        self.add(f"{label}_body:")
        body(position)
        self.add(f"store i64 {following}, ptr {variable}")
        self.add(f"br label %{label}_test")
        self.add(f"{label}_end:")

    def splat(self, item: str, width: int, value: str) -> str:
        """A vector of one value."""
        vector = f"<{width} x {item}>"
        first = self.new(f"insertelement {vector} poison, {item} {value}, i64 0")
        return self.new(f"shufflevector {vector} {first}, {vector} poison, <{width} x i32> zeroinitializer")

    def store(self, kind: str, value: str, base: str, index: str, item: str, align: int = 1) -> None:
        """Write to `base[index]`, counted in `item`s."""
        self.add(f"store {kind} {value}, ptr {self.at(base, index, item)}, align {align}")

    def at(self, base: str, index: str, item: str) -> str:
        """The address of `base[index]`."""
        return self.new(f"getelementptr {item}, ptr {base}, i64 {index}")

    def set(self, kind: str, variable: str, value: str) -> None:
        self.add(f"store {kind} {value}, ptr {variable}")

    def when(self, condition: str, body: Callable[[], None], otherwise: Callable[[], None] | None = None) -> None:
        """`if condition: body() else: otherwise()`; what they compute must be kept in variables."""
        self._count += 1
        label = f"when{self._count}"
        self.add(f"br i1 {condition}, label %{label}_yes, label %{label}_no")
        for name, part in (("yes", body), ("no", otherwise)):
            self.add(f"{label}_{name}:")
            if part is not None:
                part()
            self.add(f"br label %{label}_end")
        self.add(f"{label}_end:")

    def count(self, first: str, end: str, step: int, body: Callable[[str], None]) -> None:
        """`for position in range(first, end, step): body(position)`, whole steps only."""
        self._count += 1
        label = f"loop{self._count}"
        self.loop(label, self.variable("i64", first), step, end, body)

    def function(self, name: str, arguments: str, attributes: str = "") -> str:
        """The whole function, which returns nothing."""
        body = "\n".join(line if line.endswith(":") else f"  {line}" for line in [*self._entry, *self.lines])
        return f"define void @{name}({arguments}) nounwind {attributes} {{\n{body}\n  ret void\n}}\n"
