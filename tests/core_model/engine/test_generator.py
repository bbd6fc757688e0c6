"""The loop around the model: the oracle's text, token by token, and when an answer ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import core_model
from core_model.engine.generator import StopCriteria, generate
from core_model.engine.sampler import Sampler
from core_model.engine.session import Session
from core_model.errors import RequestError
from core_model.text.chat_format import Prompt
from core_model.text.stream_decoder import StreamDecoder
from core_model.text.tokenizer import Tokenizer, load_tokenizer
from core_model.types import Finished, FinishReason, PrefillProgress, TextDelta, never_stop
from tests.checkpoints import VOCAB_SIZE, CheckpointShelf

PROMPT = Prompt(tuple(torch.randint(3, 256, (6,), generator=torch.Generator().manual_seed(5)).tolist()))
NO_STOP_IDS: frozenset[int] = frozenset()


@pytest.fixture
def tokenizer(tiny_assistant: Callable[..., Path]) -> Tokenizer:
    return load_tokenizer(tiny_assistant())


class Recorder(StreamDecoder):
    """Remembers the tokens it decodes."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self.tokens: list[int] = []

    def push(self, token_id: int) -> str:
        self.tokens.append(token_id)
        return super().push(token_id) if token_id < 256 else ""


def oracle(checkpoint_shelf: CheckpointShelf, variant: str, num_tokens: int) -> list[int]:
    with torch.no_grad():
        ids = checkpoint_shelf.model(variant).generate(
            input_ids=torch.tensor([PROMPT.token_ids]),
            max_new_tokens=num_tokens,
            do_sample=False,
            eos_token_id=VOCAB_SIZE + 1,
            pad_token_id=0,
        )
    generated: list[int] = ids[0, PROMPT.num_tokens :].tolist()
    return generated


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("variant", ["text_only", "text_only_maverick", "top_2", "tiny_chunks"])
@pytest.mark.parametrize("piece_size", [2, 2048])
def test_greedy_text_is_that_of_transformers_over_64_tokens(
    checkpoint_shelf: CheckpointShelf, tokenizer: Tokenizer, variant: str, piece_size: int
) -> None:
    session = Session(core_model.load_model(checkpoint_shelf.folder(variant)), None)
    session.piece_size = piece_size
    recorder = Recorder(tokenizer)
    stop = StopCriteria(NO_STOP_IDS, context_length=1000, max_new_tokens=64)
    events = list(generate(session, PROMPT, Sampler(0.0, 1.0), recorder, stop, never_stop))
    assert recorder.tokens == oracle(checkpoint_shelf, variant, 64)
    assert len(set(recorder.tokens)) > 3, "a constant text would prove little"
    assert isinstance(events[0], PrefillProgress)
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.reason is FinishReason.LENGTH
    assert last.stats.num_new_tokens == 64


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_stop_id_ends_the_answer_and_is_not_shown(
    checkpoint_shelf: CheckpointShelf, tokenizer: Tokenizer, temperature: float
) -> None:
    def answer(stop_ids: frozenset[int]) -> tuple[list[int], Finished]:
        session, recorder = Session(core_model.load_model(checkpoint_shelf.folder("top_2")), None), Recorder(tokenizer)
        stop = StopCriteria(stop_ids, context_length=1000, max_new_tokens=40)
        *_, last = generate(session, PROMPT, Sampler(temperature, 1.0, seed=3), recorder, stop, never_stop)
        assert isinstance(last, Finished)
        return recorder.tokens, last

    tokens, _ = answer(NO_STOP_IDS)
    stop_id = tokens[17]
    cut, last = answer(frozenset({stop_id}))
    assert cut == tokens[: tokens.index(stop_id)]
    assert last.reason is FinishReason.STOP
    assert last.stats.num_new_tokens == len(cut)


def test_the_room_for_an_answer() -> None:
    def room(context_length: int, most: int | None = None) -> int:
        return StopCriteria(NO_STOP_IDS, context_length, most).room(PROMPT)

    assert room(PROMPT.num_tokens + 1) == 1
    assert room(PROMPT.num_tokens + 100, 7) == 7
    assert room(PROMPT.num_tokens + 5, 7) == 5
    for context_length in (PROMPT.num_tokens, PROMPT.num_tokens - 1):
        with pytest.raises(RequestError, match="has 6 tokens"):
            room(context_length)


def test_nothing_is_read_of_a_prompt_that_does_not_fit(checkpoint_shelf: CheckpointShelf, tokenizer: Tokenizer) -> None:
    session = Session(core_model.load_model(checkpoint_shelf.folder("text_only")), None)
    stop = StopCriteria(NO_STOP_IDS, PROMPT.num_tokens)
    with pytest.raises(RequestError):
        next(generate(session, PROMPT, Sampler(0.0, 1.0), StreamDecoder(tokenizer), stop, never_stop))
    assert session.cache.length == 0


def test_half_a_character_is_shown_only_when_the_model_ended_there(
    checkpoint_shelf: CheckpointShelf, tokenizer: Tokenizer
) -> None:
    """A cut answer may be continued, and then the rest of the character comes."""

    class Scripted(Sampler):
        def __init__(self, *tokens: int) -> None:
            super().__init__(0.0, 1.0)
            self.tokens = iter(tokens)

        def pick(self, logits: torch.Tensor) -> int:
            return next(self.tokens)

    (half, *_), end = tokenizer.encode("é"), 290
    model = core_model.load_model(checkpoint_shelf.folder("text_only"))
    for sampler, most, expected in ((Scripted(half, end), 5, "\ufffd"), (Scripted(half, end), 1, "")):
        stop = StopCriteria(frozenset({end}), 1000, most)
        events = generate(Session(model, None), PROMPT, sampler, StreamDecoder(tokenizer), stop, never_stop)
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == expected
