"""Diagrams: what is read, where boxes come to stand, and what is refused."""

from __future__ import annotations

import random
import re
from itertools import combinations, pairwise

import pytest

from media.drawing import flow_layout
from media.drawing.diagrams import draw_diagram, is_diagram
from media.drawing.flow_layout import Spot, lay_out
from media.drawing.flow_source import read_flow
from media.drawing.lettering import Lettering, text_width
from media.drawing.raster import rasterize
from media.drawing.sketch import SERIES, document
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS as LIMITS

FLOW = """graph TD
    A[Start] --> B{Is it working?}
    B -->|Yes| C["Keep (it)"]
    B -- No --> D((Fix it))
    D -.-> A
    C ==> E([End])"""


def places(source: str) -> dict[str, tuple[float, float]]:
    """The middle of each line of words."""
    body = draw_diagram(source, LIMITS).body
    found = re.findall(r'<text x="([-\d.]+)" y="([-\d.]+)"[^>]* font-size="([\d.]+)"[^>]*>([^<]*)</text>', body)
    return {words: (float(x) + text_width(words, Lettering(float(size))) / 2, float(y)) for x, y, size, words in found}


def test_nodes_links_and_their_words_are_read() -> None:
    flow = read_flow(FLOW, LIMITS)
    assert {name: (node.text, node.shape) for name, node in flow.nodes.items()} == {
        "A": ("Start", "box"),
        "B": ("Is it working?", "diamond"),
        "C": ("Keep (it)", "box"),
        "D": ("Fix it", "circle"),
        "E": ("End", "stadium"),
    }
    assert [(link.source, link.target, link.text, link.style) for link in flow.links] == [
        ("A", "B", "", "solid"),
        ("B", "C", "Yes", "solid"),
        ("B", "D", "No", "solid"),
        ("D", "A", "", "dotted"),
        ("C", "E", "", "thick"),
    ]


@pytest.mark.parametrize(
    ("link", "style", "start", "end"),
    [
        ("-->", "solid", "", ">"), ("---", "solid", "", ""), ("---->", "solid", "", ">"), ("<-->", "solid", ">", ">"),
        ("-.->", "dotted", "", ">"), ("-.-", "dotted", "", ""), ("-..->", "dotted", "", ">"), ("==>", "thick", "", ">"),
        ("===", "thick", "", ""), ("--o", "solid", "", "o"), ("--x", "solid", "", "x"), ("~~~", "unseen", "", ""),
        ("-. why .->", "dotted", "", ">"), ("== why ==>", "thick", "", ">"), ("-- why ---", "solid", "", ""),
    ],
)  # fmt: skip
def test_each_kind_of_link(link: str, style: str, start: str, end: str) -> None:
    (found,) = read_flow(f"graph LR\na {link} b", LIMITS).links
    assert (found.source, found.target, found.style, found.start, found.end) == ("a", "b", style, start, end)
    assert found.text == ("why" if "why" in link else "")


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        ("a[x]", "box"), ("a(x)", "round"), ("a([x])", "stadium"), ("a[[x]]", "routine"), ("a[(x)]", "cylinder"),
        ("a((x))", "circle"), ("a{x}", "diamond"), ("a{{x}}", "hexagon"), ("a[/x/]", "slanted"),
        ("a[/x\\]", "trapezoid"), ("a>x]", "flag"), ('a["x"]:::big', "box"), ("a(((x)))", "circle"),
    ],
)  # fmt: skip
def test_each_shape_is_read_and_drawn(node: str, shape: str) -> None:
    flow = read_flow(f"graph TD\n{node} --> b", LIMITS)
    assert (flow.nodes["a"].text, flow.nodes["a"].shape) == ("x", shape)
    sketch = draw_diagram(f"graph TD\n{node} --> b", LIMITS)
    assert (rasterize(document(sketch), round(sketch.width), round(sketch.height)) < 128).any()


