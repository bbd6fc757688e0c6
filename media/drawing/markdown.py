r"""Markdown as a tree, with formulas: `$x$`, `\(x\)` inside of a line, `$$ ... $$` and `\[ ... \]` as blocks.

CommonMark with tables and strikethrough. Raw HTML is text. Nothing is fetched, and a picture is its description.
"""

from __future__ import annotations

from functools import cache
from typing import cast

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

_DEEPEST = 30  # quotes in lists in quotes
_BLOCKS = {"$$": "$$", r"\[": r"\]", "<svg": "</svg>"}
_INSIDE = (("$$", "$$"), (r"\(", r"\)"), (r"\[", r"\]"), ("$", "$"))
_LONGEST_INSIDE = 1000


def markdown_tree(source: str) -> SyntaxTreeNode:
    """The blocks of a text. Formulas are nodes of type `formula` (inside of a line) and `formula_block`."""
    return SyntaxTreeNode(_parser().parse(source))


def heard_markdown(source: str) -> list[Token]:
    """The same for a listener, as tokens: what is indented is no code there."""
    return _parser(has_indented_code=False).parse(source)


@cache
def _parser(has_indented_code: bool = True) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST})
    parser.enable(["table", "strikethrough"])
    if not has_indented_code:
        parser.disable("code")
    parser.inline.ruler.before("escape", "formula", _inline_formula)
    ends = {"alt": ["paragraph", "blockquote", "list"]}  # what a formula may follow without an empty line
    parser.block.ruler.before("blockquote", "formula_block", _formula_block, cast("RuleOptionsType", ends))
    return parser


def _inline_formula(state: StateInline, silent: bool) -> bool:
    for start, end in _INSIDE:
        if not state.src.startswith(start, state.pos):
            continue
        begin = state.pos + len(start)
        close = state.src.find(end, begin, begin + _LONGEST_INSIDE)
        formula = state.src[begin:close]
        if close < 0 or not formula.strip() or (start == "$" and not _is_formula(formula, state.src[close + 1 :])):
            return False
        if not silent:
            token = state.push("formula", "", 0)
            token.content, token.markup = formula, start
        state.pos = close + len(end)
        return True
    return False


def _is_formula(inside: str, after: str) -> bool:
    """Dollars are money as well: `$5 and $6` is no formula."""
    return not (inside[0].isspace() or inside[-1].isspace() or "\n" in inside or after[:1].isdigit())


def _formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """From `$$` or `\\[` to its partner; and from `<svg` to its end, which models do not always put into a fence."""
    begin = state.bMarks[start_line] + state.tShift[start_line]
    start = next((start for start in _BLOCKS if state.src.startswith(start, begin)), None)
    if start is None or state.is_code_block(start_line):
        return False
    lines = []
    for number in range(start_line, end_line):
        text = state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].strip()
        lines.append(text.removeprefix(start) if number == start_line else text)
        if lines[-1].endswith(_BLOCKS[start]):
            if not silent:
                _push(state, start, "\n".join(lines), (start_line, number + 1))
            return True
    return False


def _push(state: StateBlock, start: str, text: str, lines: tuple[int, int]) -> None:
    is_svg = start == "<svg"
    token = state.push("fence" if is_svg else "formula_block", "", 0)
    token.content = start + text if is_svg else text[: -len(_BLOCKS[start])].strip()
    token.info = "svg" if is_svg else ""
    token.map = list(lines)
    state.line = lines[1]
