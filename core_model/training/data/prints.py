"""Printed digits and short words: what they say, how they look, and where each character ended up.

No fonts are shipped. Whatever common text fonts the machine has are used, besides the scalable one inside Pillow, so
the pictures depend on the machine that trains; the wording does not. `CRIA_FONTS` may name more folders to look in.
Each character also goes into the label raster, so that the young vision tower is told which letter stands where.
"""

from __future__ import annotations

import math
import os
import string
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core_model.training.data.colors import COLOR_NAMES, Rgb, lab, pick_color
from core_model.training.data.labels import CHARACTERS, FIRST_CHARACTER_ID, Box, LabelPainter, Thing
from core_model.training.data.words import PRINTED_WORDS

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_LONE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # alone, I and O are a one and a zero
_FAMILIES = (
    "dejavusans", "dejavuserif", "dejavusansmono", "liberation", "arial", "times", "cour", "calibri", "verdana",
    "georgia", "tahoma", "trebuc", "segoeui", "consola", "cambria", "ubuntu", "roboto", "opensans", "notosans-",
    "notoserif-", "notosansmono-", "freesans", "freeserif", "freemono", "helvetica", "menlo", "lato", "carlito",
)  # fmt: skip
_NOT_TEXT = ("symbol", "emoji", "math", "icon", "wing")
_FONT_STEPS = (10, 12, 14, 17, 20, 24, 29, 35, 42, 50, 60, 72, 86, 104, 125, 150, 180, 216, 260, 312, 375, 450, 540)
_MIN_LIGHTNESS_STEP = 22.0  # CIELAB lightness between ink and paper
_MIN_CHARACTER = 0.12  # of the longer side: the width that one character must have on average


@dataclass(frozen=True, slots=True)
class PrintedText:
    """A line of print in a picture. `text` is as printed; answers give it in upper case."""

    text: str
    is_number: bool
    font: int  # index into the fonts of this machine
    font_size: int
    color: str
    rgb: Rgb
    x: float  # center, pixels
    y: float
    rotation_degrees: float

    def box(self) -> Box:
        """The area it covers, with its rotation."""
        width, height = measure(self.text, self.font, self.font_size)
        angle = math.radians(abs(self.rotation_degrees))
        half_w = (width * math.cos(angle) + height * math.sin(angle)) / 2
        half_h = (width * math.sin(angle) + height * math.cos(angle)) / 2
        return self.x - half_w, self.y - half_h, self.x + half_w, self.y + half_h


@cache
def font_files() -> tuple[str, ...]:
    """Text fonts of this machine, sorted; the empty name stands for Pillow's own."""
    folders = [Path(p) for p in os.environ.get("CRIA_FONTS", "").split(os.pathsep) if p]
    folders += [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path("/Library/Fonts")]
    folders += [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts"]
    found = (path for folder in folders if folder.is_dir() for path in folder.rglob("*.[to]tf"))
    return ("", *sorted({str(path) for path in found if _is_text_font(path.stem.lower())}))


def _is_text_font(stem: str) -> bool:
    return stem.startswith(_FAMILIES) and not any(word in stem for word in _NOT_TEXT)


@lru_cache(maxsize=512)
def load_font(index: int, size: int) -> Font:
    """A font of this machine at a size in pixels; Pillow's own when the file cannot be read."""
    name = font_files()[index % len(font_files())]
    try:
        return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)
    except OSError:
        return ImageFont.load_default(size)


@lru_cache(maxsize=8192)
def measure(text: str, font: int, size: int) -> tuple[float, float]:
    """Width and height of the ink in pixels."""
    left, top, right, bottom = load_font(font, size).getbbox(text)
    return right - left, bottom - top


def sample_text(rng: np.random.Generator, difficulty: float) -> tuple[str, bool]:
    """What is printed, and whether it is a number: one digit while young, later up to 4 digits or 5 letters."""
    longest = 1 + round(3 * difficulty)
    if rng.random() < 0.45:
        count = int(rng.integers(1, longest + 1))
        return "".join(str(d) for d in rng.integers(0, 10, count)), True
    if rng.random() < 0.45:
        count = int(rng.integers(1, longest + 1))
        letters = string.ascii_uppercase if count > 1 else _LONE_LETTERS
        return "".join(letters[i] for i in rng.integers(0, len(letters), count)), False
    limit = 4 + round(difficulty)
    text = PRINTED_WORDS[int(rng.integers(len(PRINTED_WORDS)))]
    while len(text) > limit:
        text = PRINTED_WORDS[int(rng.integers(len(PRINTED_WORDS)))]
    style = rng.random()
    return text.upper() if style < 0.65 else text.capitalize() if style < 0.85 else text.lower(), False