def test_chains_groups_and_what_is_passed_over() -> None:
    flow = read_flow(
        "flowchart LR\nsubgraph one [First group]\n a & b --> c\nend\n%% no\nstyle a fill:#f00\nclassDef x y\n"
        'c --> d["two<br>lines &amp; #quot;more#quot;"]; d-->e-f_2',
        LIMITS,
    )
    assert flow.groups == {"one": "First group"}
    assert [node.group for node in flow.nodes.values()] == ["one", "one", "one", "", ""]
    assert [(link.source, link.target) for link in flow.links] == [("a", "c"), ("b", "c"), ("c", "d"), ("d", "e-f_2")]
    assert flow.nodes["d"].text == 'two\nlines & "more"'


def test_what_comes_after_stands_below_or_to_the_right() -> None:
    down = places("graph TD\nA[first] --> B[second] --> C[third]")
    assert down["first"][1] < down["second"][1] < down["third"][1]
    assert down["first"][0] == pytest.approx(down["third"][0], abs=1)
    across = places("graph LR\nA[first] --> B[second] --> C[third]")
    assert across["first"][0] < across["second"][0] < across["third"][0]
    up = places("graph BT\nA[first] --> B[second]")
    assert up["first"][1] > up["second"][1]


def test_words_of_an_arrow_stand_between_its_boxes() -> None:
    where = places(FLOW)
    assert where["Is it working?"][1] < where["Yes"][1] < where["Keep (it)"][1]
    assert where["Is it working?"][1] < where["No"][1] < where["Fix it"][1]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_overlaps(seed: int) -> None:
    """Boxes, words and passing arrows of charts at random, circles and loops among them."""
    chance = random.Random(seed)
    count = chance.randint(1, 25)
    boxes = [Spot(chance.uniform(20, 200), chance.uniform(20, 90)) for _ in range(count)]
    arrows = [
        (chance.randrange(count), chance.randrange(count), (40.0, 20.0) if chance.random() < 0.3 else None)
        for _ in range(chance.randint(0, 2 * count))
    ]
    layout = lay_out(boxes, arrows)
    for one, other in combinations(layout.spots, 2):
        if one.layer == other.layer:
            assert abs(one.x - other.x) >= (one.width + other.width) / 2 + 20
        else:
            assert abs(one.y - other.y) >= (one.height + other.height) / 2 + 20
    for (a, b, words), route in zip(arrows, layout.routes, strict=True):
        layers = [layout.spots[index].layer for index in route.spots]
        assert layers == list(range(layers[0], layers[-1] + 1)), "an arrow has a place in each layer that it passes"
        assert {route.spots[0], route.spots[-1]} == {a, b}
        assert (route.words_at is not None) == (words is not None and a != b)
    for spot in layout.spots:
        assert spot.width / 2 - 0.01 <= spot.x <= layout.width - spot.width / 2 + 0.01


def test_crossings_are_undone() -> None:
    """Two pairs written crosswise."""
    where = places("graph TD\na --> y\nb --> x\nc --> z\na --- top[t]\n")
    order = sorted("abc", key=lambda name: where[name][0])
    below = sorted("xyz", key=lambda name: where[name][0])
    assert [{"a": "y", "b": "x", "c": "z"}[name] for name in order] == below


def test_sweeps_leave_fewer_crossings(monkeypatch: pytest.MonkeyPatch) -> None:
    def crossings() -> int:
        total = 0
        for seed in range(10):
            chance = random.Random(seed)
            arrows = [(chance.randrange(8), 8 + chance.randrange(8), None) for _ in range(14)]
            layout = lay_out([Spot(40, 20) for _ in range(16)], list(arrows))
            ends = [(layout.spots[a].x, layout.spots[b].x) for a, b, _ in arrows]
            total += sum((one[0] - other[0]) * (one[1] - other[1]) < 0 for one, other in combinations(ends, 2))
        return total

    swept = crossings()
    monkeypatch.setattr(flow_layout, "_SWEEPS", 0)
    assert swept < 0.8 * crossings()


