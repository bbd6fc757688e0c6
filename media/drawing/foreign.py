"""SVG that somebody else wrote, made harmless: what refers elsewhere, runs or grows is taken out, or refused.

The tree is built anew from what is known to be a drawing; the original text goes no further. Left out in silence is
what a still picture does not need: scripts, handlers, links, embedded pages, animations, references to other files.
Refused in words is what cannot be read or would take too long. Two ways in which a short file becomes a long
calculation are counted beforehand: entities (defusedxml) and references to parts that refer to parts (`_Weights`).
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import re
from xml.etree.ElementTree import Element, ParseError, SubElement, TreeBuilder, tostring

import defusedxml.ElementTree as SafeTree
from defusedxml import DefusedXmlException
from PIL import Image

from media.drawing.sketch import Sketch, number
from media.errors import MediaError
from media.limits import Limits

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_ELEMENTS = frozenset(
    {
        "svg", "g", "defs", "symbol", "use", "switch", "title", "desc", "style", "a",
        "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "textPath", "image",
        "linearGradient", "radialGradient", "stop", "pattern", "clipPath", "mask", "marker", "filter",
        "feBlend", "feColorMatrix", "feComponentTransfer", "feComposite", "feConvolveMatrix", "feDiffuseLighting",
        "feDisplacementMap", "feDistantLight", "feDropShadow", "feFlood", "feFuncA", "feFuncB", "feFuncG", "feFuncR",
        "feGaussianBlur", "feImage", "feMerge", "feMergeNode", "feMorphology", "feOffset", "fePointLight",
        "feSpecularLighting", "feSpotLight", "feTile", "feTurbulence",
    }
)  # fmt: skip
_WITH_TEXT = frozenset({"text", "tspan", "textPath", "a", "title", "desc"})
_GRADIENTS = frozenset({"linearGradient", "radialGradient"})
_URL = re.compile(r"url\(\s*['\"]?\s*([^'\")]*?)\s*['\"]?\s*\)", re.IGNORECASE)
_OWN_PART = re.compile(r"#[^\s#]+")
_FILTER_RULE = re.compile(r"(?:backdrop-)?filter\s*:[^;}]*", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DATA = re.compile(r"data:image/(?:png|jpeg|jpg|gif|webp);base64,", re.IGNORECASE)
_LENGTH = re.compile(r"\s*\+?(\d*\.?\d+(?:[eE][+-]?\d+)?)\s*(px|pt|pc|mm|cm|in|em|ex|%)?\s*")
_UNITS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "em": 16.0, "ex": 8.0}
_USUAL_SIZE = (300.0, 150.0)  # what browsers give to what has no size
_EFFECT_WEIGHT = 1000  # a step of a filter is worked on all pixels that it touches: as much as many shapes
_LAYER_WEIGHT = 500
_LAYER_WORDS = ("opacity", "mask", "clip-path", "blend", "isolation")
_PLAIN_SHAPES = frozenset({"path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "stop"})
_BEGUN = -1  # the weight of what is being weighed
_MAX_OCTAVES, _MAX_ORDER = 4, 9  # of noise, and of a table of neighbours: time grows with them, or with their square
_MAX_RADIUS = 1 / 500  # of thickening, in parts of the drawing's longer side, for the same reason
_MAX_REACH = 3.0  # of a filter, in parts of what it is applied to, or of the whole drawing
_ASK_AGAIN = "Ask for the drawing again, and say what was wrong."


def clean_svg(source: str, limits: Limits) -> Sketch:
    """A drawing that is safe to be kept and to be rasterised. Its body is a whole SVG document.

    Raises:
        MediaError: it is no SVG, or too large, too deep or too much work.
    """
    if len(source) > limits.max_drawing_chars:
        message = f"It has {len(source):,} letters; the limit is {limits.max_drawing_chars:,}."
        raise MediaError("Drawing too large", message)
    root = _Cleaner(limits).cleaned(_parsed(source, limits))
    _Weights(root, limits).check()
    width, height, box = _size(root)
    scale = min(1.0, limits.max_drawing_side / max(width, height))
    width, height = max(1.0, width * scale), max(1.0, height * scale)
    root.set("width", number(width))
    root.set("height", number(height))
    root.set("viewBox", " ".join(f"{value:.9g}" for value in box))
    return Sketch(width, height, tostring(root, encoding="unicode"))


class _BoundedBuilder(TreeBuilder):
    """Builds the tree, and gives up where it becomes deeper or larger than a drawing is."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > self._limits.max_drawing_depth:
            message = f"Its parts are nested more than {self._limits.max_drawing_depth} deep."
            raise MediaError("Drawing too deep", message, _ASK_AGAIN)
        if self._count > self._limits.max_drawing_parts:
            raise _too_much(self._limits)
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)


