"""Formulas are set, and what is wrong with one is said with its place."""

from __future__ import annotations

import pytest

from media.drawing.formulas import formula
from media.drawing.raster import rasterize
from media.drawing.sketch import document
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS


@pytest.mark.parametrize(
    "latex",
    [
        r"E = mc^2",
        r"$$\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}$$",
        r"\[\begin{pmatrix} a & b \\ c & d \end{pmatrix}\]",
        r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}",
        r"\begin{aligned} a &= b \\ c &= d \end{aligned}",
        r"\begin{equation} x \end{equation}",
        r"\begin{align} x &= 1 \end{align}",
        r"\operatorname{softmax}(x)_i = \frac{e^{x_i}}{\sum_j e^{x_j}}",
        r"\left\{ x \in \mathbb{R} \right\} % a remark with { in it",
        r"50\,\% \{ a \}",
    ],
)
def test_formulas_are_set(latex: str) -> None:
    sketch, baseline = formula(latex, DEFAULT_LIMITS)
    pixels = rasterize(document(sketch), round(sketch.width), round(sketch.height))
    assert (pixels < 128).any()
    assert 0 < baseline < sketch.height


def test_letters_stand_on_the_baseline() -> None:
    sketch, baseline = formula("x", DEFAULT_LIMITS, size=40)
    rows = (rasterize(document(sketch), round(sketch.width), round(sketch.height)) < 128).any(axis=(1, 2)).nonzero()[0]
    assert abs(rows[-1] - baseline) < 2


@pytest.mark.parametrize(
    ("latex", "said"),
    [
        (r"\frac{a}{b", r"\{ is never closed, at character 9"),
        (r"a + \foo", r"\\foo is not known, at character 5"),
        (r"\left( x", r"\\left is never closed, at character 1"),
        (r"x}", r"\} closes what was never opened, at character 2"),
        (r"\begin{matrix} {a \end{matrix}", r"\\end\{matrix\} stands where \{ has to be closed first, at character 19"),
        (r"\begin{figure} \end{figure}", "figure is no environment"),
        (r"a & b", "& stands outside of a table, at character 3"),
        (r"x^1^2", "two superscripts"),
        (r"x_1_2", "two subscripts"),
        (r"\frac{1}", "is missing"),
        (r"\newcommand{\a}{\b\b}\a", r"\\newcommand defines something"),
        ("", "it is empty"),
        (r"\\", "it is empty"),
        ("{" * 300 + "}" * 300, "more than 40 deep"),
        ("x" * 5000, "5,000 letters"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(latex: str, said: str) -> None:
    with pytest.raises(MediaError, match=said):
        formula(latex, DEFAULT_LIMITS)
