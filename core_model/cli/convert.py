"""`altiplano convert`: a file or a text becomes a file of another kind, all of it offline.

What is to be made is said by the target's name, what there is by the source's content. Where words about the source are
needed (a picture that is to be spoken), the model is asked first, as `ask` does, and what it says goes into the order:
the floor that writes files knows no model. `--words` takes its place. The last line on standard output is what was
written; nothing is left of what was stopped or failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import resources
from core_model.assistant import Assistant
from core_model.cli.ask import Question, answer
from core_model.cli.clip_options import WHISPER_HELP, clock, count, folder_name
from core_model.cli.event_json import AskEvent
from core_model.cli.exit_status import ExitStatus
from core_model.cli.outputs import JsonOutput, TextOutput
from core_model.cli.terminal import stop_on_interrupt, write
from core_model.errors import AltiplanoError
from core_model.types import Finished, FinishReason, LoadFinished, SamplingParams, ShouldStop, TextDelta
from media import sandbox
from media.conversions import workshop
from media.conversions.orders import FASTEST, KIND_OF_MEDIA, SLOWEST, TARGETS, Made, Order, Wishes, target_kind
from media.conversions.questions import QUESTIONS
from media.conversions.table import Words, wanted_words
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS
from media.probe import probe
from media.types import ConvertOptions, MediaItem

_SHORTER = "Show it fewer frames (--frames)"
FEW_FRAMES = 8  # what the built-in model has room for, beside what is said


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb and its options."""
    parser = verbs.add_parser(
        "convert",
        help="turn text, pictures, recordings and clips into each other",
        description="Make OUT of IN: any of text, picture, recording and clip becomes any other, offline. Where the "
        "model has to look at something first, it is asked.",
    )
    parser.add_argument("source", metavar="IN", help='a file; "-" takes --text, or reads a text from standard input')
    parser.add_argument("target", type=Path, metavar="OUT", help=f"what to write, by its ending: {', '.join(TARGETS)}")
    parser.add_argument("--text", help="the text that is converted, where IN is -")
    parser.add_argument("--force", action="store_true", help="replace OUT where it is there already")
    parser.add_argument("--json", action="store_true", help="print the events, one line of JSON each")
    _add_wishes(parser.add_argument_group("how it is made"))
    _add_model(parser.add_argument_group("where the model has to describe IN first"))


def _add_wishes(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--language", type=_language, default="", metavar="CODE", help='of the voice: "de"; guessed from the text'
    )
    group.add_argument("--voice", default="", metavar="NAME", help='one of espeak-ng\'s voices: "en-gb", "de+f2"')
    group.add_argument(
        "--rate", type=_rate, default=Wishes().words_per_minute, metavar="WPM", help="words a minute (150)"
    )
    group.add_argument(
        "--at", type=clock, metavar="TIME", help='which frame of a clip: "0:14"; a sheet of many when left out'
    )
    group.add_argument("--whisper", type=Path, metavar="DIR", help=WHISPER_HELP)
    group.add_argument("--no-captions", action="store_true", help="what is said is not written into the film")


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--words", help="what is said of IN instead; an empty one asks nobody")
    group.add_argument(
        "--frames",
        type=count,
        metavar="N",
        help=f"the most that it sees of a clip; {FEW_FRAMES} for the built-in model",
    )
    group.add_argument("--question", default="", metavar="TEXT", help="what the model is asked")
    group.add_argument("--model", type=Path, metavar="DIR", help="a checkpoint folder; the built-in model")
    group.add_argument("--max-tokens", type=int, metavar="N", help="the greatest length of the answer")


def _rate(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not SLOWEST <= int(text) <= FASTEST:
        raise argparse.ArgumentTypeError(f"must be a whole number between {SLOWEST} and {FASTEST}")
    return int(text)


def _language(text: str) -> str:
    """The code of a language, for argparse, which calls it for the empty default as well."""
    if not text:
        return ""
    from media.conversions.languages import language_named

    try:
        return language_named(text)
    except MediaError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.hint}") from error


def run(options: argparse.Namespace, open_assistant: Callable[[], Assistant]) -> ExitStatus:
    """Do it. Every error that a person can act on is said, none is raised.

    Raises:
        ReaderLeftError: nobody reads the output any more.
        KeyboardInterrupt: Ctrl+C before the work began, or a second one.
    """
    output = (JsonOutput if options.json else _WrittenOutput)(sys.stdout, sys.stderr)
    try:
        order = _order(options)
        with stop_on_interrupt() as should_stop, closing(events(options, order, open_assistant, should_stop)) as found:
            return _show_all(found, output, order)
    except (AltiplanoError, MediaError) as error:
        output.fail(error)
        return ExitStatus.ERROR


class _WrittenOutput(TextOutput):
    """For people: standard output gets what was written, and the model's words only pass by."""

    def show(self, event: AskEvent) -> None:
        match event:
            case TextDelta(text):
                self._words = (getattr(self, "_words", "") + text)[-200:]
                self._status.show(f"The model says: {self._words}")
            case Finished(FinishReason.STOP):
                self._status.clear()
            case _:
                super().show(event)