def _parsed(source: str, limits: Limits) -> Element:
    source = re.sub(r"^.*?(?=<)", "", source, count=1, flags=re.DOTALL)
    source = re.sub(r"^<\?xml[^>]*\?>", "", source)  # it may claim an encoding, and this is text already
    if "xlink:" in source and "xmlns:xlink" not in source:
        source = re.sub(r"<svg\b", '<svg xmlns:xlink="http://www.w3.org/1999/xlink"', source, count=1)
    parser = SafeTree.XMLParser(target=_BoundedBuilder(limits), forbid_dtd=False)
    try:
        parser.feed(source)
        root = parser.close()
    except ParseError as error:
        line, column = error.position
        reason = str(error).split(":")[0]
        message = f"The SVG is not well-formed at line {line}, column {column + 1}: {reason}."
        raise MediaError("Drawing cannot be read", message, _ASK_AGAIN) from error
    except DefusedXmlException as error:
        message = "It defines entities, which drawings do not need and which can grow without bound."
        raise MediaError("Drawing refused", message, _ASK_AGAIN) from error
    if not isinstance(root, Element) or _local(root) != "svg":
        raise MediaError("Not a drawing", "It is XML, but its outermost element is not svg.", _ASK_AGAIN)
    return root


def _local(node: Element) -> str:
    """The name of an element of SVG. Models often forget to say that it is SVG; other languages have no name here."""
    tag = node.tag.removeprefix(_SVG) if isinstance(node.tag, str) else ""
    return "" if "}" in tag else tag


def _too_much(limits: Limits) -> MediaError:
    message = f"Drawing it takes more than {limits.max_drawing_parts:,} steps."
    return MediaError("Drawing too large", message, "Ask for a simpler drawing.")


