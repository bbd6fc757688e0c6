"""Formulas as lines of text, for voices and captions."""

from __future__ import annotations

import pytest

from media.drawing.formula_words import formula_words


@pytest.mark.parametrize(
    ("latex", "line"),
    [
        (r"\rho = \frac{m}{V}", "ρ = m/V"),
        (r"E = mc^{2}", "E = mc²"),
        (r"\sum_{i=1}^{n} i \leq 10 \cdot \alpha", "∑_(i=1)ⁿ i ≤ 10 · α"),
        (r"\text{speed} = 3\,\mathrm{m/s}", "speed = 3 m/s"),
        (r"\frac{-b \pm \sqrt{b^2-4ac}}{2a}", "(−b ± √(b² − 4ac))/2a"),
        (r"e^{i\pi} + 1 = 0", "e^iπ + 1 = 0"),
        (r"\hat{x} \in \mathbb{R}^{n \times m}", "x ∈ ℝ^(n×m)"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "(1, 2; 3, 4)"),
        (r"\lim_{x \to 0} \frac{\sin x}{x} = -1", "lim_(x→0) (sin x)/x = −1"),
        (r"\sqrt[3]{8}", "³√8"),
        (r"90^\circ", "90°"),
        (r"\int_0^1 f(x)\,dx", "∫₀¹ f(x) dx"),
        (r"O(n \log n)", "O(n log n)"),
        (r"2^{10}", "2¹⁰"),
        (r"x_{n+1} = x'", "x_(n+1) = x′"),
        (r"A \Rightarrow B", "A ⇒ B"),
        (r"10\%", "10%"),
        ("", ""),
    ],
)
def test_a_formula_is_a_line(latex: str, line: str) -> None:
    assert formula_words(latex) == line


@pytest.mark.parametrize("latex", [r"\frac{", r"\foo{x}", "}", "^", r"\left(", "&", r"\begin{x", "x" * 5000])
def test_what_cannot_be_read_keeps_its_letters(latex: str) -> None:
    line = formula_words(latex)
    assert not set(line) & set("\\{}")
    assert "x" in line or "x" not in latex
    assert len(line) <= 1000
