"""`altiplano plan`: what a model needs on this machine and where it would rest, before anything is loaded.

MODEL is a checkpoint folder, a `config.json`, or the name of a model whose shape was published ("scout", "maverick"):
for those nothing has to be downloaded, and the plan is for our FP8 copy of it or, with `--bf16`, for the original.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from core_model.cli.exit_status import ExitStatus
from core_model.cli.outputs import error_text
from core_model.cli.terminal import write
from core_model.errors import AltiplanoError
from core_model.types import LoadRequest, MemoryLimits, MemoryPlan

if TYPE_CHECKING:
    from collections.abc import Callable

    from core_model.assistant import Assistant


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb and its options."""
    parser = verbs.add_parser(
        "plan",
        help="say what a model needs on this machine",
        description="Say what a model needs on this machine, where it would rest and how fast it should answer.",
    )
    parser.add_argument("model", metavar="MODEL", help='a checkpoint folder, a config.json, or "scout" or "maverick"')
    parser.add_argument("--ram", metavar="SIZE", help='as if so much RAM were free ("64GB"); what is free now')
    parser.add_argument(
        "--gpu", metavar="SIZE", help='the same of GPU memory ("24GB"); for the name of a model a GPU need not be there'
    )
    parser.add_argument("--context", type=int, metavar="TOKENS", help="the longest conversation to make room for")
    parser.add_argument("--bf16", action="store_true", help="of a published shape: the original, not an FP8 copy")
    parser.add_argument("--json", action="store_true", help="print the plan as one line of JSON")


def run(options: argparse.Namespace, open_assistant: Callable[[], Assistant]) -> ExitStatus:
    """Do it. Every error that a person can act on is said, none is raised."""
    try:
        plan = _plan(options, open_assistant)
    except AltiplanoError as error:
        write(sys.stderr, error_text(error))
        return ExitStatus.ERROR
    write(sys.stdout, json.dumps(asdict(plan) | {"fits": plan.fits}) + "\n" if options.json else plan_text(plan))
    return ExitStatus.OK


def _plan(options: argparse.Namespace, open_assistant: Callable[[], Assistant]) -> MemoryPlan:
    """Imports torch here, which `--help` does not wait for."""
    from core_model.weights.quantize_plan import parse_size

    ram, gpu = (parse_size(size) if size else None for size in (options.ram, options.gpu))
    limits = MemoryLimits(ram_bytes=ram, gpu_bytes=gpu, context_length=options.context)
    folder = Path(options.model)
    if folder.is_dir():
        return open_assistant().plan(LoadRequest(folder, limits))
    from core_model.engine.memory_plan import plan_shape

    return plan_shape(options.model, limits, is_quantized=not options.bf16)


def plan_text(plan: MemoryPlan) -> str:
    """A plan as a table and sentences."""
    width = max(len(line.what) for line in plan.lines)
    rows = [f"  {line.what:{width}}  {_size(line.num_bytes):>9}  {line.where}" for line in plan.lines]
    sentences = [plan.summary, plan.advice]
    if plan.speed is not None:
        rate = plan.speed.tokens_per_s
        sentences += [f"Expected: about {rate:.{0 if rate >= 10 else 1}f} tokens a second. {plan.speed.reason}"]
    return "\n".join([*rows, "", *(sentence for sentence in sentences if sentence)]) + "\n"


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.1f} MB"