class _Cleaner:
    """Copies what is known to be harmless."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pixels_left = limits.max_drawing_pixels
        self._gradients: set[str] = set()
        self._side = 1.0

    def cleaned(self, root: Element) -> Element:
        self._side = max(_size(root)[2][2:])
        self._gradients = {node.get("id", "") for node in root.iter() if _local(node) in _GRADIENTS}
        whole = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink"})
        self._fill(whole, root)
        return whole

    def _fill(self, copy: Element, node: Element) -> None:
        name = _local(node)
        copy.attrib.update(self._attributes(node, name))
        copy.text = self._style_sheet(node.text or "") if name == "style" else node.text if name in _WITH_TEXT else None
        last: Element | None = None
        for child in node:
            if _local(child) in _ELEMENTS:
                last = SubElement(copy, _local(child))
                self._fill(last, child)
                last.tail = child.tail if name in _WITH_TEXT else None
            elif name in _WITH_TEXT and child.tail:  # the words after what was left out stay
                if last is None:
                    copy.text = (copy.text or "") + child.tail
                else:
                    last.tail = (last.tail or "") + child.tail

    def _attributes(self, node: Element, name: str) -> dict[str, str]:
        kept = {}
        for key, value in node.attrib.items():
            if key in ("href", _XLINK_HREF):
                if (target := self._target(value.strip(), name)) is not None:
                    kept["xlink:href"] = target
            elif key == _SPACE:
                kept["xml:space"] = value
            elif "}" not in key and ":" not in key and not key.lower().startswith("on") and _refers_inside(value):
                kept[key] = value
        return self._bounded(kept) if name == "filter" or name.startswith("fe") else kept

    def _bounded(self, attributes: dict[str, str]) -> dict[str, str]:
        """Numbers of filters that stand for time more than for what an eye could see."""
        reach = _MAX_REACH * (self._side if attributes.get("filterUnits") == "userSpaceOnUse" else 1)
        bounds = {
            "numOctaves": _MAX_OCTAVES, "order": _MAX_ORDER, "radius": _MAX_RADIUS * self._side,
            "x": reach, "y": reach, "width": reach, "height": reach,
        }  # fmt: skip
        kept = dict(attributes)
        for key, bound in bounds.items():
            if key in kept and not _is_within(kept[key], bound):
                kept[key] = number(bound) if key in ("numOctaves", "radius") else ""
        return {key: value for key, value in kept.items() if value}

    def _target(self, value: str, name: str) -> str | None:
        """Where an element may point: to a part of this drawing, or at a picture that is written into it."""
        if name == "a":
            return None
        if _OWN_PART.fullmatch(value):
            return value
        return value if name == "image" and self._is_small_picture(value) else None

    def _is_small_picture(self, value: str) -> bool:
        start = _DATA.match(value)
        if start is None:
            return False
        try:
            with Image.open(io.BytesIO(base64.b64decode(value[start.end() :]))) as picture:
                self._pixels_left -= picture.width * picture.height
        except (binascii.Error, OSError, ValueError, Image.DecompressionBombError):
            return False
        if self._pixels_left < 0:
            message = f"The pictures in it have more than {self._limits.max_drawing_pixels:,} pixels."
            raise MediaError("Drawing too large", message)
        return True

    def _style_sheet(self, text: str) -> str:
        """Rules, of which each reference is to a gradient: those lead nowhere further."""
        text = _COMMENT.sub("", text)
        if "\\" in text or "@" in text or "<" in text:  # hidden words, imports, fonts from elsewhere
            return ""
        text = _FILTER_RULE.sub("", text)  # one such rule may be for thousands of shapes
        return _URL.sub(lambda found: found[0] if found[1].removeprefix("#") in self._gradients else "none", text)


def _refers_inside(value: str) -> bool:
    """Whether all that a value refers to is a part of the same drawing."""
    if "url" not in value.lower() and "\\" not in value:
        return True
    targets = _URL.findall(value)
    is_plain = "\\" not in value and value.lower().count("url") == len(targets)
    return is_plain and all(_OWN_PART.fullmatch(target) for target in targets)


def _is_within(value: str, bound: float) -> bool:
    """Whether all numbers in an attribute, percentages among them, are at most so large, whatever their sign."""
    try:
        parts = [
            float(part.rstrip("%")) / (100 if part.endswith("%") else 1) for part in value.replace(",", " ").split()
        ]
    except ValueError:
        return False
    return all(abs(part) <= bound for part in parts)


class _Weights:
    """How much there is to draw, when each part that is referred to counts as often as it is."""

    def __init__(self, root: Element, limits: Limits) -> None:
        self._root = root
        self._limits = limits
        self._named = {node.get("id", ""): node for node in root.iter() if node.get("id")}
        self._known: dict[int, int] = {}

    def check(self) -> None:
        """Raises MediaError if it is too much, or leads on too far."""
        if self._weigh(self._root, 0) > self._limits.max_drawing_parts:
            raise _too_much(self._limits)

    def _weigh(self, node: Element, depth: int) -> int:
        if depth > 2 * self._limits.max_drawing_depth:
            raise MediaError("Drawing too deep", "Its parts refer to each other in a very long chain.", _ASK_AGAIN)
        if self._known.get(id(node)) == _BEGUN:
            raise MediaError("Drawing cannot be read", "Its parts refer to each other in a circle.", _ASK_AGAIN)
        if id(node) not in self._known:
            self._known[id(node)] = _BEGUN
            weight = 1 + _EFFECT_WEIGHT * _num_effects(node) + _LAYER_WEIGHT * _has_layer(node) + _length_weight(node)
            weight += sum(self._weigh(child, depth + 1) for child in node)
            referred = [self._named[name] for name in _references(node) if name in self._named]
            weight += sum(self._weigh(part, depth + 1) for part in referred)
            self._known[id(node)] = weight
        return self._known[id(node)]


def _num_effects(node: Element) -> int:
    """Masks, and steps of filters: an element of its own, or functions in an attribute, such as blur(3)."""
    style = node.get("style", "")
    written = node.get("filter", "") + "".join(rule for rule in style.split(";") if "filter" in rule)
    return int(node.tag.startswith("fe") or node.tag == "mask") + written.count("(") - len(_URL.findall(written))


def _has_layer(node: Element) -> bool:
    """Whether a part is drawn on a sheet of its own, as large as the picture, and laid over the rest."""
    written = f"{' '.join(node.attrib)} {node.get('style', '')}"
    return any(word in written for word in _LAYER_WORDS) and not (node.tag in _PLAIN_SHAPES and "mask" not in written)


def _length_weight(node: Element) -> int:
    """Of outlines with many corners, and of long texts, whose letters are set all at once."""
    outline = len(node.get("d", "")) + len(node.get("points", ""))
    return outline // 20 + 5 * len("".join(node.itertext()) if node.tag == "text" else "")


def _references(node: Element) -> list[str]:
    names = [target[1:] for value in node.attrib.values() for target in _URL.findall(value) if target.startswith("#")]
    return [*names, node.get("xlink:href", "")[1:]]


def _size(root: Element) -> tuple[float, float, tuple[float, float, float, float]]:
    """Width and height in pixels, and the part of the plane that is shown."""
    box = _view_box(root.get("viewBox", ""))
    width, height = _length(root.get("width")), _length(root.get("height"))
    if box is None:
        width, height = width or _USUAL_SIZE[0], height or _USUAL_SIZE[1]
        return width, height, (0.0, 0.0, width, height)
    if width is None and height is None:
        width, height = box[2], box[3]
    elif width is None:
        width = (height or 0) * box[2] / box[3]
    elif height is None:
        height = width * box[3] / box[2]
    return width or 0, height or 0, box


def _view_box(value: str) -> tuple[float, float, float, float] | None:
    try:
        x, y, width, height = (float(part) for part in value.replace(",", " ").split())
    except ValueError:
        return None
    is_usable = all(math.isfinite(part) for part in (x, y, width, height)) and min(width, height) > 0
    return (x, y, width, height) if is_usable else None


def _length(value: str | None) -> float | None:
    """In pixels; None where it is missing, senseless, or a part of something that is not there."""
    found = _LENGTH.fullmatch(value or "")
    if found is None or found[2] == "%":
        return None
    length = float(found[1]) * _UNITS[found[2] or "px"]
    return length if math.isfinite(length) and length > 0 else None
