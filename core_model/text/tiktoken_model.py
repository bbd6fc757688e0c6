"""Reads `tokenizer.model`, the tiktoken format of Meta's own checkpoints: one `base64(bytes) SPACE rank` per line.

The file is parsed here and not by `tiktoken.load`, which keeps a copy in the temporary folder under a name made from
the path and would hand back yesterday's file. The library does the encoding; it is built without special tokens.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path

import tiktoken

from core_model.errors import CheckpointError
from core_model.text.special_tokens import llama4_special_tokens
from core_model.text.vocabulary import Vocabulary, check_all_bytes, damaged

# Meta's pre-split of text into words, numbers, punctuation and white space (llama-models, models/llama4/tokenizer.py);
# BPE merges within a piece, never across.
LLAMA4_SPLIT = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|"
    r"\s*[\r\n]+|"
    r"\s+(?!\S)|"
    r"\s+"
)


def read_tiktoken_model(path: Path) -> Vocabulary:
    """Read the ordinary tokens and put Llama 4's 2,048 special tokens behind them.

    Raises:
        CheckpointError: unreadable, a line that is not base64 and a rank, or ranks with gaps or repetitions.
    """
    ranks = _read_ranks(path)
    tokens = {rank: token for token, rank in ranks.items()}
    check_all_bytes(path.name, tokens)
    encoding = tiktoken.Encoding(path.name, pat_str=LLAMA4_SPLIT, mergeable_ranks=ranks, special_tokens={})

    def encode_pieces(pieces: Sequence[str]) -> list[int]:
        return [token_id for piece in pieces for token_id in encoding.encode_ordinary(piece)]

    specials = {name: len(ranks) + i for i, name in enumerate(llama4_special_tokens())}
    return Vocabulary(path.name, tokens, specials, encode_pieces)


def _read_ranks(path: Path) -> dict[bytes, int]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CheckpointError("Tokenizer unreadable", f"{path.name} cannot be read: {error}") from error
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(lines, start=1):
        if line:
            token, rank = _parse_line(path.name, number, line)
            ranks[token] = rank
    num_lines = sum(map(bool, lines))
    if set(ranks.values()) != set(range(num_lines)):
        raise damaged(path.name, "the ranks do not count up from 0 without gaps and repetitions")
    return ranks


def _parse_line(source: str, number: int, line: bytes) -> tuple[bytes, int]:
    try:
        token, rank = line.split(b" ")
        return base64.b64decode(token, validate=True), int(rank)
    except (ValueError, binascii.Error) as error:
        raise damaged(source, f"line {number} is not a token in base64 and its rank") from error
