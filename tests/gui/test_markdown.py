"""The Markdown reader: what it makes of text, that streaming makes the same of it, and that nothing can upset it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gui import markdown, markdown_window
from gui.markdown import BlockStream, parse_blocks
from gui.markdown_blocks import (
    Alignment,
    Block,
    CodeBlock,
    Paragraph,
    RuleBlock,
    Span,
    TableBlock,
    TextBlock,
    spans_text,
)

PIECES = (
    "a", "b c", "\n", "\n", "\n\n", "    ", "  ", " ", "# ", "- ", "* ", "1. ", "2) ", "> ", "```", "```py\n", "~~~",
    "`", "``", "**", "*", "_", "~~", "[x](http://a.b)", "[", "](", "]", "![i](u)", "|", "| a | b |\n", "|---|---|\n",
    "---", "===", "$$", "$x$", "\\[", "\\]", "\\", "<b>", "&amp;", "\t", "- [ ] t\n", "é", "\r\n", "\r",
    "http://q.z/a", "+", "   ", "     ", "end\n", "1.", "-\n", "\x0b", "\u2028", "\0", "\ud800",
)  # fmt: skip


def text_of(block: Block) -> str:
    """The words of a block, as a reader sees them."""
    match block:
        case TextBlock():
            return "\n".join(paragraph.text for paragraph in block.paragraphs)
        case CodeBlock():
            return block.code
        case TableBlock():
            return "\n".join("|".join(spans_text(cell) for cell in row) for row in (block.header, *block.rows))
        case RuleBlock():
            return ""


def paragraphs(text: str) -> list[Paragraph]:
    return [paragraph for block in parse_blocks(text) if isinstance(block, TextBlock) for paragraph in block.paragraphs]


def spans(text: str) -> tuple[Span, ...]:
    (paragraph,) = paragraphs(text)
    return paragraph.spans


def streamed(pieces: list[str]) -> tuple[Block, ...]:
    """The final blocks of a text that arrives in pieces; what is finished must stay the same object on the way."""
    stream, frozen = BlockStream(), ()
    for piece in pieces:
        stream.push(piece)
        blocks = stream.blocks
        assert all(before is after for before, after in zip(frozen, blocks, strict=False)), "a finished block changed"
        assert len(frozen) <= stream.num_frozen
        frozen = blocks[: stream.num_frozen]
    stream.finish()
    assert all(before is after for before, after in zip(frozen, stream.blocks, strict=False))
    return stream.blocks


def test_paragraphs_headings_and_styles() -> None:
    heading, body = paragraphs("## A *b*\n\none **two** ~~three~~ `four`\nfive")
    assert heading.heading == 2
    assert heading.spans == (Span("A "), Span("b", is_italic=True))
    assert body.spans == (
        Span("one "), Span("two", is_bold=True), Span(" "), Span("three", is_struck=True), Span(" "),
        Span("four", is_code=True), Span("\nfive"),
    )  # fmt: skip


def test_styles_nest_and_end_where_they_should() -> None:
    assert spans("**a *b* c** d") == (
        Span("a ", is_bold=True),
        Span("b", is_bold=True, is_italic=True),
        Span(" c", is_bold=True),
        Span(" d"),
    )


def test_lists_have_markers_and_depth() -> None:
    found = [
        (item.marker, item.depth, item.text) for item in paragraphs("3. a\n4. b\n   - c\n     more\n\n- [x] d\n- [ ] e")
    ]
    assert found == [("3.", 1, "a"), ("4.", 1, "b"), ("•", 2, "c\nmore"), ("☑", 1, "d"), ("☐", 1, "e")]


def test_code_in_a_list_is_a_block_of_its_own_and_the_list_goes_on() -> None:
    before, code, after = parse_blocks("1. run\n   ```sh\n   ls  -l\n   ```\n   then\n2. done")
    assert code == CodeBlock("ls  -l", "sh", depth=1)
    assert isinstance(before, TextBlock)
    assert isinstance(after, TextBlock)
    assert [(item.marker, item.text) for item in after.paragraphs] == [("", "then"), ("2.", "done")]


def test_an_item_that_begins_with_code_keeps_its_number() -> None:
    text, code = parse_blocks("1. ```\n   x\n   ```")
    assert text == TextBlock((Paragraph((), depth=1, marker="1."),))
    assert code == CodeBlock("x", depth=1)


def test_quotes_count_their_depth() -> None:
    assert [block.quote for block in parse_blocks("> a\n> > b\n>\n> ```\n> x\n> ```\n\nc")] == [1, 2, 1, 0]


def test_code_is_exact() -> None:
    code = "  def f():\n\n\treturn '<b>&amp;'  \n\n"
    assert parse_blocks(f"```python title\n{code}\n```\n") == (CodeBlock(code, "python"),)


def test_an_indented_fence_loses_its_indent_and_no_more() -> None:
    assert parse_blocks("  ~~~\n    a\n b\n  ~~~") == (CodeBlock("  a\nb"),)


def test_a_fence_closes_only_with_enough_of_its_own_marks() -> None:
    assert parse_blocks("````\n```\n~~~~\n````\nx")[0] == CodeBlock("```\n~~~~")


def test_tables() -> None:
    (table,) = parse_blocks("| a | b | c |\n|:--|:-:|--:|\n| **1** | 2 |\n| x | y | z | dropped |")
    assert isinstance(table, TableBlock)
    assert table.alignments == (Alignment.START, Alignment.CENTRE, Alignment.END)
    assert text_of(table) == "a|b|c\n1|2|\nx|y|z"


def test_a_table_too_wide_for_any_window_is_shown_as_written() -> None:
    source = "|" + "a|" * 60 + "\n|" + "-|" * 60
    assert parse_blocks(source) == (CodeBlock(source),)


def test_a_rule() -> None:
    assert parse_blocks("a\n\n---\n\nb")[1] == RuleBlock()


def test_html_is_text() -> None:
    source = "<script>alert(1)</script> <b>x</b>"
    assert spans(source) == (Span(source),)
    assert text_of(parse_blocks("<div>\n\n<img src=x onerror=y>\n</div>")[1]) == "<img src=x onerror=y>\n</div>"


def test_images_become_words_and_their_address() -> None:
    assert spans("see ![a *chart*](http://evil.example/p.png)") == (Span("see a chart (http://evil.example/p.png)"),)
    assert spans("![](http://x.y/z)") == (Span("http://x.y/z"),)


def test_links_that_may_be_opened() -> None:
    assert spans("[a](https://b.c) <http://d.e> <f@g.h>") == (
        Span("a", address="https://b.c"),
        Span(" "),
        Span("http://d.e", address="http://d.e"),
        Span(" "),
        Span("f@g.h", address="mailto:f@g.h"),
    )


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "smb://h/s", "ms-msdt:/id", "page.html", "//h/p"],
)
def test_links_that_may_not_be_opened_are_words(address: str) -> None:
    assert spans(f"[here]({address})") == (Span(f"here ({address})"),)


def test_bare_addresses_become_links_without_the_sentence_around_them() -> None:
    assert spans("(see http://a.b/c_(d)_e). Then https://f.g!") == (
        Span("(see "),
        Span("http://a.b/c_(d)_e", address="http://a.b/c_(d)_e"),
        Span("). Then "),
        Span("https://f.g", address="https://f.g"),
        Span("!"),
    )


def test_what_hides_is_visible_in_code_and_in_addresses() -> None:
    assert spans("`a\u202eb`") == (Span("a⟨U+202E⟩b", is_code=True),)
    assert "⟨U+200B⟩" in spans("[x](https://a\u200b.b)")[0].text
    assert "⟨U+202E⟩" in spans("![x](http://a/\u202egnp)")[0].text


def test_formulas_keep_their_source_and_money_stays_money() -> None:
    assert spans(r"so \(a_1 * b_2 * c\) and $x^{2}_i$, $5 and $10") == (
        Span("so "),
        Span("a_1 * b_2 * c", is_code=True),
        Span(" and "),
        Span("x^{2}_i", is_code=True),
        Span(", $5 and $10"),
    )
    source = "\\[\na\n- b\n\\]\n\n$$ c_1 $$\n\n$$\nd\n$$ after"
    code = [block for block in parse_blocks(source) if isinstance(block, CodeBlock)]
    assert [block.code for block in code[:2]] == ["a\n- b", "c_1"]
    assert {block.language for block in code} == {"latex"}


def test_an_unclosed_formula_ends_at_an_empty_line() -> None:
    assert parse_blocks("$$\nx\n\nwords")[1] == TextBlock((Paragraph((Span("words"),)),))


def test_nothing_defines_links_for_text_before_it() -> None:
    assert text_of(parse_blocks("[a]\n\n[a]: http://b.c")[0]) == "[a]"


# Streaming


@pytest.mark.parametrize(
    ("tail", "shown"),
    [
        ("a **bo", "a bo"),
        ("a **", "a"),
        ("a *b **c", "a b c"),
        ("a `co", "a co"),
        ("a ~~b", "a b"),
        ("see [the terms](https://exa", "see the terms"),
        ("see ![a chart](https://exa", "see a chart"),
        ("# He", "He"),
        ("done\n\n#", "done"),
        ("done\n-", "done"),
        ("done\n\n```", "done\n"),
        ("2 * 3", "2 * 3"),
        ("snake_case_name", "snake_case_name"),
    ],
)
def test_unfinished_marks_are_closed_or_held_back(tail: str, shown: str) -> None:
    stream = BlockStream()
    stream.push(tail)
    assert "\n".join(text_of(block) for block in stream.blocks) == shown


def test_the_closing_is_for_display_only() -> None:
    stream = BlockStream()
    stream.push("a **b")
    assert isinstance(stream.blocks[0], TextBlock)
    assert stream.blocks[0].paragraphs[0].spans[-1] == Span("b", is_bold=True)
    stream.finish()
    assert stream.blocks == parse_blocks("a **b")
    assert text_of(stream.blocks[0]) == "a **b"


def test_a_table_is_a_table_from_its_second_line_on() -> None:
    stream = BlockStream()
    stream.push("| a | b |")
    assert stream.blocks == ()
    stream.push("\n|-")
    assert isinstance(stream.blocks[0], TableBlock)


def test_code_grows_and_closes() -> None:
    stream = BlockStream()
    stream.push("```py\nx = 1\ny")
    assert stream.blocks == (CodeBlock("x = 1\ny", "py", is_closed=False),)
    stream.push(" = 2\n``")
    assert stream.blocks == (CodeBlock("x = 1\ny = 2", "py", is_closed=False),)
    stream.push("`\n")
    assert stream.blocks == (CodeBlock("x = 1\ny = 2", "py"),)
    assert stream.num_frozen == 1


def test_finished_blocks_are_frozen_while_the_answer_streams() -> None:
    stream = BlockStream()
    stream.push("one\n\ntwo\n\nthree\n")
    assert stream.num_frozen == 2
    first = stream.blocks[0]
    for _ in range(50):
        stream.push(" more words\n")
        assert stream.blocks[0] is first


def test_tabs_in_code_are_the_same_however_they_arrive() -> None:
    text = "a\n\n  ```\n\tx\n  ```\n\nb\n"
    assert streamed(list(text)) == parse_blocks(text)
    assert parse_blocks(text)[1] == CodeBlock("\tx")


def test_line_ends_may_be_cut_in_two() -> None:
    assert streamed(["a\r", "\nb\r", "c"]) == parse_blocks("a\nb\nc")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.data())
def test_the_blocks_do_not_depend_on_the_pieces(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert streamed(pieces) == parse_blocks(text)


@pytest.mark.parametrize("limit", [128, 256, 1024])
def test_long_blocks_are_cut_at_the_same_place_however_they_arrive(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "SOFT_LIMIT", limit)
    monkeypatch.setattr(markdown, "PARAGRAPH_LIMIT", 4 * limit)
    monkeypatch.setattr(markdown, "HARD_LIMIT", 16 * limit)
    monkeypatch.setattr(markdown, "MAX_PARSED", 60 * limit)
    for seed in range(40):
        chance = random.Random(seed)
        text = "".join(chance.choice(PIECES) for _ in range(700))
        size = chance.choice((1, 7, 40, 300))
        assert streamed([text[start : start + size] for start in range(0, len(text), size)]) == parse_blocks(text), seed


def test_what_follows_a_long_block_is_cut_as_if_it_stood_alone() -> None:
    limit = markdown.SOFT_LIMIT
    text = (
        "- one item\n"
        + "  and more\n" * (limit * 4 // 10)
        + "\nwords\n\n"
        + "1. item\n" * (limit * 2 // 8)
        + "\nafter\n"
    )
    assert streamed([text[start : start + 50] for start in range(0, len(text), 50)]) == parse_blocks(text)


def test_a_line_that_could_begin_a_fence_or_a_table_begins_a_fence() -> None:
    text = "a\n\n~~~* | b\n|---|---|\n\nc\n~~~\n"
    assert streamed(list(text)) == parse_blocks(text)
    assert parse_blocks(text)[1] == CodeBlock("|---|---|\n\nc", "*")


def test_a_long_numbered_list_goes_on_counting() -> None:
    for first in ("1. item {0} of the list\n", "{0}. item {0} of the list\n"):
        source = "".join(first.format(number) for number in range(1, 201))
        blocks = parse_blocks(source)
        assert len(blocks) > 1, "it was not cut, so this shows nothing"
        items = paragraphs(source)
        assert [item.marker for item in items] == [f"{number}." for number in range(1, 201)]
        assert all(item.is_tight for item in items[1:])


def test_a_long_table_goes_on_with_its_header() -> None:
    source = "| a | b |\n|---|--:|\n" + "".join(f"| {number} | **x** |\n" for number in range(300)) + "\nafter"
    *tables, after = parse_blocks(source)
    assert len(tables) > 1
    assert [table.goes_on for table in tables if isinstance(table, TableBlock)] == [False] + [True] * (len(tables) - 1)
    rows = [row for table in tables if isinstance(table, TableBlock) for row in table.rows]
    assert [spans_text(row[0]) for row in rows] == [str(number) for number in range(300)]
    assert text_of(after) == "after"


def test_behind_the_limit_the_text_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "MAX_PARSED", 1000)
    text = "**word** more\n\n" * 200
    last = parse_blocks(text)[-1]
    assert isinstance(last, CodeBlock)
    assert last.code.startswith("**word** more\n\n**word**")


# Hostile text


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_any_text_can_be_read_and_none_of_it_becomes_more_than_text(text: str) -> None:
    for block in parse_blocks(text):
        if isinstance(block, TextBlock):
            assert block.paragraphs
            assert all(isinstance(span, Span) and span.text for item in block.paragraphs for span in item.spans)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="abc \n", max_size=40), max_size=8))
def test_plain_words_all_arrive(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert "".join("".join(text_of(block).split()) for block in parse_blocks(text)) == "".join(text.split())


HOSTILE = {
    "backticks": "`" * 10_000,
    "backticks apart": "` " * 10_000,
    "backtick runs": "".join("`" * size + "a" for size in range(1, 140)),
    "stars": "*" * 10_000,
    "open stars": "*a **a " * 5_000,
    "underscores": "_a " * 10_000,
    "brackets": "[" * 10_000,
    "images": "![" * 10_000,
    "open links": "[a](" * 5_000,
    "angles": "<http:" * 3_000,
    "dollars": "$a" * 5_000,
    "backslashes": "\\(" * 5_000,
    "quotes": ">" * 10_000,
    "quote lines": ">a\n" * 5_000,
    "deep and lazy": ">" * 50 + "a\n" * 3_000,
    "list marks": "- " * 10_000,
    "nested list": "\n".join("  " * depth + "- a" for depth in range(200)),
    "nested quotes": "\n".join(">" * depth + " a" for depth in range(300)),
    "list lines": "- a\n" * 5_000,
    "bars": "|" * 10_000 + "\n" + "|-" * 10_000,
    "headings": "# a\n" * 5_000,
    "one long line": "a" * 1_000_000,
    "newlines": "\n" * 100_000,
    "spaces": " " * 100_000,
    "lines": "a\n" * 10_000,
    "closing brackets": "http://a.b/" + ")" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_keeps_its_characters(name: str) -> None:
    text = HOSTILE[name]
    blocks = parse_blocks(text)
    num_words = sum(text_of(block).count("a") for block in blocks)
    assert num_words == (text.count("a") if name not in {"images", "angles"} else num_words)


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_text_costs_about_twice_the_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is not asserted; what is counted is how many characters are given to the parser in all."""
    num_read = 0
    real = markdown_window.parse

    def counted(source: str, is_open: bool = False) -> object:
        nonlocal num_read
        num_read += len(source)
        return real(source, is_open)

    monkeypatch.setattr(markdown_window, "parse", counted)
    text = HOSTILE[name]
    parse_blocks(text)
    assert num_read <= 6 * min(len(text), markdown.MAX_PARSED) + 4 * markdown.HARD_LIMIT
