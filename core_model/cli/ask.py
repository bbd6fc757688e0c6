"""`altiplano ask`: one question, with pictures if there are any, answered in the terminal.

Files are converted before the model is loaded, so a wrong path is said at once and not after minutes. Files, loading
and answering share one stop check: the first Ctrl+C ends whichever is under way, and what was written stays. The
conversation ends with the answer; going on with it is what the window is for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import resources
from core_model.assistant import Assistant
from core_model.cli.clip_options import add_clip_options, folder_name
from core_model.cli.clip_room import fit_clips
from core_model.cli.event_json import AskEvent
from core_model.cli.exit_status import ExitStatus
from core_model.cli.outputs import JsonOutput, Output, TextOutput
from core_model.cli.terminal import ReaderLeftError, stop_on_interrupt, write
from core_model.errors import AltiplanoError, RequestError, TooLongError
from core_model.types import (
    Finished,
    FinishReason,
    GenerationRequest,
    LoadFinished,
    LoadRequest,
    Message,
    ModelInfo,
    Role,
    SamplingParams,
    ShouldStop,
    Text,
)
from media.errors import MediaError
from media.sandbox import convert
from media.types import AS_IT_IS, ConvertOptions, MediaItem

_MAX_SEED = 2**63 - 1  # what torch's generators take


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb and its options."""
    parser = verbs.add_parser(
        "ask",
        help="ask one question in the terminal",
        description="Ask one question; the answer streams to standard output. Ctrl+C stops it, and keeps the text.",
    )
    parser.add_argument("question", help='the question; "-" reads it from standard input')
    parser.add_argument(
        "--image",
        "--file",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        dest="images",
        help="a picture, clip, recording, document or folder that comes before the question; again for more",
    )
    parser.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="PATH",
        help='a file of a folder that is not sent, or a folder in it ("data/"); again for more',
    )
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="a checkpoint folder in the Hugging Face layout; the built-in model"
    )
    parser.add_argument("--system", metavar="TEXT", help="what the model is told before the conversation")
    parser.add_argument("--json", action="store_true", help="print the events, one line of JSON each")
    add_clip_options(parser.add_argument_group("clips and recordings"))
    _add_sampling(parser.add_argument_group("sampling", "left out: as the checkpoint itself says"))


def _add_sampling(group: argparse._ArgumentGroup) -> None:
    how = group.add_mutually_exclusive_group()
    how.add_argument("--greedy", action="store_true", help="always the likeliest token: the same as --temperature 0")
    how.add_argument("--temperature", type=float, metavar="T", help="0 to 10; higher is more varied")
    group.add_argument("--top-p", type=float, metavar="P", help="pick among the likeliest tokens that sum to P")
    group.add_argument("--seed", type=_seed, metavar="N", help="the same number gives the same answer")
    group.add_argument("--max-tokens", type=int, metavar="N", help="the greatest length of the answer")


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _MAX_SEED:
        raise argparse.ArgumentTypeError(f"must be a whole number between 0 and {_MAX_SEED}")
    return int(text)


