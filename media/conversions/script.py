"""What of a text is said aloud: Markdown as blocks of sentences, the way a person would read it to somebody.

Nobody says asterisks, or reads source code and tables letter by letter; links are said by their text, addresses by
their host, and formulas inside of a line as one would type them without LaTeX. The blocks keep what they were,
headings, points, pictures, so that slides can be made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from textwrap import dedent
from urllib.parse import urlsplit

from markdown_it.token import Token

from media.drawing.formula_words import formula_words
from media.drawing.markdown import heard_markdown
from media.types import Picture


class BlockKind(Enum):
    """What a block was in the text."""

    HEADING = auto()
    PROSE = auto()
    POINT = auto()
    CODE = auto()
    FORMULA = auto()
    TABLE = auto()
    PICTURE = auto()


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a text."""

    kind: BlockKind
    text: str  # as it is said and shown; of code, formulas and tables their source
    source: str = ""  # of a picture: where it is; of code, formulas and tables: their Markdown
    picture: Picture | None = None  # of a picture that a document holds


MAX_SENTENCE = 280  # letters that are spoken in one go; longer sentences are cut where one would breathe
_DISPLAYED = frozenset({"$$", r"\["})  # on a line of their own, if they are drawn
_MATH_FENCES = frozenset({"math", "latex", "tex"})
_ADDRESS = re.compile(r"\bhttps?://[^\s<>()\[\]]+")
# Behind its mark, and quotes that close with it. The marks of Arabic, Hindi and the far east are among them.
_SENTENCE_END = re.compile(r"[.!?…।؟]+[\"'”’»)\]]*(?=\s)|[。！？]+[”’」』）]*|\n")
_ABBREVIATION = re.compile(r"(?:^|[\s(.])(?:\w|z\. ?B|e\.g|i\.e|Dr|Mr|Mrs|Ms|Prof|St|Nr|vs|cf|bzw|ca|Sr|Sra)\.$", re.I)
_BREATH = re.compile(r"(?<=[,;:،、])\s+|\s+[–—-]\s+|\s+")


def read_blocks(markdown: str) -> list[Block]:
    """A text, block by block, in its order."""
    return list(_blocks(heard_markdown(markdown), markdown.splitlines()))


def _blocks(tokens: Sequence[Token], lines: Sequence[str]) -> Iterator[Block]:
    kinds = {"heading_open": BlockKind.HEADING, "paragraph_open": BlockKind.PROSE, "table_open": BlockKind.TABLE}
    kind, depth, rows, source = BlockKind.PROSE, 0, list[list[str]](), ""
    for token in tokens:
        kind = kinds.get(token.type, kind)
        if token.type in ("list_item_open", "list_item_close"):
            depth += token.nesting
        elif token.type == "table_close":
            yield Block(BlockKind.TABLE, "\n".join(" | ".join(cells) for cells in rows), source)
            rows = []
        elif token.type == "table_open":
            source = _source(token, lines)
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "fence":
            yield _fence(token, lines)
        elif token.type == "formula_block":
            yield Block(BlockKind.FORMULA, token.content, f"$$\n{token.content}\n$$")
        elif token.type == "inline" and kind is BlockKind.TABLE:
            rows[-1].append(_plain(token.children or ()))
        elif token.type == "inline":
            is_point = bool(depth) and kind is BlockKind.PROSE
            yield from _inline(token, BlockKind.POINT if is_point else kind)


def _source(token: Token, lines: Sequence[str]) -> str:
    begin, end = token.map or (0, 0)
    return dedent("\n".join(lines[begin:end]))


def _fence(token: Token, lines: Sequence[str]) -> Block:
    language = token.info.split()[0].lower() if token.info.split() else ""
    kind = BlockKind.FORMULA if language in _MATH_FENCES else BlockKind.CODE
    return Block(kind, token.content.rstrip("\n"), _source(token, lines))


def _inline(token: Token, kind: BlockKind) -> Iterator[Block]:
    """A paragraph; its pictures, and formulas that are displayed by themselves, are blocks of their own."""
    children = token.children or []
    pictures = [child for child in children if child.type == "image"]
    begin = 0
    for number, child in enumerate(children):
        if child.type == "formula" and child.markup in _DISPLAYED:
            yield from _prose(children[begin:number], kind)
            yield Block(BlockKind.FORMULA, child.content.strip(), f"$${child.content}$$")
            begin = number + 1
    yield from _prose(children[begin:], kind)
    for picture in pictures:
        yield Block(BlockKind.PICTURE, _plain(picture.children or ()), source=str(picture.attrs.get("src", "")))


def _prose(children: Sequence[Token], kind: BlockKind) -> Iterator[Block]:
    if said := _plain([child for child in children if child.type != "image"]).strip():
        yield Block(kind, said)


def _plain(children: Sequence[Token]) -> str:
    """The words of a line, without marks."""
    pieces = []
    for child in children:
        if child.type in ("text", "code_inline"):
            pieces.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            pieces.append("\n" if child.type == "hardbreak" else " ")
        elif child.type == "image":
            pieces.append(_plain(child.children or ()))
        elif child.type == "formula":
            pieces.append(formula_words(child.content))
    return "".join(pieces)


def speakable(text: str) -> str:
    """A text as it is said: addresses by their host, dashes and quotes that a voice would name left out."""
    text = _ADDRESS.sub(lambda found: _host(found[0]), text)
    text = re.sub(r"(?<!\S)[*_~#|>=\-]{2,}(?!\S)", " ", text)
    return re.sub(r"\s+", " ", text).strip()


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or address
    except ValueError:
        return address


def sentences(text: str) -> list[str]:
    """A text as pieces that are spoken one after the other, none of them too long."""
    found: list[str] = []
    begin = 0
    for end in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
        piece = text[begin:end].strip()
        if end < len(text) and text[end - 1] != "\n" and _ABBREVIATION.search(piece):
            continue
        begin = end
        found += short_pieces(piece, MAX_SENTENCE) if piece else ()
    return found


def short_pieces(text: str, most: int) -> Iterator[str]:
    """Pieces of at most so many letters, cut behind commas, or between words, or anywhere, in this order."""
    while len(text) > most:
        places = [found.end() for found in _BREATH.finditer(text, most // 3, most)]
        commas = [place for place in places if text[:place].rstrip()[-1:] in ",;:،、–—"]
        cut = (commas or places or [most])[-1]
        yield text[:cut].strip()
        text = text[cut:].strip()
    yield text