def _order(options: argparse.Namespace) -> Order:
    """What a command line asks for.

    Raises:
        MediaError: the target's name says nothing, or standard input holds no text.
    """
    target_kind(options.target)
    wishes = Wishes(
        options.language,
        options.voice,
        options.rate,
        options.at,
        has_captions=not options.no_captions,
        whisper_folder=folder_name(options.whisper),
    )
    order = Order(options.target, words=_clean(options.words or ""), words_by="you", wishes=wishes)
    if options.source != "-":
        return replace(order, source=Path(options.source))
    return replace(order, text=_piped(sys.stdin) if options.text is None else _clean(options.text))


def _piped(stdin: TextIO | None) -> str:
    """What is on standard input, as bytes: what is no text is refused and not spoken letter by letter.

    Raises:
        MediaError: it is no text.
    """
    from media.text_files import piped_text

    if stdin is None:
        raise MediaError("Nothing to convert", "Standard input is closed.", "Give a text with --text.")
    most = 4 * DEFAULT_LIMITS.max_text_chars + 1  # one byte more than any text that is not too long
    return piped_text(stdin.buffer.read(most), "Standard input")


def _clean(text: str) -> str:
    """A command line may hold bytes that are no text; Python hides them in surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def events(
    options: argparse.Namespace, order: Order, open_assistant: Callable[[], Assistant], should_stop: ShouldStop
) -> Generator[AskEvent, None, None]:
    """Ask the model where that is needed, then have the file made. Without a `Made` at the end it was stopped.

    Raises:
        MediaError: the source cannot be used, or the target cannot be written.
        AltiplanoError: the model cannot be opened, or cannot answer.
    """
    workshop.refuse_existing(workshop.files_of(order.target), may_replace=options.force)
    if order.source is not None and options.words is None:
        order = yield from _with_words(options, order, order.source, open_assistant, should_stop)
    if not should_stop():
        yield from workshop.make(order, should_stop=should_stop, may_replace=options.force)


def _with_words(
    options: argparse.Namespace,
    order: Order,
    source: Path,
    open_assistant: Callable[[], Assistant],
    should_stop: ShouldStop,
) -> Generator[AskEvent, None, Order]:
    """With what the model says of the source, where that is wanted, and what was heard in it on the way."""
    target = target_kind(order.target)
    if wanted_words(KIND_OF_MEDIA[probe(source).kind], target, order.suffix) is Words.NOT_USED:
        return order
    max_frames = options.frames or (None if options.model else FEW_FRAMES)
    convert_options = ConvertOptions(max_frames=max_frames, whisper_folder=order.wishes.whisper_folder)
    item = yield from _read(source, convert_options, should_stop)
    if item is None:
        return order
    if item.timeline is not None:
        order = replace(order, heard=item.timeline.speech, heard_by=item.timeline.recogniser)
    kind = KIND_OF_MEDIA[item.kind]
    if wanted_words(kind, target, order.suffix) is Words.NOT_USED:
        return order  # a film without pictures, or a picture that moves
    question = options.question or QUESTIONS[kind, target]
    sampling = SamplingParams(temperature=0.0, max_new_tokens=options.max_tokens)
    checkpoint = options.model or resources.built_in_model()
    asked = Question(question, (source,), "", checkpoint, sampling, convert_options, _SHORTER)
    words, words_by = yield from _answer(asked, open_assistant, should_stop)
    return replace(order, words=words, words_by=words_by)


def _read(
    path: Path, convert_options: ConvertOptions, should_stop: ShouldStop
) -> Generator[AskEvent, None, MediaItem | None]:
    """The source as the model will see it; it is remembered, and not read again for the question."""
    item = None
    for event in sandbox.convert(path, should_stop=should_stop, options=convert_options):
        if isinstance(event, MediaItem):
            item = event
        else:
            yield event
    return item


def _answer(
    question: Question, open_assistant: Callable[[], Assistant], should_stop: ShouldStop
) -> Generator[AskEvent, None, tuple[str, str]]:
    """What the model says, and its name."""
    words, name = "", "the model"
    for event in answer(question, open_assistant, should_stop):
        yield event
        words += event.text if isinstance(event, TextDelta) else ""
        name = event.model.name if isinstance(event, LoadFinished) and event.model is not None else name
    return words, name


def _show_all(found: Generator[AskEvent, None, None], output: TextOutput | JsonOutput, order: Order) -> ExitStatus:
    made, is_told = None, False
    for event in found:
        output.show(event)
        made = event if isinstance(event, Made) else made
        is_told = is_told or (isinstance(event, Finished) and event.reason is FinishReason.CANCELLED)
    if made is None:
        if not is_told:  # the model says it where it was asked
            output.show(Finished(FinishReason.CANCELLED))
        return ExitStatus.INTERRUPTED
    if isinstance(output, TextOutput):
        for name in made.names:
            write(sys.stdout, f"{order.target.with_name(name)}\n")
    return ExitStatus.OK
