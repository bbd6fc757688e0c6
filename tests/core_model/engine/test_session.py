"""Reading prompts: what is remembered, what is read again, and that neither changes the logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import core_model
from core_model.engine.session import Session
from core_model.engine.stopping import Stopped
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.model.llama4 import Llama4
from core_model.model.moe import Expert, ResidentExperts
from core_model.text.chat_format import ChatFormat, Prompt
from core_model.text.tokenizer import load_tokenizer
from core_model.types import Message, PrefillProgress, Role, TileGeometry, never_stop
from core_model.weights.preprocessor import tile_geometry
from media.types import Picture

CHUNK = 16
TOLERANCE = 1e-5


class Setup:
    """A tiny model, how it writes prompts, and a session on it."""

    def __init__(self, folder: Path) -> None:
        self.model: Llama4 = core_model.load_model(folder)
        tiles = tile_geometry(folder, self.model.config)
        assert isinstance(tiles, TileGeometry)
        self.tiles = tiles
        self.format = ChatFormat(load_tokenizer(folder), tiles, self.model.config.image_token_id)
        self.session = Session(self.model, tiles)
        self.session.piece_size = 7  # several pieces per chunk

    def read(self, prompt: Prompt) -> PrefillProgress:
        """Read a prompt; the last progress."""
        return list(self.session.read(prompt, never_stop))[-1]

    def full_logits(self, prompt: Prompt) -> torch.Tensor:
        """The reference: everything at once, without a cache."""
        pixels = [normalize_tiles(picture_tiles(s.picture, self.tiles), torch.float32) for s in prompt.pictures]
        return self.model.logits(prompt.token_ids, torch.cat(pixels) if pixels else None)[-1]

    def assert_right(self, prompt: Prompt) -> None:
        expected = self.full_logits(prompt)
        assert (self.session.logits - expected).abs().max() < TOLERANCE * expected.abs().max()


@pytest.fixture
def setup(tiny_assistant: Callable[..., Path]) -> Setup:
    return Setup(tiny_assistant("scout", attention_chunk_size=CHUNK, floor_scale=8))


def noise(seed: int, height: int = 40, width: int = 60) -> Picture:
    return Picture(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def turns(*texts: str | Sequence[object]) -> tuple[Message, ...]:
    """User and assistant in turn."""
    roles = (Role.USER, Role.ASSISTANT)
    return tuple(
        Message.of(roles[i % 2], *((text,) if isinstance(text, str) else text))  # type: ignore[arg-type]
        for i, text in enumerate(texts)
    )


def test_a_prompt_gives_the_logits_of_full_prefill(setup: Setup) -> None:
    prompt = setup.format.prompt(turns("What is in these pictures?", "Noise.", [noise(0), "and ", noise(1), "here?"]))
    assert prompt.num_tokens > 5 * CHUNK
    setup.read(prompt)
    setup.assert_right(prompt)


def test_a_follow_up_reads_only_what_is_new(setup: Setup) -> None:
    first = setup.format.prompt(turns([noise(0), "What is this?"]))
    setup.read(first)
    second = setup.format.prompt(turns([noise(0), "What is this?"], "Noise.", "Are you sure?"))
    progress = setup.read(second)
    assert progress.num_cached == first.num_tokens
    assert progress.num_total == second.num_tokens
    setup.assert_right(second)


def test_generated_tokens_are_known_in_the_next_turn(setup: Setup) -> None:
    question = setup.format.prompt(turns("Hello"))
    setup.read(question)
    answer = setup.format.prompt(turns("Hello", "Hi there"), continue_last=True)
    for token in answer.token_ids[question.num_tokens :]:
        setup.session.feed(token, never_stop)
    setup.assert_right(answer)
    follow_up = setup.format.prompt(turns("Hello", "Hi there", "Bye"))
    assert setup.read(follow_up).num_cached == answer.num_tokens
    setup.assert_right(follow_up)


@pytest.mark.parametrize("length", [3, 20, 40, 90])
def test_editing_an_earlier_message_rolls_back_across_chunks(setup: Setup, length: int) -> None:
    text = "abcdefghij" * 10
    setup.read(setup.format.prompt(turns("One " + text, "Two", "Three " + text)))
    edited = setup.format.prompt(turns("One " + text[:length] + "!", "Two", "Four"))
    cached = setup.read(edited).num_cached
    shared = edited.num_tokens - len("!") - len("Two") - len("Four")
    assert cached % CHUNK == 0, "an earlier chunk is gone, so reading starts at a chunk's first token"
    assert shared - 3 * CHUNK < cached < shared
    setup.assert_right(edited)


def test_asking_the_same_again_reads_one_token(setup: Setup) -> None:
    prompt = setup.format.prompt(turns("The same question"))
    setup.read(prompt)
    before = setup.session.logits.clone()
    assert setup.read(prompt).num_cached == prompt.num_tokens - 1
    assert torch.allclose(setup.session.logits, before, atol=1e-5)


def test_another_picture_in_the_same_place_is_not_the_same_prompt(setup: Setup) -> None:
    setup.read(setup.format.prompt(turns([noise(0), "What is this?"])))
    other = setup.format.prompt(turns([noise(1), "What is this?"]))
    assert setup.read(other).num_cached <= other.pictures[0].start + 1
    setup.assert_right(other)
    same_content = setup.format.prompt(turns([noise(1), "What is this?"]))
    assert setup.read(same_content).num_cached == same_content.num_tokens - 1


@pytest.mark.parametrize("num_checks", [0, 1, 3, 10, 30, 77])
def test_a_stop_anywhere_leaves_a_sound_session(setup: Setup, num_checks: int) -> None:
    setup.read(setup.format.prompt(turns("Something that was read before, long enough for chunks")))
    checks = iter([False] * num_checks)
    prompt = setup.format.prompt(turns("Something else", "Yes", [noise(3), "and a picture", noise(4)]))
    with pytest.raises(Stopped):
        list(setup.session.read(prompt, lambda: next(checks, True)))
    assert len(setup.session.cache.layers) == 4
    setup.read(prompt)
    setup.assert_right(prompt)


def test_progress_counts_up_to_the_whole_prompt(setup: Setup) -> None:
    prompt = setup.format.prompt(turns("A question of some length, to have a few pieces"))
    events = list(setup.session.read(prompt, never_stop))
    counts = [event.num_done for event in events]
    assert counts[0] == 0
    assert counts[-1] == prompt.num_tokens
    assert counts == sorted(set(counts))
    assert {event.num_total for event in events} == {prompt.num_tokens}
    assert max(np.diff(counts)) <= setup.session.piece_size


def asked_experts(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many experts each mixture is asked for, each time it is."""
    asked: list[int] = []
    given = ResidentExperts.experts

    def count(self: ResidentExperts, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        asked.append(len(wanted))
        return given(self, wanted)

    monkeypatch.setattr(ResidentExperts, "experts", count)
    return asked


def test_experts_are_asked_for_once_in_a_sweep_however_many_pieces_it_has(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asked_experts(setup, monkeypatch)
    prompt = setup.format.prompt(turns("A question of some length, to have a few sweeps", "Yes", "And again"))
    setup.read(prompt)
    num_layers = sum(setup.model.config.text.is_moe_layer)
    num_sweeps = -(-prompt.num_tokens // CHUNK)
    assert num_sweeps > 3
    assert len(asked) == num_layers * num_sweeps
    setup.assert_right(prompt)


def test_sweeps_may_be_shorter_than_a_chunk(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    setup.session.sweep_size = 10  # of a chunk of 16: 10, then 6
    asked = asked_experts(setup, monkeypatch)
    prompt = setup.format.prompt(turns("A question", "Yes", [noise(5), "with a picture"]))
    setup.read(prompt)
    whole, rest = divmod(prompt.num_tokens, CHUNK)
    assert len(asked) == sum(setup.model.config.text.is_moe_layer) * (2 * whole + -(-rest // 10))
    setup.assert_right(prompt)


def test_progress_is_told_within_a_sweep(tiny_assistant: Callable[..., Path]) -> None:
    setup = Setup(tiny_assistant("scout", attention_chunk_size=8192, floor_scale=8))
    prompt = setup.format.prompt(turns([noise(6), "What is in this picture, and how long does it take to read?"]))
    assert setup.session.sweep_size > prompt.num_tokens
    counts = [event.num_done for event in setup.session.read(prompt, never_stop)]
    assert counts == sorted(set(counts))
    assert len(counts) > len(setup.session.cache.layers), "after the picture, and after each layer"
    assert counts[-1] == prompt.num_tokens
    setup.assert_right(prompt)


def test_a_reading_that_is_closed_in_the_middle_of_a_sweep_leaves_a_sound_session(setup: Setup) -> None:
    setup.read(setup.format.prompt(turns("Something that was read before, long enough for chunks")))
    prompt = setup.format.prompt(turns("Something else", "Yes", [noise(3), "and a picture", noise(4)]))
    for num_events in range(1, 12):
        reading = setup.session.read(prompt, never_stop)
        for _ in range(num_events):
            next(reading, None)
        reading.close()
    setup.read(prompt)
    setup.assert_right(prompt)
