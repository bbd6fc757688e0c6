"""Sequence diagrams in Mermaid's language as drawings: who speaks with whom, from top to bottom.

Each participant has a lifeline; messages, notes and blocks (loop, alt, opt, par) take rows below each other, and the
distance between two lifelines is what the words between them need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from media.drawing.flow_source import clean_words, wrong_line
from media.drawing.lettering import Lettering, text_at, text_width, wrapped
from media.drawing.sketch import (
    ACCENT_GROUND,
    INK,
    LINE,
    PAPER,
    RAISED,
    SOFT,
    Sketch,
    element,
    line,
    moved,
    path,
    polyline,
    rectangle,
)
from media.errors import MediaError
from media.limits import Limits

_EDGE = "#A79D90"
_NAME, _WORDS = Lettering(14, INK), Lettering(13, INK)
_SMALL = Lettering(12, SOFT, is_bold=True)
_MARGIN, _LEAST_GAP, _HEAD, _ROW, _LINE = 24.0, 130.0, 40.0, 17.0, 17.0
_WIDEST_WORDS, _LOOP = 240.0, 34.0
_PARTICIPANT = re.compile(r"(?:create\s+)?(participant|actor)\s+(.+?)(?:\s+as\s+(.+))?")
_MESSAGE = re.compile(r"(.+?)\s*(<<-->>|<<->>|-->>|->>|--x|-x|--\)|-\)|-->|->)\s*[+-]?\s*([^:]+?)\s*(?::\s*(.*))?")
_NOTE = re.compile(r"note\s+(left of|right of|over)\s+([^:,]+?)(?:\s*,\s*([^:]+?))?\s*:\s*(.*)", re.IGNORECASE)
_OPENING = re.compile(r"(loop|alt|opt|par|critical|break|rect)\b\s*(.*)")
_DIVIDING = re.compile(r"(else|and|option)\b\s*(.*)")
_PASSED_OVER = re.compile(r"(?:autonumber|activate|deactivate|destroy|box|link|links|accTitle|accDescr)\b")


@dataclass(slots=True)
class _Step:
    """A row of the diagram."""

    kind: str  # message, note, open, divide, end
    text: str = ""
    source: str = ""
    target: str = ""
    arrow: str = ""


@dataclass(slots=True)
class _Talk:
    names: dict[str, str] = field(default_factory=dict)  # of participants, and what is shown
    steps: list[_Step] = field(default_factory=list)
    title: str = ""

    def known(self, name: str) -> str:
        name = name.strip().strip('"')
        self.names.setdefault(name, clean_words(name))
        return name


def draw_sequence(source: str, limits: Limits) -> Sketch:
    """The sequence diagram that a text describes.

    Raises:
        MediaError: a line cannot be read, or there is too much of it.
    """
    talk = _read(source)
    if len(talk.names) > limits.max_diagram_nodes or len(talk.steps) > 4 * limits.max_diagram_nodes:
        message = f"It has more than {4 * limits.max_diagram_nodes} steps, which nobody can read on one page."
        raise MediaError("Diagram too large", message, "Ask for a part of it.")
    if not talk.names:
        raise MediaError("Diagram cannot be drawn", "Nobody takes part in the sequence.", "Ask for the diagram again.")
    return _Drawing(talk).sketch()


def _read(source: str) -> _Talk:
    talk, depth = _Talk(), 0
    for number, written in enumerate(source.split("\n"), 1):
        statement = written.strip().rstrip(";")
        if not statement or statement.startswith("sequenceDiagram") or _PASSED_OVER.match(statement):
            continue
        if statement == "end":
            depth -= 1
        elif _OPENING.fullmatch(statement):
            depth += 1
        if depth < 0:
            depth = 0  # the end of a box around participants, which is passed over
            continue
        _read_statement(talk, statement, number)
    talk.steps += [_Step("end")] * depth
    return talk


def _read_statement(talk: _Talk, statement: str, number: int) -> None:
    if found := _PARTICIPANT.fullmatch(statement):
        talk.names[found[2].strip()] = clean_words(found[3] or found[2])
    elif statement.startswith("title"):
        talk.title = statement.removeprefix("title").strip(" :")
    elif found := _NOTE.fullmatch(statement):
        first, last = talk.known(found[2]), talk.known(found[3] or found[2])
        talk.steps.append(_Step("note", clean_words(found[4]), first, last, found[1].lower()))
    elif statement == "end":
        talk.steps.append(_Step("end"))
    elif found := _OPENING.fullmatch(statement):
        talk.steps.append(_Step("open", clean_words(found[2]), arrow=found[1]))
    elif found := _DIVIDING.fullmatch(statement):
        talk.steps.append(_Step("divide", clean_words(found[2]), arrow=found[1]))
    elif found := _MESSAGE.fullmatch(statement):
        source, target = talk.known(found[1]), talk.known(found[3])
        talk.steps.append(_Step("message", clean_words(found[4] or ""), source, target, found[2]))
    else:
        raise wrong_line(number, statement, "a message such as A->>B: words was expected")


class _Drawing:
    """Draws row after row, and remembers how far down it is."""

    def __init__(self, talk: _Talk) -> None:
        self._talk = talk
        self._order = {name: index for index, name in enumerate(talk.names)}
        self._x = self._places()
        self._y = _HEAD + 14
        self._front: list[str] = []
        self._back: list[str] = []
        self._open: list[tuple[float, int]] = []  # where blocks began, and how deep they are
        self._left, self._right = 0.0, self._x[-1] + self._head_width(-1) / 2

    def _head_width(self, index: int) -> float:
        name = list(self._talk.names.values())[index]
        return max(90.0, max(text_width(own, _NAME) for own in name.split("\n")) + 28)

    def _places(self) -> list[float]:
        """The middle of each lifeline: what is said between two neighbours has room."""
        count = len(self._talk.names)
        gaps = [max(_LEAST_GAP, (self._head_width(n) + self._head_width(n + 1)) / 2 + 20) for n in range(count - 1)]
        for step in self._talk.steps:
            if step.kind not in ("message", "note"):
                continue
            first, last = sorted((self._order[step.source], self._order[step.target]))
            needed = max(text_width(own, _WORDS) for own in wrapped(step.text, _WORDS, _WIDEST_WORDS)) + 28
            if last - first == 1 and step.kind == "message":
                gaps[first] = max(gaps[first], needed)
            elif first == last and (step.kind == "message" or step.arrow == "right of") and first < count - 1:
                gaps[first] = max(gaps[first], needed + _LOOP)
            elif first == last and step.arrow == "left of" and first > 0:
                gaps[first - 1] = max(gaps[first - 1], needed + 20)
        places = [self._head_width(0) / 2]
        for gap in gaps:
            places.append(places[-1] + gap)
        return places

    def sketch(self) -> Sketch:
        for step in self._talk.steps:
            match step.kind:
                case "message":
                    self._message(step)
                case "note":
                    self._note(step)
                case "open":
                    self._open_block(step)
                case "divide":
                    self._divide(step)
                case _:
                    self._end_block()
        bottom = self._y + 8
        lifelines = "".join(line(x, _HEAD, x, bottom, _EDGE, stroke_dasharray="4 4") for x in self._x)
        heads = "".join(self._head(index, y) for index in range(len(self._x)) for y in (0.0, bottom))
        body = "".join(self._back) + lifelines + heads + "".join(self._front)
        top = _MARGIN + (28 if self._talk.title else 0)
        title = text_at(_MARGIN, _MARGIN + 14, self._talk.title, Lettering(18, INK, is_bold=True))
        width = self._right - self._left + 2 * _MARGIN
        whole = moved(body, _MARGIN - self._left, top) + (title if self._talk.title else "")
        return Sketch(width, top + bottom + _HEAD + _MARGIN, whole)

    def _head(self, index: int, y: float) -> str:
        width, name = self._head_width(index), list(self._talk.names.values())[index].replace("\n", " ")
        box = rectangle(self._x[index] - width / 2, y, width, _HEAD, RAISED, 4, stroke=_EDGE, stroke_width=1.25)
        return box + text_at(self._x[index], y + _HEAD / 2 + 5, name, _NAME, "middle")

    def _reach(self, left: float, right: float) -> None:
        self._left, self._right = min(self._left, left), max(self._right, right)

    def _message(self, step: _Step) -> None:
        x1, x2 = self._x[self._order[step.source]], self._x[self._order[step.target]]
        lines = wrapped(step.text, _WORDS, max(_WIDEST_WORDS, abs(x2 - x1) - 24)) if step.text else []
        self._y += 8 + _LINE * len(lines)
        if x1 == x2:
            self._to_itself(step, x1, lines)
            return
        self._lines_of_words(lines, (x1 + x2) / 2, self._y - _LINE * len(lines) + 13, "middle")
        self._y += 5
        is_back = "--" in step.arrow
        dashes = {"stroke_dasharray": "5 4"} if is_back else {}
        self._front.append(line(x1, self._y, x2, self._y, SOFT, 1.4, **dashes))
        self._front.append(_head_of_arrow(step.arrow, x2, self._y, -1 if x2 > x1 else 1))
        if step.arrow.startswith("<<"):
            self._front.append(_head_of_arrow(">>", x1, self._y, 1 if x2 > x1 else -1))
        self._y += _ROW

    def _to_itself(self, step: _Step, x: float, lines: list[str]) -> None:
        top = self._y - _LINE * len(lines) + 2
        height = max(24.0, _LINE * len(lines))
        corners = [(x, top), (x + _LOOP - 8, top), (x + _LOOP - 8, top + height), (x, top + height)]
        self._front.append(path(polyline(corners), stroke=SOFT, width=1.4))
        self._front.append(_head_of_arrow(step.arrow, x, top + height, 1))
        self._lines_of_words(lines, x + _LOOP, top + height / 2 - _LINE * len(lines) / 2 + 13, "start")
        widest = max((text_width(own, _WORDS) for own in lines), default=0)
        self._reach(0, x + _LOOP + widest)
        self._y = top + height + _ROW

    def _lines_of_words(self, lines: list[str], x: float, y: float, anchor: str) -> None:
        for row, own in enumerate(lines):
            width = text_width(own, _WORDS)
            left = x - (width / 2 if anchor == "middle" else 0)
            self._front.append(rectangle(left - 2, y + _LINE * row - 12, width + 4, 15, PAPER, fill_opacity=0.85))
            self._front.append(text_at(x, y + _LINE * row, own, _WORDS, anchor))

    def _note(self, step: _Step) -> None:
        x1, x2 = sorted((self._x[self._order[step.source]], self._x[self._order[step.target]]))
        lines = wrapped(step.text, _WORDS, max(_WIDEST_WORDS, x2 - x1))
        width = max(max(text_width(own, _WORDS) for own in lines) + 20, x2 - x1 + 40 if x2 > x1 else 60)
        middle = {"left of": x1 - 10 - width / 2, "right of": x2 + 10 + width / 2}.get(step.arrow, (x1 + x2) / 2)
        height = _LINE * len(lines) + 14
        box = rectangle(middle - width / 2, self._y, width, height, ACCENT_GROUND, 3, stroke=LINE)
        self._front.append(box)
        for row, own in enumerate(lines):
            self._front.append(text_at(middle, self._y + 20 + _LINE * row, own, _WORDS, "middle"))
        self._reach(middle - width / 2, middle + width / 2)
        self._y += height + 12

    def _open_block(self, step: _Step) -> None:
        self._y += 6
        self._open.append((self._y, len(self._open)))
        self._label(step, self._y)
        self._y += 30

    def _block_sides(self, depth: int) -> tuple[float, float]:
        inset = 8.0 * depth
        half = self._head_width(0) / 2, self._head_width(-1) / 2
        return self._x[0] - half[0] - 22 + inset, self._x[-1] + half[1] + 22 - inset

    def _label(self, step: _Step, y: float) -> None:
        left, right = self._block_sides(len(self._open) - 1)
        self._reach(left, right)
        kind = step.arrow if step.arrow != "rect" else ""
        if kind and step.kind == "open":
            width = text_width(kind, _SMALL) + 16
            self._back.append(rectangle(left, y, width, 20, RAISED, stroke=_EDGE))
            self._front.append(text_at(left + 8, y + 14, kind, _SMALL))
            left += width
        if step.text and kind:
            words = wrapped(f"[{step.text}]", _SMALL, right - left - 16)[0]
            self._front.append(rectangle(left + 6, y + 2, text_width(words, _SMALL) + 4, 16, PAPER, fill_opacity=0.85))
            self._front.append(text_at(left + 8, y + 14, words, _SMALL))

    def _divide(self, step: _Step) -> None:
        if not self._open:
            return
        left, right = self._block_sides(len(self._open) - 1)
        self._y += 4
        self._back.append(line(left, self._y, right, self._y, _EDGE, stroke_dasharray="6 4"))
        self._label(step, self._y + 2)
        self._y += 28

    def _end_block(self) -> None:
        if not self._open:
            return
        top, depth = self._open.pop()
        left, right = self._block_sides(depth)
        self._back.append(rectangle(left, top, right - left, self._y - top, "none", stroke=_EDGE))
        self._y += 14


def _head_of_arrow(arrow: str, x: float, y: float, back: int) -> str:
    """At (x, y), coming from the side that `back` says."""
    if "x" in arrow:
        strokes = [[(x + back * 10, y - 5), (x, y + 5)], [(x + back * 10, y + 5), (x, y - 5)]]
        return "".join(path(polyline(stroke), stroke=SOFT, width=1.6) for stroke in strokes)
    points = [(x + back * 10, y - 5), (x, y), (x + back * 10, y + 5)]
    if ">>" in arrow:
        return element("path", d=polyline(points, is_closed=True), fill=SOFT)
    return path(polyline(points), stroke=SOFT, width=1.4) if ")" in arrow else ""
