"""Settings are kept, repaired field by field, and never stop the program."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from core_model.types import SamplingParams
from gui.settings import NUM_RECENT_MODELS, Settings, SettingsKeeper, from_json, to_json

CHOSEN = Settings("dark", "ctrl+enter", 1.5, False, 0.0, 0.9, 512, "/models/scout", ("/models/scout", "/models/x"))


def test_what_was_chosen_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "settings.json"
    SettingsKeeper(path).update(CHOSEN)
    again = SettingsKeeper(path)
    assert again.value == CHOSEN
    assert again.repairs == []
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


def test_no_file_means_defaults(tmp_path: Path) -> None:
    keeper = SettingsKeeper(tmp_path / "settings.json")
    assert keeper.value == Settings()
    assert keeper.repairs == []


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("theme", "pink"), ("send_key", 3), ("font_scale", 99), ("font_scale", True), ("show_sidebar", "yes"),
        ("temperature", -1), ("temperature", "hot"), ("top_p", 0), ("top_p", 1.1), ("max_new_tokens", 0),
        ("max_new_tokens", 1.5), ("model_folder", None), ("model_folder", "a\0b"),
        ("recent_models", "x"), ("recent_models", [1]),
    ],
)  # fmt: skip
def test_a_bad_entry_takes_its_default_and_is_named(name: str, bad: object) -> None:
    settings, repairs = from_json(to_json(CHOSEN) | {name: bad})
    assert repairs == [name]
    assert settings == replace(CHOSEN, **{name: getattr(Settings(), name)})


def test_entries_of_a_newer_version_are_ignored() -> None:
    assert from_json(to_json(CHOSEN) | {"version": 9, "hologram": True}) == (CHOSEN, [])


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "nonsense", '"text"', "[" * 100_000])
def test_a_file_that_is_nothing_means_defaults(tmp_path: Path, content: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content)
    keeper = SettingsKeeper(path)
    assert keeper.value == Settings()
    assert keeper.repairs == ["settings"]
    keeper.update(CHOSEN)
    assert SettingsKeeper(path).value == CHOSEN


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(to_json(CHOSEN))), JSON) | JSON)
def test_whatever_the_file_holds_the_settings_can_be_used(values: object) -> None:
    settings, _ = from_json(values)
    assert isinstance(settings.sampling, SamplingParams)
    assert from_json(json.loads(json.dumps(to_json(settings)))) == (settings, [])


def test_a_change_is_told_once(qtbot: QtBot, tmp_path: Path) -> None:
    keeper, told = SettingsKeeper(tmp_path / "settings.json"), []
    keeper.changed.connect(told.append)
    keeper.update(CHOSEN)
    keeper.update(CHOSEN)
    assert told == [CHOSEN]


def test_a_folder_that_cannot_be_written_is_said_and_survived(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("in the way")
    keeper, said = SettingsKeeper(tmp_path / "config" / "settings.json"), []
    keeper.trouble.connect(said.append)
    keeper.update(CHOSEN)
    assert keeper.value == CHOSEN
    assert len(said) == 1


def test_a_file_that_cannot_be_replaced_leaves_no_rest(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "settings.json" / "in the way").mkdir(parents=True)
    keeper, said = SettingsKeeper(tmp_path / "settings.json"), []
    keeper.trouble.connect(said.append)
    keeper.update(CHOSEN)
    assert len(said) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


def test_what_a_dialog_does_not_offer_is_as_it_is_now(qtbot: QtBot, tmp_path: Path) -> None:
    keeper = SettingsKeeper(tmp_path / "settings.json")
    shown = keeper.value
    keeper.update(replace(keeper.value.with_model("/models/scout"), show_sidebar=False))  # while the dialog is open
    keeper.choose(replace(shown, theme="dark", temperature=0.0))
    assert keeper.value == Settings(
        theme="dark",
        temperature=0.0,
        show_sidebar=False,
        model_folder="/models/scout",
        recent_models=("/models/scout",),
    )


def test_recent_models_are_unique_newest_first_and_few() -> None:
    settings = Settings()
    for number in range(20):
        settings = settings.with_model(f"/m{number % 12}")
    assert settings.model_folder == "/m7"
    assert settings.recent_models[0] == "/m7"
    assert len(settings.recent_models) == len(set(settings.recent_models)) == NUM_RECENT_MODELS
    built_in = settings.with_model("")
    assert built_in.model_folder == ""
    assert built_in.recent_models == settings.recent_models
