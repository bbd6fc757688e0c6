"""Every answer is true of its scene. The truth is worked out here from the words alone, not by the generator."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np

from core_model.training.data.colors import COLOR_NAMES
from core_model.training.data.descriptions import AT_PLACE, inventory
from core_model.training.data.questions import ask_about
from core_model.training.data.scenes import Scene, Shape, sample_scene
from core_model.training.data.shapes import KINDS
from core_model.training.data.turns import SKILLS, Turn

COLOR = "|".join(COLOR_NAMES)
KIND = "|".join(KINDS)
WHERE = r"in the (top left|top right|bottom left|bottom right|center)|at the (top|bottom)|on the (left|right)"
ONE = rf"(?:(?P<color>{COLOR}) )?(?P<kind>{KIND}|shape)"


def asked(count: int, with_print: bool = False) -> list[tuple[Scene, Turn]]:
    pairs = []
    for i in range(count):
        rng = np.random.default_rng(i)
        scene = sample_scene(rng, 1.0, "train", with_print)
        pairs += [(scene, turn) for turn in ask_about(scene, rng, "train", 8)]
    return pairs


ASKED = asked(520)


def fitting(scene: Scene, color: str | None, kind: str | None) -> list[Shape]:
    kind = None if kind in (None, "shape") else kind
    return [s for s in scene.shapes if color in (None, s.color) and kind in (None, s.kind)]


def answers(skill: str, pattern: str) -> list[tuple[Scene, Turn, re.Match[str]]]:
    found = [(scene, turn, re.fullmatch(pattern, turn.answer)) for scene, turn in ASKED if turn.skill == skill]
    matched = [(scene, turn, match) for scene, turn, match in found if match]
    assert len(matched) >= 20, (skill, pattern)
    return matched


def thirds(scene: Scene, shape: Shape) -> tuple[int, int]:
    return int(3 * shape.x / scene.width), int(3 * shape.y / scene.height)


def third_of(words: str) -> tuple[int, int]:
    column = 0 if "left" in words else 2 if "right" in words else 1
    return column, 0 if "top" in words else 2 if "bottom" in words else 1


def test_colors() -> None:
    for scene, turn, match in answers("color", rf"The (?P<kind>{KIND}) is (?P<color>{COLOR})\."):
        shapes = fitting(scene, None, match["kind"])
        assert match["color"] in {s.color for s in shapes}, turn
        if not turn.is_follow_up:
            assert len(shapes) == 1, turn


def test_kinds() -> None:
    for scene, turn, match in answers("shape", rf"The (?P<color>{COLOR}) shape is an? (?P<kind>{KIND})\."):
        assert [s.kind for s in fitting(scene, match["color"], None)] == [match["kind"]], turn


def test_positions() -> None:
    for scene, turn, match in answers("position", rf"The {ONE} is (?P<where>{WHERE})\."):
        shapes = fitting(scene, match["color"], match["kind"])
        assert third_of(match["where"]) in [thirds(scene, s) for s in shapes], turn
        if not turn.is_follow_up:
            assert len(shapes) == 1, turn


def test_what_is_at_a_place() -> None:
    for scene, turn, match in answers("position", rf"There is (?P<what>.+?) (?P<where>{WHERE})\."):
        there = [s for s in scene.shapes if thirds(scene, s) == third_of(match["where"])]
        if match["what"] == "nothing":
            assert not there, turn
        else:
            said = re.findall(rf"({COLOR}) ({KIND})", match["what"])
            assert sorted(said) == sorted((s.color, s.kind) for s in there), turn


def test_counts() -> None:
    kinds = "|".join(f"{k}e?s?" for k in (*KINDS, "shape"))
    counted = rf"(?:There are (?P<none>no)|(?P<ones>One .+): (?P<n>\d+)) (?:(?P<color>{COLOR}) )?(?P<kind>{kinds})\."
    for scene, turn, match in answers("count", counted):
        kind = next(k for k in (*KINDS, "shape") if match["kind"].startswith(k) and len(match["kind"]) - len(k) <= 2)
        counted_shapes = sorted(fitting(scene, match["color"], kind), key=lambda s: thirds(scene, s)[::-1])
        assert len(counted_shapes) == int(match["n"] or 0), turn
        aloud = [third_of(where) for where, *_ in re.findall(rf"[Oo]ne ({WHERE})", match["ones"] or "")]
        assert aloud == [thirds(scene, s) for s in counted_shapes], turn


def test_sizes() -> None:
    for scene, turn, match in answers("size", rf"The {ONE} is (?P<size>small|medium-sized|large)\."):
        sizes = {s.size for s in fitting(scene, match["color"], match["kind"])}
        assert match["size"].removesuffix("-sized") in sizes, turn


def test_existence_is_true_and_balanced() -> None:
    said = Counter()
    for scene, turn, match in answers(
        "exists", rf"(?P<yes>Yes|No), there (?:is|are) (?:(?:an?|no) )?{ONE}(?P<many>e?s)?\."
    ):
        number = len(fitting(scene, match["color"], match["kind"]))
        assert (number > 0) == (match["yes"] == "Yes"), turn
        assert (number > 1) == bool(match["many"]), turn
        said[match["yes"]] += 1
    assert 0.35 < said["Yes"] / said.total() < 0.65


def test_comparisons() -> None:
    either = ONE.replace("?P<color>", "").replace("?P<kind>", "")
    relation = rf"The {either} is (left of|right of|above|below) the {either}(?:, so (yes|no))?\."
    verdicts = Counter()
    for scene, turn, match in answers("compare", relation):
        color, kind, how, other_color, other_kind, verdict = match.groups()
        (one,), (other,) = fitting(scene, color, kind), fitting(scene, other_color, other_kind)
        true = {
            "left of": one.x < other.x,
            "right of": one.x > other.x,
            "above": one.y < other.y,
            "below": one.y > other.y,
        }
        assert true[how], turn
        if verdict:
            words = {
                "left of": "left of",
                "right of": "right of",
                "above": "above|higher",
                "below": "below|under|lower",
            }
            assert bool(re.search(rf"\b({words[how]})\b", turn.question.lower())) == (verdict == "yes"), turn
        verdicts[verdict] += 1
    assert min(verdicts["yes"], verdicts["no"]) > 5, verdicts
    for scene, turn, match in answers("compare", rf"The {ONE} is (?P<how>larger|smaller)\."):
        (shape,) = fitting(scene, match["color"], match["kind"])
        others = [s for s in scene.shapes if s is not shape]
        if match["how"] == "larger":
            assert any(s.diameter < shape.diameter for s in others), turn
        else:
            assert any(s.diameter > shape.diameter for s in others), turn


def test_descriptions_name_every_shape_in_reading_order() -> None:
    checked = 0
    for scene, turn in ASKED:
        if turn.skill != "describe" or not 1 <= len(scene.shapes) <= 3:
            continue
        found = re.findall(rf"an? (?:(large|small) )?({COLOR}) ({KIND}) ({WHERE})", turn.answer)
        said = [(size or "medium", color, kind, third_of(where)) for size, color, kind, where, *_ in found]
        expected = [(s.size, s.color, s.kind, thirds(scene, s)) for s in scene.shapes]
        assert sorted(said) == sorted(expected), turn
        order = [row * 3 + column for *_, (column, row) in said]
        assert order == sorted(order), turn
        assert turn.answer.endswith(f" {scene.background.name} background."), turn
        checked += 1
    assert checked > 80


def test_descriptions_of_many_shapes_name_them_one_by_one() -> None:
    crowded = [(scene, turn) for scene, turn in ASKED if turn.skill == "describe" and len(scene.shapes) > 3]
    assert len(crowded) > 20
    for scene, turn in crowded:
        found = re.findall(rf"an? ({COLOR}) ({KIND}) ({WHERE})", turn.answer)
        said = [(color, kind, third_of(where)) for color, kind, where, *_ in found]
        assert said == [(s.color, s.kind, thirds(scene, s)) for s in scene.in_reading_order()], turn


def test_lists_name_one_color_for_each_shape() -> None:
    one = rf"({COLOR}) ({WHERE})"
    for scene, turn, match in answers("list", r"I see (.+)\."):
        said = [(color, third_of(where)) for color, where, *_ in re.findall(one, match[1])]
        assert said == [(s.color, thirds(scene, s)) for s in scene.in_reading_order()], turn


def test_background_answers() -> None:
    for scene, turn, match in answers("background", r"(?:(Yes|No), t|T)he background is (a gradient|[a-z ]+)\."):
        assert match[2].removeprefix("a ") == scene.background.name, turn
        if match[1]:
            assert (re.search(rf"\b{scene.background.name}\b", turn.question.lower()) is not None) == (
                match[1] == "Yes"
            ) or scene.background.name == "gradient"


def test_absent_things_are_absent() -> None:
    for scene, turn, match in answers("absent", r"There is no (\w+) in this picture\."):
        assert match[1] not in {s.kind for s in scene.shapes}, turn


def test_reading_answers_spell_what_is_printed() -> None:
    checked = Counter()
    for scene, turn in asked(150, with_print=True):
        if not scene.prints or turn.skill not in ("read_digits", "read_word"):
            continue
        text = scene.prints[0].text.upper()
        whole = re.search(r'The number is (\d+)\.|It says "([A-Z]+)"\.', turn.answer)
        if whole:
            assert (whole[1] or whole[2]) == text, turn
            checked[turn.skill] += 1
        one = re.search(r'The (first|second|third|fourth|fifth|last) (?:digit|letter) is "?(\w)', turn.answer)
        if one:
            at = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}[one[1]]
            assert text[at] == one[2], turn
            checked["one"] += 1
    assert min(checked[name] for name in ("read_digits", "read_word", "one")) > 15, checked


def is_true_of_one_named(answer: str, before: Turn, scene: Scene) -> bool:
    """Whether "It is red." fits a shape that the turn before spoke of; "it" again means one of any kind."""
    said = answer.removeprefix("It is ").removesuffix(".").removesuffix("-sized")
    spoken = [s for s in scene.shapes if s.kind in before.question + before.answer] or list(scene.shapes)
    return any(said in (s.color, s.size, AT_PLACE[scene.place_of(s)]) for s in spoken)


def test_follow_ups_speak_of_the_shape_before() -> None:
    checked = 0
    for i in range(400):
        rng = np.random.default_rng(i)
        scene = sample_scene(rng, 1.0)
        turns = ask_about(scene, rng, "train", 8)
        assert not turns or not turns[0].is_follow_up
        for before, turn in pairwise(turns):
            if turn.is_follow_up:
                assert is_true_of_one_named(turn.answer, before, scene), (before, turn)
                checked += 1
    assert checked > 100


def test_answers_are_short_and_every_skill_is_known() -> None:
    for _, turn in ASKED:
        assert turn.skill in SKILLS
        assert len(turn.answer.split()) <= 45, turn.answer
        assert turn.answer[0].isupper()
        assert turn.answer.endswith(".")
        assert turn.question.strip()
        assert not re.search(r"[{}\[\]|$<>]", turn.question + turn.answer), turn


def test_the_first_question_is_mostly_general() -> None:
    firsts = Counter()
    for i in range(300):
        rng = np.random.default_rng(i)
        firsts[ask_about(sample_scene(rng, 1.0), rng, "train", 4)[0].skill] += 1
    assert 0.35 < firsts["describe"] / 300 < 0.65


def test_nobody_is_asked_about_the_top_when_something_is_in_a_top_corner() -> None:
    for scene, turn, match in answers("position", rf"There is (?P<what>.+?) (?P<where>{WHERE})\."):
        column, row = third_of(match["where"])
        if (column == 1) != (row == 1):
            cells = [thirds(scene, shape) for shape in scene.shapes]
            corners = [(c, r) for c, r in cells if 1 not in (c, r)]
            assert not any(r == row if column == 1 else c == column for c, r in corners), turn


def test_an_inventory_says_everything_about_every_shape() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        scene = sample_scene(rng, 1.0)
        said = inventory(scene)
        if not scene.shapes:
            assert said == "Nothing."
            continue
        items = said.removeprefix("Seen: ").removesuffix(".").split("; ")
        expected = [f"{s.size} {s.color} {s.kind} {scene.place_of(s)}" for s in scene.shapes]
        assert sorted(items) == sorted(expected)
