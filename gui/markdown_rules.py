"""The Markdown we read, as rules for markdown-it: CommonMark with tables and strikethrough, and what a chat needs.

Differences from CommonMark, and why:

- Raw HTML is text. Link definitions (`[1]: http://...`) are text, because one at the end of an answer would change
  what stands at its beginning, and a finished block must stay finished while the rest streams in.
- Formulas (`$x$`, `\\(x\\)`, `$$ ... $$`, `\\[ ... \\]`) are kept as they are instead of losing their backslashes and
  underscores to Markdown.
- One stretch of text with more marks than any person would write is shown as it is, unread. That keeps the time
  linear: ten thousand opening brackets cost nothing.
- Unfinished emphasis and code are closed when the text is still streaming (`env["is_open"]`), for display only.
"""

from __future__ import annotations

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, fence, list_block
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from gui.markdown_open import close_inline

MAX_QUOTE_LEVEL = 8  # levels around a quote, and around a list, where an item counts twice; deeper marks are text
MAX_LIST_LEVEL = 14
MAX_MARKS = 1000  # in one stretch of text
MAX_BRACKETS = 200
MAX_FORMULA = 1000  # characters of a formula inside a line of text

_LEAVES = ("inline", "fence", "code_block", "hr")
_MARKS = re.compile(r"[*_~`<&\\$]")
_BLOCK_FORMULAS = {"$$": "$$", "\\[": "\\]"}
_INLINE_FORMULAS = (("$$", "$$"), ("\\(", "\\)"), ("\\[", "\\]"))


@cache
def parser() -> MarkdownIt:
    """The one parser; it holds no state between calls."""
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": 100})
    parser.enable(["table", "strikethrough"])
    parser.disable(["html_block", "html_inline", "reference", "fence"])
    # One line must be enough to know a fence, so it goes before the table, which needs the line after it.
    parser.block.ruler.before("table", "first_fence", fence, {"alt": ["paragraph", "blockquote", "list"]})
    # Every address stays as it was written; which ones may become links is decided where spans are made.
    parser.validateLink = _accept  # type: ignore[assignment, method-assign]
    parser.normalizeLink = _unchanged  # type: ignore[method-assign]
    parser.core.ruler.at("inline", _parse_inline)
    parser.inline.ruler.before("escape", "formula", _inline_formula)
    # Past its own limit the parser drops what it does not reach, and time grows with depth times lines.
    parser.block.ruler.at("blockquote", _blockquote, {"alt": ["paragraph", "blockquote", "list"]})
    parser.block.ruler.at("list", _list, {"alt": ["paragraph", "blockquote"]})
    parser.block.ruler.before("blockquote", "formula", _block_formula, {"alt": ["paragraph", "blockquote", "list"]})
    return parser


def _accept(_url: str) -> bool:
    return True


def _unchanged(url: str) -> str:
    return url


def _blockquote(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    return state.level < MAX_QUOTE_LEVEL and blockquote(state, start_line, end_line, silent)


def _list(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    return state.level < MAX_LIST_LEVEL and list_block(state, start_line, end_line, silent)


def parse(source: str, is_open: bool = False) -> list[Token]:
    """Tokens of complete Markdown, or of a beginning that is still being written."""
    return parser().parse(source, {"is_open": is_open})


def _parse_inline(state: StateCore) -> None:
    inline = [token for token in state.tokens if token.type == "inline" and token.content]
    if inline and state.env.get("is_open") and _ends_in(inline[-1], state.tokens):
        inline[-1].content = close_inline(inline[-1].content)
    for token in inline:
        token.children = []
        if is_overloaded(token.content):
            token.children.append(Token("text", "", 0, content=token.content))
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _ends_in(last: Token, tokens: list[Token]) -> bool:
    """Whether the text ends inside this token, so that no code and no rule comes after it."""
    leaves = (
        token for token in reversed(tokens) if token.type in _LEAVES and (token.type != "inline" or token.content)
    )
    return next(leaves) is last


def is_overloaded(content: str) -> bool:
    """Whether a stretch of text has more marks than a person would write."""
    if len(content) <= MAX_BRACKETS:
        return False
    if content.count("[") > MAX_BRACKETS:
        return True
    return sum(1 for _ in _MARKS.finditer(content)) > MAX_MARKS


def _inline_formula(state: StateInline, silent: bool) -> bool:
    found = _formula_at(state.src, state.pos)
    if found is None:
        return False
    formula, end = found
    if end > state.posMax:
        return False
    if not silent:
        state.push("formula", "", 0).content = formula
    state.pos = end
    return True


def _formula_at(source: str, start: int) -> tuple[str, int] | None:
    """The formula that begins here and where it ends, if one does."""
    for opening, closing in _INLINE_FORMULAS:
        if source.startswith(opening, start):
            begin = start + len(opening)
            end = source.find(closing, begin, begin + MAX_FORMULA)
            return (source[begin:end].strip(), end + len(closing)) if end > begin else None
    return _dollar_formula_at(source, start) if source[start] == "$" else None


def _dollar_formula_at(source: str, start: int) -> tuple[str, int] | None:
    """`$x$`, but not the dollars of "$5 and $10": no space inside the marks, no digit behind them (Pandoc's rule)."""
    end = source.find("$", start + 1, start + MAX_FORMULA)
    formula = source[start + 1 : end]
    if end < 0 or not formula or "\n" in formula or formula[0].isspace() or formula[-1].isspace():
        return None
    if source[end + 1 : end + 2].isdigit():
        return None
    return formula, end + 1


def _block_formula(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """A line that is a formula, or opens one; it lasts until it is closed, or until an empty line at the latest."""
    first = _line(state, start_line).strip()
    closing = _BLOCK_FORMULAS.get(first[:2])
    if closing is None or state.is_code_block(start_line):
        return False
    inside = first[2:]
    if inside and not (inside.find(closing) == len(inside) - 2 > 0):
        return False  # text goes on behind the formula, or it never ends
    if silent:
        return True
    lines, last_line = [inside[:-2].strip()], start_line
    if not inside:
        lines, last_line = _formula_lines(state, start_line, end_line, closing)
    state.line = last_line + 1
    token = state.push("fence", "code", 0)
    token.info, token.content, token.map = "latex", "\n".join(lines), [start_line, state.line]
    return True


def _formula_lines(state: StateBlock, start_line: int, end_line: int, closing: str) -> tuple[list[str], int]:
    lines: list[str] = []
    line = start_line
    for line in range(start_line + 1, end_line):
        text = _line(state, line).strip()
        if not text or state.sCount[line] < state.blkIndent:
            return lines, line - 1
        if text.endswith(closing):
            return [*lines, *([text[:-2].rstrip()] if len(text) > 2 else [])], line
        lines.append(text)
    return lines, line


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
