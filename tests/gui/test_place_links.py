"""Places that an answer names become links, only to files that the conversation holds, and nothing else does."""

from __future__ import annotations

import random

import pytest

from core_model.types import Message, Role, Text
from gui.addresses import why_not_open
from gui.chat_view_protocol import Chip
from gui.markdown import BlockStream, parse_blocks
from gui.markdown_blocks import Block, CodeBlock, Span, TableBlock, TextBlock
from gui.place_links import MAX_LINKS, Place, Places, place_of, with_places
from tests.gui.samples import chip, conversation, folder, folder_question, picture

TEXTS = {
    "src/main.py": "\n".join("abcdefghij" * 3),
    "src/my notes.md": "one\ntwo",
    "tests/main_test.py": "x",
    "a/util.py": "x\ny",
    "b/util.py": "x",
    "[odd], 3 lines.py": "x",
}


@pytest.fixture
def places() -> Places:
    found, asked = Places(), folder_question(conversation(), texts=TEXTS)
    found.add("q1", asked.message, asked.chips)
    return found


def links(text: str, places: Places) -> list[tuple[str, str, int]]:
    """What is a link: its words, and where it leads."""
    found = []
    for span in spans_of([with_places(block, places) for block in parse_blocks(text)]):
        place = place_of(span.address)
        if place is not None:
            found.append((span.text, place.path, place.line))
    return found


def spans_of(blocks: list[Block]) -> list[Span]:
    spans: list[Span] = []
    for block in blocks:
        if isinstance(block, TextBlock):
            spans += [span for paragraph in block.paragraphs for span in paragraph.spans]
        elif isinstance(block, TableBlock):
            spans += [span for row in (block.header, *block.rows) for cell in row for span in cell]
    return spans


@pytest.mark.parametrize(
    ("text", "words", "path", "line"),
    [
        ("It is in src/main.py:12.", "src/main.py:12", "src/main.py", 12),
        ("It is in `src/main.py:12`.", "src/main.py:12", "src/main.py", 12),
        ("(src/main.py:12)", "src/main.py:12", "src/main.py", 12),
        ("**src/main.py:12**: yes", "src/main.py:12", "src/main.py", 12),
        ("See src/main.py:12-20 there", "src/main.py:12-20", "src/main.py", 12),
        ("See src/main.py, lines 12–20", "src/main.py, lines 12–20", "src/main.py", 12),
        ("See src/main.py line 7", "src/main.py line 7", "src/main.py", 7),
        ("See src/main.py#L7", "src/main.py#L7", "src/main.py", 7),
        ("See ./src/main.py:1:5 there", "./src/main.py:1", "src/main.py", 1),
        ("See project/src/main.py:30", "project/src/main.py:30", "src/main.py", 30),
        ("See main.py:3", "main.py:3", "src/main.py", 3),
        ("In src/my notes.md:2 it says", "src/my notes.md:2", "src/my notes.md", 2),
        ('"[odd], 3 lines.py:1"', "[odd], 3 lines.py:1", "[odd], 3 lines.py", 1),
        ("| where |\n|---|\n| `a/util.py:2` |", "a/util.py:2", "a/util.py", 2),
        ("# src/main.py:1", "src/main.py:1", "src/main.py", 1),
    ],
)
def test_a_place_is_a_link(places: Places, text: str, words: str, path: str, line: int) -> None:
    assert links(text, places) == [(words, path, line)]


@pytest.mark.parametrize(
    "text",
    [
        "src/main.py", "src/main.py:31", "src/main.py:0", "src/main.py:99999999999", "src/other.py:1", "util.py:1",
        "xsrc/main.py:1", "/etc/passwd:1", "../src/main.py:1", "src/main.py:12px", "src/main.py : 1", "at 10:30",
        "```\nsrc/main.py:1\n```", "http://src/main.py:1/", "src/main.py:", ":1 :2 :3",
    ],
)  # fmt: skip
def test_anything_else_stays_text(places: Places, text: str) -> None:
    assert links(text, places) == []


