"""`altiplano plan`: what a model needs on this machine and where it would rest, before anything is loaded.

MODEL is a checkpoint folder, a `config.json`, or the name of a model whose shape was published ("scout", "maverick"):
for those nothing has to be downloaded, and the plan is for our FP8 copy of it or, with `--bf16`, for the original.
With `--load` a folder is opened after that and asked something, and what it held and how fast it was stand beside the
plan: a plan is worth as much as it is right.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core_model.cli.clip_options import count
from core_model.cli.exit_status import ExitStatus
from core_model.cli.outputs import error_text
from core_model.cli.sizes import memory_size
from core_model.cli.terminal import StatusLine, stop_on_interrupt, write
from core_model.errors import AltiplanoError
from core_model.types import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    GenerationStats,
    LoadEvent,
    LoadFinished,
    LoadProgress,
    LoadRequest,
    MemoryLimits,
    MemoryPlan,
    Message,
    ModelReport,
    Role,
    SamplingParams,
    ShouldStop,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core_model.assistant import Assistant

QUESTION = GenerationRequest(
    (Message.of(Role.USER, "What can you do? Answer in a few sentences."),),
    SamplingParams(temperature=0.0, max_new_tokens=32),
)


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb and its options."""
    parser = verbs.add_parser(
        "plan",
        help="say what a model needs on this machine",
        description="Say what a model needs on this machine, where it would rest and how fast it should answer.",
    )
    parser.add_argument("model", metavar="MODEL", help='a checkpoint folder, a config.json, or "scout" or "maverick"')
    parser.add_argument(
        "--ram",
        type=memory_size,
        metavar="SIZE",
        help='as if so much RAM were free ("64GB", or "64"); what is free now',
    )
    parser.add_argument(
        "--gpu",
        type=memory_size,
        metavar="SIZE",
        help='the same of GPU memory ("24GB"); for the name of a model a GPU need not be there',
    )
    parser.add_argument(
        "--context",
        type=count,
        metavar="TOKENS",
        help="the longest conversation to make room for, as far as the checkpoint allows it; 8,192",
    )
    parser.add_argument("--bf16", action="store_true", help="of a published shape: the original, not an FP8 copy")
    parser.add_argument("--load", action="store_true", help="open the model and ask it something; compare")
    parser.add_argument("--json", action="store_true", help="print the plan as one line of JSON")


def run(options: argparse.Namespace, open_assistant: Callable[[], Assistant]) -> ExitStatus:
    """Do it. Every error that a person can act on is said, none is raised."""
    try:
        if options.load:
            with stop_on_interrupt() as should_stop:
                return _load(options, open_assistant(), should_stop)
        _print(options, _plan(options, open_assistant))
    except AltiplanoError as error:
        write(sys.stderr, error_text(error))
        return ExitStatus.ERROR
    return ExitStatus.OK


def _print(options: argparse.Namespace, plan: MemoryPlan) -> None:
    write(sys.stdout, json.dumps(asdict(plan) | {"fits": plan.fits}) + "\n" if options.json else plan_text(plan))


def _plan(options: argparse.Namespace, open_assistant: Callable[[], Assistant]) -> MemoryPlan:
    """Imports torch here, which `--help` does not wait for."""
    if Path(options.model).is_dir():
        return open_assistant().plan(LoadRequest(Path(options.model), _limits(options)))
    from core_model.engine.memory_plan import plan_shape

    return plan_shape(options.model, _limits(options), is_quantized=not options.bf16)


def _limits(options: argparse.Namespace) -> MemoryLimits:
    return MemoryLimits(ram_bytes=options.ram, gpu_bytes=options.gpu, context_length=options.context)


def _load(options: argparse.Namespace, assistant: Assistant, should_stop: ShouldStop) -> ExitStatus:
    """Plan, open, ask, and say how it was.

    Raises:
        AltiplanoError: there is nothing to open, or it cannot be opened, or cannot answer.
    """
    request = LoadRequest(Path(options.model), _limits(options))
    plan = assistant.plan(request)
    if not options.json:
        _print(options, plan)
    status = StatusLine(sys.stderr)
    last: LoadEvent | GenerationEvent | None = None
    try:
        for event in _load_and_ask(assistant, request, should_stop):
            status.show(event.activity if isinstance(event, LoadProgress) else "Asking")
            last = event
        report = assistant.report()
    finally:
        status.clear()
        assistant.unload()
    if not isinstance(last, Finished) or last.reason is FinishReason.CANCELLED:
        return ExitStatus.INTERRUPTED
    if options.json:
        found = {"fits": plan.fits, "report": asdict(report), "stats": asdict(last.stats)}
        write(sys.stdout, json.dumps(asdict(plan) | found) + "\n")
    else:
        write(sys.stdout, report_text(plan, report, last.stats))
    return ExitStatus.OK


def _load_and_ask(
    assistant: Assistant, request: LoadRequest, should_stop: ShouldStop
) -> Iterator[LoadEvent | GenerationEvent]:
    is_loaded = False
    for event in assistant.load(request, should_stop):
        is_loaded = isinstance(event, LoadFinished) and event.model is not None
        yield event
    if is_loaded:
        yield from assistant.stream(QUESTION, should_stop)


def report_text(plan: MemoryPlan, report: ModelReport, stats: GenerationStats) -> str:
    """What was held and how fast it was, beside what was planned."""
    width = max(len(line.what) for line in report.lines)
    rows = [f"  {'':{width}}  {'planned':>9}  {'held':>9}  {'at most':>9}"]
    for line in report.lines:
        sizes = (_size(size) for size in (line.planned_bytes, line.held_bytes, line.peak_bytes))
        rows.append(f"  {line.what:{width}}  {'  '.join(f'{size:>9}' for size in sizes)}  {line.where}")
    rate = f"{stats.decode_tokens_per_s:.1f} tokens a second in an answer of {stats.num_new_tokens} tokens"
    if plan.speed is not None:
        rate += f", where {plan.speed.tokens_per_s:.1f} were expected"
    return "\n".join(["", "Loaded, and asked something:", *rows, "", f"Measured: {rate}.", *report.choices]) + "\n"


def plan_text(plan: MemoryPlan) -> str:
    """A plan as a table and sentences."""
    width = max(len(line.what) for line in plan.lines)
    rows = [f"  {line.what:{width}}  {_size(line.num_bytes):>9}  {line.where}" for line in plan.lines]
    sentences = [plan.summary, plan.advice]
    if plan.speed is not None:
        rate = plan.speed.tokens_per_s
        sentences += [f"Expected: about {rate:.{0 if rate >= 10 else 1}f} tokens a second. {plan.speed.reason}"]
    return "\n".join([*rows, "", *(sentence for sentence in sentences if sentence)]) + "\n"


def _size(num_bytes: int | None) -> str:
    if num_bytes is None:
        return "-"
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.1f} MB"
