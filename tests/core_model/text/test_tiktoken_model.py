"""Reading `tokenizer.model`: a small one made here, and the ways in which such a file can be damaged."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from core_model.errors import CheckpointError
from core_model.text.special_tokens import llama4_special_tokens
from core_model.text.tiktoken_model import read_tiktoken_model
from core_model.text.tokenizer import load_tokenizer

WORDS = (b"he", b"ll", b"hell", b"hello", b" w", b"\n\n")


def lines() -> list[bytes]:
    tokens = (*(bytes([byte]) for byte in reversed(range(256))), *WORDS)
    return [base64.b64encode(token) + b" %d" % rank for rank, token in enumerate(tokens)]


def write(folder: Path, content: list[bytes]) -> Path:
    (folder / "tokenizer.model").write_bytes(b"\n".join(content) + b"\n")
    return folder


def test_the_specials_follow_the_ordinary_tokens(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write(tmp_path, lines()))
    assert tokenizer.special_id("<|begin_of_text|>") == 256 + len(WORDS)
    assert tokenizer.special_id("<|patch|>") == 256 + len(WORDS) + 92
    assert tokenizer.vocab_size == 256 + len(WORDS) + 2048


def test_encodes_by_lowest_rank(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write(tmp_path, lines()))
    assert tokenizer.encode("hello w\n\n") == [259, 260, 261]
    assert tokenizer.encode("hellx") == [258, 255 - ord("x")]
    assert tokenizer.decode_bytes(259) == b"hello"


def test_special_names_are_text(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(write(tmp_path, lines()))
    for name in llama4_special_tokens():
        ids = tokenizer.encode(name + name)
        assert max(ids) < 256 + len(WORDS)
        assert tokenizer.decode(ids) == name + name


def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    assert len(read_tiktoken_model(write(tmp_path, lines()) / "tokenizer.model").token_bytes) == 262
    assert len(read_tiktoken_model(write(tmp_path, lines()[:-1]) / "tokenizer.model").token_bytes) == 261


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "256 single bytes"),
        (lines()[:200], "56 of the 256 single bytes"),
        ([*lines()[:-1], lines()[-1][:3]], "line 262"),
        ([*lines()[:-1], b"Cgo= "], "line 262"),
        ([*lines()[:-1], b"Cgo= ten"], "line 262"),
        ([*lines()[:-1], b"Cg*o= 261"], "line 262"),
        ([*lines()[:-1], b"Cgo= 26"], "gaps and repetitions"),
        ([*lines()[:-1], b"aGU= 261"], "gaps and repetitions"),
        ([*lines()[:-1], b"Cgo= 262"], "gaps and repetitions"),
        ([b"\x00\xff" * 20], "line 1"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: list[bytes], words: str) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        load_tokenizer(write(tmp_path, content))
    assert "tokenizer.model" in caught.value.message
