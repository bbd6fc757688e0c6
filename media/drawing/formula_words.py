r"""A formula as a line of text: `\frac{m}{V}` as m/V, `x^2` as x². For voices and captions, which cannot draw.

latex2mathml reads it (ziamath brings it); what becomes of each element is here. Signs are written, not named: a voice
knows what = is called in its language. What cannot be read keeps its letters without backslashes and brackets.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

_UPPER = str.maketrans("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
_LOWER = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_LOOSE = frozenset("=<>≤≥≠≈≡∼∝→←↔⇒⇔∈∉⊂⊆∪∩∧∨+−-±·×÷∗")  # with spaces around them
_HIGH = frozenset("′″‴°∘∗†")  # already up there
_BRACES = str.maketrans("", "", "\\{}")  # what is left of them has no partner
_UNSEEN = re.compile(r"[\u2061-\u2064\u200b]")  # "times" and "of" between two letters, that nobody writes
_MOST = 1000  # letters; a longer one is nothing that could be said


def formula_words(latex: str) -> str:
    """The line."""
    try:
        return _joined(_words(_read(latex)).translate(_BRACES))
    except Exception:  # noqa: BLE001 - its parser lets anything out, and a voice must say something
        return _joined(re.sub(r"\\([A-Za-z]+)|\\.|[{}$&]", r" \1 ", latex[:_MOST]))


def _read(latex: str) -> Element:
    from latex2mathml.converter import convert

    if len(latex) > _MOST:
        raise ValueError("too long for words")
    return fromstring(convert(latex))  # noqa: S314 - our own library wrote it, without entities that it would declare


def _joined(text: str) -> str:
    text = re.sub(r"\s+", " ", _UNSEEN.sub("", text)).strip()
    return re.sub(r"(^|[(=,;/^] ?)([+−-]) ", r"\1\2", text)  # a sign in front is none between


def _words(element: Element) -> str:
    name, parts = element.tag.rpartition("}")[2], list(element)
    if name == "mfrac":
        return "/".join(_grouped(part) for part in parts)
    if name == "msqrt":
        return f"√{_grouped(element, parts)}"
    if name == "mroot":
        return f"{_raised(parts[1])}√{_grouped(parts[0])}"
    if name in ("msup", "msub", "msubsup", "munder", "mover", "munderover"):
        return _with_scripts(name, parts)
    if name == "mtable":
        return "; ".join(_words(part) for part in parts)
    if name == "mtr":
        return ", ".join(_words(part) for part in parts)
    return "".join(map(_words, parts)) if parts else _letters(name, (element.text or "").lstrip("\\"))


def _letters(name: str, text: str) -> str:
    if name == "mspace":
        return " "
    if text.strip() in _LOOSE:
        return f" {text.strip()} "
    return f" {text} " if name in ("mi", "mo") and len(text) > 1 and text.isalpha() else text  # sin, log


def _with_scripts(name: str, parts: list[Element]) -> str:
    base, *scripts = parts
    is_below = name in ("msub", "munder", "msubsup", "munderover")
    said = _words(base).rstrip()
    if (
        name in ("mover", "munder")
        and len(_joined(_words(scripts[0]))) == 1
        and not _words(scripts[0]).strip().isalnum()
    ):
        return said  # a hat, a bar, an arrow
    for script in scripts:
        said += _lowered(script) if is_below else _raised(script)
        is_below = False
    return f"{said} " if scripts and _is_large(base) else said


def _is_large(base: Element) -> bool:
    """Whether it is a sum, an integral or a word like lim, behind whose bounds something else begins."""
    return base.tag.rpartition("}")[2] == "mo"


def _raised(element: Element) -> str:
    text = _tight(element)
    if text in _HIGH:
        return text.replace("∘", "°")
    small = text.translate(_UPPER)
    return small if all(char in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ" for char in small) else f"^{_in_brackets(text)}"


def _lowered(element: Element) -> str:
    text = _tight(element)
    small = text.translate(_LOWER)
    return small if all(char in "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎" for char in small) else f"_{_in_brackets(text)}"


def _tight(element: Element) -> str:
    return _words(element).replace(" ", "").replace("−", "-") if len(_words(element)) < 12 else _joined(_words(element))


def _in_brackets(text: str) -> str:
    return text if text.isalnum() else f"({text})"


def _grouped(element: Element, parts: list[Element] | None = None) -> str:
    """In brackets where it is more than one thing."""
    text = _joined("".join(map(_words, parts)) if parts is not None else _words(element))
    return text if re.fullmatch(r"[\w.,′ⁿ⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉]+", text) else f"({text})"
