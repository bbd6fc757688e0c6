"""The books of the expert cache: what is kept, what goes, and that no slot is ever lost or given twice."""

from __future__ import annotations

import random

import pytest

from core_model.engine.expert_cache import ExpertCache, divided


def use(cache: ExpertCache, layer: int, expert: int, rows: int = 1, tokens: int = 1) -> bool:
    """One step that asks for one expert, as the engine does it; whether it was there."""
    cache.note(layer, {expert: rows}, tokens)
    if cache.find(layer, expert) is not None:
        return True
    slot = cache.take()
    assert slot is not None
    cache.settle(layer, expert, slot)
    return False


def test_what_was_used_is_kept_while_there_is_room() -> None:
    cache = ExpertCache(8, {0: 2, 1: 2}, num_spare=1)
    assert [use(cache, 0, expert) for expert in (3, 5, 3, 5)] == [False, False, True, True]
    assert not use(cache, 1, 3), "another layer's expert 3 is another expert"
    assert (cache.counts().hits, cache.counts().misses) == (2, 3)
    assert cache.counts().hit_ratio == pytest.approx(0.4)
    assert cache.counts_of(0) == ((0, 0, 0, 1, 0, 1, 0, 0), (0, 0, 0, 1, 0, 1, 0, 0))
    assert cache.num_tokens == 4, "five steps, one of them in another layer"
    cache.reset_counts()
    assert cache.counts().hit_ratio == cache.num_tokens == 0


def test_slots_that_nothing_was_put_into_are_known() -> None:
    cache = ExpertCache(8, {0: 4}, num_spare=2)
    assert cache.num_untouched == 6
    for expert in (3, 5, 3, 5):
        use(cache, 0, expert)
    assert cache.num_untouched == 4
    cache.clear()
    use(cache, 0, 1)
    assert cache.num_untouched == 4, "a slot is taken again before a new one is"
    gone = cache.shrink(3, 1)
    assert len(gone) == 3
    assert cache.num_untouched == 2


def test_a_short_half_life_keeps_what_was_used_last() -> None:
    cache = ExpertCache(8, {0: 2}, num_spare=1, half_life=0.5)
    for expert in (1, 1, 1, 1, 2, 3):
        use(cache, 0, expert)
    assert set(cache.kept(0)) == {2, 3}


def test_a_long_half_life_keeps_what_is_used_most() -> None:
    cache = ExpertCache(8, {0: 2}, num_spare=1, half_life=1e9)
    for expert in (1, 1, 1, 2, 2, 3):
        use(cache, 0, expert)
    assert set(cache.kept(0)) == {1, 2}, "the newcomer is worth less than both"


