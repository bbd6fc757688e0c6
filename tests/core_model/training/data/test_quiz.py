"""The lessons say what the scene holds."""

from __future__ import annotations

import numpy as np

from core_model.training.data.colors import COLOR_NAMES
from core_model.training.data.quiz import Quiz, quiz
from core_model.training.data.scenes import PLACES, Scene, sample_scene
from core_model.training.data.shapes import KINDS


def lessons(count: int) -> list[tuple[Scene, Quiz]]:
    made = []
    for index in range(count):
        rng = np.random.default_rng(index)
        scene = sample_scene(rng, 1.0, "train", with_print=index % 4 == 0)
        made.append((scene, quiz(scene, rng, 14)))
    return made


def answer(scene: Scene, cue: str) -> str:
    """What the scene says, found another way than the lesson finds it."""
    shapes = scene.in_reading_order()
    names = {f"{shape.color} {shape.kind}": shape for shape in shapes}
    what, _, about = cue.rpartition(" ")
    if cue == "count":
        return str(len(shapes))
    if cue == "background":
        return scene.background.name
    if cue in ("text", "number"):
        return f'"{scene.prints[0].text.upper()}"'
    if cue in PLACES:
        return ", ".join(f"{s.color} {s.kind}" for s in shapes if scene.place_of(s) == cue) or "nothing"
    if cue in KINDS:
        return ", ".join(s.color for s in shapes if s.kind == cue) or "nothing"
    if cue in COLOR_NAMES:
        return ", ".join(s.kind for s in shapes if s.color == cue) or "nothing"
    if about == "count":
        return str(sum(s.kind == what for s in shapes))
    if about == "there":
        return "yes" if what in names else "no"
    if about == "where":
        return scene.place_of(names[what])
    if about == "size" and "," not in what:
        return names[what].size
    one, other = (names[name] for name in what.split(", "))
    if about == "side":
        return "left" if one.x < other.x else "right"
    if about == "height":
        return "above" if one.y < other.y else "below"
    assert about == "size"
    return "larger" if one.diameter > other.diameter else "smaller"


def test_every_answer_is_right_and_every_kind_of_cue_occurs() -> None:
    seen = set()
    for scene, items in lessons(300):
        assert 0 < len(items) <= 14
        assert len({cue for cue, _ in items}) == len(items)
        for cue, said in items:
            assert (cue[0], cue[-1], said[0], said[-1]) == (" ", ":", " ", ";")
            assert said[1:-1] == answer(scene, cue[1:-1]), cue
            seen.add(cue[1:-1] if cue[1:-1] in PLACES else cue[1:-1].rpartition(" ")[2])
    assert seen >= {"where", "size", "count", "background", "text", "number", "there", "side", "height", *PLACES[::2]}


def test_a_third_is_about_what_is_not_there() -> None:
    said = [said for _, items in lessons(100) for _, said in items]
    share = sum(answer in (" nothing;", " no;", " yes;") for answer in said) / len(said)
    assert 0.25 < share < 0.5
