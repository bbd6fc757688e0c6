"""Reads `tokenizer.json`, the Hugging Face format, through the library `tokenizers`.

The library looks for special tokens inside every text it encodes. A switch turns that off, but a special token may
also be an entry of the BPE vocabulary, as it is after training with the library's own trainer, and is then found by
a merge. So the encoder used here is built from a copy of the file without them: no added tokens, no vocabulary entry
with a special name or id, and no merge that touches one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers

from core_model.config import Json, read_json
from core_model.text.vocabulary import Vocabulary, check_all_bytes, damaged

# What byte-level BPE has no use for: randomness for training, and marks of other kinds of vocabularies.
_PLAIN_BPE = {"dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}


def read_tokenizer_json(path: Path) -> Vocabulary:
    """Read a byte-level BPE tokenizer; the special tokens are the file's `added_tokens`.

    Raises:
        CheckpointError: unreadable, not JSON, or not a byte-level BPE tokenizer.
    """
    data = read_json(path)
    special_ids = _special_ids(path.name, data)
    model = _without_specials(path.name, data, special_ids)
    tokens = _token_bytes(path.name, model["vocab"])
    check_all_bytes(path.name, tokens)
    return Vocabulary(path.name, tokens, special_ids, _Encoder(path.name, {**data, "model": model}))


class _Encoder:
    """Text to ids with the ordinary part of a tokenizer file."""

    def __init__(self, source: str, data: Json) -> None:
        plain = {**data, "added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(json.dumps(plain))
        except Exception as error:  # the library raises nothing narrower
            raise damaged(source, f"the tokenizer cannot be built: {error}") from error

    def __call__(self, pieces: Sequence[str]) -> list[int]:
        # Of the library's ways to encode, only batches release the interpreter lock; otherwise a long text on the
        # model's thread would stop the window for as long.
        encoded = self._tokenizer.encode_batch_fast(list(pieces), add_special_tokens=False)
        return [token_id for encoding in encoded for token_id in encoding.ids]


def _special_ids(source: str, data: Json) -> dict[str, int]:
    added = data.get("added_tokens") or []
    try:
        special_ids = {token["content"]: token["id"] for token in added}
    except (TypeError, KeyError) as error:
        raise damaged(source, "added_tokens is not a list of tokens with content and id") from error
    if any(not isinstance(name, str) or not _is_id(token_id) for name, token_id in special_ids.items()):
        raise damaged(source, "added_tokens holds a name that is no text or an id that is no token id")
    return special_ids


def _without_specials(source: str, data: Json, special_ids: Mapping[str, int]) -> dict[str, Any]:
    """The BPE model of the file, without entries and merges that have to do with a special token."""
    model = data.get("model")
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE":
        raise damaged(source, "its model is not BPE, the only kind that Llama 4 uses")
    vocab, merges = model.get("vocab"), model.get("merges")
    if not isinstance(vocab, dict) or not isinstance(merges, list) or not all(map(_is_id, vocab.values())):
        raise damaged(source, "the BPE model lacks a vocabulary of ids or a list of merges")
    ids = set(special_ids.values())
    ordinary = {token: i for token, i in vocab.items() if token not in special_ids and i not in ids}
    return {**model, **_PLAIN_BPE, "vocab": ordinary, "merges": _merges_within(source, merges, vocab, ordinary)}


def _merges_within(source: str, merges: list[Any], vocab: Json, ordinary: Json) -> list[tuple[str, str]]:
    """The merges among ordinary tokens. The library panics over unknown tokens, so those are found here."""
    kept = []
    for merge in merges:
        left, right = _pair(source, merge)
        if left in ordinary and right in ordinary and left + right in ordinary:
            kept.append((left, right))
        elif not {left, right, left + right} <= vocab.keys():
            raise damaged(source, f"the merge of {left!r} and {right!r} has to do with a token that is not there")
    return kept


def _pair(source: str, merge: object) -> tuple[str, str]:
    """The two parts of a merge, which older files write as one string."""
    match merge.split(" ") if isinstance(merge, str) else merge:
        case [str(left), str(right)]:
            return left, right
    raise damaged(source, f"the merge {str(merge)[:80]!r} is not a pair of tokens")


def _token_bytes(source: str, vocab: Mapping[str, int]) -> dict[int, bytes]:
    byte_of = {character: byte for byte, character in enumerate(byte_alphabet())}
    try:
        tokens = {token_id: bytes(map(byte_of.__getitem__, token)) for token, token_id in vocab.items()}
    except KeyError as error:
        raise damaged(source, f"the character {error} is not of the byte-level alphabet") from error
    if len(tokens) != len(vocab):
        raise damaged(source, "two tokens of the vocabulary share an id")
    return tokens


def byte_alphabet() -> str:
    """The 256 characters that stand for bytes in byte-level vocabularies, in the order of the bytes (GPT-2).

    Printable Latin-1 characters stand for their own byte; all others are numbered on from U+0100.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    substitutes = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(substitutes)) for byte in range(256))


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31
