"""Functions that several threads call with one job, as LLVM assembly: each takes parts until none are left.

A job is a list of words in memory: a counter, which threads move on together; how much there is; how much is taken at
a time; then the arguments of the function that does a part. Whoever comes late finds less to do, and nobody waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core_model.kernels.assembly import Assembly

COUNTER, END, STEP, FIRST_ARGUMENT = range(4)


def load_words(code: Assembly, job: str, kinds: Sequence[str], first: int = 0) -> list[str]:
    """Words of a job from one on, each as a "ptr" or an "i64"."""
    return [code.load(kind, job, str(first + number), "i64", 8) for number, kind in enumerate(kinds)]


def take_parts(code: Assembly, job: str, do_part: Callable[[str, str], None]) -> None:
    """Call `do_part(first, last)` with parts of the job that no other thread has taken, until there are none."""
    label = f"part{len(code.lines)}"
    end, step = load_words(code, job, ("i64", "i64"), END)
    code.add(f"br label %{label}_next")
    code.add(f"{label}_next:")
    first = code.new(f"atomicrmw add ptr {job}, i64 {step} monotonic")
    code.add(f"br i1 {code.new(f'icmp slt i64 {first}, {end}')}, label %{label}_body, label %{label}_end")
    code.add(f"{label}_body:")
    last = code.new(f"call i64 @llvm.smin.i64(i64 {code.new(f'add i64 {first}, {step}')}, i64 {end})")
    do_part(first, last)
    code.add(f"br label %{label}_next")
    code.add(f"{label}_end:")


DECLARATIONS = "declare i64 @llvm.smin.i64(i64, i64)\n"
