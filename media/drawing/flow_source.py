"""Reads flow charts in Mermaid's language: nodes with their shapes, links with their words, groups.

What concerns looks only (styles, classes, clicks) is passed over. A line that is neither is refused with its number,
since a chart that lacks a step is worse than none.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from media.errors import MediaError
from media.limits import Limits

_HEADER = re.compile(r"\s*(?:graph|flowchart)\b[ \t]*(TD|TB|BT|LR|RL)?\b")
_PASSED_OVER = re.compile(r"(?:style|classDef|class|click|linkStyle|direction|accTitle|accDescr)\b|%%")
_GROUP = re.compile(r"subgraph\b\s*(.*)")
_GROUP_TITLE = re.compile(r'([\w.-]*)\s*(?:\[\s*"?(.*?)"?\s*\])?')
_NAME = re.compile(r"[^\W_](?:[\w.]|-(?![-.>=])|(?<=\w)_)*|_\w+")
_CLASS = re.compile(r":::[\w-]+")
# From the longest bracket to the shortest: the first that fits is meant.
_SHAPES = (
    ("(((", ")))", "circle"), ("((", "))", "circle"), ("([", "])", "stadium"), ("[[", "]]", "routine"),
    ("[(", ")]", "cylinder"), ("{{", "}}", "hexagon"), ("[/", "/]", "slanted"), ("[\\", "\\]", "slanted"),
    ("[/", "\\]", "trapezoid"), ("[\\", "/]", "trapezoid"), ("[", "]", "box"), ("(", ")", "round"),
    ("{", "}", "diamond"), (">", "]", "flag"),
)  # fmt: skip
_LINK = re.compile(
    r"\s*(?P<start>[<ox]?)(?:"
    r"(?P<plain>--+(?=[>ox])|---+|==+(?=[>ox])|===+|-\.+-)(?P<end>[>ox]?)(?=[^-=.>]|$)\s*(?:\|(?P<words>[^|]*)\|)?"
    r"|(?P<open>--|==|-\.)\s+(?P<between>[^\n]*?)\s*(?P<close>--+|==+|\.+-)(?P<far>[>ox]?)(?=[^-=.>]|$)"
    r"|(?P<unseen>~~~+))\s*"
)
_BREAK = re.compile(r"<br\s*/?>|\\n", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^>]*>")


@dataclass(slots=True)
class Node:
    name: str
    text: str
    shape: str = "box"
    group: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    source: str
    target: str
    text: str = ""
    style: str = "solid"  # solid, dotted, thick or unseen
    start: str = ""  # what is at its ends: ">", "o", "x" or nothing
    end: str = ">"


@dataclass(slots=True)
class Flow:
    """A flow chart, before anything has a place."""

    direction: str = "TD"
    nodes: dict[str, Node] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)  # name and title


def read_flow(source: str, limits: Limits) -> Flow:
    """The flow chart that a text describes.

    Raises:
        MediaError: a line cannot be read, or there is too much of it.
    """
    header = _HEADER.match(source)
    assert header is not None, "the first line was looked at"
    flow = Flow(header[1] or "TD")
    rest = "\n" * header[0].count("\n") + source[header.end() :]  # lines keep their numbers
    open_groups: list[str] = []
    for number, line in enumerate(rest.split("\n"), 1):
        for statement in _statements(line):
            _read_statement(flow, statement, open_groups, number)
        if len(flow.nodes) > limits.max_diagram_nodes or len(flow.links) > 4 * limits.max_diagram_nodes:
            message = f"It has more than {limits.max_diagram_nodes} boxes, which nobody can read on one page."
            raise MediaError("Diagram too large", message, "Ask for a part of it, or for less detail.")
    if not flow.nodes:
        raise MediaError("Diagram cannot be drawn", "The flow chart has no boxes.", "Ask for the diagram again.")
    return flow


def wrong_line(number: int, line: str, reason: str) -> MediaError:
    message = f"Line {number} of the diagram cannot be read (“{line.strip()[:40]}”): {reason}."
    return MediaError("Diagram cannot be drawn", message, "Ask for the diagram again, and say what was wrong.")


def _statements(line: str) -> list[str]:
    """What stands between semicolons, unless they are quoted or part of an entity."""
    parts = re.findall(r'(?:"[^"]*"|\|[^|]*\||&\w+;|#\w+;|[^;"|]|["|])+', line)
    return [part.strip() for part in parts if part.strip()]


def _read_statement(flow: Flow, statement: str, open_groups: list[str], number: int) -> None:
    if _PASSED_OVER.match(statement):
        return
    if statement == "end":
        if not open_groups:
            raise wrong_line(number, statement, "no subgraph is open that could end")
        open_groups.pop()
    elif found := _GROUP.fullmatch(statement):
        open_groups.append(_open_group(flow, found[1]))
    else:
        _read_chain(flow, statement, open_groups[-1] if open_groups else "", number)


def _open_group(flow: Flow, words: str) -> str:
    found = _GROUP_TITLE.fullmatch(words.strip())
    name, title = (found[1], found[2] or found[1]) if found else (words.strip(' "'), words)
    name = name or f"group {len(flow.groups) + 1}"
    flow.groups[name] = clean_words(title.strip(' "'))
    return name


def _read_chain(flow: Flow, statement: str, group: str, number: int) -> None:
    """Nodes and links in turn: a --> b & c -->|words| d."""
    names, at = _read_nodes(flow, statement, 0, group, number)
    while at < len(statement):
        found = _LINK.match(statement, at)
        if found is None or found.end() == at:
            raise wrong_line(number, statement[at:], "an arrow such as --> was expected")
        others, at = _read_nodes(flow, statement, found.end(), group, number)
        flow.links += [_link(found, source, target) for source in names for target in others]
        names = others


def _link(found: re.Match[str], source: str, target: str) -> Link:
    if found["unseen"]:
        return Link(source, target, style="unseen", end="")
    body = found["plain"] or found["open"]
    style = "thick" if body.startswith("=") else "dotted" if "." in body else "solid"
    words = clean_words((found["words"] or found["between"] or "").strip(' "'))
    start = {"<": ">"}.get(found["start"], found["start"])
    return Link(source, target, words, style, start, found["end"] or found["far"] or "")


def _read_nodes(flow: Flow, text: str, at: int, group: str, number: int) -> tuple[list[str], int]:
    names = []
    while True:
        name, at = _read_node(flow, text, at, group, number)
        names.append(name)
        joint = re.compile(r"\s*&\s*").match(text, at)
        if joint is None:
            return names, len(text) if not text[at:].strip() else at
        at = joint.end()


def _read_node(flow: Flow, text: str, at: int, group: str, number: int) -> tuple[str, int]:
    found = _NAME.match(text, at)
    if found is None:
        raise wrong_line(number, text[at:] or text, "the name of a box was expected")
    name, at = found[0], found.end()
    words, shape, at = _read_shape(text, at, number)
    if mark := _CLASS.match(text, at):
        at = mark.end()
    node = flow.nodes.setdefault(name, Node(name, name, group=group))
    if shape:
        node.text, node.shape = clean_words(words), shape
    if group and not node.group:
        node.group = group
    return name, at


def _read_shape(text: str, at: int, number: int) -> tuple[str, str, int]:
    """The words in a bracket, and what it means; nothing where there is none."""
    rest = text[at:]
    has_bracket = False
    for start, end, shape in _SHAPES:
        if not rest.startswith(start):
            continue
        has_bracket = True
        inside = re.compile(rf'{re.escape(start)}\s*(?:"([^"]*)"|(.*?))\s*{re.escape(end)}').match(rest)
        if inside and _is_whole(inside[2] or "", start):
            return inside[1] if inside[1] is not None else inside[2], shape, at + inside.end()
    if has_bracket:
        raise wrong_line(number, rest, "the bracket of a box is not closed")
    return "", "", at


def _is_whole(words: str, start: str) -> bool:
    """Whether a bracket was closed by its own partner: `{a} --> b{c}` begins with a box that ends early."""
    return not (start in ("(", "[", "{") and words[:1] in ("(", "[", "{"))


def clean_words(words: str) -> str:
    """What a person reads of a label: no marks of HTML or Markdown, lines where they were broken."""
    words = _TAG.sub("", _BREAK.sub("\n", words.strip().strip("`")))
    words = re.sub(r"#(\w+);", r"&\1;", words)
    return "\n".join(line.strip() for line in html.unescape(words).replace("**", "").split("\n"))
