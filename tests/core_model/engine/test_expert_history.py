"""What is kept of experts between two runs, and what a damaged file does: nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core_model.engine import expert_history, expert_traffic
from core_model.engine.expert_cache import ExpertCache
from core_model.engine.expert_history import MOST_USES, ExpertHistory, history_file, read_history, write_history
from core_model.local_assistant import LocalAssistant
from core_model.types import GenerationRequest, LoadRequest, MemoryLimits, Message, Role, SamplingParams
from tests.assistants import plan_without_work


class OneTier:
    """As much of an `ExpertMemory` as a history asks for."""

    def __init__(self, num_kept: int = 2) -> None:
        self.cache = ExpertCache(4, {1: num_kept, 3: num_kept}, 1)
        self.tiers = (self,)


def use(tier: OneTier, layer: int, expert: int, times: int) -> None:
    for _ in range(times):
        tier.cache.note(layer, {expert: 1}, 1)


def bring(tier: OneTier, layer: int, expert: int) -> None:
    slot = tier.cache.take()
    assert slot is not None
    tier.cache.settle(layer, expert, slot)


def test_counts_of_runs_add_up_and_probes_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "model.json"
    for times in (5, 7):
        tier = OneTier()
        use(tier, 1, 0, 100)  # a probe, before anything is known
        history = ExpertHistory(tier, file)  # type: ignore[arg-type]
        use(tier, 1, 2, times)
        history.save()
        history.save()
    assert {layer: uses.tolist() for layer, uses in read_history(file, 4).items()} == {1: [0, 0, 12, 0], 3: [0] * 4}
    assert [each.name for each in file.parent.iterdir()] == ["model.json"]


def test_what_was_used_before_keeps_its_slot(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    write_history(file, {1: np.array([0, 90, 60, 1]), 3: np.array([0, 0, 0, 0])})
    fresh, seeded = OneTier(), OneTier()
    ExpertHistory(seeded, file)  # type: ignore[arg-type]
    for tier in (fresh, seeded):
        for expert in (1, 2, 3, 0):
            use(tier, 1, expert, 1)
            bring(tier, 1, expert)
    assert set(fresh.cache.kept(1)) == {3, 0}, "the last two"
    assert set(seeded.cache.kept(1)) == {1, 2}, "those that were called most"


def test_counts_stay_small(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    write_history(file, {1: np.array([MOST_USES, 0, 0, 0])})
    tier = OneTier()
    history = ExpertHistory(tier, file)  # type: ignore[arg-type]
    use(tier, 1, 3, 100)
    history.save()
    assert read_history(file, 4)[1].tolist() == [MOST_USES // 2, 0, 0, 50]


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", '{"uses": 3}', '{"uses": {"1": "no"}}', '{"uses": {"one": [1, 2, 3, 4]}}',
    '{"uses": {"1": [1, 2, 3]}}', '{"uses": {"1": [1, 2, 3, -4]}}', '{"uses": {"1": [1, 2, 3, 1e400]}}',
    '{"uses": {"1": [1, 2, 3, 99999999999999999999999]}}', '{"uses": {"1": [[1], 2, 3, 4]}}', "[" * 100_000,
    '{"uses": {"1": [1, 2, 3, 4000000000]}}',
])  # fmt: skip
def test_a_damaged_file_is_no_history(tmp_path: Path, text: str) -> None:
    file = tmp_path / "model.json"
    file.write_text(text, encoding="utf-8")
    assert read_history(file, 4) == {}


def test_a_folder_that_cannot_be_written_is_a_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        write_history(tmp_path / "file" / "model.json", {1: np.array([1])})
    assert "could not be kept" in caplog.text


def test_the_assistant_remembers(tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    plan_without_work(monkeypatch)
    monkeypatch.setattr(expert_traffic, "RESERVE", 0)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    known = []
    for _ in range(2):
        assistant = LocalAssistant()
        for _ in assistant.load(LoadRequest(folder, MemoryLimits(ram_bytes=whole), "cpu")):
            pass
        request = GenerationRequest((Message.of(Role.USER, "Hello"),), SamplingParams(max_new_tokens=5))
        for _ in assistant.stream(request):
            pass
        assistant.unload()
        known.append(
            sum(sum(uses) for uses in json.loads(history_file(folder).read_text(encoding="utf-8"))["uses"].values())
        )
    assert known[1] == 2 * known[0] > 0
    assert expert_history.history_file(folder).parent.name == "experts"
