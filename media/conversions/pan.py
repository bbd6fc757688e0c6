"""Picture to film: a slow way into it, with what the model says of it as narration.

The first frame is the whole picture. A picture that is much wider than films are, or much higher, is gone along from
one end to the other. Frames are cut out between pixels, so that slow movement does not tremble.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import cv2
import numpy as np

from media.conversions.captions import caption_at, caption_patch, caption_pieces, write_subtitles
from media.conversions.film_writer import FilmWriter
from media.conversions.jobs import Job, MakeEvent, read_item
from media.conversions.narration import Narrator, all_sentences, narrator_for
from media.conversions.orders import Made
from media.conversions.script import read_blocks
from media.faces import clock, file_size, thumbnail
from media.types import ConvertProgress, Picture, RgbArray, Spoken

FRAMES_PER_S = 25
LONGER_SIDE = 1280
SHORTEST_SIDE = 160  # of a film; encoders and players do not like smaller ones
WIDEST = 16 / 9  # the shape of a film goes from this to its opposite
ZOOM = 1.15  # how near it gets
ALONG_S = 5.0  # for each width of the film that is gone along
LONGEST = 12.0  # widths of the film; what is longer gets bars, or a line of pixels would be a film of an hour
QUIET_S, SILENT_S, AFTER_S = 0.6, 6.0, 1.5  # before the first word; of a film without words; behind the last word


def film_picture(job: Job) -> Generator[MakeEvent, None, None]:
    """Write a film of a picture.

    Raises:
        MediaError: the picture cannot be read, or nobody speaks the words' language.
        Stopped: somebody said so.
    """
    item = yield from read_item(job, 0.1)
    picture = next(part for part in item.parts if isinstance(part, Picture))
    view = View.of(picture.pixels)
    words = job.order.words.strip()
    narrator = narrator_for(words, job.order.wishes, job.limits, job.should_stop) if words else None
    with FilmWriter(job.path, view.width, view.height, FRAMES_PER_S, narrator.rate if narrator else 0) as film:
        spoken = _speak(film, narrator, words) if narrator else []
        seconds = max(SILENT_S, view.length * ALONG_S, spoken[-1].end_s + AFTER_S if spoken else 0.0)
        if film.sound is not None:
            film.sound.silence(seconds - film.sound.seconds)
        captions = caption_pieces(spoken)
        yield from _show(job, film, view, seconds, captions if job.order.wishes.has_captions else [])
    names = [job.path.name]
    if captions:
        write_subtitles(job.beside(".srt"), captions)
        names.append(job.beside(".srt").name)
    facts = (clock(seconds), f"{view.width} × {view.height}", file_size(job.path.stat().st_size))
    face = thumbnail(view.at(0.0), job.limits.thumbnail_side)
    yield Made(tuple(names), job.by("filmed by Altiplano" + (", spoken by espeak-ng" if spoken else "")), face, facts)


def _speak(film: FilmWriter, narrator: Narrator, words: str) -> list[Spoken]:
    """All of the sound, and when each sentence is said. A description is short."""
    assert film.sound is not None, "it was asked for"
    film.sound.silence(QUIET_S)
    spoken = []
    for sentence in all_sentences(read_blocks(words), narrator.language):
        begin_s = film.sound.seconds
        film.sound.write(narrator.say(sentence))
        spoken.append(Spoken(begin_s, max(begin_s, film.sound.seconds - sentence.pause_s), sentence.text))
    return spoken


def _show(
    job: Job, film: FilmWriter, view: View, seconds: float, captions: list[Spoken]
) -> Generator[MakeEvent, None, None]:
    num_frames = film.frames_until(seconds)
    for number in range(num_frames):
        job.check()
        if number % FRAMES_PER_S == 0:
            yield ConvertProgress(0.1 + 0.9 * number / num_frames, "Filming the picture")
        frame = view.at(number / max(num_frames - 1, 1))
        if text := caption_at(captions, film.seconds):
            frame = caption_patch(text, view.width, view.height).over(frame)
        film.show(film.prepare(frame))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A picture, and the way over it."""

    pixels: RgbArray  # as large as is seen from near
    width: int  # of the film
    height: int

    @property
    def length(self) -> float:
        """How many widths of the film a panorama is longer than the film."""
        height, width = self.pixels.shape[:2]
        shape: float = width * self.height / (height * self.width)
        return max(shape, 1 / shape) - 1

    @classmethod
    def of(cls, pixels: RgbArray) -> View:
        pixels = _with_bars(pixels)
        height, width = pixels.shape[:2]
        shape = min(max(width / height, 1 / WIDEST), WIDEST)
        long, short = LONGER_SIDE, max(SHORTEST_SIDE, LONGER_SIDE / max(shape, 1 / shape))
        film_width, film_height = (_even(side) for side in ((long, short) if shape >= 1 else (short, long)))
        scale = max(film_width / width, film_height / height) * ZOOM  # the film is filled
        size = max(2, round(width * scale)), max(2, round(height * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        near = cv2.resize(pixels, size, interpolation=method).astype(np.uint8, copy=False)
        return cls(near, film_width, film_height)

    def at(self, progress: float) -> RgbArray:
        """The frame at a moment, 0 to 1."""
        height, width = self.pixels.shape[:2]
        whole = min(width / self.width, height / self.height)  # pixels of the picture for one of the film
        eased = progress * progress * (3 - 2 * progress)
        slack_x, slack_y = width - whole * self.width, height - whole * self.height
        if max(slack_x, slack_y) > 0.05 * whole * self.width:  # a panorama: along it
            scale, left, top = whole, slack_x * eased, slack_y * eased
        else:
            scale = whole * (1 + (1 / ZOOM - 1) * eased)
            left, top = (width - scale * self.width) / 2, (height - scale * self.height) / 2
        corner = 0.5 * (scale - 1)  # centres of pixels stay where they were
        matrix = np.array([[scale, 0, left + corner], [0, scale, top + corner]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        found: RgbArray = cv2.warpAffine(
            self.pixels, matrix, (self.width, self.height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.uint8, copy=False)
        return found


def _with_bars(pixels: RgbArray) -> RgbArray:
    """Not more than so many times as long as it is high, or the other way round."""
    height, width = pixels.shape[:2]
    if max(height / width, width / height) > LONGEST and max(height, width) > LONGEST * LONGER_SIDE:
        scale = LONGEST * LONGER_SIDE / max(height, width)  # or the bars would take gigabytes
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    missing_y, missing_x = (max(0, round(long / LONGEST - short)) for long, short in ((width, height), (height, width)))
    if not missing_x and not missing_y:
        return pixels
    edges = ((missing_y // 2, missing_y - missing_y // 2), (missing_x // 2, missing_x - missing_x // 2), (0, 0))
    return np.pad(pixels, edges, constant_values=0xFF)


def _even(side: float) -> int:
    return max(2, round(side / 2) * 2)