def run(options: argparse.Namespace, open_assistant: Callable[[], Assistant]) -> ExitStatus:
    """Answer the question of a parsed command line. Every error that a person can act on is said, none is raised.

    Raises:
        ReaderLeftError: nobody reads the output any more.
        KeyboardInterrupt: Ctrl+C before the work began, or a second one.
    """
    output: Output = (JsonOutput if options.json else TextOutput)(sys.stdout, sys.stderr)
    try:
        question = _read_question(options, sys.stdin, sys.stderr)
    except RequestError as error:
        output.fail(error)
        return ExitStatus.USAGE
    try:
        with stop_on_interrupt() as should_stop, closing(answer(question, open_assistant, should_stop)) as events:
            return _show_all(events, output)
    except (AltiplanoError, MediaError) as error:
        output.fail(error)
        return ExitStatus.ERROR
    except ReaderLeftError:
        raise
    except Exception as bug:
        details = f"{type(bug).__name__}: {bug}"
        output.fail(
            AltiplanoError("Something went wrong", details, "This is a mistake in the program; details follow.")
        )
        raise


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, of whom, and how."""

    text: str
    images: tuple[Path, ...]
    system: str
    checkpoint: Path
    sampling: SamplingParams
    options: ConvertOptions = AS_IT_IS
    shorter: str = "Choose a shorter stretch (--start, --end) or fewer frames of a clip (--frames)"


def answer(
    question: Question, open_assistant: Callable[[], Assistant], should_stop: ShouldStop
) -> Generator[AskEvent, None, None]:
    """Convert the files, load the model, answer: the events of all three, and `Finished` last, exactly once.

    Raises:
        MediaError: a file cannot be used.
        AltiplanoError: the checkpoint cannot be opened, or the question cannot be answered.
    """
    items: list[MediaItem] = []
    for path in question.images:
        items += yield from _convert(path, question.options, should_stop)
    if should_stop():
        yield Finished(FinishReason.CANCELLED)
        return
    assistant = open_assistant()
    try:
        model = yield from _load(assistant, question, should_stop)
        if model is None:
            yield Finished(FinishReason.CANCELLED)
            return
        items = yield from _fitted(items, question, model, assistant)
        yield from assistant.stream(_request(question, items), should_stop)
    except TooLongError as error:
        if not any(item.timeline is not None for item in items):
            raise
        hint = f"{question.shorter}, or open a model with a longer context."
        raise TooLongError(error.title, error.message, hint) from error
    finally:
        assistant.unload()


def _convert(
    path: Path, options: ConvertOptions, should_stop: ShouldStop
) -> Generator[AskEvent, None, list[MediaItem]]:
    """The item; none where it was stopped."""
    items = []
    for event in convert(path, should_stop=should_stop, options=options):
        yield event
        if isinstance(event, MediaItem):
            items.append(event)
    return items


def _fitted(
    items: list[MediaItem], question: Question, model: ModelInfo, assistant: Assistant
) -> Generator[AskEvent, None, list[MediaItem]]:
    """With as many frames as there is room for, unless somebody said how many; what became less is told again."""
    if question.options.max_frames is not None:
        return items
    words = question.system + question.text
    fitted = fit_clips(items, words, model, assistant.count_tokens, question.sampling.max_new_tokens)
    yield from (item for before, item in zip(items, fitted, strict=True) if item is not before)
    return fitted


def _load(
    assistant: Assistant, question: Question, should_stop: ShouldStop
) -> Generator[AskEvent, None, ModelInfo | None]:
    model = None
    request = LoadRequest(question.checkpoint, is_reproducible=question.sampling.seed is not None)
    for event in assistant.load(request, should_stop):
        yield event
        model = event.model if isinstance(event, LoadFinished) else None
    return model


def _request(question: Question, items: list[MediaItem]) -> GenerationRequest:
    media = [part for item in items for part in item.parts]
    system = (Message.of(Role.SYSTEM, question.system),) if question.system else ()
    return GenerationRequest((*system, Message(Role.USER, (*media, Text(question.text)))), question.sampling)


def _show_all(events: Generator[AskEvent, None, None], output: Output) -> ExitStatus:
    reason = None
    for event in events:
        output.show(event)
        if isinstance(event, Finished):
            reason = event.reason
    assert reason is not None, "an answer ends with Finished"
    return ExitStatus.INTERRUPTED if reason is FinishReason.CANCELLED else ExitStatus.OK


def _read_question(options: argparse.Namespace, stdin: TextIO | None, stderr: TextIO) -> Question:
    """The question of a command line.

    Raises:
        RequestError: it is empty, or a setting is out of range.
    """
    sampling = SamplingParams(
        temperature=0.0 if options.greedy else options.temperature,
        top_p=options.top_p,
        seed=options.seed,
        max_new_tokens=options.max_tokens,
    )
    text = _as_text(_read_stdin(stdin, stderr) if options.question == "-" else options.question).strip()
    if not text:
        raise RequestError("The question is empty", "There is nothing to answer.", 'Try: altiplano ask "Who are you?"')
    checkpoint = options.model or resources.built_in_model()
    if options.end is not None and options.end <= options.start:
        raise RequestError("Nothing between start and end", "--end is not behind --start.", "Give a later end.")
    converting = ConvertOptions(
        options.start,
        options.end,
        options.frames,
        whisper_folder=folder_name(options.whisper),
        leave_out=tuple(options.leave_out),
    )
    return Question(text, tuple(options.images), _as_text(options.system or ""), checkpoint, sampling, converting)


def _read_stdin(stdin: TextIO | None, stderr: TextIO) -> str:
    if stdin is None:
        raise RequestError("The question is empty", "Standard input is closed, so no question can be read from it.")
    if stdin.isatty():
        end = "Ctrl+Z and Enter" if sys.platform == "win32" else "Ctrl+D on a line of its own"
        write(stderr, f"Type the question; {end} ends it.\n")
    return stdin.read()


def _as_text(argument: str) -> str:
    """A command line may hold bytes that are no text; Python hides them in surrogates, which no tokenizer takes."""
    return argument.encode("utf-8", "replace").decode("utf-8")
