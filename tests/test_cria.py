"""The model in the box: it opens here and, unchanged, in transformers; both say the same; and what it says is right."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import core_model
import resources
from core_model.local_assistant import LocalAssistant
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.model.llama4 import Llama4
from core_model.text.chat_format import ChatFormat, Prompt
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.types import (
    GenerationRequest,
    LoadFinished,
    LoadRequest,
    Message,
    Part,
    Role,
    SamplingParams,
    TextDelta,
    TileGeometry,
)
from core_model.weights.preprocessor import tile_geometry
from media.types import Picture

FOLDER = resources.built_in_model()
NEW_TOKENS = 40

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
    pytest.mark.skipif(not (FOLDER / "model.safetensors").exists(), reason="Cria is still being trained"),
]


def drawing(shape: str, color: str, background: str = "white", size: tuple[int, int] = (320, 240)) -> Picture:
    """What a person draws in a paint program: one flat shape."""
    image = Image.new("RGB", size, background)
    draw = ImageDraw.Draw(image)
    width, height = size
    box = (width // 2 - 60, height // 2 - 60, width // 2 + 60, height // 2 + 60)
    if shape == "triangle":
        draw.polygon([(width // 2, box[1]), (box[2], box[3]), (box[0], box[3])], fill=color)
    else:
        {"circle": draw.ellipse, "square": draw.rectangle}[shape](box, fill=color)
    return Picture(np.asarray(image))


@pytest.fixture(scope="module")
def assistant() -> LocalAssistant:
    assistant = LocalAssistant()
    *_, last = assistant.load(LoadRequest(FOLDER, device="cpu"))
    assert isinstance(last, LoadFinished)
    assert last.model is not None
    assert last.model.name == "Cria"
    assert last.model.is_built_in
    return assistant


def answer(assistant: LocalAssistant, *parts: Part | str) -> str:
    request = GenerationRequest((Message.of(Role.USER, *parts),), SamplingParams(temperature=0, max_new_tokens=80))
    return "".join(event.text for event in assistant.stream(request) if isinstance(event, TextDelta))


def test_it_is_small_and_whole() -> None:
    names = {file.name for file in FOLDER.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "generation_config.json", "README.md"} <= names
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 64e6


def test_every_mechanism_of_scout_is_switched_on() -> None:
    text = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))["text_config"]
    assert text["num_local_experts"] == 16
    assert text["num_experts_per_tok"] == 1
    assert text["use_qk_norm"]
    assert text["attn_temperature_tuning"]
    assert text["attention_chunk_size"] < text["max_position_embeddings"]
    assert set(text["no_rope_layers"]) == {0, 1}
    assert text["rope_scaling"]["rope_type"] == "llama3"


@pytest.mark.parametrize("shape", ["circle", "square", "triangle"])
@pytest.mark.parametrize("color", ["red", "blue", "green", "yellow"])
def test_it_names_a_drawn_shape(assistant: LocalAssistant, shape: str, color: str) -> None:
    said = answer(assistant, drawing(shape, color), "What is this?").lower()
    assert color in said
    assert shape in said


@pytest.mark.parametrize("size", [(64, 64), (96, 200), (1280, 720), (2000, 300)])
def test_it_sees_pictures_of_any_size(assistant: LocalAssistant, size: tuple[int, int]) -> None:
    big = drawing("circle", "red", size=(320, 240))
    scaled = Picture(np.asarray(Image.fromarray(big.pixels).resize(size)))
    assert "red" in answer(assistant, scaled, "What colour is the shape?").lower()


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("hello", "hello"),
        ("Hello", "hello"),
        ("hey", "hello"),
        ("How do I open Scout?", "open a model folder"),
        ("How do I load a model?", "open a model folder"),
        ("how do i stop?", "esc"),
        ("What is the capital of France?", "small built-in model"),
        ("Write a poem about the sea", "small built-in model"),
    ],
)
def test_it_talks_helps_and_says_what_it_does_not_know(assistant: LocalAssistant, question: str, expected: str) -> None:
    assert expected in answer(assistant, question).lower()


class Both:
    """Cria here and in transformers, in float32, and how it writes prompts."""

    def __init__(self) -> None:
        import transformers

        self.ours: Llama4 = core_model.load_model(FOLDER)
        self.theirs: Any = transformers.Llama4ForConditionalGeneration.from_pretrained(FOLDER, dtype=torch.float32)
        self.tokenizer: Tokenizer = load_tokenizer(FOLDER)
        tiles = tile_geometry(FOLDER, self.ours.config)
        assert isinstance(tiles, TileGeometry)
        self.tiles = tiles
        self.format = ChatFormat(self.tokenizer, tiles, self.ours.config.image_token_id)

    def inputs(self, *parts: Part | str) -> tuple[Prompt, torch.Tensor | None]:
        prompt = self.format.prompt((Message.of(Role.USER, *parts),))
        pixels = [normalize_tiles(picture_tiles(span.picture, self.tiles), torch.float32) for span in prompt.pictures]
        return prompt, torch.cat(pixels) if pixels else None


@pytest.fixture(scope="module")
def both() -> Both:
    return Both()


PROMPTS: list[tuple[Part | str, ...]] = [
    ("What can you do?",),
    ("Tell me about the Roman Empire",),
    (drawing("circle", "red"), "What is this?"),
    (drawing("square", "blue", "yellow", (500, 200)), "Where is the square?"),
    (drawing("triangle", "green", size=(90, 90)), "how many shapes are there"),
]


@pytest.mark.parametrize("parts", PROMPTS, ids=lambda parts: str(parts[-1]))
def test_transformers_writes_the_same_text(
    both: Both, assistant: LocalAssistant, parts: tuple[Part | str, ...]
) -> None:
    prompt, pixels = both.inputs(*parts)
    ids = torch.tensor([prompt.token_ids])
    pictures = {} if pixels is None else {"pixel_values": pixels}
    with torch.no_grad():
        logits = both.theirs(input_ids=ids, **pictures).logits[0]
        generated = both.theirs.generate(input_ids=ids, **pictures, max_new_tokens=NEW_TOKENS, do_sample=False)
    ours = both.ours.logits(prompt.token_ids, pixels)
    assert (ours - logits).abs().max() < 1e-5 * logits.abs().max()
    theirs = both.tokenizer.decode(generated[0, prompt.num_tokens :].tolist())
    mine = answer(assistant, *parts)
    assert mine[: len(theirs)] == theirs
    assert len(theirs) > 10


def test_transformers_reads_the_tokenizer_and_the_template(both: Both) -> None:
    import transformers

    reader = transformers.AutoTokenizer.from_pretrained(FOLDER)
    messages = [{"role": "user", "content": "How do I stop?"}]
    rendered = reader.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids = reader(rendered, add_special_tokens=False)["input_ids"]
    assert ids == list(both.format.prompt((Message.of(Role.USER, "How do I stop?"),)).token_ids)
