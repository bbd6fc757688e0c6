"""Which slides a text becomes, and what is said on each.

A heading begins a slide and is its title, points of a list stand below it, and a picture takes its place beside them or
a slide of its own. Prose under a title is said and not shown, as by somebody who gives a talk; prose with no title is
shown itself, some sentences at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from media.conversions.narration import Sentence, block_sentences
from media.conversions.script import Block, BlockKind
from media.types import RgbArray

MAX_LINES, LINE_LETTERS = 6, 64  # of points on one slide; in a size that can be read from afar
MAX_PROSE_LETTERS = 240

FindPicture = Callable[[Block], RgbArray | None]


@dataclass(slots=True)
class Slide:
    """What is seen, and what is said meanwhile."""

    title: str = ""
    points: list[str] = field(default_factory=list)
    prose: str = ""
    picture: RgbArray | None = None
    said: list[Sentence] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.title or self.points or self.prose) and self.picture is None

    def has_room_for(self, point: str) -> bool:
        """A point that is too long for any slide gets one of its own."""
        lines = [-(-len(each) // LINE_LETTERS) for each in (*self.points, point)]
        return not self.points or sum(lines) <= MAX_LINES


def plan_slides(blocks: Iterable[Block], language: str, find_picture: FindPicture) -> list[Slide]:
    """The slides, in order.

    Args:
        find_picture: the pixels of a block that is one, or is better seen than heard; None where there are none.
    """
    planner = _Planner(language, find_picture)
    for block in blocks:
        planner.add(block)
    return [slide for slide in planner.slides if not slide.is_empty]


class _Planner:
    """Goes through a text with a slide that is open."""

    def __init__(self, language: str, find_picture: FindPicture) -> None:
        self.slides = [Slide()]
        self._language = language
        self._find_picture = find_picture

    @property
    def _open(self) -> Slide:
        return self.slides[-1]

    def add(self, block: Block) -> None:
        said = block_sentences(block, self._language) if block.text or block.kind is not BlockKind.PICTURE else []
        match block.kind:
            case BlockKind.HEADING:
                self.slides.append(Slide(title=block.text, said=said))
            case BlockKind.POINT:
                if self._open.prose or not self._open.has_room_for(block.text):
                    self.slides.append(Slide(title=self._open.title))
                self._open.points.append(block.text)
                self._open.said += said
            case BlockKind.PROSE:
                self._add_prose(said)
            case _:
                self._add_picture(block, said)

    def _add_prose(self, said: list[Sentence]) -> None:
        if not (self._open.is_empty or self._open.prose):
            self._open.said += said
            return
        for sentence in said:
            if self._open.prose and len(self._open.prose) + len(sentence.text) > MAX_PROSE_LETTERS:
                self.slides.append(Slide())
            self._open.prose = f"{self._open.prose} {sentence.text}".strip()
            self._open.said.append(sentence)
        self.slides.append(Slide())

    def _add_picture(self, block: Block, said: list[Sentence]) -> None:
        pixels = self._find_picture(block)
        if pixels is not None and (self._open.picture is not None or self._open.prose or len(self._open.points) > 3):
            self.slides.append(Slide(title=self._open.title))
        if pixels is not None:
            self._open.picture = pixels
        if pixels is not None or not self._open.is_empty:
            self._open.said += said
