"""From a training run to a model folder: `python -m core_model.training.export RUN TOKENIZER FOLDER`.

Writes the Hugging Face layout: weights in bf16 under the names that transformers uses, config, sampling defaults, and
the tokenizer's and processor's files. The folder opens in Altiplano and, unchanged, in transformers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from core_model.text.special_tokens import BEGIN_OF_TEXT, IMAGE_END, IMAGE_START, PAD, PATCH
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.training import recipe
from core_model.training.data.vocabulary import write_processor

COPIED = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def export(state: Path, tokenizer_folder: Path, folder: Path) -> None:
    """Write the model of a saved run. Optimiser and cell heads stay behind."""
    folder.mkdir(parents=True, exist_ok=True)
    weights: dict[str, Tensor] = torch.load(state, weights_only=True)["model"]
    stored = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in weights.items()}
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # the library writes for its owner only
    tokenizer = load_tokenizer(tokenizer_folder)
    _write(folder / "config.json", hugging_face_config(tokenizer))
    _write(folder / "generation_config.json", generation_config(tokenizer))
    for name in COPIED:
        (folder / name).write_bytes((tokenizer_folder / name).read_bytes())
    vision = recipe.VISION_CONFIG
    write_processor(folder, vision["image_size"], vision["patch_size"], recipe.MAX_TILES, vision["pixel_shuffle_ratio"])


def hugging_face_config(tokenizer: Tokenizer) -> dict[str, Any]:
    """`config.json`, with the vocabulary's own ids."""
    ids = {
        "bos_token_id": tokenizer.special_id(BEGIN_OF_TEXT),
        "eos_token_id": sorted(tokenizer.stop_ids),
        "pad_token_id": tokenizer.special_id(PAD),
    }
    return {
        "architectures": ["Llama4ForConditionalGeneration"],
        "model_type": "llama4",
        "dtype": "bfloat16",
        "boi_token_index": tokenizer.special_id(IMAGE_START),
        "eoi_token_index": tokenizer.special_id(IMAGE_END),
        "image_token_index": tokenizer.special_id(PATCH),
        "tie_word_embeddings": False,
        "text_config": {**recipe.TEXT_CONFIG, **ids},
        "vision_config": recipe.VISION_CONFIG,
    }


def generation_config(tokenizer: Tokenizer) -> dict[str, Any]:
    """Greedy: a model that knows a small world should say the same thing twice."""
    return {
        "do_sample": False,
        "bos_token_id": tokenizer.special_id(BEGIN_OF_TEXT),
        "eos_token_id": sorted(tokenizer.stop_ids),
        "pad_token_id": tokenizer.special_id(PAD),
    }


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of the training run")
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("folder", type=Path, help="where the model is written")
    arguments = parser.parse_args()
    export(arguments.run / "state.pt", arguments.tokenizer, arguments.folder)


if __name__ == "__main__":
    main()
