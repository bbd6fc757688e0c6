"""Streaming gives the same text as decoding at once, and never a broken character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.text.stream_decoder import StreamDecoder
from core_model.text.tokenizer import Tokenizer


def stream(tokenizer: Tokenizer, token_ids: list[int]) -> list[str]:
    decoder = StreamDecoder(tokenizer)
    return [*(decoder.push(token_id) for token_id in token_ids), decoder.flush()]


def byte_ids(tokenizer: Tokenizer, text: bytes) -> list[int]:
    """One token for each byte, as a model may write what its tokenizer would have joined."""
    id_of = {tokenizer.decode_bytes(i): i for i in range(tokenizer.vocab_size)}
    return [id_of[bytes([byte])] for byte in text]


@given(token_ids=st.lists(st.integers(-2, 430), max_size=40))
def test_any_ids_give_the_text_of_decoding_at_once(tiny: Tokenizer, token_ids: list[int]) -> None:
    assert "".join(stream(tiny, token_ids)) == tiny.decode(token_ids)


@given(data=st.binary(max_size=24))
def test_any_bytes_give_the_text_of_decoding_at_once(tiny: Tokenizer, data: bytes) -> None:
    assert "".join(stream(tiny, byte_ids(tiny, data))) == data.decode("utf-8", "replace")


@given(token_ids=st.lists(st.integers(0, 202_060), max_size=40))
def test_the_real_vocabulary_too(from_model: Tokenizer, token_ids: list[int]) -> None:
    assert "".join(stream(from_model, token_ids)) == from_model.decode(token_ids)


@given(text=st.text(max_size=30))
def test_text_byte_by_byte_comes_whole_characters_at_a_time(tiny: Tokenizer, text: str) -> None:
    pushed = stream(tiny, byte_ids(tiny, text.encode()))
    assert [delta for delta in pushed if delta] == list(text)


def test_an_unfinished_character_waits(tiny: Tokenizer) -> None:
    assert stream(tiny, byte_ids(tiny, "a👍".encode())) == ["a", "", "", "", "👍", ""]
    assert stream(tiny, byte_ids(tiny, "👍".encode()[:3])) == ["", "", "", "\ufffd"]


def test_a_replacement_character_appears_once_it_is_certain(tiny: Tokenizer) -> None:
    assert stream(tiny, byte_ids(tiny, b"\xf0\x9fa")) == ["", "", "\ufffda", ""]
    assert stream(tiny, byte_ids(tiny, b"\xffa")) == ["\ufffd", "a", ""]


@pytest.mark.parametrize("name", ["<|eot|>", "<|eom|>", "<|header_start|>", "<|patch|>"])
def test_special_tokens_are_never_shown_and_text_like_them_always(tiny: Tokenizer, name: str) -> None:
    special_id = tiny.special_id(name)
    assert stream(tiny, [special_id]) == ["", ""]
    assert "".join(stream(tiny, [*tiny.encode("a"), special_id, *tiny.encode(f"{name}<|")])) == f"a{name}<|"


def test_after_a_flush_the_decoder_starts_afresh(tiny: Tokenizer) -> None:
    decoder = StreamDecoder(tiny)
    (first, *_) = byte_ids(tiny, "é".encode())
    assert decoder.push(first) == ""
    assert decoder.flush() == "\ufffd"
    assert decoder.flush() == ""
    assert [decoder.push(i) for i in byte_ids(tiny, b"ok")] == ["o", "k"]
