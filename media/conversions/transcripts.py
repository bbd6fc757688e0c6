"""To text: what was said in a recording or a clip, and when; what the model says of a picture; what a document says.

Nothing here listens or looks: a recogniser (`media.speech`) or the model did. Plain text holds the words alone, one
utterance a line, Markdown their times as well, and subtitles hold both in pieces that can be read in time.
"""

from __future__ import annotations

from collections.abc import Generator

from media.conversions.captions import caption_pieces, write_subtitles
from media.conversions.jobs import Job, MakeEvent, read_text
from media.conversions.listening import listen
from media.conversions.orders import SUBTITLES, Kind, Made
from media.errors import MediaError
from media.faces import clock, file_size, page_of_words
from media.speech import Transcript


def write_words(job: Job) -> Generator[MakeEvent, None, None]:
    """Write down what the model says of a picture, or what a document says."""
    if job.order.suffix in SUBTITLES:
        raise MediaError(
            "Nothing is said", f"{job.name} has no sound, so there are no subtitles.", "Choose .txt or .md."
        )
    found = yield from read_text(job, 0.9)
    yield _written(job, found.text.strip() + "\n", job.by())


def write_transcript(job: Job) -> Generator[MakeEvent, None, None]:
    """Write down what is said, below what the model says of a clip.

    Raises:
        MediaError: nothing is said that can be recognised, and the model said nothing either.
        Stopped: somebody said so.
    """
    transcript = (yield from listen(job, 0.0, 0.98)) if job.has_container else Transcript()
    spoken = transcript.spoken
    words = job.order.words.strip() if job.kind is Kind.VIDEO else ""
    is_subtitles = job.order.suffix in SUBTITLES
    if not spoken and (is_subtitles or not words):
        raise MediaError("Nothing is said", f"No words were recognised in {job.name}.", " ".join(transcript.notes))
    by = job.by(f"written down by {transcript.recogniser}" if spoken else "nothing is said in it")
    if is_subtitles:
        write_subtitles(job.path, caption_pieces(spoken))
        text = job.path.read_text(encoding="utf-8")
        yield _made(job, text, by, transcript.notes)
    else:
        yield _written(job, _as_text(job, words, transcript), by, transcript.notes)


def _as_text(job: Job, words: str, transcript: Transcript) -> str:
    if job.order.suffix == ".md":
        said = "\n\n".join(f"**{clock(each.start_s)}** {each.text}" for each in transcript.spoken)
        head = f"# {job.name}\n\n{words}\n\n" if words else f"# {job.name}\n\n"
        return head + (f"## What is said\n\n{said}\n" if said and words else f"{said}\n" if said else "")
    said = "\n".join(each.text for each in transcript.spoken)
    return "\n\n".join(part for part in (words, said) if part) + "\n"


def _written(job: Job, text: str, by: str, notes: tuple[str, ...] = ()) -> Made:
    """A text as the target."""
    job.path.write_text(text, encoding="utf-8", newline="\n")
    return _made(job, text, by, notes)


def _made(job: Job, text: str, by: str, notes: tuple[str, ...]) -> Made:
    facts = (f"{len(text.split()):,} words", file_size(job.path.stat().st_size))
    return Made((job.path.name,), by, page_of_words(text, job.limits.thumbnail_side), facts, notes)
