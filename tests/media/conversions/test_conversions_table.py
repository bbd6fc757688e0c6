"""Which conversions there are, and how they are ordered."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from media.conversions.make import _maker
from media.conversions.orders import TARGETS, Kind, Order, Wishes, order_line, target_kind
from media.conversions.table import TABLE, Words, find_way, suffixes_of, targets_of, wanted_words
from media.conversions.times import parse_clock, subtitle_time
from media.errors import MediaError
from media.types import Spoken


def test_each_kind_becomes_each_other_one() -> None:
    others = [(begin, end) for begin, end in product(Kind, Kind) if begin is not end]
    assert len(others) == 12
    for begin, end in others:
        assert end in targets_of(begin)
        assert callable(_maker(find_way(begin, end).family))


def test_what_is_not_in_the_table_is_refused_with_what_there_is() -> None:
    with pytest.raises(MediaError, match="A picture can become a text, a recording or a film, not another picture"):
        find_way(Kind.IMAGE, Kind.IMAGE)
    with pytest.raises(MediaError, match="A film can become a text, a picture or a recording, not another film"):
        find_way(Kind.VIDEO, Kind.VIDEO)


def test_the_model_is_asked_where_a_picture_has_to_be_put_into_words() -> None:
    assert wanted_words(Kind.IMAGE, Kind.AUDIO, ".mp3") is Words.NEEDED
    assert wanted_words(Kind.IMAGE, Kind.VIDEO, ".mp4") is Words.WELCOME
    assert wanted_words(Kind.VIDEO, Kind.TEXT, ".md") is Words.WELCOME
    assert wanted_words(Kind.VIDEO, Kind.TEXT, ".srt") is Words.NOT_USED
    assert [
        pair for pair in TABLE if TABLE[pair].words is not Words.NOT_USED and pair[0] not in ("image", "video")
    ] == []


def test_the_kind_of_a_target_is_its_ending() -> None:
    assert target_kind(Path("a/B.MP3")) is Kind.AUDIO
    assert [target_kind(Path(f"x{suffix}")) for suffix in suffixes_of(Kind.VIDEO)] == [Kind.VIDEO] * 2
    assert set(TARGETS.values()) == set(Kind)
    for name in ("film", "film.xyz", "mp4"):
        with pytest.raises(MediaError, match="ending"):
            target_kind(Path(name))


def test_an_order_is_the_same_one_in_the_other_process() -> None:
    order = Order(
        Path("/a b/ü\n\udcff.mp4"), Path("/c.wav"), "text\n\u2028", "words", "you", (Spoken(0.5, 1.0, "x"),),
        "somebody", Wishes("de", "de+f2", 120, 1.5, has_captions=False),
    )  # fmt: skip
    line = order_line(order, {"more": 1})
    assert line.count(b"\n") == 1
    assert Order.from_json(json.loads(line)["order"]) == order
    plain = Order(Path("x.txt"))
    assert Order.from_json(json.loads(order_line(plain, {}))["order"]) == plain


@pytest.mark.parametrize(
    ("text", "seconds"), [("14", 14.0), ("0:14", 14.0), ("1:02:03.5", 3723.5), ("90", 90.0), (" 2:00 ", 120.0)]
)
def test_times_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_clock(text) == seconds


@pytest.mark.parametrize("text", ["", "abc", "-1", "1:2:3:4", "1e5", "nan", "٣", "1:99", "0:60", "1:60:00", "1:123"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(MediaError, match="no time"):
        parse_clock(text)


def test_times_of_subtitles() -> None:
    assert subtitle_time(3723.0456, ",") == "01:02:03,046"
    assert subtitle_time(59.9996, ".") == "00:01:00.000"
