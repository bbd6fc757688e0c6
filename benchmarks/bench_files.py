"""What reading a file costs beside its library alone: PDF pages a second, and the way through the process of its own.

    python benchmarks/bench_files.py [--rounds 9] [--pages 300]

A PDF of so many pages, each with forty lines of text and every tenth with a figure: through `media.sandbox`, which is
how the window reads it; by `media.convert` in this process; and by pypdfium2 alone, which takes the text of each page
and draws the first one for a thumbnail. Then small pictures, each a file of its own, through the sandbox and in this
process: the difference is what the other process costs for a file. Ways take turns; medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pypdfium2

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import print_result
from media.convert import convert
from media.sandbox import Sandbox
from media.types import MediaItem
from tests.pdf_files import Page, pdf
from tests.picture_files import encoded, gradient

NUM_PICTURES = 20
LINE = "Invoices that are paid within ten days of their date take a discount of two per cent."


def book(folder: Path, num_pages: int) -> Path:
    """A PDF of text, with figures."""
    lines = (LINE,) * 40
    pages = [Page(lines, (200, 60, 40)) if number % 10 == 0 else Page(lines) for number in range(num_pages)]
    path = folder / "book.pdf"
    path.write_bytes(pdf(*pages))
    return path


def pictures(folder: Path) -> list[Path]:
    """Small ones, all different."""
    paths = [folder / f"{number}.png" for number in range(NUM_PICTURES)]
    for number, path in enumerate(paths):
        path.write_bytes(encoded(gradient(64 + number, 48), "PNG"))
    return paths


def last(events: Iterator[object]) -> MediaItem:
    *_, item = events
    assert isinstance(item, MediaItem)
    return item


def by_pypdfium2(path: Path) -> int:
    """Letters of all pages, with nothing around it."""
    document, num_letters = pypdfium2.PdfDocument(path), 0
    for page in document:
        text = page.get_textpage()
        num_letters += len(text.get_text_bounded())
        text.close()
        page.close()
    document[0].render(scale=0.5).to_numpy()
    document.close()
    return num_letters


def seconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(seconds(way))
    return {name: statistics.median(found) for name, found in times.items()}


def measure(folder: Path, num_pages: int, rounds: int) -> dict[str, float]:
    sandbox = Sandbox(remembers_bytes=0)
    document, small = book(folder, num_pages), pictures(folder)
    try:
        first_s = seconds(lambda: last(sandbox.convert(small[0])))
        pdfs = in_turns(
            {
                "sandbox": lambda: last(sandbox.convert(document)),
                "here": lambda: last(convert(document)),
                "pypdfium2": lambda: by_pypdfium2(document),
            },
            rounds,
        )
        files = in_turns(
            {
                "sandbox": lambda: [last(sandbox.convert(path)) for path in small],
                "here": lambda: [last(convert(path)) for path in small],
            },
            rounds,
        )
    finally:
        sandbox.close()
    found = {f"pdf_pages_per_s_{name}": num_pages / found_s for name, found_s in pdfs.items()}
    overhead_s = (files["sandbox"] - files["here"]) / NUM_PICTURES
    return found | {"first_file_ms": 1000 * first_s, "overhead_per_file_ms": 1000 * overhead_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pages", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.pages, arguments.rounds)
    for way in ("sandbox", "here", "pypdfium2"):
        rate, alone = found[f"pdf_pages_per_s_{way}"], found["pdf_pages_per_s_pypdfium2"]
        print(f"PDF by {way:<10} {rate:8.0f} pages a second   {rate / alone:5.2f} of pypdfium2 alone")
    print(f"first file {found['first_file_ms']:.0f} ms, each further one {found['overhead_per_file_ms']:.1f} ms more")
    print_result("files", threads=1, settings={"rounds": arguments.rounds, "pages": arguments.pages}, results=found)


if __name__ == "__main__":
    main()
