"""The tokenizer: any text survives, words in capitals are spelled, digits stand alone, and other programs open it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from core_model.training.data.vocabulary import (
    SPECIAL_TOKENS,
    VOCAB_SIZE,
    train_tokenizer,
    write_processor,
    write_tokenizer,
)

TOKENIZER = train_tokenizer(seed=0, count=350)


def pieces(text: str) -> list[str]:
    return TOKENIZER.encode(text, add_special_tokens=False).tokens


def test_size_and_special_tokens_at_the_top() -> None:
    assert TOKENIZER.get_vocab_size() == VOCAB_SIZE
    ids = [TOKENIZER.token_to_id(name) for name in SPECIAL_TOKENS]
    assert ids == list(range(VOCAB_SIZE - len(SPECIAL_TOKENS), VOCAB_SIZE))


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_survives(text: str) -> None:
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    if not any(name in text for name in SPECIAL_TOKENS):
        assert TOKENIZER.decode(ids) == text


def test_capitals_are_spelled() -> None:
    assert pieces("LAMP") == ["L", "A", "M", "P"]
    assert pieces('It says "LAMP".')[-5:] == ["L", "A", "M", "P", '".']
    rng = np.random.default_rng(0)
    letters = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    for length in range(1, 9):
        for _ in range(40):
            text = "".join(rng.choice(letters, length))
            assert pieces(f'It says "{text}".')[3:-1] == list(text)
    mixed = pieces("QxZvBNaTe")
    assert not any(sum(c.isupper() for c in piece) > 1 for piece in mixed)


def test_digits_stand_alone() -> None:
    assert [p for p in pieces("The number is 40729.") if p.isdigit()] == ["4", "0", "7", "2", "9"]
    assert not any(
        any(c in "0123456789" for c in token) and len(token) > 1 for token in TOKENIZER.get_vocab() if "<|" not in token
    )


def test_common_sentences_are_short() -> None:
    assert len(pieces("The red circle is in the top left.")) <= 10
    assert pieces("user\n\n") == ["user", "ĊĊ"]


def test_training_is_deterministic() -> None:
    one, other = (train_tokenizer(seed=3, count=40).to_str() for _ in range(2))
    assert one == other


def test_begin_of_text_comes_first() -> None:
    assert TOKENIZER.encode("hi").tokens[0] == "<|begin_of_text|>"


def test_the_written_file_encodes_the_same(tmp_path: Path) -> None:
    write_tokenizer(tmp_path, TOKENIZER)
    again = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert again.encode("What is THIS? 12").ids == TOKENIZER.encode("What is THIS? 12").ids


def test_transformers_opens_the_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    write_tokenizer(tmp_path, TOKENIZER)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    messages = [
        {"role": "system", "content": " Be brief. "},
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is this?"}]},
        {"role": "assistant", "content": "A circle."},
        {"role": "tool", "content": "42"},
    ]
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == (
        "<|begin_of_text|><|header_start|>system<|header_end|>\n\nBe brief.<|eot|>"
        "<|header_start|>user<|header_end|>\n\n<|image|>What is this?<|eot|>"
        "<|header_start|>assistant<|header_end|>\n\nA circle.<|eot|>"
        "<|header_start|>ipython<|header_end|>\n\n42<|eot|>"
        "<|header_start|>assistant<|header_end|>\n\n"
    )
    assert tokenizer("LAMP").input_ids == TOKENIZER.encode("LAMP").ids
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|eot|>", "<|finetune_right_pad|>")


def test_this_program_opens_the_folder(tmp_path: Path) -> None:
    from core_model.text.tokenizer import load_tokenizer

    write_tokenizer(tmp_path, TOKENIZER)
    tokenizer = load_tokenizer(tmp_path)
    for name in SPECIAL_TOKENS:
        assert tokenizer.special_id(name) == TOKENIZER.token_to_id(name)


def test_processor_files_name_the_sizes(tmp_path: Path) -> None:
    write_processor(tmp_path, 96, 12, 4, 0.5)
    pictures = json.loads((tmp_path / "preprocessor_config.json").read_text())
    assert pictures["size"] == {"height": 96, "width": 96}
    assert pictures["max_patches"] == 4
    assert json.loads((tmp_path / "processor_config.json").read_text())["patch_size"] == 12
