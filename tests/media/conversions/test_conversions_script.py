"""What of a text is said aloud, and in which language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.conversions.languages import LANGUAGES, guess_language, language_named
from media.conversions.narration import all_sentences
from media.conversions.script import MAX_SENTENCE, Block, BlockKind, read_blocks, sentences, short_pieces, speakable
from media.errors import MediaError

H, P, O, C, F, T, I = (  # noqa: E741
    BlockKind.HEADING, BlockKind.PROSE, BlockKind.POINT, BlockKind.CODE, BlockKind.FORMULA, BlockKind.TABLE,
    BlockKind.PICTURE,
)  # fmt: skip


def said(markdown: str, language: str = "en") -> list[str]:
    return [sentence.text for sentence in all_sentences(read_blocks(markdown), language)]


def test_markdown_is_said_as_words() -> None:
    text = "# A *big* title\n\nSome **bold** `code`, a [link](https://x.org/a_b_c) and ~~this~~.\n\n> quoted"
    assert said(text) == ["A big title", "Some bold code, a link and this.", "quoted"]


def test_blocks_keep_what_they_were() -> None:
    text = (
        "# Title\n\nprose\n\n- one\n- two\n  - three\n\n1. first\n\n```python\nx = 1\n```\n\n```math\na^2\n```\n\n"
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n![A photo](p.jpg)\n\nbefore $$x^2$$ after"
    )
    found = read_blocks(text)
    assert [block.kind for block in found] == [H, P, O, O, O, O, C, F, T, I, P, F, P]
    assert found[6] == Block(C, "x = 1", "```python\nx = 1\n```")
    assert found[8] == Block(T, "a | b\n1 | 2", "| a | b |\n| --- | --- |\n| 1 | 2 |")
    assert found[9] == Block(I, "A photo", "p.jpg")
    assert found[11] == Block(F, "x^2", "$$x^2$$")


def test_nobody_reads_code_and_tables_aloud() -> None:
    text = "```\nfor i in x:\n```\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n$$\\frac{1}{2}$$"
    assert said(text) == ["Code.", "Table.", "Formula."]
    assert said(text, "de") == ["Quelltext.", "Tabelle.", "Formel."]


def test_formulas_inside_of_a_line_are_said_and_shown_without_latex() -> None:
    text = r"Density is $\rho = \frac{m}{V}$, and \(x_1^2\) costs $5 or $6."
    assert said(text) == ["Density is ρ = m/V, and x₁² costs $5 or $6."]


def test_an_address_is_said_by_its_host() -> None:
    assert speakable("See https://example.org:80/a/b?c=d#e, please") == "See example.org please"
    assert speakable("a --- b *** c") == "a b c"


def test_indented_prose_is_no_code() -> None:
    assert said("First.\n\n    Indented by a typewriter.") == ["First.", "Indented by a typewriter."]


def test_sentences_end_where_they_end() -> None:
    text = "Dr. Who came at 3.5 p.m. to us! Was he late? No… “He was early.” 好。"
    assert sentences(text) == ["Dr. Who came at 3.5 p.m. to us!", "Was he late?", "No…", "“He was early.”", "好。"]


@given(st.text(st.sampled_from("ab ,.;\n–é漢"), max_size=900), st.integers(5, 300))
def test_no_piece_is_too_long_and_no_letter_is_lost(text: str, most: int) -> None:
    pieces = list(short_pieces(text.strip(), most))
    assert all(len(piece) <= most for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_long_sentences_are_cut_at_commas() -> None:
    text = "one two three four, " * 40
    pieces = sentences(text)
    assert len(pieces) > 2
    assert all(len(piece) <= MAX_SENTENCE and piece.endswith(",") for piece in pieces)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The cat is on the table and it is not amused."),
        ("de", "Die Katze ist auf dem Tisch und sie ist nicht erfreut."),
        ("fr", "Le chat est sur la table et il n'est pas content."),
        ("es", "El gato está en la mesa y no se ha movido por un día."),
        ("it", "Il gatto è sul tavolo e non si muove per nulla."),
        ("pt", "O gato não está em cima da mesa, mas uma ave está."),
        ("pt", "Bom dia, como você está? O tempo está bom."),
        ("id", "Kucing itu ada di atas meja dan tidak senang dengan ini."),
        ("vi", "Con mèo là một con vật và nó không được vui."),
        ("ar", "القطة على الطاولة وهي ليست سعيدة. PDF"),
        ("hi", "बिल्ली मेज पर है और वह खुश नहीं है।"),
        ("th", "แมวอยู่บนโต๊ะและมันไม่มีความสุข"),
        ("en", "42"),
        ("en", "Hello!"),
        ("de", "Vielen Dank!"),
        ("de", "Guten Tag, wie geht es Ihnen?"),
        ("fr", "Bonjour, comment allez-vous ?"),
        ("it", "Buongiorno, come stai?"),
        ("pt", "Obrigado pela ajuda"),
        ("id", "Selamat pagi, apa kabar?"),
        ("en", "Blue square, red circle."),
        ("en", "Altiplano"),
        ("es", "Muchas gracias"),
        ("ru", "Привет, как дела?"),
        ("el", "Καλημέρα σας"),
        ("ja", "今日は天気がいいです"),
        ("ko", "안녕하세요"),
        ("zh", "今天天气很好。"),
    ],
)
def test_the_language_of_a_text_is_guessed(language: str, text: str) -> None:
    assert guess_language(text) == language


def test_tagalog_is_said_to_be_missing() -> None:
    for ask in (lambda: language_named("tl"), lambda: language_named("fil-PH")):
        with pytest.raises(MediaError, match="do not speak Tagalog"):
            ask()
    with pytest.raises(MediaError, match="do not speak Tagalog"):
        guess_language("Ang pusa ay nasa ibabaw ng mesa at hindi ito masaya sa mga tao.")


def test_languages_are_named_as_everywhere() -> None:
    assert [language_named(name) for name in ("de", "de-AT", "pt_BR", "EN")] == ["de", "de", "pt", "en"]
    assert set(LANGUAGES) >= {"ar", "en", "fr", "de", "hi", "id", "it", "pt", "es", "th", "vi"}
    with pytest.raises(MediaError, match="speaks 'klingon'"):
        language_named("klingon")
