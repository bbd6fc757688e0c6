"""Text to picture: the drawing that it describes, or its pages. `draw` draws them; here they become files.

As SVG they stay sharp at any size. A text of several pages becomes several files, numbered from the second on.
"""

from __future__ import annotations

from collections.abc import Generator

from media.conversions.draw import Drawing, draw_text, drawing_pixels
from media.conversions.jobs import Job, MakeEvent, read_text
from media.conversions.orders import Made
from media.conversions.picture_file import write_picture
from media.errors import MediaError
from media.faces import file_size, thumbnail
from media.types import ConvertProgress, RgbArray


def write_drawings(job: Job) -> Generator[MakeEvent, None, None]:
    """Write the picture of a text, or one for each of its pages.

    Raises:
        MediaError: it cannot be drawn, or holds nothing.
        Stopped: somebody said so.
    """
    found = yield from read_text(job)
    drawings: tuple[Drawing, ...] = ()
    for event in draw_text(found.text, limits=job.limits, should_stop=job.should_stop):
        if isinstance(event, ConvertProgress):
            yield ConvertProgress(0.1 + 0.3 * event.fraction, event.activity)
        else:
            drawings = event
    if not drawings:
        raise MediaError("Nothing to draw", f"{job.name} holds nothing that can be drawn.", "Write something.")
    names, first = [], None
    for number, drawing in enumerate(drawings, 1):
        job.check()
        yield ConvertProgress(0.4 + 0.6 * (number - 1) / len(drawings), f"Drawing {number} of {len(drawings)}")
        pixels = drawing_pixels(drawing, job.limits) if job.order.suffix != ".svg" or first is None else None
        first = pixels if first is None else first
        names.append(_write(job, number, drawing, pixels))
    assert first is not None, "the first one is looked at in any case"
    pages = "1 picture" if len(names) == 1 else f"{len(names)} pages"
    facts = (f"{first.shape[1]} × {first.shape[0]}", pages, file_size(sum(_size(job, name) for name in names)))
    notes = tuple(note for drawing in drawings for note in drawing.notes)
    yield Made(tuple(names), job.by(), thumbnail(first, job.limits.thumbnail_side), facts, notes)


def _write(job: Job, number: int, drawing: Drawing, pixels: RgbArray | None) -> str:
    path = job.path if number == 1 else job.beside(f"-{number}{job.order.target.suffix}")
    if job.order.suffix == ".svg":
        path.write_text(drawing.svg, encoding="utf-8", newline="\n")
    else:
        assert pixels is not None, "pictures of pixels have some"
        write_picture(path, pixels)
    return path.name


def _size(job: Job, name: str) -> int:
    return (job.folder / name).stat().st_size
