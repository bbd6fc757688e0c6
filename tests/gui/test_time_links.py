"""Times in answers: which are links, where they lead, and that nobody but us can make one."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.addresses import why_not_open
from gui.markdown import BlockStream, parse_blocks
from gui.markdown_blocks import Block, CodeBlock, Paragraph, Span, TableBlock, TextBlock
from gui.time_links import MAX_LINKS, SCHEME, address_of, seconds_of, times_in, with_times

LONG = 4 * 3600.0


def spans_of(block: Block) -> list[Span]:
    match block:
        case TextBlock():
            return [span for paragraph in block.paragraphs for span in paragraph.spans]
        case TableBlock():
            return [span for row in (block.header, *block.rows) for cell in row for span in cell]
        case _:
            return []


def read(text: str, duration_s: float = LONG) -> list[Block]:
    stream = BlockStream(partial(with_times, duration_s=duration_s))
    stream.push(text)
    stream.finish()
    return list(stream.blocks)


def links(text: str, duration_s: float = LONG) -> dict[str, float | None]:
    """What is a link in a Markdown text, and to which second it leads."""
    spans = [span for block in read(text, duration_s) for span in spans_of(block) if span.address]
    return {span.text: seconds_of(span.address) for span in spans}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The ball falls at 0:14.", {"0:14": 14.0}),
        ("[0:14] the ball falls", {"0:14": 14.0}),
        ("(0:14)", {"0:14": 14.0}),
        ("at 1:02:03", {"1:02:03": 3723.0}),
        ("00:00:14 begins", {"00:00:14": 14.0}),
        ("- 0:14: it falls", {"0:14": 14.0}),
        ("**0:14**: it falls", {"0:14": 14.0}),
        ("from 0:14–0:20, then 0:30-0:31", {"0:14": 14.0, "0:20": 20.0, "0:30": 30.0, "0:31": 31.0}),
        ("at 0:14.5", {"0:14.5": 14.5}),
        ("at 75:20", {"75:20": 4520.0}),
        ("在0:14处", {"0:14": 14.0}),
        ("| when | what |\n|---|---|\n| 0:14 | ball |", {"0:14": 14.0}),
        ("> 0:14 quoted", {"0:14": 14.0}),
    ],
)
def test_times_are_links(text: str, expected: dict[str, float]) -> None:
    assert links(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "16:9 and 4:3", "v1:30", "at 1:30 pm", "at 1:30pm", "4:30 p.m.", "10:61", "::1:20", "12:34:56:78", "1:2:03",
        "0:14.5678", "`0:14`", "```\n0:14\n```", "    0:14", "$0:14$", "1234:30", "x0:14", "0:14x", "3.0:14",
    ],
)  # fmt: skip
def test_what_is_no_time_or_is_code_stays_as_it_is(text: str) -> None:
    assert links(text) == {}


def test_only_what_a_clip_is_long_enough_for() -> None:
    assert links("0:14 and 0:15 and 9:59", duration_s=14.2) == {"0:14": 14.0, "0:15": 15.0}
    assert links("0:00", duration_s=0.0) == {}


def test_an_address_in_the_text_keeps_its_own_link() -> None:
    assert links("https://example.org/0:14 and 0:14") == {"https://example.org/0:14": None, "0:14": 14.0}


@pytest.mark.parametrize("address", [f"{SCHEME}:14", f"{SCHEME.upper()}:14", f" {SCHEME}:14", f"{SCHEME}:14\t"])
def test_the_model_cannot_make_one(address: str) -> None:
    """It may write any address; ours is not one that its links can have."""
    assert why_not_open(address)
    for text in (f"[click](<{address}>)", f"<{address}>", f"![x](<{address}>)", address):
        assert [span.address for block in read(text) for span in spans_of(block) if span.address] == []


@pytest.mark.parametrize(
    "address", [f"{SCHEME}:", f"{SCHEME}:-1", f"{SCHEME}:1e9", f"{SCHEME}:14;rm", f"{SCHEME}:9999999999", "http://a"]
)
def test_any_other_address_is_no_time(address: str) -> None:
    assert seconds_of(address) is None


@given(st.integers(0, 10**8))
def test_a_time_comes_back_from_its_address(milliseconds: int) -> None:
    assert seconds_of(address_of(milliseconds / 1000)) == pytest.approx(milliseconds / 1000)


@given(st.text("0123456789:. apm[]*`\n", max_size=60), st.integers(1, 60))
def test_the_words_stay_the_same_and_pieces_make_no_difference(text: str, size: int) -> None:
    mark = partial(with_times, duration_s=LONG)
    streamed = BlockStream(mark)
    for start in range(0, len(text), size):
        streamed.push(text[start : start + size])
        _ = streamed.blocks
    streamed.finish()
    whole, plain = read(text), parse_blocks(text)
    assert list(streamed.blocks) == whole
    assert ["".join(span.text for span in spans_of(block)) for block in whole] == [
        "".join(span.text for span in spans_of(block)) for block in plain
    ]


def test_blocks_without_times_stay_the_same_objects() -> None:
    text, code = TextBlock((Paragraph((Span("no time"),)),)), CodeBlock("0:14")
    assert with_times(text, LONG) is text
    assert with_times(code, LONG) is code


def test_finished_blocks_are_marked_once() -> None:
    stream = BlockStream(partial(with_times, duration_s=LONG))
    stream.push("At 0:14 it falls.\n\nAnd then, at 0:20,\n\nit lies there.\n\nIt")
    final = stream.blocks[: stream.num_frozen]
    assert len(final) > 1
    stream.push(" is red at 0:30.\n\nEnd")
    pairs = zip(stream.blocks, final, strict=False)
    assert all(after is before for after, before in pairs), "or the view would draw it again with every word"


def test_a_wall_of_times_is_not_a_wall_of_links() -> None:
    block = with_times(TextBlock((Paragraph((Span("0:01 " * 2000),)),)), LONG)
    assert sum(bool(span.address) for span in spans_of(block)) == MAX_LINKS
    assert "".join(span.text for span in spans_of(block)) == "0:01 " * 2000


def test_a_long_row_of_digits_takes_no_time() -> None:
    """Linear: this would take minutes otherwise, and the suite would notice."""
    assert list(times_in("0:" * 200_000)) == []
    assert list(times_in("1" * 400_000)) == []