SEQUENCE = """sequenceDiagram
    participant U as User
    U->>W: Drops a picture
    Note over U,W: it is read
    loop each token
        W-->>U: a word
    end
    W->>W: thinks
    W-xU: gives up"""


def test_messages_stand_below_each_other_between_their_lifelines() -> None:
    where = places(SEQUENCE)
    rows = [where[words][1] for words in ("Drops a picture", "it is read", "a word", "thinks", "gives up")]
    assert all(20 < b - a < 120 for a, b in pairwise(rows))
    left, right = (float(x) for x in re.findall(r'<line x1="([\d.]+)"', draw_diagram(SEQUENCE, LIMITS).body)[:2])
    assert left < right
    assert left < where["Drops a picture"][0] < right
    assert {"User", "W", "loop", "[each token]"} <= set(where)


def test_words_of_a_message_are_clear_of_the_arrow_above() -> None:
    body = draw_diagram("sequenceDiagram\nA->>B: one\nA->>B: two", LIMITS).body
    arrow = float(re.findall(r'<line x1="[\d.]+" y1="([\d.]+)"[^>]* stroke-width="1.4"', body)[0])
    assert float(re.findall(r' y="([\d.]+)"[^>]*>two<', body)[0]) - 13 > arrow, "the size of the letters"


def test_pies_are_drawn_as_charts_are() -> None:
    body = draw_diagram('pie showData title Pets\n "Dogs" : 30\n "Cats" : 10', LIMITS).body
    assert "75 %" in body
    assert "Pets" in body
    assert SERIES[1] in body


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("graph TD\nA --> B\nB -> C", "Line 3 .*an arrow such as"),
        ("graph TD\nA[open --> B", "Line 2 .*not closed"),
        ("graph TD\nA --> ", "Line 2 .*name of a box"),
        ("graph TD\nend", "Line 2 .*no subgraph"),
        ("graph TD\n", "no boxes"),
        ("gantt\n title x", "gantt are not drawn here"),
        ("something else", "not drawn here"),
        ("sequenceDiagram\nA says B", "Line 2 .*a message such as"),
        ("sequenceDiagram\n", "Nobody"),
        ("pie\n Dogs 3", "Line 2 .*a slice is"),
        ("graph TD\n" + "\n".join(f"n{n} --> n{n + 1}" for n in range(300)), "more than 200 boxes"),
        ("graph TD\n" + "a --> b\n" * 900, "more than 200 boxes"),
        ("sequenceDiagram\n" + "a->>b: x\n" * 900, "more than 800 steps"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(source: str, said: str) -> None:
    with pytest.raises(MediaError, match=said):
        draw_diagram(source, LIMITS)


def test_a_knot_is_refused_or_drawn_in_bounded_work() -> None:
    names = [f"n{n}" for n in range(25)]
    knot = "graph TD\n" + "\n".join(f"{a} --> {b}" for a, b in combinations(names, 2))
    assert draw_diagram(knot, LIMITS).body
    long = [f"n{n}" for n in range(190)]
    arrows = [f"{a} --> {b}" for a, b in pairwise(long)] + [f"n0 -->|x| {b}" for b in long]
    with pytest.raises(MediaError, match="cannot be told apart"):
        draw_diagram("graph TD\n" + "\n".join(arrows), LIMITS)


@pytest.mark.parametrize("seed", range(60))
def test_damaged_diagrams_are_drawn_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    source = list(chance.choice([FLOW, SEQUENCE]))
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(source))
        source[at] = chance.choice(["", "[", "]", "{", "-", ">", "\n", '"', "|", "&", ":", "é", "end", source[at] * 2])
    try:
        sketch = draw_diagram("".join(source), LIMITS)
    except MediaError:
        return
    rasterize(document(sketch), 50, 50)


def test_a_diagram_is_known_by_its_beginning() -> None:
    assert is_diagram("graph TD\n a --> b")
    assert is_diagram("%% a remark\nsequenceDiagram\n a->>b: x")
    assert not is_diagram("graph theory is fun")
    assert not is_diagram("A pie: take apples.")
