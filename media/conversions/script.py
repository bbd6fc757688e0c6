"""What of a text is said aloud: Markdown as blocks of sentences, the way a person would read it to somebody.

Nobody says asterisks, or reads source code and tables letter by letter; links are said by their text and addresses by
their host. The blocks keep what they were, headings, points, pictures, so that slides can be made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

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
    source: str = ""  # of a picture: where it is; of code: its language
    picture: Picture | None = None  # of a picture that a document holds


MAX_SENTENCE = 280  # letters that are spoken in one go; longer sentences are cut where one would breathe
_MATH = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]", re.DOTALL)
_MATH_FENCES = frozenset({"math", "latex", "tex"})
_ADDRESS = re.compile(r"\bhttps?://[^\s<>()\[\]]+")
# A sentence ends behind its mark and before a space; the marks of Arabic, Hindi and the far east are among them.
_SENTENCE_END = re.compile(r"(?<=[.!?…。।؟！？])[\"'”’»)\]]*\s+|\n+")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:\w|z\. ?B|e\.g|i\.e|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|vs|cf|bzw|ca|Sr|Sra)\.$", re.I
)
_BREATH = re.compile(r"(?<=[,;:،、])\s+|\s+[–—-]\s+|\s+")


def read_blocks(markdown: str) -> list[Block]:
    """A text, block by block, in its order."""
    parser = MarkdownIt("commonmark").enable("table").disable("code")  # indented prose is no code to a listener
    return list(_blocks(parser.parse(markdown)))


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    kinds = {"heading_open": BlockKind.HEADING, "paragraph_open": BlockKind.PROSE, "table_open": BlockKind.TABLE}
    kind, depth, rows = BlockKind.PROSE, 0, list[list[str]]()
    for token in tokens:
        kind = kinds.get(token.type, kind)
        if token.type in ("list_item_open", "list_item_close"):
            depth += token.nesting
        elif token.type == "table_close":
            yield Block(BlockKind.TABLE, "\n".join(" | ".join(cells) for cells in rows))
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "fence":
            yield _fence(token)
        elif token.type == "inline" and kind is BlockKind.TABLE:
            rows[-1].append(_plain(token.children or ()))
        elif token.type == "inline":
            is_point = bool(depth) and kind is BlockKind.PROSE
            yield from _inline(token, BlockKind.POINT if is_point else kind)


def _fence(token: Token) -> Block:
    language = token.info.split()[0].lower() if token.info.split() else ""
    kind = BlockKind.FORMULA if language in _MATH_FENCES else BlockKind.CODE
    return Block(kind, token.content.rstrip("\n"), source=language)


def _inline(token: Token, kind: BlockKind) -> Iterator[Block]:
    """A paragraph; its pictures, and formulas that stand by themselves, are blocks of their own."""
    children = token.children or []
    pictures = [child for child in children if child.type == "image"]
    rest = _plain([child for child in children if child.type != "image"])
    last = 0
    for found in _MATH.finditer(rest):
        if said := rest[last : found.start()].strip():
            yield Block(kind, said)
        yield Block(BlockKind.FORMULA, (found[1] or found[2]).strip())
        last = found.end()
    if said := rest[last:].strip():
        yield Block(kind, said)
    for picture in pictures:
        yield Block(BlockKind.PICTURE, _plain(picture.children or ()), source=str(picture.attrs.get("src", "")))


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
    return "".join(pieces)


def speakable(text: str) -> str:
    """A text as it is said: addresses by their host, dashes and quotes that a voice would name left out."""
    text = _ADDRESS.sub(lambda found: _host(found[0]), text)
    text = re.sub(r"(?<!\S)[*_~#|>=\-]{2,}(?!\S)", " ", text)
    return re.sub(r"\s+", " ", text.replace("$", " ") if "\\" in text else text).strip()


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or address
    except ValueError:
        return address


def sentences(text: str) -> list[str]:
    """A text as pieces that are spoken one after the other, none of them too long."""
    found: list[str] = []
    open_piece = ""
    for piece in _SENTENCE_END.split(text):
        open_piece = f"{open_piece} {piece}".strip()
        if open_piece and not _ABBREVIATION.search(open_piece):
            found += short_pieces(open_piece, MAX_SENTENCE)
            open_piece = ""
    found += short_pieces(open_piece, MAX_SENTENCE) if open_piece else ()
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