def sample_print(
    rng: np.random.Generator, width: int, height: int, background: tuple[Rgb, ...], difficulty: float
) -> PrintedText | None:
    """A line of print that fits the picture and can be read when it is made small; None when it cannot be."""
    text, is_number = sample_text(rng, difficulty)
    ink = _readable_ink(rng, background)
    font = int(rng.integers(len(font_files()))) if rng.random() < 0.2 + difficulty else 0
    size = _fitting_size(rng, text, font, width, height)
    if ink is None or size is None:
        return None
    turn = float(rng.uniform(-1, 1)) * 9.0 * difficulty if rng.random() < 0.4 else 0.0
    free_x, free_y = _free_space(text, font, size, turn, width, height)
    if min(free_x, free_y) <= 0 and turn:
        turn = 0.0
        free_x, free_y = _free_space(text, font, size, turn, width, height)
    freedom = difficulty if rng.random() < 0.6 else 0.15
    x = width / 2 + float(rng.uniform(-1, 1)) * max(0.0, free_x) * freedom
    y = height / 2 + float(rng.uniform(-1, 1)) * max(0.0, free_y) * freedom
    return PrintedText(text, is_number, font, size, *ink, float(x), float(y), turn)


def _free_space(text: str, font: int, size: int, turn: float, width: int, height: int) -> tuple[float, float]:
    """How far the center may be from the picture's, with a small margin kept."""
    left, top, right, bottom = PrintedText(text, False, font, size, "", (0, 0, 0), 0.0, 0.0, turn).box()
    return 0.48 * width - (right - left) / 2, 0.48 * height - (bottom - top) / 2


def _readable_ink(rng: np.random.Generator, background: tuple[Rgb, ...]) -> tuple[str, Rgb] | None:
    """Black about half of the time; always lighter or darker than the paper, for color alone is hard to read."""
    for _ in range(8):
        inks = ("black",) if rng.random() < 0.5 else COLOR_NAMES
        ink = pick_color(rng, inks, background)
        if ink and all(abs(lab(ink[1])[0] - lab(other)[0]) >= _MIN_LIGHTNESS_STEP for other in background):
            return ink
    return None


def _fitting_size(rng: np.random.Generator, text: str, font: int, width: int, height: int) -> int | None:
    """A random size between the smallest that can be read and the largest that fits."""
    unit_width, unit_height = measure(text, font, 100)
    largest = min(0.90 * width / unit_width, 0.72 * height / max(unit_height, 60.0)) * 100
    smallest = max(_MIN_CHARACTER * max(width, height) * len(text) / max(unit_width, 30.0 * len(text)) * 100, 10.0)
    sizes = [size for size in _FONT_STEPS if smallest <= size <= largest]
    return int(rng.choice(sizes)) if sizes else None


def draw_print(picture: Image.Image, labels: LabelPainter, text: PrintedText) -> None:
    """Print onto a picture (mode "RGB", changed in place), and the characters onto its labels."""
    font = load_font(text.font, text.font_size)
    left, top, right, bottom = font.getbbox(text.text)
    pad = 2
    size = max(1, round(right - left)) + 2 * pad, max(1, round(bottom - top)) + 2 * pad
    ink = Image.new("L", size, 0)
    ImageDraw.Draw(ink).text((pad - left, pad - top), text.text, fill=255, font=font)
    numbers = _character_boxes(text, font, size, (pad - left, pad - top), labels)
    if text.rotation_degrees:
        ink = ink.rotate(text.rotation_degrees, Image.Resampling.BICUBIC, expand=True)
        numbers = numbers.rotate(text.rotation_degrees, Image.Resampling.NEAREST, expand=True)
    corner = round(text.x - ink.width / 2), round(text.y - ink.height / 2)
    picture.paste(text.rgb, (*corner, corner[0] + ink.width, corner[1] + ink.height), ink)
    labels.image.paste(numbers, corner, numbers.point(lambda value: 255 if value else 0))


def _character_boxes(
    text: PrintedText, font: Font, size: tuple[int, int], origin: tuple[float, float], labels: LabelPainter
) -> Image.Image:
    """One upright box per character, filled with its number."""
    numbers = Image.new("L", size, 0)
    pen = ImageDraw.Draw(numbers)
    color = 1 + COLOR_NAMES.index(text.color)
    for index, character in enumerate(text.text):
        start = origin[0] + font.getlength(text.text[:index])
        end = origin[0] + font.getlength(text.text[: index + 1])
        thing = Thing(color, FIRST_CHARACTER_ID + CHARACTERS.index(character.upper()), rank=1 + index)
        pen.rectangle((start, 0, max(start, end - 1), size[1]), fill=labels.add(thing))
    return numbers
