"""The little grammar, the typing habits, and wordings that are kept back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.training.data import chat, unknown
from core_model.training.data import help as help_table
from core_model.training.data.splits import is_held_out_wording
from core_model.training.data.wording import decorate, expand, listed, phrases, plural, typed, with_article, word


def expansions(template: str, **values: str) -> set[str]:
    return {expand(template, np.random.default_rng(i), **values) for i in range(200)}


def test_alternatives_options_and_values() -> None:
    assert expansions("how {do|can} i stop[ it]?") == {
        "how do i stop?", "how can i stop?", "how do i stop it?", "how can i stop it?",
    }  # fmt: skip
    assert expansions("{a {b|c}|d} $x", x="y") == {"a b y", "a c y", "d y"}
    assert expansions("the $a_name and $name", a_name="a dog", name="dog") == {"the a dog and dog"}


def test_phrases_are_split_joined_over_lines_and_share_fragments() -> None:
    assert phrases("one\n   two; three") == ("one two", "three")
    assert expansions(phrases("what <color>?")[0]) == {"what color?", "what colour?"}


def test_unbalanced_templates_are_programmers_mistakes() -> None:
    with pytest.raises((AssertionError, IndexError)):
        expand("{a|b", np.random.default_rng(0))


def test_training_never_asks_a_held_out_wording() -> None:
    template = "how much is $n?"
    held = [str(n) for n in range(400) if is_held_out_wording(f"how much is {n}")]
    assert 10 < len(held) < 50
    rng = np.random.default_rng(0)
    assert word(template, rng, "train", n=held[0]) is None
    assert word(template, rng, "held_out", n=held[0]) == f"how much is {held[0]}?"
    assert is_held_out_wording(f"How much is  {held[0]} ?")


def test_the_most_obvious_questions_are_trained() -> None:
    obvious = """
        hello; what is this?; what do you see?; what is in the picture?; what is in this image?; describe the picture;
        how do i open scout?; how do i stop?; how do i stop you?; what color is the circle?; how many shapes are there?;
        where is the red circle?; who are you?; what can you do?; how do i attach a picture?; what number is this?;
        what does it say?; what is the capital of france?; write me a poem; is there a red circle?
    """
    assert not any(is_held_out_wording(text) for text in phrases(obvious))


def test_the_evaluation_prefers_held_out_wordings() -> None:
    texts = [word(help_table.INTENTS[0].questions, np.random.default_rng(i), "held_out") for i in range(50)]
    assert sum(is_held_out_wording(text or "") for text in texts) > 40


@given(st.text(alphabet="abcdefghij ?,.'", min_size=1, max_size=40), st.integers(0, 2**32))
def test_typing_keeps_words_recognizable(question: str, seed: int) -> None:
    text = typed(question, np.random.default_rng(seed))
    kept = sum(c.isalpha() for c in question)
    assert abs(sum(c.isalpha() for c in text) - kept) <= 1


def test_typing_varies() -> None:
    texts = {typed("what color is the circle?", np.random.default_rng(i)) for i in range(300)}
    assert {"What color is the circle?", "what color is the circle", "WHAT COLOR IS THE CIRCLE?"} <= texts
    assert len(texts) > 12


def test_politeness_keeps_the_question() -> None:
    for i in range(200):
        assert "what is this" in decorate("what is this?", np.random.default_rng(i))


def test_small_words() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert with_article("orange star") == "an orange star"
    assert with_article("red oval") == "a red oval"
    assert [plural("cross", n) for n in (1, 2)] == ["1 cross", "2 crosses"]


@pytest.mark.parametrize("intents", [chat.INTENTS, help_table.INTENTS])
def test_intents_are_many_and_each_is_asked_in_many_ways(intents: tuple[chat.Intent, ...]) -> None:
    assert len(intents) >= 40
    assert len({intent.name for intent in intents}) == len(intents)
    owners: dict[str, str] = {}
    for intent in intents:
        rng = np.random.default_rng(1)
        texts = {expand(t, rng) for t in phrases(intent.questions) for _ in range(30)}
        assert len(texts) >= 8, intent.name
        for text in texts:
            assert owners.setdefault(text, intent.name) == intent.name, f"{text!r} has two answers"


def test_no_question_belongs_to_two_rooms() -> None:
    """Chat and help together, too: the same words never get two answers."""
    owners: dict[str, str] = {}
    for room in (chat, help_table):
        rng = np.random.default_rng(2)
        for intent in room.INTENTS:
            for text in {expand(t, rng) for t in phrases(intent.questions) for _ in range(30)}:
                key = text.rstrip("?!.").lower()
                assert owners.setdefault(key, intent.answer) == intent.answer, f"{text!r} has two answers"


def test_unknown_themes_expand_and_say_how_to_open_scout() -> None:
    rng = np.random.default_rng(0)
    texts = set()
    for _ in range(2000):
        turn = unknown.ask_unknown(rng, "train")
        if turn:
            texts.add(turn.question)
            assert "Cria" in turn.answer
            assert "Open a model folder" in turn.answer
    assert len(texts) > 1500


def test_names_are_typed_with_and_without_a_capital() -> None:
    seen = {typed("how do i open scout?", np.random.default_rng(seed)) for seed in range(60)}
    assert {"How do I open Scout?", "How do I open scout?", "how do i open scout?"} <= seen
