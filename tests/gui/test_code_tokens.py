"""Colours of code, as kinds and places."""

from __future__ import annotations

import time

import pytest

from gui.code_tokens import COLOURED, MAX_CODE, MAX_LINE, TokenKind, can_colour, code_tokens


def kinds(code: str, language: str) -> list[tuple[str, TokenKind]]:
    return [(code[token.start : token.end], token.kind) for token in code_tokens(code, language) if token]


def test_python() -> None:
    found = kinds('def f(x):\n    return "a"  # b\n', "python")
    assert ("def", TokenKind.KEYWORD) in found
    assert ("f", TokenKind.NAME) in found
    assert ("# b", TokenKind.COMMENT) in found
    assert "".join(text for text, kind in found if kind is TokenKind.STRING) == '"a"'


def test_places_hold_for_code_that_begins_and_ends_with_empty_lines() -> None:
    assert kinds("\n\n1\n\n", "python") == [("1", TokenKind.NUMBER)]


def test_a_diff_has_added_and_removed_lines() -> None:
    assert [kind for _, kind in kinds("+a\n-b\n", "diff")] == [TokenKind.ADDED, TokenKind.REMOVED]


# Lines of one thing again and again, as no person writes them, at the limits of what is looked at.
_UNITS = ('"', '"\\', " ", "(", "<", "a", "a ", "a:", "/", "/*", "{", "-", "1", "_a", "a.", "a=", "#", "[", "\t", "a<",
          "a,", "'", "@a", "${", "%", "a&", "`", "\\")  # fmt: skip
_HOSTILE = ["\n".join([(unit * MAX_LINE)[: MAX_LINE - 1]] * 9) for unit in _UNITS]
_HOSTILE += ["\n" * MAX_CODE, "a \n" * (MAX_CODE // 3), "( \n" * (MAX_CODE // 3)]


@pytest.mark.parametrize("language", sorted(COLOURED))
def test_no_lexer_hangs_in_one_step(language: str) -> None:
    """A step cannot be stopped. Lexers that were left out take seconds of the processor's time here, or minutes."""
    for code in _HOSTILE:
        assert can_colour(code, language)
        began = time.thread_time()
        for _ in code_tokens(code, language):
            if time.thread_time() - began > 0.005:
                break
        assert time.thread_time() - began < 2, repr(code[:10])


def test_lexers_that_hang_are_not_asked() -> None:
    for language in ("matlab", "html+evoque", "html+ng2", "html+cheetah"):
        assert list(code_tokens("x = 1", language)) == []
    assert list(code_tokens("x = 1", "py"))


def test_an_unknown_language_has_no_colours() -> None:
    assert kinds("x = 1", "no-such-language") == []


def test_what_is_not_worth_colouring() -> None:
    assert can_colour("x = 1", "python")
    assert not can_colour("x = 1", "")
    assert not can_colour("x" * (MAX_LINE + 1), "python")
    assert not can_colour("x\n" * MAX_CODE, "python")
