"""Sound to film: its waveform, which fills with colour as it is heard, and what is said as captions.

The sound is gone through twice: how loud it is has to be known before the first frame. Neither time more of it is in
memory than a moment. It comes out at its own rate, in stereo at most.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from media.conversions.captions import caption_at, caption_patch, caption_pieces, write_subtitles
from media.conversions.film_writer import FilmWriter
from media.conversions.jobs import Job, MakeEvent
from media.conversions.listening import listen
from media.conversions.look import ACCENT, INK, LINE, PAPER, SOFT
from media.conversions.orders import Made
from media.conversions.peaks import Peaks
from media.conversions.sound_writer import encoder_rate
from media.drawing.lettering import Lettering, text_at, wrapped
from media.drawing.raster import rasterize
from media.drawing.sketch import Sketch, document, rectangle
from media.errors import MediaError
from media.faces import clock, file_size, thumbnail
from media.sound import Track, open_sound
from media.types import ConvertProgress, RgbArray, Spoken

WIDTH, HEIGHT = 1280, 720
FRAMES_PER_S = 25
MARGIN, MIDDLE, HALF = 80, 340, 180  # of the waveform: from the sides, and how far it reaches up and down
BAR, BAR_STEP = 4, 6  # pixels
FOREVER_S = 1e9


def film_sound(job: Job) -> Generator[MakeEvent, None, None]:
    """Write a film of a recording.

    Raises:
        MediaError: it has no sound that can be read.
        Stopped: somebody said so.
    """
    peaks, rate, channels = yield from _look(job)
    transcript = yield from listen(job, 0.1, 0.5)
    captions = caption_pieces(transcript.spoken)
    with open_sound(job.source, job.should_stop, job.limits) as track:
        assert track is not None, "it was there a moment ago"
        with FilmWriter(job.path, WIDTH, HEIGHT, FRAMES_PER_S, rate, channels) as film:
            scene = Scene(job.source.path.name, peaks, captions if job.order.wishes.has_captions else [])
            yield from _film(job, film, scene, _blocks(track, rate, channels))
            seconds = film.seconds
    names = [job.path.name]
    if captions:
        write_subtitles(job.beside(".srt"), captions)
        names.append(job.beside(".srt").name)
    by = "filmed by Altiplano" + (f", captions by {transcript.recogniser}" if captions else "")
    facts = (clock(seconds), f"{WIDTH} × {HEIGHT}", file_size(job.path.stat().st_size))
    face = thumbnail(scene.at(seconds / 2, seconds), job.limits.thumbnail_side)
    yield Made(tuple(names), job.by(by), face, facts, transcript.notes)


def _look(job: Job) -> Generator[MakeEvent, None, tuple[Peaks, int, int]]:
    """How loud it is over its time, and the rate and channels for the film."""
    yield ConvertProgress(0.0, "Reading the sound")
    with open_sound(job.source, job.should_stop, job.limits) as track:
        if track is None:
            raise MediaError("No sound", f"{job.name} has no sound track.", "Choose another file.")
        rate, channels = encoder_rate("aac", track.rate), min(track.channels, 2)
        peaks = Peaks(rate, (WIDTH - 2 * MARGIN) // BAR_STEP)
        for block in _blocks(track, rate, channels):
            peaks.add(block.T)
    if not peaks.seconds:
        raise MediaError("No sound", f"{job.name} has a sound track without sound.", "Choose another file.")
    return peaks, rate, channels


def _blocks(track: Track, rate: int, channels: int) -> Iterator[npt.NDArray[np.float32]]:
    yield from track.blocks(0.0, FOREVER_S, rate, channels)


def _film(
    job: Job,
    film: FilmWriter,
    scene: Scene,
    blocks: Iterator[npt.NDArray[np.float32]],
) -> Generator[MakeEvent, None, None]:
    assert film.sound is not None, "it was asked for"
    seconds = scene.seconds
    for block in blocks:
        film.sound.write(block.T)
        for _ in range(film.frames_until(film.sound.seconds)):
            job.check()
            film.show(film.prepare(scene.at(film.seconds, seconds)))
        yield ConvertProgress(0.5 + 0.5 * min(film.seconds / seconds, 1.0), "Filming the sound")


class Scene:
    """What is seen: name, waveform, clock, captions."""

    def __init__(self, name: str, peaks: Peaks, captions: Sequence[Spoken]) -> None:
        self.seconds = peaks.seconds
        self._captions = captions
        loudness = _even_bars(peaks.values())
        plain = _background(name)
        self._quiet, self._heard = _with_bars(plain, loudness, LINE), _with_bars(plain, loudness, ACCENT)
        self._clock: tuple[str, RgbArray] = ("", plain[:1, :1])

    def at(self, time_s: float, seconds: float) -> RgbArray:
        """A frame."""
        edge = round(MARGIN + (WIDTH - 2 * MARGIN) * min(time_s / max(seconds, 1e-6), 1.0))
        frame = self._quiet.copy()
        frame[:, :edge] = self._heard[:, :edge]
        frame[MIDDLE - HALF - 12 : MIDDLE + HALF + 12, edge - 1 : edge + 1] = INK
        shown = self._clock_picture(f"{clock(time_s)} / {clock(seconds)}")
        frame[44 : 44 + shown.shape[0], WIDTH - MARGIN - shown.shape[1] : WIDTH - MARGIN] = shown
        text = caption_at(self._captions, time_s)
        return caption_patch(text, WIDTH, HEIGHT).over(frame) if text else frame

    def _clock_picture(self, text: str) -> RgbArray:
        if text != self._clock[0]:
            style = Lettering(size=26, color=_hex(SOFT))
            body = rectangle(0, 0, 260, 44, _hex(PAPER)) + text_at(260, 31, text, style, "end")
            self._clock = text, rasterize(document(Sketch(260, 44, body)), 260, 44)
        return self._clock[1]


def _background(name: str) -> RgbArray:
    """Paper with the name of the recording."""
    style = Lettering(size=30, color=_hex(INK), is_bold=True)
    line = wrapped(name, style, WIDTH - 2 * MARGIN - 300)[0]
    body = rectangle(0, 0, WIDTH, HEIGHT, _hex(PAPER)) + text_at(MARGIN, 76, line, style)
    return rasterize(document(Sketch(WIDTH, HEIGHT, body)), WIDTH, HEIGHT)


def _even_bars(loudness: Sequence[float]) -> list[float]:
    """One value for each bar, so that the loudest fills the height."""
    count = (WIDTH - 2 * MARGIN) // BAR_STEP
    edges = np.linspace(0, len(loudness), count + 1).astype(int)
    found = [max(loudness[begin : max(end, begin + 1)], default=0.0) for begin, end in pairwise(edges)]
    loudest = max(max(found), 1e-3)
    return [value / loudest for value in found]


def _with_bars(plain: RgbArray, loudness: Sequence[float], color: tuple[int, int, int]) -> RgbArray:
    found = np.array(plain)
    for number, value in enumerate(loudness):
        half, left = max(2, round(value * HALF)), MARGIN + number * BAR_STEP
        found[MIDDLE - half : MIDDLE + half, left : left + BAR] = color
    return found


def _hex(color: tuple[int, int, int]) -> str:
    return "#{:02X}{:02X}{:02X}".format(*color)
