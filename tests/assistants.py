"""A complete tiny assistant on disk: random weights, a byte-level vocabulary, everything a real folder has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from core_model.text.special_tokens import NEEDED_FOR_CHAT, NEEDED_FOR_PICTURES, PATCH, STOP
from tests.checkpoints import IMAGE_TOKEN_ID, write_checkpoint


def write_byte_tokenizer(folder: Path) -> None:
    """256 bytes, then special tokens; `<|patch|>` gets the id that the tiny checkpoints use."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = sorted({*NEEDED_FOR_CHAT, *NEEDED_FOR_PICTURES, *STOP} - {PATCH})
    tokenizer = Tokenizer(models.BPE(vocab={character: number for number, character in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    data = json.loads(tokenizer.to_str())
    ids = {name: 256 + number for number, name in enumerate(names)} | {PATCH: IMAGE_TOKEN_ID}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    data["added_tokens"] = [{"id": token_id, "content": name, **flags} for name, token_id in ids.items()]
    (folder / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")


def plan_without_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plans count weights and conversation alone: beside a tiny model everything else is beyond all measure."""
    monkeypatch.setattr("core_model.engine.memory_budget._work", lambda *_: ())


@pytest.fixture(scope="session")
def tiny_assistant(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a folder that `LocalAssistant` opens: `tiny_assistant("scout", attention_chunk_size=16)`."""
    written: dict[str, Path] = {}

    def write(variant: str = "scout", **text_overrides: Any) -> Path:
        key = json.dumps([variant, text_overrides], sort_keys=True)
        if key not in written:
            folder = tmp_path_factory.mktemp("assistant") / variant
            write_checkpoint(folder, variant, **text_overrides)
            write_byte_tokenizer(folder)
            (folder / "generation_config.json").write_text(json.dumps({"do_sample": False}), encoding="utf-8")
            (folder / "preprocessor_config.json").write_text(json.dumps({"max_patches": 4}), encoding="utf-8")
            written[key] = folder
        return written[key]

    return write
