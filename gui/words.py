"""The sentences of the window that hold numbers, as pure functions: states are sentences, not spinners."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication

from core_model.types import (
    ExpertReport,
    Finished,
    FinishReason,
    Flow,
    GenerationStats,
    HeldLine,
    LayerReport,
    LoadProgress,
    MemoryPlan,
    Moved,
    Place,
    PrefillProgress,
    SpeedEstimate,
)
from media.types import LeftOut, Timeline

NOTHING = "\N{EN DASH}"
_GB, _MB, _KB = 1_000_000_000, 1_000_000, 1_000


def _tr(text: str) -> str:
    return QCoreApplication.translate("words", text)


def size(num_bytes: int) -> str:
    """ "31 GB", "2.1 MB", "640 KB": two figures are enough to feel a size."""
    for unit_bytes, unit in ((_GB, "GB"), (_MB, "MB"), (_KB, "KB")):
        if num_bytes >= unit_bytes:
            amount = num_bytes / unit_bytes
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"
    return _tr("{0} bytes").format(num_bytes)


def duration(seconds: float) -> str:
    """ "0:08", "12:40", "1:02:03"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def moment(seconds: float) -> str:
    """A place in a clip to a tenth of a second: "0:08.5", "1:02:03.0"."""
    tenths = round(10 * seconds)
    return f"{duration(tenths // 10)}.{tenths % 10}"


def isolated(text: str) -> str:
    """Text in its own direction, whichever way the window runs."""
    return f"\u2068{text}\u2069"


def written_by(timeline: Timeline | None, facts: Sequence[str] = ()) -> str:
    """Who wrote the speech of a clip down, or found none; empty where nobody listened, or where the facts say it."""
    if timeline is None or not timeline.recogniser or any(timeline.recogniser in fact for fact in facts):
        return ""
    sentence = _tr("Speech by {0}") if timeline.speech else _tr("No speech found by {0}")
    return sentence.format(timeline.recogniser)


def about(seconds: float) -> str:
    """A remaining time as one would say it: "about 20 s", "about 4 min"."""
    if seconds < 1:
        return _tr("almost done")
    if seconds < 90:
        return _tr("about {0} s").format(round(seconds) if seconds < 20 else round(seconds / 10) * 10)
    return _tr("about {0} min").format(round(seconds / 60))


def tokens(number: int) -> str:
    """ "1 token", "1,310 tokens"."""
    return _tr("1 token") if number == 1 else _tr("{0} tokens").format(f"{number:,}")


def about_tokens(number: int, is_exact: bool) -> str:
    """ "1,310 tokens", or "about 1,310 tokens" where they are not counted yet."""
    return tokens(number) if is_exact else _tr("about {0}").format(tokens(number))


def left_out(reason: LeftOut) -> str:
    """Why a file of a folder is not sent."""
    return {
        LeftOut.NO: "",
        LeftOut.BY_YOU: _tr("left out by you"),
        LeftOut.SECRET: _tr("may hold a secret"),
        LeftOut.LOCK: _tr("lock file"),
        LeftOut.GENERATED: _tr("generated"),
        LeftOut.NOT_TEXT: _tr("not text"),
        LeftOut.EMPTY: _tr("empty"),
        LeftOut.TOO_LARGE: _tr("too large"),
        LeftOut.NO_ROOM: _tr("no room left"),
        LeftOut.LINK: _tr("a link"),
        LeftOut.UNREADABLE: _tr("cannot be read"),
    }[reason]


def speed(tokens_per_s: float) -> str:
    """ "21 tokens/s"; one decimal where it is slow."""
    return _tr("{0} tokens/s").format(f"{tokens_per_s:.1f}" if tokens_per_s < 10 else f"{tokens_per_s:.0f}")


def expected_speed(estimate: SpeedEstimate) -> str:
    """ "About 5.2 tokens/s are to be expected. A token reads …"."""
    expected = _tr("About {0} are to be expected.").format(speed(estimate.tokens_per_s))
    return f"{expected} {estimate.reason}"


def loading(progress: LoadProgress, left_s: float | None = None) -> str:
    """ "loading, 31 of 109 GB, about 20 s"; without the time while it cannot be told."""
    if progress.bytes_total <= 0:
        return _tr("loading")
    done, total = size(progress.bytes_done), size(progress.bytes_total)
    if done.split()[-1] == total.split()[-1]:
        done = done.split()[0]
    sentence = _tr("loading, {0} of {1}").format(done, total)
    return sentence if left_s is None else f"{sentence}, {about(left_s)}"


def prefill(progress: PrefillProgress) -> str:
    """ "Reading your prompt: 62 %"."""
    percent = 100 * progress.num_done // progress.num_total if progress.num_total else 0
    return _tr("Reading your prompt: {0} %").format(percent)


