"""Cria's tokenizer: a byte-level BPE of 2,048 tokens, trained on the sentences that Cria is trained on.

It is built like Llama 4's, with two differences that make a very small model better at reading. Digits stand alone
(Llama 4 joins up to three), and no token holds two capital letters, so a printed word is spelled letter by letter.
Special tokens have Llama 4's names and the top ids. The files are those of the Hugging Face layout, so other programs
open the folder as well.

    python -m core_model.training.data.vocabulary FOLDER
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from core_model.training import recipe
from core_model.training.data.descriptions import describe
from core_model.training.data.questions import ask_about
from core_model.training.data.reading import reading
from core_model.training.data.scenes import sample_scene
from core_model.training.data.talk import ask_without_picture, talk
from core_model.training.data.unknown_pictures import ask_unknown_picture

VOCAB_SIZE = 2048
SPECIAL_TOKENS: tuple[str, ...] = (
    "<|begin_of_text|>", "<|end_of_text|>", "<|header_start|>", "<|header_end|>", "<|eom|>", "<|eot|>", "<|step|>",
    "<|python_start|>", "<|python_end|>", "<|finetune_right_pad|>", "<|image_start|>", "<|image_end|>",
    "<|tile_x_separator|>", "<|tile_y_separator|>", "<|image|>", "<|patch|>",
)  # fmt: skip
ROLES = ("user", "assistant", "system", "ipython")

# Llama 4's split pattern (llama-models, models/llama4/tokenizer.py) with single digits.
_UPPER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"
_LOWER = r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_SHORT_FORMS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
SPLIT_PATTERN = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_SHORT_FORMS}",
        rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_SHORT_FORMS}",
        r"\p{N}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
_BETWEEN_CAPITALS = re.compile(r"(?<=[A-Z\"])(?=[A-Z])")

CHAT_TEMPLATE = """\
{{- bos_token }}
{%- for message in messages %}
    {%- set role = 'ipython' if message.role == 'tool' else message.role %}
    {{- '<|header_start|>' + role + '<|header_end|>\\n\\n' }}
    {%- if message.content is string %}
        {{- message.content | trim if role == 'system' else message.content }}
    {%- else %}
        {%- for part in message.content %}
            {%- if part.type == 'image' %}
                {{- '<|image|>' }}
            {%- elif part.type == 'text' %}
                {{- part.text | trim if role == 'system' else part.text }}
            {%- endif %}
        {%- endfor %}
    {%- endif %}
    {{- '<|eot|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|header_start|>assistant<|header_end|>\\n\\n' }}
{%- endif %}
"""


def sentences(seed: int, count: int) -> Iterator[str]:
    """Questions, answers and prompt headers in about the proportions of training; `count` conversations of them."""
    rng = np.random.default_rng((seed, 2))
    for _ in range(count):
        scene = sample_scene(rng, 1.0, "train", with_print=bool(rng.random() < 0.2))
        turns = ask_about(scene, rng, "train", 3) + ask_unknown_picture(rng, "train", 1)
        turns += [turn for turn in (talk(rng, "train"), talk(rng, "train"), ask_without_picture(rng, "train")) if turn]
        for turn in turns:
            yield from (turn.question, turn.answer)
        yield from (describe(scene), *(reading(text) for text in scene.prints))
        yield from (f"{role}\n\n" for role in ROLES)


def train_tokenizer(seed: int = 0, count: int = 6000) -> Tokenizer:
    """Train the BPE. The same seed gives the same file on one machine (fonts take part in the sentences' chance)."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - len(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    # Capitals in a row are pulled apart before counting, so that no merge of two of them is ever learned.
    tokenizer.train_from_iterator((_BETWEEN_CAPITALS.sub("\n", text) for text in sentences(seed, count)), trainer)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{SPECIAL_TOKENS[0]} $A",
                pair=f"{SPECIAL_TOKENS[0]} $A {SPECIAL_TOKENS[0]}:1 $B:1",
                special_tokens=[(SPECIAL_TOKENS[0], tokenizer.token_to_id(SPECIAL_TOKENS[0]))],
            ),
        ]
    )
    return tokenizer


def write_tokenizer(folder: Path, tokenizer: Tokenizer, max_length: int = 2048) -> None:
    """Write the tokenizer's files in the Hugging Face layout; `max_length` in tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    ends = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot|>", "pad_token": "<|finetune_right_pad|>"}
    config = {
        **ends,
        "tokenizer_class": "PreTrainedTokenizerFast",
        "processor_class": "Llama4Processor",
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": max_length,
    }
    _write_json(folder / "tokenizer_config.json", config)
    _write_json(folder / "special_tokens_map.json", ends)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8", newline="\n")


def write_processor(folder: Path, tile_size: int, patch_size: int, max_tiles: int, pixel_shuffle_ratio: float) -> None:
    """Write how pictures become tiles, for programs that read it from the folder; sizes in pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "image_processor_type": "Llama4ImageProcessor",
        "size": {"height": tile_size, "width": tile_size},
        "max_patches": max_tiles,
        "resize_to_max_canvas": False,
        "resample": 2,
        "do_resize": True,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "do_convert_rgb": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    _write_json(folder / "preprocessor_config.json", {**pictures, "processor_class": "Llama4Processor"})
    _write_json(
        folder / "processor_config.json",
        {"processor_class": "Llama4Processor", "patch_size": patch_size, "pixel_shuffle_ratio": pixel_shuffle_ratio},
    )


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Train the tokenizer and write all files that belong to it."""
    parser = argparse.ArgumentParser(description="Train Cria's tokenizer.")
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    vision = recipe.VISION_CONFIG
    write_tokenizer(arguments.folder, train_tokenizer(arguments.seed), recipe.TEXT_CONFIG["max_position_embeddings"])
    sizes = vision["image_size"], vision["patch_size"], recipe.MAX_TILES, vision["pixel_shuffle_ratio"]
    write_processor(arguments.folder, *sizes)
    print(f"The tokenizer is in {arguments.folder}.")


if __name__ == "__main__":
    main()
