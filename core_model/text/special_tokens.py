"""Names of the special tokens: those the prompt is built from, and the full list that Llama 4 reserves.

A `tokenizer.json` lists its own special tokens; a `tokenizer.model` holds ordinary tokens only, and the specials
follow them by rule. The rule is Meta's list (llama-models, `models/llama4/tokenizer.py`), generated here rather than
written out: 80 text, 1,054 vision and 10 reasoning tokens, then reserved ones up to 2,048.
"""

from __future__ import annotations

BEGIN_OF_TEXT = "<|begin_of_text|>"
END_OF_TEXT = "<|end_of_text|>"
HEADER_START = "<|header_start|>"
HEADER_END = "<|header_end|>"
END_OF_MESSAGE = "<|eom|>"
END_OF_TURN = "<|eot|>"

IMAGE_START = "<|image_start|>"
IMAGE_END = "<|image_end|>"
IMAGE = "<|image|>"
PATCH = "<|patch|>"
TILE_X_SEPARATOR = "<|tile_x_separator|>"
TILE_Y_SEPARATOR = "<|tile_y_separator|>"

PAD = "<|finetune_right_pad|>"

STOP = (END_OF_TEXT, END_OF_MESSAGE, END_OF_TURN)
NEEDED_FOR_CHAT = (BEGIN_OF_TEXT, HEADER_START, HEADER_END, END_OF_TURN)
NEEDED_FOR_PICTURES = (IMAGE_START, IMAGE_END, IMAGE, PATCH, TILE_X_SEPARATOR, TILE_Y_SEPARATOR)

NUM_LLAMA4_SPECIAL_TOKENS = 2048


def llama4_special_tokens() -> tuple[str, ...]:
    """All 2,048 names in the order of their ids; the first id is the number of ordinary tokens."""
    names = (*_text_tokens(), *_vision_tokens(), *_reasoning_tokens())
    return (*names, *_reserved("<|reserved_special_token_{}|>", 0, NUM_LLAMA4_SPECIAL_TOKENS - len(names)))


def _text_tokens() -> tuple[str, ...]:
    reserved = "<|text_post_train_reserved_special_token_{}|>"
    return (
        BEGIN_OF_TEXT,
        END_OF_TEXT,
        "<|fim_prefix|>",
        "<|fim_middle|>",
        "<|fim_suffix|>",
        HEADER_START,
        HEADER_END,
        END_OF_MESSAGE,
        END_OF_TURN,
        "<|step|>",
        *_reserved(reserved, 0, 6),
        "<|python_start|>",
        "<|python_end|>",
        "<|finetune_right_pad|>",
        *_reserved(reserved, 8, 69),
    )


def _vision_tokens() -> tuple[str, ...]:
    reserved = "<|vision_reserved_special_token_{}|>"
    return (
        IMAGE_START,
        IMAGE_END,
        *_reserved(reserved, 0, 2),
        TILE_X_SEPARATOR,
        TILE_Y_SEPARATOR,
        *_reserved(reserved, 2, 6),
        IMAGE,
        *_reserved(reserved, 6, 7),
        PATCH,
        *_reserved(reserved, 7, 1048),
    )


def _reasoning_tokens() -> tuple[str, ...]:
    return (
        *_reserved("<|reasoning_reserved_special_token_{}|>", 0, 8),
        "<|reasoning_thinking_start|>",
        "<|reasoning_thinking_end|>",
    )


def _reserved(name: str, first: int, end: int) -> tuple[str, ...]:
    return tuple(name.format(number) for number in range(first, end))
