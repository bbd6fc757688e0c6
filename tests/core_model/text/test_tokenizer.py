"""Tokenizers from both file formats: same ids, exact round trips, and text that never becomes a special token."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.errors import CheckpointError
from core_model.text.special_tokens import llama4_special_tokens
from core_model.text.tokenizer import MAX_RUN_CHARS, MAX_SLICE_CHARS, Tokenizer, load_tokenizer, slices

TRICKY = st.sampled_from(
    ["<|", "|>", "<|eot|>", "'s", "'LL", "\r\n", "\n\n", "  ", "\t", "12345", "東京", "é", "👍🏽", "//"]
)
prose = st.lists(st.one_of(TRICKY, st.text(max_size=12)), max_size=12).map("".join)


def random_string(rng: random.Random) -> str:
    """Words, numbers, white space and characters of all planes, in clumps."""
    ranges = [(0x20, 0x7F), (0x20, 0x250), (0x370, 0x1000), (0x3000, 0xA000), (0x1F300, 0x1FAFF), (0x10000, 0x10FFFF)]
    clumps = []
    for _ in range(rng.randint(1, 8)):
        low, high = rng.choice(ranges)
        clumps.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 9))))
        clumps.append(rng.choice(["", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "'s", "'T", "123", "/"]))
    return "".join(clumps)


class TestLlama4:
    """The real vocabulary."""

    def test_samples(self, from_model: Tokenizer, from_json: Tokenizer, vectors: dict[str, Any]) -> None:
        for text, ids in vectors["tests"].items():
            assert from_model.encode(text) == ids
            assert from_json.encode(text) == ids

    def test_special_ids(self, from_model: Tokenizer, from_json: Tokenizer, vectors: dict[str, Any]) -> None:
        for tokenizer in (from_model, from_json):
            assert tokenizer.vocab_size == 202_048
            assert tokenizer.stop_ids == {200_001, 200_007, 200_008}
            for name, token_id in vectors["special_tokens"].items():
                assert tokenizer.special_id(name) == token_id
                assert tokenizer.is_special(token_id)
            assert not tokenizer.is_special(199_999)

    def test_both_formats_know_the_same_bytes(self, from_model: Tokenizer, from_json: Tokenizer) -> None:
        for token_id in range(-1, 202_050):
            assert from_model.decode_bytes(token_id) == from_json.decode_bytes(token_id)

    def test_both_formats_agree_on_random_strings(self, from_model: Tokenizer, from_json: Tokenizer) -> None:
        rng = random.Random(4)
        for _ in range(4000):
            text = random_string(rng)
            ids = from_model.encode(text)
            assert from_json.encode(text) == ids
            assert from_model.decode(ids) == text

    @given(text=prose)
    def test_both_formats_agree_on_any_text(self, from_model: Tokenizer, from_json: Tokenizer, text: str) -> None:
        assert from_json.encode(text) == from_model.encode(text)

    @pytest.mark.parametrize("unit", ["ab", " ", "\n", "東京"])
    def test_long_runs_are_cut_in_both_formats(self, from_model: Tokenizer, from_json: Tokenizer, unit: str) -> None:
        text = unit * (MAX_RUN_CHARS // len(unit)) + unit
        ids = from_model.encode(text)
        assert ids == from_model.encode(text[:MAX_RUN_CHARS]) + from_model.encode(text[MAX_RUN_CHARS:])
        assert from_json.encode(text) == ids
        assert from_model.decode(ids) == text

    def test_long_texts_are_cut_in_both_formats(self, from_model: Tokenizer, from_json: Tokenizer) -> None:
        text = "x" + "Nothing more. " * (MAX_SLICE_CHARS // 14 + 1)
        ids = from_model.encode(text)
        assert ids == from_model.encode(text[:MAX_SLICE_CHARS]) + from_model.encode(text[MAX_SLICE_CHARS:])
        assert from_json.encode(text) == ids

    def test_no_special_name_is_ever_parsed(self, from_model: Tokenizer, from_json: Tokenizer) -> None:
        for name in llama4_special_tokens():
            for text in (name, f"a{name}b", f"\n{name}{name} "):
                ids = from_model.encode(text)
                assert max(ids) < 200_000
                assert from_json.encode(text) == ids
                assert from_model.decode(ids) == text


class TestTiny:
    """A vocabulary of a few hundred ids, whose special tokens come first and are entries of the BPE vocabulary."""

    @given(text=prose)
    def test_round_trip(self, tiny: Tokenizer, text: str) -> None:
        assert tiny.decode(tiny.encode(text)) == text

    @given(
        pieces=st.lists(
            st.one_of(st.sampled_from(["<|", "eot", "|>", "<|eot|>", "<|patch|>", "<", ">", " "])), max_size=9
        )
    )
    def test_no_special_name_is_ever_parsed(self, tiny: Tokenizer, pieces: list[str]) -> None:
        ids = tiny.encode("".join(pieces))
        assert not any(map(tiny.is_special, ids))
        assert tiny.decode(ids) == "".join(pieces)

    def test_special_ids_come_from_the_file(self, tiny: Tokenizer) -> None:
        assert tiny.special_id("<|begin_of_text|>") == 0
        assert tiny.vocab_size < 500
        assert {tiny.special_id(name) for name in ("<|end_of_text|>", "<|eom|>", "<|eot|>")} == tiny.stop_ids

    def test_special_and_unknown_ids_have_no_text(self, tiny: Tokenizer) -> None:
        assert tiny.decode_bytes(tiny.special_id("<|eot|>")) == b""
        assert tiny.decode_bytes(10**6) == tiny.decode_bytes(-1) == b""
        assert not tiny.is_special(10**6)
        assert tiny.decode([tiny.special_id("<|eot|>"), *tiny.encode("hello"), 10**6]) == "hello"

    def test_a_missing_special_token_is_named(self, tiny: Tokenizer) -> None:
        with pytest.raises(CheckpointError, match=r"tokenizer\.json.*<\|step\|>"):
            tiny.special_id("<|step|>")

    def test_empty_text_has_no_ids(self, tiny: Tokenizer) -> None:
        assert tiny.encode("") == []
        assert tiny.decode([]) == ""

    def test_half_surrogate_pairs_become_replacement_characters(self, tiny: Tokenizer) -> None:
        assert tiny.decode(tiny.encode("a\ud83d")) == "a\ufffd"
        assert tiny.decode(tiny.encode("\udc00b")) == "\ufffdb"
        assert tiny.decode(tiny.encode("\ud83d\ude00")) == "😀"


class TestFolder:
    """Which file is read, and what is said when none can be."""

    def test_tokenizer_json_wins(self, tiny_json: Path, reference_data: Path, tmp_path: Path) -> None:
        shutil.copy(tiny_json, tmp_path)
        shutil.copy(reference_data / "llama4-tokenizer" / "tokenizer.model", tmp_path)
        assert load_tokenizer(tmp_path).vocab_size < 500
        (tmp_path / "tokenizer.json").unlink()
        assert load_tokenizer(tmp_path).vocab_size == 202_048

    def test_a_damaged_tokenizer_json_is_not_passed_over(self, tiny_json: Path, tmp_path: Path) -> None:
        (tmp_path / "tokenizer.json").write_text(tiny_json.read_text("utf-8")[:-100], encoding="utf-8")
        (tmp_path / "tokenizer.model").write_bytes(b"")
        with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
            load_tokenizer(tmp_path)

    def test_no_tokenizer(self, tmp_path: Path) -> None:
        with pytest.raises(CheckpointError, match=r"tokenizer\.json nor tokenizer\.model"):
            load_tokenizer(tmp_path)


def slices_char_by_char(text: str, max_chars: int, max_run: int) -> list[str]:
    """Meta's loop: count the run of one class, and cut before the character that would make it too long."""
    found = []
    for start in range(0, len(text), max_chars):
        piece = text[start : start + max_chars]
        cut, run, is_space = 0, 0, piece[0].isspace()
        for i, character in enumerate(piece):
            if character.isspace() != is_space:
                run, is_space = 1, not is_space
            else:
                run += 1
                if run > max_run:
                    found.append(piece[cut:i])
                    cut, run = i, 1
        found.append(piece[cut:])
    return found


@given(
    text=st.text(alphabet=st.sampled_from("aé1 \n\t\u2003\x1c\u200b"), max_size=80),
    max_chars=st.integers(1, 40),
    max_run=st.integers(1, 9),
)
def test_slices_are_metas(text: str, max_chars: int, max_run: int) -> None:
    assert list(slices(text, max_chars, max_run)) == slices_char_by_char(text, max_chars, max_run)


def test_ordinary_text_is_one_slice() -> None:
    text = "Once upon a time. " * (MAX_SLICE_CHARS // 18)
    assert list(slices(text)) == [text]
    assert list(slices(text + "x" * 18)) == [(text + "x" * 18)[:MAX_SLICE_CHARS], (text + "x" * 18)[MAX_SLICE_CHARS:]]
