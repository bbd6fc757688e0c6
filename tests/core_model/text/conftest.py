"""Tokenizers for the tests of this folder: a tiny one made on the spot, and the real vocabulary in both formats."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import settings
from tokenizers import decoders, models, pre_tokenizers, trainers

from core_model.text.special_tokens import NEEDED_FOR_CHAT, NEEDED_FOR_PICTURES, STOP, llama4_special_tokens
from core_model.text.tiktoken_model import LLAMA4_SPLIT
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.text.tokenizer_json import byte_alphabet

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

REFERENCE_DATA = Path(__file__).parents[4] / "shared" / "data"
TINY_SPECIALS = tuple(dict.fromkeys((*NEEDED_FOR_CHAT, *STOP, *NEEDED_FOR_PICTURES, "<|finetune_right_pad|>")))
CORPUS = (
    "The assistant reads the picture and the user asks what it shows. The system says hello, world!\n\n",
    "She said: it's fine, we'll see; they've 1234 photos of the café, naïve as it sounds.\n",
    "x = foo(bar)[0]; // <|eot|> <| |> eot start end header image patch\n",
)


def llama4_pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(tokenizers.Regex(LLAMA4_SPLIT), behavior="isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train_tiny_tokenizer() -> tokenizers.Tokenizer:
    """A few hundred ids, trained as one trains with the library: the special tokens are entries of the vocabulary."""
    tiny = tokenizers.Tokenizer(models.BPE())
    tiny.pre_tokenizer = llama4_pre_tokenizer()
    tiny.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(TINY_SPECIALS),
        initial_alphabet=list(byte_alphabet()),
        show_progress=False,
    )
    tiny.train_from_iterator(CORPUS * 3, trainer)
    return tiny


def hugging_face_json(ranks: dict[bytes, int]) -> dict[str, Any]:
    """The `tokenizer.json` that transformers' converter makes of tiktoken ranks: every split of a token is a merge."""
    characters = byte_alphabet()

    def spell(token: bytes) -> str:
        return "".join(characters[byte] for byte in token)

    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        splits = [(token[:i], token[i:]) for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
        splits.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
        merges += [[spell(left), spell(right)] for left, right in splits]
    vocab = {spell(token): rank for token, rank in ranks.items()}
    skeleton = tokenizers.Tokenizer(models.BPE())
    skeleton.pre_tokenizer = llama4_pre_tokenizer()
    skeleton.decoder = decoders.ByteLevel()
    skeleton.add_special_tokens(list(llama4_special_tokens()))
    data = json.loads(skeleton.to_str())
    data["model"] |= {"vocab": vocab, "merges": merges, "ignore_merges": True}
    for i, token in enumerate(data["added_tokens"]):
        token["id"] = len(ranks) + i
    return data


@pytest.fixture(scope="session")
def tiny_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `tokenizer.json` of the tiny tokenizer, in a folder of its own."""
    path = tmp_path_factory.mktemp("tiny") / "tokenizer.json"
    train_tiny_tokenizer().save(str(path))
    return path


@pytest.fixture(scope="session")
def tiny(tiny_json: Path) -> Tokenizer:
    return load_tokenizer(tiny_json.parent)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    if not REFERENCE_DATA.is_dir():
        pytest.skip(f"the reference data is not at {REFERENCE_DATA}")
    return REFERENCE_DATA


@pytest.fixture(scope="session")
def vectors(reference_data: Path) -> dict[str, Any]:
    """Ids of Llama 4's special tokens and of sample texts."""
    data: dict[str, Any] = json.loads((reference_data / "llama4-tokenizer" / "vectors.json").read_text("utf-8"))
    return data


@pytest.fixture(scope="session")
def from_model(reference_data: Path) -> Tokenizer:
    """Llama 4's tokenizer read from `tokenizer.model`."""
    return load_tokenizer(reference_data / "llama4-tokenizer")


@pytest.fixture(scope="session")
def llama4_json(reference_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Llama 4's vocabulary as a `tokenizer.json`, without the stray pad token of the published file."""
    lines = (reference_data / "llama4-tokenizer" / "tokenizer.model").read_bytes().splitlines()
    ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}
    path = tmp_path_factory.mktemp("llama4") / "tokenizer.json"
    path.write_text(json.dumps(hugging_face_json(ranks)), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def from_json(llama4_json: Path) -> Tokenizer:
    """Llama 4's tokenizer read from `tokenizer.json`."""
    return load_tokenizer(llama4_json.parent)