def streaming(num_tokens: int, elapsed_s: float) -> str:
    """ "21 tokens/s · 0:08". The first second has no speed worth saying."""
    if num_tokens < 2 or elapsed_s < 1:
        return _tr("Answering · {0}").format(duration(elapsed_s))
    return f"{speed((num_tokens - 1) / elapsed_s)} · {duration(elapsed_s)}"


def finished(event: Finished) -> str:
    """What stands below an answer that ended."""
    if event.reason is FinishReason.CANCELLED:
        return _tr("Stopped by you")
    if event.reason is FinishReason.LENGTH:
        return _tr("Stopped at the length limit · {0}").format(_cost(event.stats))
    return _cost(event.stats)


def interrupted() -> str:
    """What stands below an answer that the end of the program cut off."""
    return _tr("Interrupted")


def _cost(stats: GenerationStats) -> str:
    said = [tokens(stats.num_new_tokens)]
    if stats.decode_tokens_per_s > 0:
        said.append(speed(stats.decode_tokens_per_s))
    if stats.experts is not None:
        sentence = (
            _tr("{0} of the experts were in GPU memory")
            if stats.experts.place is Place.GPU
            else _tr("{0} of the experts were in memory")
        )
        said.append(sentence.format(f"{stats.experts.hit_ratio:.0%}".replace("%", " %")))
        if stats.experts.bytes_given:
            said.append(_tr("{0} of experts gave way, for memory was short").format(size(stats.experts.bytes_given)))
    return " · ".join(said)


def planned(line: HeldLine) -> str:
    """ "9.3 GB"; a dash where the plan has no such line."""
    return NOTHING if line.planned_bytes is None else size(line.planned_bytes)


def held(line: HeldLine) -> str:
    """ "9.1 GB"; a dash for what cannot be told apart."""
    return NOTHING if line.held_bytes is None else size(line.held_bytes)


def experts_at(place: Place, count: int) -> str:
    """ "96 in RAM"."""
    sentences = {Place.GPU: _tr("{0} in GPU memory"), Place.RAM: _tr("{0} in RAM"), Place.DISK: _tr("{0} on the disk")}
    return sentences[place].format(f"{count:,}")


def one_expert(layer: LayerReport, expert: int) -> str:
    """ "Layer 3, expert 7: RAM. In the last answer 12 of its 14 calls found it there."."""
    hits, calls = layer.hits[expert], layer.hits[expert] + layer.misses[expert]
    where = _tr("Layer {0}, expert {1}: {2}.").format(layer.layer, expert, layer.places[expert])
    if not calls:
        return _tr("{0} The last answer did not call it.").format(where)
    return _tr("{0} In the last answer {1} of its {2} calls found it there.").format(where, hits, calls)


def experts(report: ExpertReport) -> list[str]:
    """How often experts were there in the last answer, and how fast the others came since the model was opened."""
    hits, misses = (sum(sum(getattr(layer, kind)) for layer in report.layers) for kind in ("hits", "misses"))
    said = []
    if hits + misses:
        share = f"{hits / (hits + misses):.0%}".replace("%", " %")
        said.append(_tr("In the last answer {0} of the calls found their expert there.").format(share))
    said += _moved(report)
    for flow, sentence in (
        (report.from_disk, _tr("From the disk: {0} at {1}/s")),
        (report.over_link, _tr("From RAM to the GPU: {0} at {1}/s")),
    ):
        if flow.num_bytes:
            said.append(sentence.format(size(flow.num_bytes), size(int(flow.rate))) + _of_ceiling(flow))
    return said


def _moved(report: ExpertReport) -> list[str]:
    """What a token of the prompt and one of the answer brought from each floor below."""
    said = []
    for moved, sentence in (
        (report.prompt, _tr("Each of the {0} that were read brought {1}.")),
        (report.answer, _tr("Each of the {0} that were written brought {1}.")),
    ):
        floors = _floors(moved)
        if moved.num_tokens and floors:
            said.append(sentence.format(tokens(moved.num_tokens), floors))
    return said


def _floors(moved: Moved) -> str:
    """ "31 MB from the disk and 12 MB from RAM to the GPU"."""
    floors = (
        (moved.disk_per_token, _tr("{0} from the disk")),
        (moved.link_per_token, _tr("{0} from RAM to the GPU")),
    )
    return _tr(" and ").join(sentence.format(size(int(amount))) for amount, sentence in floors if amount)


def _of_ceiling(flow: Flow) -> str:
    return _tr(", of {0}/s measured.").format(size(int(flow.ceiling))) if flow.ceiling else "."


def plan_line(plan: MemoryPlan) -> str:
    """ "Needs 88 GB, 112 GB is free"."""
    return _tr("Needs {0}, {1} is free").format(size(plan.needed_bytes), size(plan.free_bytes))
