"""Letters, lines and pages: nothing is cut off, lost or put on top of something else."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

import resources
from media.drawing.directions import visual_pieces
from media.drawing.lettering import Lettering, missing, text_at, text_width, wrapped
from media.drawing.markdown import markdown_tree
from media.drawing.pages import FOOT, MARGIN, PAGE_HEIGHT, PAGE_WIDTH, set_pages
from media.drawing.raster import rasterize
from media.drawing.sketch import Sketch, document
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS as LIMITS
from media.stopping import Stopped, never_stop
from media.types import RgbArray

PLAIN = Lettering(20)


def pages_of(source: str) -> list[Sketch]:
    return set_pages(source, lambda language, text: None, LIMITS, never_stop)[0]


def pixels_of(page: Sketch) -> RgbArray:
    return rasterize(document(page), round(page.width), round(page.height))


def inked(text: str, style: Lettering = PLAIN) -> tuple[int, int]:
    """The first and the last column that a line of text at x = 50 is seen in."""
    pixels = rasterize(document(Sketch(700, 60, text_at(50, 40, text, style))), 700, 60)
    columns = (pixels < 160).any(axis=(0, 2)).nonzero()[0]
    return int(columns[0]), int(columns[-1])


@pytest.mark.parametrize(
    "text",
    ["Hamburg → Ōsaka ✓", "Привет, мир", "नमस्ते दुनिया", "สวัสดีชาวโลก", "مرحبا بالعالم", "שלום עולם", "∑ ≤ ∞ □ ★"],
)
@pytest.mark.parametrize("style", [PLAIN, Lettering(20, is_bold=True), Lettering(20, is_mono=True)])
def test_lines_are_as_wide_as_they_are_measured(text: str, style: Lettering) -> None:
    """In all languages of the model: widths are FreeType's, letters are resvg's."""
    assert missing(text) == ""
    first, last = inked(text, style)
    assert 48 <= first <= 54
    assert last == pytest.approx(50 + text_width(text, style), abs=7)


def test_what_no_font_has_is_named() -> None:
    assert missing("Ein 漢 und ein 字, zwei 漢, abc é → ✓") == "字漢"


def test_fonts_have_their_licence_beside_them() -> None:
    assert "SIL OPEN FONT LICENSE" in resources.path("fonts", "OFL.txt").read_text(encoding="utf-8")
    assert len(list(resources.path("fonts").glob("*.ttf"))) == 7


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("abc", ["abc"]),
        ("abc אבג 12 def", ["abc ", "12", "אבג ", " def"]),
        ("אבג abc 12 דהו.", [" דהו.", "abc 12", "אבג "]),
        ("אבג 3.5 דהו", [" דהו", "3.5", "אבג "]),
        ("", []),
    ],
)
def test_pieces_of_two_directions_are_in_order(text: str, seen: list[str]) -> None:
    assert [piece for piece, _ in visual_pieces(text)] == seen


def test_brackets_around_words_from_right_to_left_are_turned() -> None:
    body = text_at(0, 20, "אבג (abc).", PLAIN)
    words = re.findall(r">([^<]+)<", body)
    assert words[0] == ".("
    assert words[1] == "abc"


@pytest.mark.parametrize("text", ["some words and more of them " * 5, "x" * 200, "漢字" * 40, "a\n\nb", ""])
def test_wrapped_lines_fit_and_lose_nothing(text: str) -> None:
    lines = wrapped(text, PLAIN, 150)
    assert all(text_width(own, PLAIN) <= 150 for own in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


SENTENCE = "Paragraph {} has a few words more than one line can hold, so that it is broken. "
LONG = "\n\n".join(SENTENCE.format(n) * 3 for n in range(60))


def test_long_texts_become_pages_and_no_word_is_lost() -> None:
    pages = pages_of(LONG)
    assert len(pages) > 3
    assert all((page.width, page.height) == (PAGE_WIDTH, PAGE_HEIGHT) for page in pages)
    shown = " ".join(re.findall(r">([^<]+)</text>", "".join(page.body for page in pages)))
    for number in range(60):
        assert shown.count(f"Paragraph {number} ") == 3
    assert f"1 / {len(pages)}" in pages[0].body


def test_nothing_stands_in_the_margins() -> None:
    table = f"| {'wide cell | ' * 12}\n|{'---|' * 12}\n| {'a word | ' * 12}\n"
    source = f"{LONG[:3000]}\n\n```\n{'code ' * 60}\n```\n\n{table}\n\n> quote\n\n{'x' * 300}\n\n${'x+' * 150}x$"
    for page in pages_of(source):
        dark = pixels_of(page) < 200
        assert not dark[:, : round(MARGIN) - 4].any()
        assert not dark[round(PAGE_HEIGHT - FOOT) : round(PAGE_HEIGHT - 0.75 * FOOT)].any()
        assert not dark[:, round(PAGE_WIDTH - MARGIN) + 4 :].any()


@pytest.mark.parametrize("size", range(20, 60, 3))
def test_pages_end_above_their_numbers(size: int) -> None:
    code = "\n".join(["```", *["code"] * 5, "```"])
    for page in pages_of("\n\n".join(["word " * size, "# Heading", code] * 9)):
        dark = pixels_of(page) < 200
        assert not dark[round(PAGE_HEIGHT - FOOT) : round(PAGE_HEIGHT - 0.75 * FOOT)].any()


def test_a_heading_is_never_the_last_thing_of_a_page() -> None:
    for count in range(20, 32):
        source = "\n\n".join(f"line {n}" for n in range(count)) + "\n\n## The heading\n\nIts text."
        for page in pages_of(source):
            assert ("The heading" in page.body) == ("Its text." in page.body)


def test_a_short_text_is_a_short_page() -> None:
    (page,) = pages_of("# Title\n\nA few words.")
    assert page.height < PAGE_HEIGHT / 2
    assert " / 1" not in page.body


SAMPLE = """# Title
Text with **bold**, *slanted* and `code`, a [link](https://example.org) and ~~gone~~; $x^2$ and $5 or $6.

- one
  - two
- [x] done

1. first

> quoted

```python
def f(): return 1  # why
```

| a | b |
|---|--:|
| x | 1 |

---

![a cat](cat.png)
"""


def test_each_kind_of_block_is_set() -> None:
    (page,) = pages_of(SAMPLE)
    words = re.findall(r">([^<]+)</text>", page.body)
    for wanted in ("Title", "bold", "slanted", "code", "gone", "•", "☑", "1.", "quoted", "def", "x", "[a cat]"):
        assert wanted in words, wanted
    assert any("$5 or $6" in own for own in words)
    assert "$x^2$" not in page.body
    assert 'font-weight="bold"' in page.body
    assert 'font-style="italic"' in page.body


def test_lines_do_not_touch_each_other() -> None:
    """Each row of letters has paper above and below it."""
    (page,) = pages_of("\n\n".join(["Hxgj"] * 9) + "\n\n" + "Hxgj " * 60)
    rows = (pixels_of(page) < 128).any(axis=(1, 2))
    edges = np.flatnonzero(np.diff(rows.astype(int)) == 1)
    assert len(edges) >= 12
    assert all(15 <= b - a <= 60 for a, b in pairwise(edges))


def test_short_lines_stay_and_long_ones_flow() -> None:
    (poem,) = pages_of("Roses are red,\nviolets are blue.")
    assert "Roses are red,</text>" in poem.body
    (prose,) = pages_of("This line is long because it was wrapped by an editor at some\ncolumn and goes on here.")
    assert "some column" in prose.body


def test_formulas_and_money() -> None:
    def formulas(source: str) -> list[str]:
        return [node.content for node in markdown_tree(source).walk() if node.type.startswith("formula")]

    assert formulas("$a$ and \\(b\\) and $$c$$") == ["a", "b", "c"]
    assert formulas("$$\na\n+b\n$$\n\n\\[ c \\]") == ["a\n+b", "c"]
    assert formulas("from $5 to $6, and $7 with tax") == []
    assert formulas("$5-$6, or $5,$6") == []
    assert formulas("`$a$`") == []


def test_a_wrong_formula_stays_as_it_was_written() -> None:
    (page,) = pages_of("Here: $\\frac{a$ there.")
    assert "\\frac{a" in page.body


def test_too_much_text_is_refused() -> None:
    with pytest.raises(MediaError, match="200 pages"):
        pages_of("word " * 300_000)
    with pytest.raises(MediaError, match="200 pages"):
        pages_of("# a\n\n" * 12_000)


def test_a_stop_is_heeded() -> None:
    with pytest.raises(Stopped):
        set_pages(LONG, lambda language, text: None, LIMITS, lambda: True)


STRANGE = ["", "\0\x01\ud800", "> " * 500 + "x", "- " * 300 + "x", "[" * 3000, "**" * 3000, "|" * 999]


@pytest.mark.parametrize("source", STRANGE)
def test_strange_texts_are_set(source: str) -> None:
    assert pixels_of(pages_of(source)[0]).any()
