"""Which parts of a piece of code are keywords, strings, comments. Pure Python on Pygments, no colours and no Qt.

The lexer is taken by the name behind the fence and never guessed. It runs as a generator so that the window can take a
few milliseconds of it at a time. But a lexer's regular expressions can take minutes for one step on what nobody wrote
by hand, and no thread could be stopped in it: so code that is too long, or has a line that is, is not looked at, and
languages are left out whose lexers were not tried with such lines (`tests/gui/test_code_tokens.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

MAX_CODE = 20_000  # characters
MAX_LINE = 2_000
_COLOURED = """
    awk batch bash c clojure cmake common-lisp console cpp csharp css cuda dart diff docker elixir erlang fortran fsharp
    gas glsl go graphql groovy haskell html http ini java javascript json jsx julia kotlin llvm lua make markdown nasm
    nginx nim objective-c ocaml pascal perl php postgresql powershell properties protobuf pycon pytb python r rst ruby
    rust scala scheme scss sed solidity sql swift terraform tex toml typescript vbnet verilog vhdl vim xml yaml zig
"""
COLOURED = frozenset(_COLOURED.split())


class TokenKind(Enum):
    """What a stretch of code is, as far as it gets a colour."""

    KEYWORD = "keyword"
    STRING = "string"
    COMMENT = "comment"
    NUMBER = "number"
    NAME = "name"  # what is being defined: a function, a class, a tag
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class CodeToken:
    """A stretch of one kind: characters `start` to `end` of the code."""

    start: int
    end: int
    kind: TokenKind


def can_colour(code: str, language: str) -> bool:
    """Whether it is worth starting: a language is named, and the code is no longer than a person would write."""
    return bool(language) and len(code) <= MAX_CODE and all(len(line) <= MAX_LINE for line in code.split("\n"))


def code_tokens(code: str, language: str) -> Iterator[CodeToken | None]:
    """The tokens in order; `None` for stretches without a kind, so that a caller can count time.

    An unknown language yields nothing.
    """
    from pygments.lexers import get_lexer_by_name  # slow to import, and needed only for code

    if language.lower() not in known_languages():
        return
    lexer = get_lexer_by_name(language, ensurenl=False, stripnl=False)
    for start, kind, text in lexer.get_tokens_unprocessed(code):
        known = _kind_of(str(kind))
        yield CodeToken(start, start + len(text), known) if known and text else None


@cache
def known_languages() -> frozenset[str]:
    """All names of the languages that get colours."""
    from pygments.lexers import get_all_lexers

    found = (aliases for _, aliases, _, _ in get_all_lexers(plugins=False) if not COLOURED.isdisjoint(aliases))
    return frozenset(alias.lower() for aliases in found for alias in aliases)


_KINDS = {
    "Token.Keyword": TokenKind.KEYWORD,
    "Token.Operator.Word": TokenKind.KEYWORD,
    "Token.Literal.String": TokenKind.STRING,
    "Token.Comment": TokenKind.COMMENT,
    "Token.Literal.Number": TokenKind.NUMBER,
    "Token.Name.Function": TokenKind.NAME,
    "Token.Name.Class": TokenKind.NAME,
    "Token.Name.Tag": TokenKind.NAME,
    "Token.Name.Decorator": TokenKind.NAME,
    "Token.Generic.Heading": TokenKind.NAME,
    "Token.Generic.Subheading": TokenKind.NAME,
    "Token.Generic.Inserted": TokenKind.ADDED,
    "Token.Generic.Deleted": TokenKind.REMOVED,
}


def _kind_of(name: str) -> TokenKind | None:
    """The kind of a Pygments token type, or of the nearest type above it that has one."""
    while name:
        if kind := _KINDS.get(name):
            return kind
        name = name.rpartition(".")[0]
    return None
