"""The generated list of Llama 4's special tokens."""

from __future__ import annotations

from typing import Any

import pytest

from core_model.text.special_tokens import NEEDED_FOR_CHAT, NEEDED_FOR_PICTURES, STOP, llama4_special_tokens


def test_the_list_is_metas(vectors: dict[str, Any]) -> None:
    assert {name: 200_000 + i for i, name in enumerate(llama4_special_tokens())} == vectors["special_tokens"]


@pytest.mark.parametrize(
    ("index", "name"),
    [
        (0, "<|begin_of_text|>"),
        (8, "<|eot|>"),
        (18, "<|finetune_right_pad|>"),
        (79, "<|text_post_train_reserved_special_token_68|>"),
        (92, "<|patch|>"),
        (1133, "<|vision_reserved_special_token_1047|>"),
        (1143, "<|reasoning_thinking_end|>"),
        (2047, "<|reserved_special_token_903|>"),
    ],
)
def test_places_in_the_list(index: int, name: str) -> None:
    assert llama4_special_tokens()[index] == name


def test_names_are_distinct_and_hold_all_that_the_prompt_needs() -> None:
    names = llama4_special_tokens()
    assert len(names) == len(set(names)) == 2048
    assert {*NEEDED_FOR_CHAT, *NEEDED_FOR_PICTURES, *STOP} <= set(names)
