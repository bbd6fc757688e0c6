"""Harmless output, streams that take any text, the status line, and Ctrl+C as a stop check."""

from __future__ import annotations

import io
import signal
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.cli.terminal import ReaderLeftError, StatusLine, neutralised, prepare_streams, stop_on_interrupt, write


class Tty(io.StringIO):
    """A stream somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_escape_sequences_become_visible() -> None:
    assert neutralised("\x1b[2Jgone\x07") == "␛[2Jgone␇"


def test_one_character_sequences_become_visible() -> None:
    assert neutralised("\x9b2J\x7f") == "<U+009B>2J␡"


def test_a_carriage_return_cannot_overwrite_the_line() -> None:
    assert neutralised("rm -rf /\rls") == "rm -rf /␍ls"


def test_text_of_every_script_passes_unchanged() -> None:
    text = "naïve 日本語 हिन्दी ไทย العربية 🦙\n\ttab"
    assert neutralised(text) == text


@given(st.text(), st.text())
def test_nothing_a_terminal_obeys_is_left_and_cutting_changes_nothing(first: str, second: str) -> None:
    harmless = neutralised(first) + neutralised(second)
    assert harmless == neutralised(first + second)
    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in harmless if char not in "\n\t")


def test_only_a_terminal_gets_harmless_output() -> None:
    terminal, file = Tty(), io.StringIO()
    write(terminal, "\x1b[1m")
    write(file, "\x1b[1m")
    assert terminal.getvalue() == "␛[1m"
    assert file.getvalue() == "\x1b[1m"


def test_a_closed_pipe_is_a_reader_that_left() -> None:
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with pytest.raises(ReaderLeftError):
        write(Closed(), "text")


def test_a_full_disk_is_not_a_reader_that_left() -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write(Full(), "text")


def test_the_status_line_overwrites_itself_and_leaves_nothing() -> None:
    stream = Tty()
    status = StatusLine(stream)
    status.show("Loading: 10 of 20")
    status.show("Loading: 20")
    status.clear()
    shown = stream.getvalue().split("\r")
    assert shown == ["", "Loading: 10 of 20", "Loading: 20      ", "           ", ""]


def test_the_status_line_never_wraps_and_is_harmless() -> None:
    stream = Tty()
    StatusLine(stream).show("\x1b]0;title\x07" + "x" * 500 + "\nnext")
    shown = stream.getvalue().removeprefix("\r")
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert len(shown) < 500


def test_the_status_line_is_silent_where_nobody_looks_on() -> None:
    stream = io.StringIO()
    status = StatusLine(stream)
    status.show("Loading")
    status.clear()
    assert stream.getvalue() == ""


def test_streams_take_what_their_encoding_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    prepare_streams()
    write(sys.stdout, "naïve")
    assert raw.getvalue() in {b"na?ve", "naïve".encode()}  # Windows' pipes become UTF-8


def test_the_first_interrupt_asks_and_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as should_stop:
        assert not should_stop()
        signal.raise_signal(signal.SIGINT)
        assert should_stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_on_interrupt() as should_stop:
            signal.raise_signal(signal.SIGINT)
            assert not should_stop()
    finally:
        signal.signal(signal.SIGINT, before)


def test_off_the_main_thread_nothing_is_installed() -> None:
    seen: list[bool] = []

    def work() -> None:
        with stop_on_interrupt() as should_stop:
            seen.append(should_stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
