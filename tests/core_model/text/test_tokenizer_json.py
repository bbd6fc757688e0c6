"""Reading `tokenizer.json`: special tokens are out of reach of any text, and damaged files are refused in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from core_model.errors import CheckpointError
from core_model.text.tokenizer import load_tokenizer
from core_model.text.tokenizer_json import byte_alphabet, read_tokenizer_json


def write(folder: Path, data: dict[str, Any]) -> Path:
    (folder / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


@pytest.fixture
def data(tiny_json: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(tiny_json.read_text("utf-8"))
    return loaded


@pytest.fixture(scope="session")
def bare_library(tiny_json: Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(tiny_json))


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="<|>"), max_size=60))
def test_ordinary_text_has_the_ids_that_the_library_gives(
    tiny_json: Path, bare_library: tokenizers.Tokenizer, text: str
) -> None:
    encode = read_tokenizer_json(tiny_json).encode_pieces
    assert encode([text]) == bare_library.encode(text, add_special_tokens=False).ids
    assert encode([text, "", text]) == encode([text]) * 2


def make_specials_mergeable(data: dict[str, Any]) -> None:
    """A hostile vocabulary: no split into words, and merges that end in the special token itself."""
    data["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    vocab, merges = data["model"]["vocab"], data["model"]["merges"]
    name = "<|eot|>"
    chain = [[name[:end], name[end]] for end in range(1, len(name))]
    for left, right in chain:
        vocab.setdefault(left + right, max(vocab.values()) + 1)
    data["model"]["merges"] = chain + [merge for merge in merges if merge not in chain]


@pytest.mark.parametrize("ignore_merges", [False, True])
def test_a_merge_cannot_reach_a_special_token(data: dict[str, Any], tmp_path: Path, ignore_merges: bool) -> None:
    make_specials_mergeable(data)
    data["model"]["ignore_merges"] = ignore_merges
    eot = data["model"]["vocab"]["<|eot|>"]
    without_added = tokenizers.Tokenizer.from_str(json.dumps({**data, "added_tokens": []}))
    assert without_added.encode("<|eot|>").ids == [eot]  # so leaving out the added tokens alone would not do

    tokenizer = load_tokenizer(write(tmp_path, data))
    for text in ("<|eot|>", "a<|eot|>b", "<|eot|><|eot|>", "<|patch|>"):
        assert not any(map(tokenizer.is_special, tokenizer.encode(text)))
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_an_ordinary_entry_with_the_id_of_a_special_token_is_out_of_reach(data: dict[str, Any], tmp_path: Path) -> None:
    data["model"]["vocab"]["the"] = data["model"]["vocab"].pop("<|eot|>")
    tokenizer = load_tokenizer(write(tmp_path, data))
    assert not any(map(tokenizer.is_special, tokenizer.encode("the end of the text")))


def test_merges_may_be_written_as_strings(data: dict[str, Any], tiny_json: Path, tmp_path: Path) -> None:
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
    text = "The assistant says: hello, world! <|eot|>"
    assert load_tokenizer(write(tmp_path, data)).encode(text) == load_tokenizer(tiny_json.parent).encode(text)


def test_settings_for_training_have_no_effect(data: dict[str, Any], tiny_json: Path, tmp_path: Path) -> None:
    data["truncation"] = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    data["model"]["dropout"] = 0.9
    text = "The assistant reads the picture and the user asks what it shows."
    assert load_tokenizer(write(tmp_path, data)).encode(text) == load_tokenizer(tiny_json.parent).encode(text)


def test_a_stray_added_token_does_not_move_the_others(data: dict[str, Any], tiny_json: Path, tmp_path: Path) -> None:
    """The published Llama 4 file has one: `<|finetune_right_pad_id|>`, which Meta's list does not know."""
    stray = {**data["added_tokens"][0], "content": "<|finetune_right_pad_id|>", "id": len(data["model"]["vocab"])}
    data["added_tokens"].append(stray)
    original, tokenizer = load_tokenizer(tiny_json.parent), load_tokenizer(write(tmp_path, data))
    assert tokenizer.vocab_size == original.vocab_size + 1
    assert tokenizer.special_id("<|finetune_right_pad|>") == original.special_id("<|finetune_right_pad|>")


def test_the_byte_alphabet_is_the_library_s() -> None:
    assert sorted(byte_alphabet()) == sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    text = "".join(map(chr, range(0x250))) + "東京😀"
    ((spelled, _),) = byte_level.pre_tokenize_str(text)
    assert "".join(byte_alphabet()[byte] for byte in text.encode()) == spelled


def drop_bytes(data: dict[str, Any]) -> None:
    del data["model"]["vocab"]["Ġ"]
    data["model"]["merges"] = []


def share_an_id(data: dict[str, Any]) -> None:
    data["model"]["vocab"]["the"] = data["model"]["vocab"]["a"]


def add_prefix_space(data: dict[str, Any]) -> None:
    data["pre_tokenizer"]["pretokenizers"][1]["add_prefix_space"] = True


def drop_end_of_turn(data: dict[str, Any]) -> None:
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] != "<|eot|>"]


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no model": (lambda data: data.pop("model"), "not BPE"),
    "another model": (lambda data: data["model"].update(type="Unigram"), "not BPE"),
    "no vocabulary": (lambda data: data["model"].pop("vocab"), "lacks a vocabulary"),
    "no merges": (lambda data: data["model"].pop("merges"), "lacks a vocabulary"),
    "ids that are text": (lambda data: data["model"]["vocab"].update(the="7"), "lacks a vocabulary"),
    "shared ids": (share_an_id, "share an id"),
    "a merge of nothing": (lambda data: data["model"]["merges"].append(["q", "東"]), "the merge of 'q' and '東'"),
    "a merge into nothing": (lambda data: data["model"]["vocab"].pop("Ġassistant"), "the merge of 'Ġassist' and 'ant'"),
    "a merge of three": (lambda data: data["model"]["merges"].append(["t", "h", "e"]), "not a pair"),
    "a merge of numbers": (lambda data: data["model"]["merges"].append([1, 2]), "not a pair"),
    "not byte-level": (lambda data: data["model"]["vocab"].update({"東": 9000}), "alphabet"),
    "no pre-tokenizer": (lambda data: data.update(pre_tokenizer=None), "does not come back"),
    "lower case only": (lambda data: data.update(normalizer={"type": "Lowercase"}), "does not come back"),
    "prefix space": (add_prefix_space, "does not come back"),
    "missing bytes": (drop_bytes, "1 of the 256"),
    "unknown pre-tokenizer": (lambda data: data.update(pre_tokenizer={"type": "Magic"}), "cannot be built"),
    "specials without ids": (lambda data: data.update(added_tokens=[{"content": "<|eot|>"}]), "added_tokens"),
    "specials that are text": (lambda data: data.update(added_tokens=["<|eot|>"]), "added_tokens"),
    "special id below 0": (lambda data: data["added_tokens"][0].update(id=-1), "added_tokens"),
    "no specials": (lambda data: data.pop("added_tokens"), r"<\|begin_of_text\|> is missing"),
    "no end of turn": (drop_end_of_turn, r"<\|eot\|> is missing"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(data: dict[str, Any], tmp_path: Path, damage: str) -> None:
    change, words = DAMAGES[damage]
    change(data)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_tokenizer(write(tmp_path, data))
    assert "tokenizer.json" in caught.value.message


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"[" * 100_000])
def test_files_that_are_no_json_object_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json"):
        load_tokenizer(tmp_path)
