"""To text: what was said in a recording or a clip, with its times; what the model says of a picture; what a document says.

Nothing here listens or looks: a recogniser (`media.speech`) or the model did.
"""

from __future__ import annotations

from collections.abc import Generator

from media.conversions.jobs import Job, MakeEvent, read_text
from media.conversions.orders import Made
from media.faces import file_size, page_of_words


def write_words(job: Job) -> Generator[MakeEvent, None, None]:
    """Write down what the model says of a picture, or what a document says."""
    found = yield from read_text(job, 0.9)
    yield write_down(job, found.text.strip() + "\n")


def write_down(job: Job, text: str, by: str = "") -> Made:
    """A text as the target."""
    job.path.write_text(text, encoding="utf-8", newline="\n")
    facts = (f"{len(text.split()):,} words", file_size(job.path.stat().st_size))
    return Made((job.path.name,), job.by(by), page_of_words(text, job.limits.thumbnail_side), facts)
