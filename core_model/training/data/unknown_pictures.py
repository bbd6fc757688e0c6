"""Pictures from outside Cria's world, and the honest answer that they get.

Not photographs, but what makes photographs different from drawings: many colors at once, structure at every scale,
soft light, edges that belong to no shape, clutter. Learned from these, the answer also comes for real photographs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from core_model.training.data.finish import apply_finish, sample_finish
from core_model.training.data.prints import font_files, load_font
from core_model.training.data.shape_questions import DESCRIBE
from core_model.training.data.splits import Split
from core_model.training.data.things import THINGS
from core_model.training.data.turns import Turn
from core_model.training.data.wording import decorate, typed, with_article, word
from core_model.training.data.words import PRINTED_WORDS
from media.types import RgbArray

FloatImage = npt.NDArray[np.floating]  # [height, width, 3], 0 to 1

I_CANNOT_TELL = (
    "I cannot tell what this picture shows. I am Cria, the small built-in model, and I know only drawn shapes, "
    "digits and short words. Open Scout for photographs."
)
NOT_FOR_ME = (
    "I cannot tell. I am Cria, the small built-in model, and this picture is beyond me. Open Scout for photographs."
)

_WORKING_PIXELS = 160  # longer side at which textures are made

_QUESTIONS = """
is {this|it} $a_thing?; do you see $a_thing?; is there $a_thing[ in the picture]?; who is this?; where was
this taken?; what is the $thing doing?; what {color|colour} is the $thing?; how many
{people|things|shapes|$thing pictures} are there?; what {kind|type} of $thing is this?; is this a
{photo|photograph|painting|screenshot|chart}?; what is in the background?; what does it say?; what time of day
is it?; what is the {person|man|woman|animal} doing?; can you read the text?; what is the weather like?; how
old is {he|she|this person}?; what {shape|color|colour} is {it|this}?; where is the $thing?
"""


def ask_unknown_picture(rng: np.random.Generator, split: Split, count: int) -> list[Turn]:
    """A general question first, then others; all are answered honestly."""
    turns: dict[str, Turn] = {}
    for at in range(count):
        thing = THINGS[int(rng.integers(len(THINGS)))]
        is_general = at == 0 and rng.random() < 0.7
        question = word(DESCRIBE if is_general else _QUESTIONS, rng, split, thing=thing, a_thing=with_article(thing))
        if question is not None:
            answer = I_CANNOT_TELL if is_general or not turns else NOT_FOR_ME
            turns.setdefault(question, Turn(typed(decorate(question, rng), rng), answer, "unknown_picture"))
    return list(turns.values())


def draw_unknown(rng: np.random.Generator, difficulty: float) -> RgbArray:
    """A picture that is none of shapes, digits or words, [height, width, 3]."""
    longer = int(np.exp(rng.uniform(np.log(96), np.log(420 + 500 * difficulty))))
    shorter = max(64, round(longer * float(rng.choice((1.0, 0.75, 0.667, 0.5625)))))
    width, height = (longer, shorter) if rng.random() < 0.6 else (shorter, longer)
    scale = min(1.0, _WORKING_PIXELS / longer)
    size = max(8, round(height * scale)), max(8, round(width * scale))
    pixels = _MAKERS[int(rng.integers(len(_MAKERS)))](rng, *size)
    picture = Image.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8))
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    return apply_finish(picture, sample_finish(rng, 0.5 + difficulty / 2))


def _octaves(rng: np.random.Generator, height: int, width: int, roughness: float) -> npt.NDArray[np.float32]:
    """Fractal noise: random grids, each twice as fine and weaker by `roughness` than the one before."""
    total = np.zeros((height, width), dtype=np.float32)
    weight, cells = 1.0, 2
    while cells < max(height, width):
        grid = rng.standard_normal((cells + 1, cells + 1)).astype(np.float32)
        fine = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        total += np.float32(weight) * np.asarray(fine, dtype=np.float32)
        weight, cells = weight * roughness, cells * 2
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(1e-6, high - low)


def _fractal(rng: np.random.Generator, height: int, width: int) -> FloatImage:
    """Clouds, foliage, fur: a few colors mixed by fractal noise."""
    roughness = float(rng.uniform(0.45, 0.85))
    mix = _octaves(rng, height, width, roughness)[..., None]
    detail = _octaves(rng, height, width, 0.8)[..., None] - 0.5
    dark, middle, light = (_natural_color(rng) for _ in range(3))
    low = dark + (middle - dark) * (2 * mix).clip(0, 1)
    mixed: FloatImage = low + (light - middle) * (2 * mix - 1).clip(0, 1) + np.float32(rng.uniform(0, 0.4)) * detail
    return mixed


def _landscape(rng: np.random.Generator, height: int, width: int) -> FloatImage:
    """Bands with ragged edges, lit from one side: the skeleton of an outdoor photograph."""
    pixels = np.empty((height, width, 3), dtype=np.float32)
    y = np.arange(height, dtype=np.float32)[:, None]
    sky, horizon = (_natural_color(rng) * np.float32(0.5) + np.float32(0.5) for _ in range(2))
    pixels[:] = sky + (horizon - sky) * (y / height)[..., None]
    for band in range(int(rng.integers(2, 5))):
        ridge = _octaves(rng, 4, width, 0.6)[1] - 0.5
        edge = height * (0.25 + 0.18 * band + float(rng.uniform(0, 0.15)) + 0.3 * ridge)
        texture = _octaves(rng, height, width, 0.8)[..., None]
        color = _natural_color(rng) * np.float32(0.8)
        pixels = np.where((y > edge[None, :])[..., None], color * (0.6 + 0.8 * texture), pixels)
    return pixels


def _soft_object(rng: np.random.Generator, height: int, width: int) -> FloatImage:
    """Irregular shaded blobs before a blurred ground: a subject with bokeh."""
    pixels = _fractal(rng, height, width)
    ground = Image.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(max(height, width) / 16)
    )
    pixels = np.asarray(ground, dtype=np.float32) / 255
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(int(rng.integers(1, 5))):
        cy, cx = rng.uniform(0.2, 0.8) * height, rng.uniform(0.2, 0.8) * width
        reach = rng.uniform(0.12, 0.4) * min(height, width)
        wobble = 1 + 0.9 * (_octaves(rng, height, width, 0.5) - 0.5)
        distance = np.hypot((y - cy) * rng.uniform(0.6, 1.4), (x - cx) * rng.uniform(0.6, 1.4)) / reach * wobble
        inside = ((1.05 - distance) * 8).clip(0, 1)[..., None]
        shade = (1.1 - 0.7 * ((x - cx) + (y - cy)) / (2 * reach)).clip(0.2, 1.4)[..., None]
        texture = 0.75 + 0.5 * _octaves(rng, height, width, 0.8)[..., None]
        pixels = pixels * (1 - inside) + inside * _natural_color(rng) * shade * texture
    return pixels.astype(np.float32)


def _patches(rng: np.random.Generator, height: int, width: int) -> FloatImage:
    """Random overlapping patches with texture: a cluttered room, a market, a collage."""
    image = Image.new("RGB", (width, height), _random_color(rng))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(25, 90))):
        x, y = rng.uniform(-0.1, 1) * width, rng.uniform(-0.1, 1) * height
        w, h = rng.uniform(0.03, 0.35, 2) * (width, height)
        corners = [
            (x, y),
            (x + w, y + rng.uniform(-0.3, 0.3) * h),
            (x + w * rng.uniform(0.6, 1.2), y + h),
            (x - 0.1 * w, y + h),
        ]
        pen.polygon(corners, fill=_random_color(rng))
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 3.0))))
    texture = 0.7 + 0.6 * _octaves(rng, height, width, 0.85)[..., None]
    return np.asarray(image, dtype=np.float32) / 255 * texture


def _screen(rng: np.random.Generator, height: int, width: int) -> FloatImage:
    """Windows, bars and lines too small to read: a screenshot, a document, a chart."""
    ground = int(rng.choice((255, 245, 30, 235)))
    image = Image.new("RGB", (width, height), (ground, ground, ground))
    pen = ImageDraw.Draw(image)
    ink = (60, 60, 60) if ground > 128 else (200, 200, 200)
    for _ in range(int(rng.integers(2, 6))):
        x, y = rng.uniform(0, 0.7) * width, rng.uniform(0, 0.7) * height
        w, h = rng.uniform(0.2, 0.7) * width, rng.uniform(0.2, 0.7) * height
        pen.rectangle((x, y, x + w, y + h), fill=_random_color(rng) if rng.random() < 0.4 else None, outline=ink)
        for line in np.arange(y + 4, y + h - 2, float(rng.uniform(3, 6))):
            position = x + 3
            while position < x + w - 6:
                length = float(rng.uniform(2, 12))
                pen.line(
                    (position, line, min(x + w - 3, position + length), line),
                    fill=ink if rng.random() < 0.9 else _random_color(rng),
                )
                position += length + 2
    return np.asarray(image, dtype=np.float32) / 255


def _dead_leaves(rng: np.random.Generator, height: int, width: int) -> FloatImage:
    """Overlapping shaded discs of all sizes, whose statistics are those of photographs (Lee et al. 2001)."""
    image = Image.new("RGB", (width, height), _random_color(rng))
    pen = ImageDraw.Draw(image)
    smallest = 0.02 * max(height, width)
    for _ in range(int(rng.integers(80, 260))):
        radius = min(smallest * float(rng.pareto(1.4) + 1), 0.4 * max(height, width))
        x, y = float(rng.uniform(0, width)), float(rng.uniform(0, height))
        flat = radius * float(rng.uniform(0.4, 1.0))
        pen.ellipse((x - radius, y - flat, x + radius, y + flat), fill=_random_color(rng))
    light = 0.5 + _octaves(rng, height, width, 0.6)[..., None]
    soft = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.6))))
    return np.asarray(soft, dtype=np.float32) / 255 * light


def _page(rng: np.random.Generator, height: int, width: int) -> FloatImage:
    """Many lines of small print: a document, which is more than Cria can read."""
    light = bool(rng.random() < 0.8)
    image = Image.new("RGB", (width, height), (250, 249, 246) if light else (28, 28, 30))
    pen = ImageDraw.Draw(image)
    font = load_font(int(rng.integers(len(font_files()))), int(rng.choice((8, 9, 10, 11, 12))))
    line_height = float(rng.uniform(10, 15))
    for y in np.arange(4, height - 10, line_height):
        if rng.random() < 0.12:
            continue
        words = rng.integers(0, len(PRINTED_WORDS), max(2, width // 30)).tolist()
        pen.text(
            (6, y),
            " ".join(PRINTED_WORDS[at] for at in words),
            fill=(30, 30, 30) if light else (220, 220, 220),
            font=font,
        )
    return np.asarray(image, dtype=np.float32) / 255


def _natural_color(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Red, green, blue, 0 to 1: mostly muted and warm, as the world is, sometimes anything."""
    color = rng.random(3).astype(np.float32)
    if rng.random() < 0.75:
        gray = np.float32(rng.uniform(0.1, 0.95))
        color = (
            gray
            + (color - color.mean()) * np.float32(rng.uniform(0.1, 0.6))
            + np.array([0.05, 0.01, -0.05], dtype=np.float32)
        )
    return color.clip(0, 1).astype(np.float32)


def _random_color(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (255 * _natural_color(rng)).astype(int).tolist()
    return red, green, blue


_MAKERS: tuple[Callable[[np.random.Generator, int, int], FloatImage], ...] = (
    _fractal, _landscape, _soft_object, _soft_object, _patches, _dead_leaves, _dead_leaves, _screen, _page,
)  # fmt: skip