def test_the_text_is_what_it_was_and_what_has_no_place_the_same_object(places: Places) -> None:
    text = (
        "See `src/main.py:12` and main.py:3.\n\nNothing.\n\n| a |\n|---|\n| src/main.py:1 |\n\n```\nsrc/main.py:1\n```"
    )
    before = parse_blocks(text)
    after = [with_places(block, places) for block in before]
    assert "".join(span.text for span in spans_of(list(before))) == "".join(span.text for span in spans_of(after))
    assert [new is old for new, old in zip(after, before, strict=True)] == [False, True, False, True]
    assert isinstance(before[3], CodeBlock)
    assert with_places(parse_blocks("Nothing.")[0], Places()) == parse_blocks("Nothing.")[0]


def test_what_is_code_stays_code_and_the_models_own_links_stay_its_own(places: Places) -> None:
    (block,) = [
        with_places(each, places) for each in parse_blocks("`src/main.py:12` [src/main.py:1](https://a.example)")
    ]
    spans = spans_of([block])
    assert [(span.is_code, span.address.partition(":")[0]) for span in spans if span.text.strip()] == [
        (True, "altiplano-file"), (False, "https"),
    ]  # fmt: skip


@pytest.mark.parametrize("address", ["altiplano-file:q1/1/1/x", "altiplano-file:q1/0/0/..%2Fsecret"])
def test_the_model_cannot_make_such_a_link(places: Places, address: str) -> None:
    assert why_not_open(address)
    for text in (f"[click]({address})", f"<{address}>", address, f"![x]({address})"):
        assert not any(span.address for span in spans_of(list(parse_blocks(text))))


def test_an_address_says_which_part_of_which_message(places: Places) -> None:
    place = places.find("src/main.py", 12)
    assert place == Place("q1", 1, 12, "src/main.py")
    assert place_of(place.address) == place
    odd = Place("a/b c", 7, 3, "ü [x]/y:z.py")
    assert place_of(odd.address) == odd
    for address in ("https://a.example", "altiplano-file:", "altiplano-file:a/b/c/d", "altiplano-file:a/1/2", "", "x"):
        assert place_of(address) is None


def test_parts_are_counted_over_all_chips() -> None:
    item, found = folder(TEXTS), Places()
    faces = (chip(), Chip(item.name, item.kind, item.thumbnail, len(item.parts)))
    found.add("q", Message(Role.USER, (picture(), *item.parts, Text("typed"))), faces)
    place = found.find("src/my notes.md", 1)
    assert place is not None
    part = (picture(), *item.parts)[place.part]
    assert isinstance(part, Text)
    assert part.text.startswith("[src/my notes.md")


def test_a_later_folder_goes_before_an_earlier_one(places: Places) -> None:
    later = folder_question(conversation(), texts={"src/main.py": "only one line"})
    places.add("q2", later.message, later.chips)
    place = places.find("src/main.py", 1)
    assert place is not None
    assert place.message_id == "q2"
    assert places.find("src/main.py", 2) is None


def test_a_paragraph_has_so_many_links_at_most(places: Places) -> None:
    assert len(links("src/main.py:1 " * (MAX_LINKS + 50), places)) == MAX_LINKS


def test_a_streamed_answer_has_the_same_links_however_it_is_cut(places: Places) -> None:
    chance = random.Random(0)
    text = "See `src/main.py:12`, then a/util.py:2 and\n\n- b/util.py:1\n- nothing\n\n| x |\n|---|\n| src/main.py:3 |\n"
    whole = BlockStream(lambda block: with_places(block, places))
    whole.push(text)
    whole.finish()
    for _ in range(30):
        stream, position = BlockStream(lambda block: with_places(block, places)), 0
        while position < len(text):
            step = chance.randint(1, 9)
            stream.push(text[position : position + step])
            frozen = stream.blocks[: stream.num_frozen]
            assert all(new is old for new, old in zip(stream.blocks, frozen, strict=False))
            position += step
        stream.finish()
        assert stream.blocks == whole.blocks
