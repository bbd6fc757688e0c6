"""From markdown-it's tokens to blocks. Everything that was text stays text; images are never loaded.

An image becomes its alternative text and its address in words. A link whose address may not be opened becomes its text
and its address, so that there is nothing to click. A table wider than any
window is given back as the lines it was made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token

from gui.addresses import visible, visible_address, why_not_open
from gui.markdown_blocks import (
    Alignment,
    Block,
    CodeBlock,
    Paragraph,
    RuleBlock,
    Span,
    Spans,
    TableBlock,
    TextBlock,
    merged,
)

MAX_COLUMNS = 50
BULLETS = "•◦▪"

_BARE_ADDRESS = re.compile(r"https?://[^\s<>\"'`\\^{}|\[\]]{1,2000}")
_TASK = re.compile(r"\[([ xX])\] +")
_ALIGNMENTS = {"text-align:center": Alignment.CENTRE, "text-align:right": Alignment.END}


def top_level_groups(tokens: Sequence[Token]) -> list[list[Token]]:
    """The tokens of each top-level block."""
    groups: list[list[Token]] = []
    for token in tokens:
        if token.level == 0 and token.nesting >= 0:
            groups.append([])
        groups[-1].append(token)
    return groups


def build(group: Sequence[Token], source: str, is_open: bool = False, goes_on: bool = False) -> tuple[Block, ...]:
    """The blocks of one top-level group.

    Args:
        group: its tokens.
        source: the Markdown it was made of, shown instead where the tokens do not hold all of it.
        is_open: whether it may still grow.
        goes_on: whether it is the rest of a list or table that was cut.
    """
    if sum(token.type == "th_open" for token in group) > MAX_COLUMNS:
        return (CodeBlock(source.strip("\n")),)
    return _Builder(is_open, goes_on).build(group)


@dataclass
class _OpenList:
    number: int | None  # of the next item; None for bullets


class _Builder:
    def __init__(self, is_open: bool, goes_on: bool) -> None:
        self._is_open, self._goes_on = is_open, goes_on
        self._blocks: list[Block] = []
        self._paragraphs: list[Paragraph] = []
        self._lists: list[_OpenList] = []
        self._quote = 0
        self._marker = ""
        self._heading = 0
        self._is_tight = False

    def build(self, tokens: Sequence[Token]) -> tuple[Block, ...]:
        iterator = iter(tokens)
        for token in iterator:
            if token.type == "table_open":
                table = _table(iterator, self._quote, len(self._lists))
                self._add(replace(table, goes_on=self._goes_on))
            elif token.nesting == 0:
                self._take_leaf(token)
            else:
                self._open_or_close(token)
        self._flush()
        if self._is_open and self._blocks and isinstance(last := self._blocks[-1], CodeBlock):
            self._blocks[-1] = replace(last, is_closed=False)
        return tuple(self._blocks)

    def _take_leaf(self, token: Token) -> None:
        match token.type:
            case "inline":
                self._add_paragraph(inline_spans(token.children or ()))
            case "fence" | "code_block":
                self._add(code_block(token.info, token.content, self._quote, len(self._lists)))
            case "hr":
                self._add(RuleBlock(self._quote, len(self._lists)))

    def _open_or_close(self, token: Token) -> None:
        match token.type:
            case "paragraph_open":
                self._heading, self._is_tight = 0, token.hidden and (bool(self._paragraphs) or self._goes_on)
            case "heading_open":
                self._heading, self._is_tight = int(token.tag[1]), False
            case "bullet_list_open" | "ordered_list_open":
                self._open_list(token)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._marker = self._next_marker()
            case "list_item_close":
                self._spend_marker()
            case "blockquote_open" | "blockquote_close":
                self._change_quote(token.nesting)

    def _add(self, block: Block) -> None:
        self._spend_marker()
        self._flush()
        self._blocks.append(block)

    def _flush(self) -> None:
        if self._paragraphs:
            self._blocks.append(TextBlock(tuple(self._paragraphs), self._quote))
            self._paragraphs = []

    def _spend_marker(self) -> None:
        """An item that begins with code, or is empty, still has its bullet."""
        if self._marker:
            self._paragraphs.append(Paragraph((), 0, len(self._lists), self._marker, self._is_tight))
            self._marker = ""

    def _change_quote(self, change: int) -> None:
        self._spend_marker()
        self._flush()
        self._quote += change

    def _open_list(self, token: Token) -> None:
        self._spend_marker()
        start = token.attrGet("start")
        is_ordered = token.type.startswith("ordered")
        self._lists.append(_OpenList((1 if start is None else int(start)) if is_ordered else None))

    def _next_marker(self) -> str:
        current = self._lists[-1]
        if current.number is None:
            num_bullets = sum(level.number is None for level in self._lists)
            return BULLETS[(num_bullets - 1) % len(BULLETS)]
        current.number += 1
        return f"{current.number - 1}."

    def _add_paragraph(self, spans: Spans) -> None:
        marker = self._marker
        if marker and marker in BULLETS and spans and (task := _TASK.match(spans[0].text)):
            marker = "☐" if task[1] == " " else "☑"
            spans = merged((replace(spans[0], text=spans[0].text[task.end() :]), *spans[1:]))
        self._paragraphs.append(Paragraph(spans, self._heading, len(self._lists), marker, self._is_tight))
        self._marker, self._goes_on = "", False


def code_block(info: str, content: str, quote: int = 0, depth: int = 0, is_closed: bool = True) -> CodeBlock:
    """Code from a fence: the language is the first word behind the fence."""
    words = info.split(maxsplit=1)
    return CodeBlock(content.removesuffix("\n"), words[0][:40] if words else "", is_closed, quote, depth)


def _table(tokens: Iterator[Token], quote: int, depth: int) -> TableBlock:
    """The table whose opening token was just read; reads up to its closing one."""
    rows: list[list[Spans]] = []
    alignments: list[Alignment] = []
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "th_open":
            alignments.append(_ALIGNMENTS.get(str(token.attrGet("style") or ""), Alignment.START))
        elif token.type == "inline":
            rows[-1].append(inline_spans(token.children or ()))
    header, *body = (tuple(row) for row in rows)
    return TableBlock(header, tuple(alignments), tuple(body), quote, depth)


def inline_spans(tokens: Sequence[Token]) -> Spans:
    """The styled text of one paragraph, heading or cell."""
    return merged(_spans(tokens))


def _styled(style: Span, token: Token) -> Span:
    match token.type:
        case "strong_open":
            return replace(style, is_bold=True)
        case "em_open":
            return replace(style, is_italic=True)
        case _:
            return replace(style, is_struck=True)


def _spans(tokens: Sequence[Token]) -> Iterator[Span]:
    styles, refused = [Span("")], ""
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrGet("href") or "")
            refused = address if why_not_open(address) else ""
            styles.append(replace(styles[-1], address="" if refused else address))
        elif token.nesting > 0:
            styles.append(_styled(styles[-1], token))
        elif token.nesting < 0:
            style = styles.pop()
            if token.type == "link_close" and refused:
                yield replace(style, text=f" ({visible_address(refused)})")
                refused = ""
        else:
            yield from _leaf(token, styles[-1], is_link=bool(styles[-1].address or refused))


def _leaf(token: Token, style: Span, is_link: bool) -> Iterator[Span]:
    match token.type:
        case "softbreak" | "hardbreak":
            yield replace(style, text="\n")
        case "code_inline" | "formula":
            yield replace(style, text=visible(token.content), is_code=True)
        case "image":
            yield replace(style, text=_image_text(token))
        case _ if is_link:
            yield replace(style, text=token.content)
        case _:
            yield from _with_bare_addresses(token.content, style)


def _image_text(token: Token) -> str:
    """An image in words: it is never loaded, because loading one tells somebody that it was read."""
    words = "".join(span.text for span in _spans(token.children or ()))
    address = visible_address(str(token.attrGet("src") or ""))[:500]
    return f"{words} ({address})" if words else address


def _with_bare_addresses(text: str, style: Span) -> Iterator[Span]:
    position = 0
    for match in _BARE_ADDRESS.finditer(text):
        address = _without_closing_marks(match[0])
        if why_not_open(address):
            continue
        yield replace(style, text=text[position : match.start()])
        yield replace(style, text=address, address=address)
        position = match.start() + len(address)
    yield replace(style, text=text[position:])


def _without_closing_marks(address: str) -> str:
    """The address without the full stop or bracket that belongs to the sentence around it."""
    while address:
        last = address[-1]
        is_unopened = last == ")" and address.count(")") > address.count("(")
        if last not in ".,;:!?*_~" and not is_unopened:
            break
        address = address[:-1]
    return address