@pytest.mark.parametrize("half_life", [1.0, 64.0, 1000.0])
def test_a_step_weighs_what_its_tokens_weigh_one_by_one_and_at_most_a_half_life(half_life: float) -> None:
    """Tokens of a sweep have no order; they count as if their calls were spread evenly over it."""
    for num_tokens in (4, 40, 2000):
        at_once, one_by_one = (ExpertCache(8, {0: 4}, num_spare=1, half_life=half_life) for _ in range(2))
        for cache in (at_once, one_by_one):
            cache.note(0, {5: 1}, 1)
        at_once.note(0, {1: 3 * num_tokens // 4, 2: num_tokens // 4}, num_tokens)
        for number in range(num_tokens):
            one_by_one.note(0, {2 if number % 4 == 1 else 1: 1}, 1)
        scores = [cache._layers[0].scores for cache in (at_once, one_by_one)]
        assert scores[0][1] == pytest.approx(3 * scores[0][2])
        if num_tokens <= half_life:
            assert scores[0][5] == pytest.approx(scores[1][5])
            assert sum(scores[0]) == pytest.approx(sum(scores[1]), rel=1e-6)
        else:
            assert scores[0][5] == pytest.approx(0.5), "half of what was known is left"
            assert scores[0][1] + scores[0][2] == pytest.approx(0.5 / (1 - 0.5 ** (1 / half_life)))


def test_what_reads_a_picture_does_not_take_the_place_of_what_writes_answers() -> None:
    cache = ExpertCache(16, {0: 4}, num_spare=2)
    for _ in range(40):
        for expert in (1, 2, 3, 4):
            use(cache, 0, expert)
    picture = {5: 30, 6: 30, 7: 30, 8: 30, 9: 30}
    cache.note(0, picture, sum(picture.values()))
    for expert in picture:
        slot = cache.take()
        assert slot is not None
        cache.settle(0, expert, slot)
    assert set(cache.kept(0)) == {1, 2, 3, 4}


def test_a_prompt_that_calls_every_expert_does_not_empty_the_cache() -> None:
    cache = ExpertCache(16, {0: 4}, num_spare=2)
    for _ in range(20):
        for expert in (1, 2, 3, 4):
            use(cache, 0, expert)
    everyone = dict.fromkeys(range(16), 1)
    cache.note(0, everyone, num_tokens=16)
    for expert in everyone:
        if cache.find(0, expert) is None:
            slot = cache.take()
            assert slot is not None
            cache.settle(0, expert, slot)
    assert set(cache.kept(0)) == {1, 2, 3, 4}


def test_a_prompt_seeds_the_cache_with_what_it_used_most() -> None:
    cache = ExpertCache(16, {0: 3}, num_spare=2)
    uses = {expert: 1 + 50 * (expert in (2, 7, 11)) for expert in range(16)}
    cache.note(0, uses, num_tokens=sum(uses.values()))
    for expert in uses:
        slot = cache.take()
        assert slot is not None
        cache.settle(0, expert, slot)
    assert set(cache.kept(0)) == {2, 7, 11}


def test_no_slot_is_lost_or_given_twice() -> None:
    chance = random.Random(0)
    cache = ExpertCache(12, {0: 3, 1: 5, 2: 0}, num_spare=2)
    in_hand: dict[tuple[int, int], int] = {}
    gone: list[int] = []
    for step in range(4000):
        layer, expert = chance.randrange(3), chance.randrange(12)
        cache.note(layer, {expert: 1}, 1)
        if in_hand and chance.random() < 0.6:
            key = chance.choice(list(in_hand))
            cache.settle(*key, in_hand.pop(key))
        elif (layer, expert) not in in_hand and cache.find(layer, expert) is None:
            slot = cache.take()
            if slot is not None:
                in_hand[layer, expert] = slot
        if step == 3000:
            for key in list(in_hand):
                cache.settle(*key, in_hand.pop(key))
            gone = cache.shrink(4, 1)
        held = [slot for each in range(3) for slot in cache.kept(each).values()]
        assert len({*held, *in_hand.values(), *gone}) == len(held) + len(in_hand) + len(gone)
        assert max(len(cache.kept(0)), len(cache.kept(1))) <= (5 if step < 3000 else 2)
        assert not cache.kept(2)
    for key in list(in_hand):
        cache.settle(*key, in_hand.pop(key))
    free = []
    while (slot := cache.take()) is not None:
        free.append(slot)
    held = [slot for each in range(3) for slot in cache.kept(each).values()]
    assert sorted([*free, *held, *gone]) == list(range(cache.num_slots))
    assert len(gone) == 4, "the experts of a layer that shrinks give their slots up"


def test_slots_go_one_by_one_where_most_are_kept() -> None:
    cache = ExpertCache(8, {0: 3, 1: 1, 2: 0}, num_spare=2)
    for expert, worth in ((4, 3), (5, 1), (6, 2)):
        slot = cache.take()
        assert slot is not None
        cache.note(0, {expert: worth}, worth)
        cache.settle(0, expert, slot)
    assert len(cache.shrink(1, 0)) == 1
    assert set(cache.kept(0)) == {4, 6}, "the one that is worth least goes"
    assert len(cache.shrink(9, 1)) == 1
    assert (set(cache.kept(0)), cache.num_kept) == ({4}, 1)
    assert len(cache.shrink(9, 0)) == 2
    assert cache.num_kept == 0
    assert [cache.take() is None for _ in range(3)] == [False, False, True], "the spare ones stay"


def test_an_expert_that_came_twice_loses_no_slot() -> None:
    cache = ExpertCache(8, {0: 2}, num_spare=1)
    first, second = cache.take(), cache.take()
    assert first is not None
    assert second is not None
    assert cache.settle(0, 5, first)
    assert cache.settle(0, 5, second)
    assert dict(cache.kept(0)) == {5: first}
    assert cache.take() is not None


def test_slots_are_divided_as_evenly_as_they_go() -> None:
    assert divided(7, [5, 1, 3]) == {1: 3, 3: 2, 5: 2}
    assert divided(0, range(2)) == {0: 0, 1: 0}
