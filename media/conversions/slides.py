"""Text to film: narrated slides. Headings and pictures become slides, speech the sound, captions stand below.

The film goes sentence by sentence: each is spoken, its sound is written, and its slide is shown as long as that lasts;
so pictures and sound cannot drift apart, and memory stays small. What is said stands in a file of subtitles as well.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from media.conversions.block_picture import block_picture
from media.conversions.captions import caption_at, caption_patch, caption_pieces, write_subtitles
from media.conversions.film_writer import FilmWriter
from media.conversions.jobs import Job, MakeEvent, SourceText, read_text
from media.conversions.narration import Narrator, Sentence, narrator_for
from media.conversions.orders import Made
from media.conversions.script import Block, BlockKind, read_blocks
from media.conversions.slide_picture import HEIGHT, WIDTH, draw_slide
from media.conversions.slide_plan import Slide, plan_slides
from media.errors import MediaError
from media.faces import clock, file_size, thumbnail
from media.image import image_events
from media.probe import DRAWINGS, probe
from media.svg import svg_events
from media.types import ConvertProgress, MediaItem, MediaKind, Picture, RgbArray, Spoken, Text

FRAMES_PER_S = 10  # nothing moves; captions change within a tenth of a second
SILENT_SLIDE_S = 4.0  # of a slide on which nothing is said


def film_slides(job: Job) -> Generator[MakeEvent, None, None]:
    """Write a film of a text.

    Raises:
        MediaError: there is nothing to show, or nobody to say it.
        Stopped: somebody said so.
    """
    found = yield from read_text(job)
    pictures = _Pictures(job)
    narrator = narrator_for(found.text, job.order.wishes, job.limits, job.should_stop)
    slides = plan_slides(_all_blocks(found), narrator.language, pictures.find)
    if not slides:
        raise MediaError(
            "Nothing to show", f"{job.name} holds nothing that can be shown.", "Write a heading or a text."
        )
    with FilmWriter(job.path, WIDTH, HEIGHT, FRAMES_PER_S, narrator.rate) as film:
        show = _Show(job, film, narrator)
        for number, slide in enumerate(slides, 1):
            yield from show.slide(slide, (number - 1) / len(slides), f"Filming slide {number} of {len(slides)}")
        seconds = film.seconds
    write_subtitles(job.beside(".srt"), caption_pieces(show.spoken))
    num_slides = "1 slide" if len(slides) == 1 else f"{len(slides)} slides"
    size = file_size(job.path.stat().st_size)
    facts = (clock(seconds), num_slides, f"{WIDTH} × {HEIGHT}", size, narrator.language_name)
    face = thumbnail(draw_slide(slides[0]), job.limits.thumbnail_side)
    yield Made((job.path.name, job.beside(".srt").name), job.by(), face, facts, pictures.notes())


def _all_blocks(found: SourceText) -> list[Block]:
    blocks: list[Block] = []
    for part in found.parts:
        if isinstance(part, Text):
            blocks += read_blocks(part.text)
        else:
            blocks.append(Block(BlockKind.PICTURE, "", picture=part))
    return blocks


class _Show:
    """Films slides, and keeps what was said and when."""

    def __init__(self, job: Job, film: FilmWriter, narrator: Narrator) -> None:
        self._job, self._film, self._narrator = job, film, narrator
        self.spoken: list[Spoken] = []

    def slide(self, slide: Slide, done: float, activity: str) -> Generator[MakeEvent, None, None]:
        pixels = draw_slide(slide)
        has_captions = self._job.order.wishes.has_captions and not slide.prose
        for sentence in slide.said:
            yield ConvertProgress(0.1 + 0.9 * done, activity)
            self._say(sentence, pixels, has_captions)
        if not slide.said:
            yield ConvertProgress(0.1 + 0.9 * done, activity)
            assert self._film.sound is not None, "slides are narrated"
            self._film.sound.silence(SILENT_SLIDE_S)
            self._show_until(self._film.sound.seconds, pixels, [])

    def _say(self, sentence: Sentence, pixels: RgbArray, has_captions: bool) -> None:
        assert self._film.sound is not None, "slides are narrated"
        begin_s = self._film.sound.seconds
        sound = self._narrator.say(sentence)
        self._film.sound.write(sound)
        end_s = self._film.sound.seconds
        said = Spoken(begin_s, max(begin_s, end_s - sentence.pause_s), sentence.text)
        self.spoken.append(said)
        self._show_until(end_s, pixels, caption_pieces([said]) if has_captions else [])

    def _show_until(self, end_s: float, pixels: RgbArray, captions: list[Spoken]) -> None:
        """The slide until then; the caption of a sentence stays through the pause behind it."""
        shown, frame = None, self._film.prepare(pixels)
        for _ in range(self._film.frames_until(end_s)):
            self._job.check()
            text = caption_at(captions, self._film.seconds) or (captions[-1].text if captions else "")
            if text != (shown or ""):
                frame = self._film.prepare(caption_patch(text, WIDTH, HEIGHT).over(pixels))
                shown = text
            self._film.show(frame)


@dataclass(slots=True)
class _Pictures:
    """Finds the pictures that a text names: files in its own folder, and nowhere else."""

    job: Job
    num_missing: int = field(default=0)

    def find(self, block: Block) -> RgbArray | None:
        if block.picture is not None:
            return block.picture.pixels
        if block.kind is not BlockKind.PICTURE:
            return block_picture(block.source, self.job.limits, self.job.should_stop)
        pixels = self._read(block.source)
        self.num_missing += pixels is None
        return pixels

    def _read(self, name: str) -> RgbArray | None:
        if self.job.found is None:
            return None
        folder = self.job.found.path.parent.resolve()
        try:
            path = (folder / unquote(name)).resolve()
            if not path.is_relative_to(folder):
                return None
            return _picture(path, self.job)
        except (MediaError, OSError, ValueError):
            return None

    def notes(self) -> tuple[str, ...]:
        if not self.num_missing:
            return ()
        what = "1 picture" if self.num_missing == 1 else f"{self.num_missing} pictures"
        return (f"{what} could not be found in the folder of the text.",)


def _picture(path: Path, job: Job) -> RgbArray | None:
    found = probe(path)
    if found.kind is not MediaKind.IMAGE:
        return None
    events = svg_events if found.format in DRAWINGS else image_events
    items = [event for event in events(found, job.limits, job.should_stop) if isinstance(event, MediaItem)]
    return next((part.pixels for item in items for part in item.parts if isinstance(part, Picture)), None)
