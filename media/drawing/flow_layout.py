"""Places for the boxes of a flow chart: in layers, so that arrows run one way, with few crossings and short bends.

The method of Sugiyama, Tagawa and Toda (1981), in four steps: arrows that close a circle are turned round; each box
goes one layer below the last of those before it; within the layers boxes are sorted by where their neighbours are,
again and again, and the order with the fewest crossings is kept; then each layer is moved as near to its neighbours as
distances allow, which is a problem of least squares with an exact answer (`_nearest`). Arrows over several layers have
a place in each that they pass, and words on an arrow are such a place with a size. All is laid out from top to bottom.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

GAP, LAYER_GAP, PASS_WIDTH = 32.0, 46.0, 14.0
_SWEEPS = 16
_MOVES = 14


@dataclass(slots=True)
class Spot:
    """Something that takes room: a box, the words of an arrow, or an arrow that passes."""

    width: float
    height: float
    layer: int = 0
    x: float = 0.0  # of the middle
    y: float = 0.0
    group: str = ""
    is_box: bool = True


@dataclass(slots=True)
class Route:
    """An arrow: the numbers of its spots from top to bottom, and whether it was turned round for that."""

    spots: list[int]
    is_turned: bool = False
    words_at: int | None = None  # the spot that its words take


@dataclass(slots=True)
class Layout:
    spots: list[Spot]
    routes: list[Route]  # in the order of the arrows
    width: float = 0.0
    height: float = 0.0
    layer_tops: list[float] = field(default_factory=list)
    layer_bottoms: list[float] = field(default_factory=list)


Arrow = tuple[int, int, tuple[float, float] | None]  # from, to, and the size of the words on it


def lay_out(boxes: list[Spot], arrows: list[Arrow]) -> Layout:
    """Give each box its place. Arrows from a box to itself have a route of one spot."""
    turned = _turned(len(boxes), arrows)
    down = [(b, a) if is_turned else (a, b) for (a, b, _), is_turned in zip(arrows, turned, strict=True)]
    lengths = [2 if words else 1 for *_, words in arrows]
    _set_layers(boxes, down, lengths)
    layout = Layout(list(boxes), [])
    for (top, bottom), (_, _, words), is_turned in zip(down, arrows, turned, strict=True):
        layout.routes.append(_route(layout.spots, top, bottom, words, is_turned))
    layers = _ordered(layout)
    _set_places(layout, layers)
    return layout


def _turned(count: int, arrows: list[Arrow]) -> list[bool]:
    """Which arrows lead back to where one has come from, in the order in which they were written."""
    leaving: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number, (a, b, _) in enumerate(arrows):
        if a != b:
            leaving[a].append((number, b))
    turned, state = [False] * len(arrows), [0] * count  # 1: on the way here, 2: done
    for start in range(count):
        stack = [(start, iter(leaving[start]))] if not state[start] else []
        state[start] = state[start] or 1
        while stack:
            here, ways = stack[-1]
            step = next(ways, None)
            if step is None:
                state[here] = 2
                stack.pop()
            elif state[step[1]] == 1:
                turned[step[0]] = True
            elif state[step[1]] == 0:
                state[step[1]] = 1
                stack.append((step[1], iter(leaving[step[1]])))
    return turned


def _set_layers(boxes: list[Spot], down: list[tuple[int, int]], lengths: list[int]) -> None:
    """As high as what is above allows; and what nothing is above of, next to what is below it."""
    for _ in boxes:
        is_settled = True
        for (a, b), length in zip(down, lengths, strict=True):
            if a != b and boxes[b].layer < boxes[a].layer + length:
                boxes[b].layer = boxes[a].layer + length
                is_settled = False
        if is_settled:
            break
    has_above = {b for a, b in down if a != b}
    for number, box in enumerate(boxes):
        below = [boxes[b].layer - n for (a, b), n in zip(down, lengths, strict=True) if a == number and a != b]
        if number not in has_above and below:
            box.layer = min(below)


def _route(spots: list[Spot], top: int, bottom: int, words: tuple[float, float] | None, is_turned: bool) -> Route:
    first, last = spots[top].layer, spots[bottom].layer
    route = Route([top], is_turned)
    words_layer = (first + last) // 2 if words else -1
    for layer in range(first + 1, last):
        has_words = layer == words_layer and words is not None
        width, height = words if has_words and words else (PASS_WIDTH, 0.0)
        group = spots[top].group if spots[top].group == spots[bottom].group else ""
        spots.append(Spot(width, height, layer, group=group, is_box=False))
        route.spots.append(len(spots) - 1)
        if has_words:
            route.words_at = len(spots) - 1
    if top != bottom:
        route.spots.append(bottom)
    return route


def _neighbours(layout: Layout) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    for route in layout.routes:
        for a, b in pairwise(route.spots):
            above[b].append(a)
            below[a].append(b)
    return above, below


def _ordered(layout: Layout) -> list[list[int]]:
    """The layers, each from left to right."""
    above, below = _neighbours(layout)
    layers: list[list[int]] = [[] for _ in range(max(spot.layer for spot in layout.spots) + 1)]
    for number in _by_descent(layout, below):
        layers[layout.spots[number].layer].append(number)
    layers = [layer for layer in layers if layer]
    for index, layer in enumerate(layers):
        for number in layer:
            layout.spots[number].layer = index
    best, fewest = [list(layer) for layer in layers], _crossings(layers, below)
    for sweep in range(_SWEEPS):
        order = range(1, len(layers)) if sweep % 2 == 0 else range(len(layers) - 2, -1, -1)
        for index in order:
            beside = layers[index - 1] if sweep % 2 == 0 else layers[index + 1]
            _sort(layout, layers[index], beside, above if sweep % 2 == 0 else below)
        crossings = _crossings(layers, below)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _by_descent(layout: Layout, below: dict[int, list[int]]) -> list[int]:
    """All spots, each after what leads to it where that can be: the order in which a reader would meet them."""
    met: dict[int, None] = {}
    for start in sorted(range(len(layout.spots)), key=lambda number: layout.spots[number].layer):
        stack = [start]
        while stack:
            number = stack.pop()
            if number not in met:
                met[number] = None
                stack += reversed(below[number])
    return list(met)


def _sort(layout: Layout, layer: list[int], beside: list[int], toward: dict[int, list[int]]) -> None:
    """By the mean place of the neighbours; members of one group stay together."""
    place = {number: index for index, number in enumerate(beside)}
    own = {number: index / max(1, len(layer)) * len(beside) for index, number in enumerate(layer)}

    def mean(number: int) -> float:
        near = [place[other] for other in toward[number] if other in place]
        return sum(near) / len(near) if near else own[number]

    wanted = {number: mean(number) for number in layer}
    by_group: dict[str, list[float]] = defaultdict(list)
    for number in layer:
        by_group[layout.spots[number].group].append(wanted[number])

    def key(number: int) -> tuple[float, str, float]:
        group = layout.spots[number].group
        return (
            (sum(by_group[group]) / len(by_group[group]), group, wanted[number]) if group else (wanted[number], "", 0)
        )

    layer.sort(key=key)


def _crossings(layers: list[list[int]], below: dict[int, list[int]]) -> int:
    total = 0
    for upper, lower in pairwise(layers):
        place = {number: index for index, number in enumerate(lower)}
        ended: list[int] = []  # where the arrows before this one end
        for number in upper:
            ends = sorted(place[other] for other in below[number] if other in place)
            total += sum(len(ended) - bisect_right(ended, end) for end in ends)
            for end in ends:
                insort(ended, end)
    return total


def _set_places(layout: Layout, layers: list[list[int]]) -> None:
    y = 0.0
    for layer in layers:
        height = max(layout.spots[number].height for number in layer)
        layout.layer_tops.append(y)
        layout.layer_bottoms.append(y + height)
        x = 0.0
        for number in layer:
            spot = layout.spots[number]
            spot.y = y + height / 2
            spot.x = x + spot.width / 2
            x += spot.width + GAP
        y += height + LAYER_GAP
    above, below = _neighbours(layout)
    for move in range(_MOVES):
        is_downward = move % 2 == 0
        for layer in layers if is_downward else reversed(layers):
            _move(layout, layer, above if is_downward else below)
    left = min(spot.x - spot.width / 2 for spot in layout.spots)
    for spot in layout.spots:
        spot.x -= left
    layout.width = max(spot.x + spot.width / 2 for spot in layout.spots)
    layout.height = layout.layer_bottoms[-1]


def _move(layout: Layout, layer: list[int], toward: dict[int, list[int]]) -> None:
    """Each spot as near to the middle of its neighbours as the others of its layer let it."""
    spots = [layout.spots[number] for number in layer]
    wanted, weights = [], []
    for number, spot in zip(layer, spots, strict=True):
        near = [layout.spots[other].x for other in toward[number]]
        wanted.append(sum(near) / len(near) if near else spot.x)
        weights.append((1.0 if spot.is_box else 4.0) * len(near) or 0.05)  # bends in passing arrows are ugly
    offsets = [0.0]
    for a, b in pairwise(spots):
        offsets.append(offsets[-1] + (a.width + b.width) / 2 + GAP)
    free = _nearest([want - offset for want, offset in zip(wanted, offsets, strict=True)], weights)
    for spot, place, offset in zip(spots, free, offsets, strict=True):
        spot.x = place + offset


def _nearest(wanted: list[float], weights: list[float]) -> list[float]:
    """The rising row of numbers that is nearest to the wanted ones: neighbours that fall are pooled to their mean."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for want, weight in zip(wanted, weights, strict=True):
        mean, total, count = want, weight, 1
        while pools and pools[-1][0] > mean:
            other, heavy, many = pools.pop()
            mean, total, count = (mean * total + other * heavy) / (total + heavy), total + heavy, count + many
        pools.append((mean, total, count))
    return [mean for mean, _, count in pools for _ in range(count)]
