"""Pictures of sound: the waveform above the mel spectrogram, with times and pitches on their axes.

One picture shows a stretch. It is as large as one tile of Llama 4's (336 x 336), where its letters are as large as
those of a small print that the model reads; a longer recording becomes several. Colours and heights are those of the
whole recording, so that a quiet stretch looks quiet beside a loud one.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from media.faces import clock
from media.mel import hz_to_mel, mel_rows, mel_spectrogram
from media.sound import FloatArray, peaks
from media.types import RgbArray

SIDE = 336
LEFT, RIGHT, TOP, BOTTOM, GAP = 36, 6, 6, 20, 8  # pixels around the lanes, at 336
WAVE_SHARE = 0.26  # of the height is the waveform's
LETTERS = 12
RANGE_DB = 70.0  # from black to white; beneath is noise
PAPER, INK, LINE, WAVE = (255, 255, 255), (40, 40, 40), (205, 205, 205), (34, 94, 168)
HEAT = np.array([  # from silence to the loudest, each step lighter than the one before
    (0, 0, 8), (40, 12, 84), (101, 21, 110), (159, 42, 99),
    (212, 72, 66), (245, 125, 21), (250, 193, 39), (252, 255, 164),
])  # fmt: skip
PITCHES = ((250, "250"), (500, "500"), (1000, "1k"), (2000, "2k"), (4000, "4k"), (8000, "8k"))
TIME_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MOST_TIMES = 6  # on an axis: more would touch

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Box = tuple[int, int, int, int]  # left, top, right, bottom


def sound_picture(
    samples: FloatArray,
    rate: int,
    start_s: float = 0.0,
    loudest: float | None = None,
    size: tuple[int, int] = (SIDE, SIDE),
) -> RgbArray:
    """The picture of a stretch of one channel.

    Args:
        start_s: what stands at the left end of the axis of time.
        loudest: the greatest sample of the whole recording; of these samples where nothing is said.
        size: width and height in pixels.
    """
    width, height = size
    scale = max(1.0, min(width, height) / SIDE)
    left, right, top, bottom, gap = (round(each * scale) for each in (LEFT, RIGHT, TOP, BOTTOM, GAP))
    page = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(LETTERS * scale)
    full = loudest if loudest is not None else float(np.abs(samples).max(initial=0.0))
    middle = top + round((height - top - bottom) * WAVE_SHARE)
    wave, heat = (left, top, width - right, middle - gap), (left, middle, width - right, height - bottom)
    _draw_times(draw, font, (left, top, width - right, height - bottom), start_s, start_s + len(samples) / rate)
    page.paste(_wave(samples, full, wave[2] - wave[0], wave[3] - wave[1]), wave[:2])
    page.paste(_heat(samples, rate, full, heat[2] - heat[0], heat[3] - heat[1]), heat[:2])
    _draw_pitches(draw, font, heat, rate)
    draw.text((left - 4 * scale, (wave[1] + wave[3]) / 2), "wave", INK, font, anchor="rm")
    return _read_only(page)


def waveform(samples: FloatArray, size: tuple[int, int]) -> RgbArray:
    """The waveform alone: what stands on a chip."""
    width, height = size
    return _read_only(_wave(samples, float(np.abs(samples).max(initial=0.0)), width, height))


def _read_only(page: Image.Image) -> RgbArray:
    pixels = np.array(page)
    pixels.setflags(write=False)
    return pixels


def _wave(samples: FloatArray, full: float, width: int, height: int) -> Image.Image:
    """A bar for each column, around a line of silence. It is as high as the lane where the sound is loudest."""
    lane = Image.new("RGB", (width, height), PAPER)
    draw, middle = ImageDraw.Draw(lane), (height - 1) / 2
    draw.rectangle((0, 0, width - 1, height - 1), outline=LINE)
    bars = peaks(samples, min(width, len(samples))) / max(full, 1e-4) * (middle - 1)
    for column, bar in enumerate(bars):
        x = column * width // len(bars)
        draw.line((x, middle - bar, x, middle + bar), WAVE)
    return lane


def _heat(samples: FloatArray, rate: int, full: float, width: int, height: int) -> Image.Image:
    decibels = mel_spectrogram(samples, rate, width, height)
    top = 20 * np.log10(max(full, 1e-3)) - 6  # power spreads over pitches: nothing is as strong as the whole
    level = np.clip(1.0 + (decibels[::-1] - top) / RANGE_DB, 0.0, 1.0) * (len(HEAT) - 1)
    below = np.minimum(level.astype(np.int64), len(HEAT) - 2)
    share = (level - below)[..., None]
    return Image.fromarray((HEAT[below] * (1 - share) + HEAT[below + 1] * share).astype(np.uint8))


def _draw_times(draw: ImageDraw.ImageDraw, font: Font, box: Box, start_s: float, end_s: float) -> None:
    left, _, right, bottom = box
    length = max(end_s - start_s, 1e-3)
    step = next((step for step in TIME_STEPS if length / step <= MOST_TIMES), TIME_STEPS[-1] * np.ceil(length / 21600))
    for number in range(int(np.ceil(start_s / step - 1e-6)), int(end_s / step + 1e-6) + 1):
        x = left + (number * step - start_s) / length * (right - left)
        draw.line((x, bottom, x, bottom + 4), INK)
        words = time_words(number * step, step)
        half = draw.textlength(words, font) / 2
        draw.text((min(max(x, half), right + 4 - half), bottom + 5), words, INK, font, anchor="mt")


def time_words(seconds: float, step_s: float) -> str:
    """0:14; with tenths where the axis has them: 0:14.5."""
    tenths = round(seconds * 10)
    return clock(tenths // 10) + (f".{tenths % 10}" if step_s < 1 else "")


def _draw_pitches(draw: ImageDraw.ImageDraw, font: Font, box: Box, rate: int) -> None:
    left, top, _, bottom = box
    rows = mel_rows(bottom - top, rate)
    lowest, highest = hz_to_mel(float(rows[0])), hz_to_mel(float(rows[-1]))
    for pitch, words in PITCHES:
        y = bottom - 1 - (hz_to_mel(pitch) - lowest) / (highest - lowest) * (bottom - top - 1)
        if y < top - 1:
            continue
        draw.line((left - 4, y, left - 1, y), INK)
        draw.text((left - 6, max(y, top + 5)), words, INK, font, anchor="rm")
    draw.text((left - 6, bottom - 2), "Hz", INK, font, anchor="rs")
