"""How soon the window is there, and how smooth it stays while an answer streams in.

First paint: from the start of a fresh process to the first paint of the real window, before torch is imported.
Gaps: a zero timer runs as often as the event loop comes round, and the time between two runs is how long a key press
could have waited. An answer of Markdown (prose, lists, a table, code) streams in at a fixed rate from a scripted
assistant, in the real window with its real chat view, worker and history on disk. The machine's own hiccups are
measured first, with the window idle, by the same timer.

    python benchmarks/bench_gui.py [--rate 200] [--seconds 20] [--runs 5]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from array import array
from itertools import cycle, islice
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from PySide6.QtCore import QElapsedTimer, QEventLoop, QObject, QTimer
from PySide6.QtWidgets import QApplication

from benchmarks.common import ROOT, print_result
from core_model.fake_assistant import FakeAssistant, LoadScript, Script
from gui import app
from gui.desk import Desk
from gui.faults import Faults
from resources import folders

PASSAGE = """The picture shows **three birds** on a wire, seen from below against a pale sky. The one on the left is
a *swallow*; its tail is forked. Between them are `two` gaps of about the same width.

- the swallow faces the camera
- the starling looks away
- the third is too far off to tell

| Bird | Colour | Sure |
|---|---|---|
| Swallow | blue and white | yes |
| Starling | black, speckled | yes |

```python
def count(birds):
    return sum(1 for bird in birds if bird.is_visible)
```

"""

PAINT = """
import sys, time
began_s = float(sys.argv[1])
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from core_model.fake_assistant import FakeAssistant
from gui import app
from resources import folders
from gui.faults import Faults
qt = QApplication(["altiplano"])
class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            qt.removeEventFilter(self)
            print(time.time() - began_s, "torch" in sys.modules, flush=True)
            desk.window.close()
        return False
app.prepare(qt)
watch = Watch()
qt.installEventFilter(watch)
desk = app.make_desk(FakeAssistant, Faults(folders.log_folder()))
desk.ended.connect(qt.quit)
desk.start()
qt.exec()
"""


def first_paint_s() -> float:
    """Seconds from starting a process to its first paint."""
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"ALTIPLANO_HOME": home, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", PAINT, repr(time.time())]
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split()
    assert said[1] == "False", "torch was imported before the first paint"
    return float(said[0])


class Gaps(QObject):
    """Notes how long the event loop was away each time."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps_ms = array("d")  # a list of two million numbers is something that the garbage collector walks through
        self._watch = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_turn)

    def start(self) -> None:
        self.gaps_ms = array("d")
        self._watch.start()
        self._timer.start(0)

    def stop(self) -> list[float]:
        self._timer.stop()
        return sorted(self.gaps_ms)

    def _on_turn(self) -> None:
        self.gaps_ms.append(self._watch.nsecsElapsed() / 1e6)
        self._watch.start()


def pieces(number: int) -> tuple[str, ...]:
    """Markdown in pieces of about a token."""
    text = [PASSAGE[start : start + 4] for start in range(0, len(PASSAGE), 4)]
    return tuple(islice(cycle(text), number))


def wait_ms(duration_ms: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(duration_ms, loop.quit)
    loop.exec()


def stream(rate: int, seconds: int) -> tuple[list[float], list[float], int]:
    """Gaps of an idle window, gaps while streaming, and how many characters were shown."""
    qt = QApplication(["altiplano"])
    app.prepare(qt)
    script = Script(pieces(rate * seconds), delay_s=1 / rate)
    desk = app.make_desk(lambda: FakeAssistant([script], LoadScript(steps=1)), Faults(folders.log_folder()))
    desk.start()
    gaps = Gaps()
    wait_ms(1500)
    gaps.start()
    wait_ms(3000)
    idle = gaps.stop()
    num_shown = _count_text(desk)
    desk.composer.set_text("What do you see?")
    gaps.start()
    desk.composing.send()
    while desk.queue.busy_conversations:
        wait_ms(100)
    busy = gaps.stop()
    desk.ended.connect(qt.quit)
    desk.window.close()
    qt.exec()
    return idle, busy, sum(num_shown)


def _count_text(desk: Desk) -> list[int]:
    lengths: list[int] = []
    desk.queue.text_added.connect(lambda _live, text: lengths.append(len(text)))
    return lengths


def percentile(ordered: list[float], share: float) -> float:
    """The value that this share of the time was not exceeded, where a long gap counts for as long as it lasted.

    Plain percentiles of gaps would drown in the thousands of turns in which nothing happens.
    """
    left = (1 - share) * sum(ordered)
    for gap in reversed(ordered):
        left -= gap
        if left <= 0:
            return gap
    return ordered[0]


def summary(ordered: list[float]) -> dict[str, float]:
    """The numbers that are reported."""
    return {
        "p50_ms": round(percentile(ordered, 0.50), 1),
        "p95_ms": round(percentile(ordered, 0.95), 1),
        "p99_ms": round(percentile(ordered, 0.99), 1),
        "longest_ms": round(ordered[-1], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=int, default=200, help="tokens a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--runs", type=int, default=5, help="processes started for the first paint")
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    paints = sorted(first_paint_s() for _ in range(options.runs))
    with tempfile.TemporaryDirectory() as home:
        os.environ["ALTIPLANO_HOME"] = home
        idle, busy, num_characters = stream(options.rate, options.seconds)
    print(f"first paint: median {median(paints):.2f} s, worst {paints[-1]:.2f} s, of {len(paints)} starts")
    print(f"{num_characters:,} characters shown; time between two turns of the event loop, by share of the time:\n")
    print(f"{'':12}{'p50':>9}{'p95':>9}{'p99':>9}{'longest':>9}  ms")
    for name, gaps in (("idle", idle), ("streaming", busy)):
        print(f"{name:12}" + "".join(f"{value:9.1f}" for value in summary(gaps).values()))
    print_result(
        "gui",
        threads=1,
        settings={"rate": options.rate, "seconds": options.seconds, "platform": os.environ["QT_QPA_PLATFORM"]},
        results={
            "first_paint_s": round(median(paints), 3),
            "idle": summary(idle),
            "streaming": summary(busy),
            "num_characters": num_characters,
        },
    )


if __name__ == "__main__":
    main()
