"""Rows of text as a table of Markdown, for whatever file they come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table of Markdown; the first one is its head."""
    width = max(map(len, rows), default=0)
    lines = [_line([*row, *[""] * (width - len(row))]) for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]]) if rows else ""


def _line(cells: Iterable[str]) -> str:
    inside = " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells)
    return f"| {inside} |"
