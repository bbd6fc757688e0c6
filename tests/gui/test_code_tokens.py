"""Colours of code, as kinds and places."""

from __future__ import annotations

from gui.code_tokens import MAX_CODE, MAX_LINE, TokenKind, can_colour, code_tokens


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


def test_an_unknown_language_has_no_colours() -> None:
    assert kinds("x = 1", "no-such-language") == []


def test_what_is_not_worth_colouring() -> None:
    assert can_colour("x = 1", "python")
    assert not can_colour("x = 1", "")
    assert not can_colour("x" * (MAX_LINE + 1), "python")
    assert not can_colour("x\n" * MAX_CODE, "python")
