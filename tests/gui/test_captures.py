"""Capture in the whole window: the screen, the camera and the microphone into a question, and every way it may fail.

Devices are scripted behind the protocols of `media`, the rest is the program: its threads, its converter, its widgets.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, Qt, QTimer
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QToolButton
from pytestqt.qtbot import QtBot

from core_model.types import Picture, ShouldStop
from gui import app, screenshot_controller
from gui.desk import Desk
from gui.models.attachments import AttachmentState
from gui.picture_files import to_png
from gui.screens import ScreenShot
from gui.screenshot_controller import is_ours
from media.camera import CameraName
from media.errors import MediaError
from media.microphone import Microphone, Samples
from media.recorder import record
from media.types import ConvertOptions, ConvertProgress, MediaKind, RgbArray, Spoken, Timeline
from resources import folders
from tests.gui.desk_fixture import close_desk, make_desk, scripted, settle
from tests.gui.samples import item
from tests.microphones import PlayedMicrophone, read_wav, tone, write_wav
from tests.recordings import RATE, SENTENCES, needs_flite, spoken, word_errors

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def desk(themed: QApplication, qtbot: QtBot, own_home: None) -> Iterator[Desk]:
    made = make_desk(qtbot, scripted())
    yield made
    if not made.has_ended:
        close_desk(qtbot, made)


def notice(desk: Desk) -> str:
    return desk.window.notices.sentence


def captured_files() -> list[Path]:
    return [path for path in (folders.data_folder() / "captures").rglob("*") if path.is_file()]


# The menu


def test_everything_that_can_be_attached_is_in_the_menu(desk: Desk) -> None:
    words = [action.text().replace("&", "") for action in desk.composer.attach_menu.actions() if action.text()]
    assert words == ["Add files…", "Add folder…", "Screenshot…", "Picture from the camera…", "Record sound…"]
    for action in desk.composer.attach_menu.actions():
        assert action.isSeparator() or not action.icon().isNull()


def test_keys_open_the_menu_and_choose_from_it(qtbot: QtBot, desk: Desk) -> None:
    chosen: list[str] = []
    desk.composer.attach_menu.recording_requested.disconnect()
    desk.composer.attach_menu.recording_requested.connect(lambda: chosen.append("record"))
    button = next(each for each in desk.composer.findChildren(QToolButton) if each.accessibleName() == "Attach")

    def choose() -> None:
        menu = QApplication.activePopupWidget()
        assert isinstance(menu, QMenu)
        qtbot.keyClick(menu, Qt.Key.Key_Up)
        qtbot.keyClick(menu, Qt.Key.Key_Return)

    button.setFocus()
    QTimer.singleShot(100, choose)
    qtbot.keyClick(button, Qt.Key.Key_Space)  # returns when the menu is closed
    qtbot.waitUntil(lambda: chosen == ["record"])


# The screen


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> QImage:
    """What the screen shows: red on the left, blue on the right."""
    area = QGuiApplication.primaryScreen().geometry()
    image = QImage(area.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("red"))
    for x in range(area.width() // 2, area.width()):
        for y in range(area.height()):
            image.setPixelColor(x, y, QColor("blue"))
    monkeypatch.setattr(screenshot_controller.screens, "grab", lambda: [ScreenShot(area, image)])
    monkeypatch.setattr(screenshot_controller, "ASIDE_MS", 10)
    return image


def pick(qtbot: QtBot, desk: Desk) -> None:
    """Ask for a screenshot, and wait for the picker."""
    desk.composer.attach_menu.screenshot_requested.emit()
    assert desk.window.isHidden(), "it steps aside before the screen is looked at"
    qtbot.waitUntil(lambda: bool(desk.media.captures.screenshots.pickers))


def test_a_part_of_the_screen_is_attached(qtbot: QtBot, desk: Desk, screen: QImage) -> None:
    pick(qtbot, desk)
    (picker,) = desk.media.captures.screenshots.pickers
    qtbot.keyClick(picker, Qt.Key.Key_Down)  # the middle half
    qtbot.keyClick(picker, Qt.Key.Key_Return)
    assert desk.window.isVisible()
    assert desk.media.captures.screenshots.pickers == []
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    (attached,) = desk.attachments.all()
    assert attached.name == "Screenshot"
    assert attached.item is not None
    picture = next(part for part in attached.item.parts if isinstance(part, Picture))
    assert (picture.width, picture.height) == (screen.width() // 2, screen.height() // 2)
    assert [picture.pixels[5, x].tolist() for x in (0, -1)] == [[255, 0, 0], [0, 0, 255]]


def test_enter_alone_takes_everything(qtbot: QtBot, desk: Desk, screen: QImage) -> None:
    pick(qtbot, desk)
    qtbot.keyClick(desk.media.captures.screenshots.pickers[0], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    item_ = desk.attachments.all()[0].item
    assert item_ is not None
    assert item_.facts[0] == f"{screen.width()} × {screen.height()}"


def test_escape_leaves_nothing_but_the_window(qtbot: QtBot, desk: Desk, screen: QImage) -> None:
    pick(qtbot, desk)
    qtbot.keyClick(desk.media.captures.screenshots.pickers[0], Qt.Key.Key_Escape)
    assert desk.window.isVisible()
    assert desk.attachments.all() == []
    pick(qtbot, desk)  # and it can be asked for again
    qtbot.keyClick(desk.media.captures.screenshots.pickers[0], Qt.Key.Key_Escape)


def test_a_screen_that_is_not_shown_to_us_is_said(
    qtbot: QtBot, desk: Desk, monkeypatch: pytest.MonkeyPatch, screen: QImage
) -> None:
    monkeypatch.setattr(screenshot_controller.screens, "grab", list)
    desk.media.captures.screenshots.take()
    qtbot.waitUntil(desk.window.isVisible)
    assert notice(desk).startswith("No screenshot. The system did not show the screen.")


def test_the_program_may_end_while_a_part_is_chosen(qtbot: QtBot, desk: Desk, screen: QImage) -> None:
    pick(qtbot, desk)
    with qtbot.waitSignal(desk.ended, timeout=15_000):
        desk.end()
    assert desk.media.captures.screenshots.pickers == []
    desk.window.close()
    desk.window.deleteLater()


@pytest.mark.window
def test_the_real_screen_is_what_is_attached(qtbot: QtBot, desk: Desk) -> None:
    behind = QLabel()
    qtbot.addWidget(behind)
    behind.setStyleSheet("background: #12ab34")
    behind.setWindowFlag(Qt.WindowType.FramelessWindowHint)
    behind.setGeometry(QGuiApplication.primaryScreen().geometry())
    behind.show()
    desk.window.raise_()
    desk.media.captures.screenshots.take()
    qtbot.waitUntil(lambda: bool(desk.media.captures.screenshots.pickers))
    qtbot.keyClick(desk.media.captures.screenshots.pickers[0], Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    found = desk.attachments.all()[0].item
    assert found is not None
    picture = next(part for part in found.parts if isinstance(part, Picture))
    size = QGuiApplication.primaryScreen().geometry().size() * QGuiApplication.primaryScreen().devicePixelRatio()
    assert (picture.width, picture.height) == (size.width(), size.height())
    assert (picture.pixels == np.array([0x12, 0xAB, 0x34], np.uint8)).all(), "the window is not in it"


def test_on_wayland_the_desktop_is_asked(
    qtbot: QtBot, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dbus = pytest.importorskip("PySide6.QtDBus")
    pytest.importorskip("jeepney", reason="needs the test extra")
    from gui.screenshot_portal import ScreenshotPortal
    from tests.fake_portal import FakePortal, message_bus_process

    monkeypatch.setattr(screenshot_controller, "ASIDE_MS", 10)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    made_by_desktop = tmp_path / "shot.png"
    made_by_desktop.write_bytes(to_png(np.full((20, 30, 3), 77, np.uint8)))
    with message_bus_process() as address:
        portal = FakePortal(address, [(0, {"uri": ("s", made_by_desktop.as_uri())}), (1, {}), (2, {})])
        bus = dbus.QDBusConnection.connectToBus(address, "captures")
        controller = desk.media.captures.screenshots
        controller.must_ask_desktop, controller.make_portal = (lambda: True), partial(ScreenshotPortal, bus)
        controller.take()
        qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
        assert desk.window.isVisible()
        (attached,) = desk.attachments.all()
        assert attached.state is AttachmentState.READY
        assert attached.item is not None
        assert attached.item.facts[0] == "30 × 20"
        assert not made_by_desktop.exists(), "it was made for us, and is kept with what we keep"
        assert [path.name for path in captured_files()] == ["shot.png"]
        controller.take()
        qtbot.waitUntil(desk.window.isVisible)
        assert notice(desk) == "", "who thinks better of it is told nothing"
        controller.take()
        qtbot.waitUntil(desk.window.isVisible)
        assert notice(desk).startswith("No screenshot.")
        portal.wait()
        del controller.make_portal, bus
        dbus.QDBusConnection.disconnectFromBus("captures")


def test_a_picture_among_the_persons_own_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screenshot_controller.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert is_ours(tmp_path / "tmp" / "shot.png")
    assert not is_ours(tmp_path / "Pictures" / "shot.png")
    assert not is_ours(tmp_path / "tmp" / ".." / "Pictures" / "shot.png")


# The camera


class StillCamera:
    """Gives the same picture until it is closed."""

    def __init__(self, level: int = 120) -> None:
        self._frame: RgbArray = np.full((90, 160, 3), level, np.uint8)
        self.is_closed = threading.Event()

    def read(self) -> RgbArray | None:
        self.is_closed.wait(0.005)
        return self._frame

    def close(self) -> None:
        self.is_closed.set()


@pytest.fixture
def cameras(desk: Desk) -> dict[int, StillCamera]:
    made = {0: StillCamera(120), 3: StillCamera(200)}
    desk.media.captures.camera.find_cameras = lambda: [CameraName(0, "Integrated"), CameraName(3, "USB")]
    desk.media.captures.camera.open_camera = made.__getitem__
    return made


def test_a_picture_of_the_camera_is_attached(qtbot: QtBot, desk: Desk, cameras: dict[int, StillCamera]) -> None:
    desk.composer.attach_menu.camera_requested.emit()
    dialog = desk.media.captures.camera.dialog
    assert dialog is not None
    qtbot.waitUntil(dialog.shutter.isEnabled)
    qtbot.mouseClick(dialog.shutter, LEFT)
    assert desk.media.captures.camera.dialog is None
    assert cameras[0].is_closed.wait(10)
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    (attached,) = desk.attachments.all()
    assert attached.name == "Picture from the camera"
    assert attached.item is not None
    assert attached.item.facts[0] == "160 × 90"


def test_choosing_another_camera_lets_go_of_the_first(
    qtbot: QtBot, desk: Desk, cameras: dict[int, StillCamera]
) -> None:
    desk.media.captures.camera.take()
    dialog = desk.media.captures.camera.dialog
    assert dialog is not None
    qtbot.waitUntil(dialog.shutter.isEnabled)
    dialog.camera_chosen.emit(3)
    assert cameras[0].is_closed.wait(10)
    taken: list[QImage] = []
    dialog.taken.connect(taken.append)
    dialog.show_opening()
    qtbot.waitUntil(dialog.shutter.isEnabled)
    qtbot.mouseClick(dialog.shutter, LEFT)
    assert taken[0].pixelColor(0, 0).red() == 200
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)


def test_the_end_of_the_window_lets_go_of_the_camera(qtbot: QtBot, desk: Desk, cameras: dict[int, StillCamera]) -> None:
    desk.media.captures.camera.take()
    dialog = desk.media.captures.camera.dialog
    assert dialog is not None
    qtbot.waitUntil(dialog.shutter.isEnabled)
    close_desk(qtbot, desk)
    assert cameras[0].is_closed.is_set()


def test_no_camera_and_a_refusing_one_are_said(qtbot: QtBot, desk: Desk) -> None:
    camera = desk.media.captures.camera
    camera.find_cameras = list
    camera.take()
    assert notice(desk) == "No camera. This machine has no camera that could be used. Plug one in, and try again."

    def refuse(_number: int) -> StillCamera:
        raise MediaError("Camera not available", "The camera cannot be opened.", "Close the other program.")

    camera.find_cameras, camera.open_camera = (lambda: [CameraName(0, "Busy")]), refuse
    camera.take()
    dialog = camera.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.sentence == "The camera cannot be opened. Close the other program.")
    assert not dialog.shutter.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert camera.dialog is None


# The microphone


def listen_to(desk: Desk, microphone: Microphone | MediaError) -> None:
    """Have the desk record from this one, in this process."""

    def opened() -> Microphone:
        if isinstance(microphone, MediaError):
            raise microphone
        return microphone

    def record_into(path: Path, should_stop: ShouldStop, max_s: float) -> Generator[object, None, None]:
        return record(path, opened, should_stop, max_s)

    desk.media.captures.recording.record_into = record_into


def stop_when_heard(qtbot: QtBot, desk: Desk, microphone: PlayedMicrophone) -> None:
    """Wait until all of it was heard, and press the button that ends it."""
    bar = desk.composer.recording
    qtbot.waitUntil(lambda: bar.stop.isVisible() and microphone.has_played.is_set(), timeout=15_000)
    qtbot.mouseClick(bar.stop, LEFT)


def test_a_recording_is_attached_with_the_very_samples(qtbot: QtBot, desk: Desk) -> None:
    played = tone(2.0, 22_050)
    microphone = PlayedMicrophone(played, 22_050)
    listen_to(desk, microphone)
    desk.composer.attach_menu.recording_requested.emit()
    assert desk.composer.recording.sentence == "Opening the microphone…"
    stop_when_heard(qtbot, desk, microphone)
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading, timeout=60_000)
    (attached,) = desk.attachments.all()
    assert attached.state is AttachmentState.READY, attached.error_message
    assert attached.item is not None
    assert attached.item.kind is MediaKind.AUDIO
    assert attached.item.timeline is not None
    assert attached.item.timeline.duration_s == pytest.approx(2.0)
    assert attached.path is not None
    assert attached.name.startswith("Recording ")
    written, rate = read_wav(attached.path)
    assert rate == 22_050
    assert np.array_equal(written, played)
    assert desk.composer.recording.isHidden()
    desk.attachments.remove(attached.id)
    assert captured_files() == [], "what a person took away is not kept"


def quick(path: Path, options: ConvertOptions, _should_stop: ShouldStop) -> Generator[object, None, None]:
    """A converter that hears what is written in `SAID`."""
    yield ConvertProgress(0.4, "Listening")
    spoken = tuple(Spoken(number, number + 1.0, text) for number, text in enumerate(SAID))
    samples, rate = read_wav(path)
    timeline = Timeline(len(samples) / rate, 0.0, len(samples) / rate, (), (), spoken, "a test")
    yield replace(item(name=path.name), timeline=timeline)


SAID: list[str] = []


@pytest.fixture
def quick_desk(themed: QApplication, qtbot: QtBot, own_home: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(app, "convert_file", quick)
    SAID[:] = ["the first words", "and the second"]
    made = make_desk(qtbot, scripted())
    yield made
    if not made.has_ended:
        close_desk(qtbot, made)


def dictate(qtbot: QtBot, desk: Desk) -> None:
    microphone = PlayedMicrophone(tone(1.0))
    listen_to(desk, microphone)
    qtbot.mouseClick(desk.composer.dictate, LEFT)
    stop_when_heard(qtbot, desk, microphone)
    qtbot.waitUntil(lambda: not desk.media.captures.recording.is_busy)


def test_what_is_dictated_goes_where_the_cursor_is_and_one_undo_takes_it_out(qtbot: QtBot, quick_desk: Desk) -> None:
    edit = quick_desk.composer.edit
    qtbot.keyClicks(edit, "Before after")
    for _ in range(6):
        qtbot.keyClick(edit, Qt.Key.Key_Left)
    dictate(qtbot, quick_desk)
    assert quick_desk.composer.text() == "Before the first words and the second after"
    qtbot.keyClicks(edit, "!")
    assert quick_desk.composer.text() == "Before the first words and the second! after"
    edit.undo()
    assert quick_desk.composer.text() == "Before the first words and the second after"
    edit.undo()
    assert quick_desk.composer.text() == "Before after"
    edit.redo()
    assert quick_desk.composer.text() == "Before the first words and the second after"
    assert captured_files() == [], "the sound is not kept"
    assert quick_desk.attachments.all() == []


def test_who_wrote_it_down_is_said(qtbot: QtBot, quick_desk: Desk) -> None:
    dictate(qtbot, quick_desk)
    assert quick_desk.composer.hint == "Written down by a test. Look it over before you send it."


def test_the_microphones_button_ends_what_it_began(qtbot: QtBot, quick_desk: Desk) -> None:
    microphone = PlayedMicrophone(tone(1.0))
    listen_to(quick_desk, microphone)
    button = quick_desk.composer.dictate
    assert button.accessibleName() == "Dictate"
    quick_desk.window.activateWindow()
    qtbot.keyClick(quick_desk.composer.edit, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    assert button.accessibleName() == "End the dictation"
    qtbot.waitUntil(microphone.has_played.is_set)
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: quick_desk.composer.text() == "the first words and the second")
    assert button.accessibleName() == "Dictate"


def test_no_words_are_said_to_be_none(qtbot: QtBot, quick_desk: Desk) -> None:
    SAID[:] = []
    dictate(qtbot, quick_desk)
    assert notice(quick_desk).startswith("No words. No words were recognised")
    assert quick_desk.composer.text() == ""


def test_what_is_discarded_is_gone(qtbot: QtBot, quick_desk: Desk) -> None:
    microphone = PlayedMicrophone(tone(20.0))
    for begin in (quick_desk.media.captures.recording.record, quick_desk.media.captures.recording.dictate):
        listen_to(quick_desk, PlayedMicrophone(tone(20.0)))
        begin()
        qtbot.waitUntil(quick_desk.composer.recording.stop.isVisible)
        qtbot.mouseClick(quick_desk.composer.recording.discard, LEFT)
        qtbot.waitUntil(lambda: not quick_desk.media.captures.recording.is_busy)
    assert captured_files() == []
    assert quick_desk.attachments.all() == []
    assert (quick_desk.composer.text(), notice(quick_desk)) == ("", "")
    assert not microphone.is_closed, "never opened"


def test_a_microphone_that_is_taken_away_leaves_what_was_heard(qtbot: QtBot, quick_desk: Desk) -> None:
    played = tone(1.0)
    listen_to(quick_desk, PlayedMicrophone(played, is_taken_away=True))
    quick_desk.media.captures.recording.record()
    qtbot.waitUntil(lambda: bool(quick_desk.attachments.all()) and not quick_desk.attachments.is_reading)
    assert notice(quick_desk) == "The microphone was taken away. What was recorded until then is kept."
    path = quick_desk.attachments.all()[0].path
    assert path is not None
    assert np.array_equal(read_wav(path)[0], played)


@pytest.mark.parametrize(
    ("microphone", "sentence"),
    [
        (MediaError("No microphone", "There is none.", "Plug one in."), "No microphone. There is none. Plug one in."),
        (PlayedMicrophone(np.zeros(4000, np.int16), is_taken_away=True), "nothing but silence"),
        (PlayedMicrophone(np.zeros(0, np.int16), is_taken_away=True), "no sound came"),
    ],
)
def test_what_goes_wrong_is_said(
    qtbot: QtBot, quick_desk: Desk, microphone: Microphone | MediaError, sentence: str
) -> None:
    listen_to(quick_desk, microphone)
    quick_desk.media.captures.recording.record()
    qtbot.waitUntil(lambda: not quick_desk.media.captures.recording.is_busy)
    assert sentence in notice(quick_desk)
    assert quick_desk.composer.recording.isHidden()
    assert captured_files() == []
    assert quick_desk.attachments.all() == []


def test_escape_in_the_bar_ends_a_recording_and_stops_no_answer(qtbot: QtBot, quick_desk: Desk) -> None:
    stopped: list[object] = []
    quick_desk.composer.stop_requested.connect(lambda: stopped.append(1))
    microphone = PlayedMicrophone(tone(1.0))
    listen_to(quick_desk, microphone)
    quick_desk.media.captures.recording.record()
    bar = quick_desk.composer.recording
    qtbot.waitUntil(lambda: bar.stop.hasFocus() and microphone.has_played.is_set())
    qtbot.keyClick(bar.stop, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: bool(quick_desk.attachments.all()) and not quick_desk.attachments.is_reading)
    assert stopped == []


@pytest.fixture
def writing_down(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A recogniser that is never done by itself; the event says that it began."""
    begun = threading.Event()

    def slow(_path: Path, _options: ConvertOptions, should_stop: ShouldStop) -> Generator[object, None, None]:
        yield ConvertProgress(0.4, "Listening")
        begun.set()
        while not should_stop():
            time.sleep(0.005)

    monkeypatch.setattr(app, "convert_file", slow)
    return begun


@pytest.fixture
def slow_desk(themed: QApplication, qtbot: QtBot, own_home: None, writing_down: threading.Event) -> Iterator[Desk]:
    made = make_desk(qtbot, scripted())
    yield made
    close_desk(qtbot, made)


def test_a_key_stops_the_writing_down_and_what_was_said_is_attached(
    qtbot: QtBot, writing_down: threading.Event, slow_desk: Desk
) -> None:
    played = tone(1.0)
    microphone = PlayedMicrophone(played)
    listen_to(slow_desk, microphone)
    slow_desk.media.captures.recording.dictate()
    stop_when_heard(qtbot, slow_desk, microphone)
    qtbot.waitUntil(writing_down.is_set)
    slow_desk.media.captures.recording.dictate()  # another one has to wait
    assert notice(slow_desk).startswith("Something is being recorded already.")
    qtbot.keyClick(slow_desk.composer.recording, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not slow_desk.media.captures.recording.is_busy)
    assert notice(slow_desk) == "It was not written down. What you said is attached as a recording."
    assert slow_desk.composer.text() == ""
    (attached,) = slow_desk.attachments.all()
    assert attached.path is not None
    assert np.array_equal(read_wav(attached.path)[0], played)


def test_another_wish_to_record_leaves_the_recording_alone(qtbot: QtBot, quick_desk: Desk) -> None:
    played = tone(1.0)
    microphone = PlayedMicrophone(played)
    listen_to(quick_desk, microphone)
    quick_desk.media.captures.recording.record()
    qtbot.waitUntil(lambda: quick_desk.composer.recording.stop.isVisible() and microphone.has_played.is_set())
    listen_to(quick_desk, PlayedMicrophone(tone(5.0)))
    quick_desk.media.captures.recording.record()
    quick_desk.media.captures.recording.dictate()
    assert notice(quick_desk).startswith("Something is being recorded already.")
    qtbot.mouseClick(quick_desk.composer.recording.stop, LEFT)
    qtbot.waitUntil(lambda: bool(quick_desk.attachments.all()) and not quick_desk.attachments.is_reading)
    (attached,) = quick_desk.attachments.all()
    assert attached.path is not None
    assert np.array_equal(read_wav(attached.path)[0], played)


# What is recorded when the window goes


@pytest.fixture
def quick_converter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "convert_file", quick)


def attached_sound(qtbot: QtBot, desk: Desk) -> list[Samples]:
    """What is attached, when it is read."""
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    return [read_wav(each.path)[0] for each in desk.attachments.all() if each.path is not None]


@pytest.mark.usefixtures("quick_converter")
def test_what_is_recorded_when_the_window_is_closed_is_attached_in_the_next_one(
    qtbot: QtBot, next_window: Callable[[], Desk]
) -> None:
    desk = next_window()
    listen_to(desk, PlayedMicrophone(tone(1.0), is_taken_away=True))
    desk.media.captures.recording.record()
    (first,) = attached_sound(qtbot, desk)
    played = tone(2.0, loudness=0.3)
    microphone = PlayedMicrophone(played)
    listen_to(desk, microphone)
    desk.media.captures.recording.record()
    qtbot.waitUntil(lambda: desk.composer.recording.stop.isVisible() and microphone.has_played.is_set())
    after = next_window()
    assert microphone.is_closed
    found = attached_sound(qtbot, after)
    assert [len(each) for each in found] == [len(first), len(played)]
    assert np.array_equal(found[1], played)
    assert notice(after) == "What was attached before and not sent is attached again."
    for attached in after.attachments.all():
        after.attachments.remove(attached.id)
    close_desk(qtbot, after)
    assert captured_files() == []


@pytest.mark.usefixtures("quick_converter")
def test_a_file_that_was_attached_and_not_sent_is_attached_in_the_next_window(
    qtbot: QtBot, next_window: Callable[[], Desk], tmp_path: Path
) -> None:
    mine = write_wav(tmp_path / "mine.wav", tone(1.0))
    desk = next_window()
    desk.attachments.add_files([mine])
    after = next_window()
    qtbot.waitUntil(lambda: bool(after.attachments.all()) and not after.attachments.is_reading)
    assert [each.path for each in after.attachments.all()] == [mine]
    assert notice(after) == "What was attached before and not sent is attached again."
    after.attachments.take()
    last = next_window()
    qtbot.wait(100)
    assert last.attachments.all() == []
    assert mine.exists()


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_dictation_is_a_recording_in_the_next_window(
    qtbot: QtBot, writing_down: threading.Event, next_window: Callable[[], Desk], is_stopped: bool
) -> None:
    desk = next_window()
    played = tone(1.0)
    microphone = PlayedMicrophone(played)
    listen_to(desk, microphone)
    desk.media.captures.recording.dictate()
    if is_stopped:
        stop_when_heard(qtbot, desk, microphone)
        qtbot.waitUntil(writing_down.is_set)
    else:
        qtbot.waitUntil(lambda: desk.composer.recording.stop.isVisible() and microphone.has_played.is_set())
    after = next_window()
    qtbot.waitUntil(lambda: bool(after.attachments.all()))
    (attached,) = after.attachments.all()
    assert attached.path is not None
    assert np.array_equal(read_wav(attached.path)[0], played)


@pytest.mark.usefixtures("quick_converter")
def test_what_was_recorded_comes_back_in_its_conversation_and_not_once_it_was_sent(
    qtbot: QtBot, next_window: Callable[[], Desk]
) -> None:
    first = next_window()
    first.composer.set_text("Hello")
    first.composing.send()
    settle(qtbot, first)
    asked_in = first.chat.shown_id
    listen_to(first, PlayedMicrophone(tone(1.0), is_taken_away=True))
    first.media.captures.recording.record()
    attached_sound(qtbot, first)
    second = next_window()
    qtbot.waitUntil(lambda: asked_in in second.media.captures._waiting)
    assert second.attachments.all() == [], "it belongs to another conversation"
    third = next_window()  # it was not looked at in the second
    qtbot.waitUntil(lambda: asked_in in third.media.captures._waiting)
    third.conversations.open(asked_in)
    assert len(attached_sound(qtbot, third)) == 1
    third.composing.send()
    settle(qtbot, third)
    close_desk(qtbot, third)
    assert captured_files() == []


@pytest.mark.usefixtures("quick_converter")
def test_what_belonged_to_a_conversation_that_is_gone_comes_to_the_new_one(
    qtbot: QtBot, own_home: None, next_window: Callable[[], Desk]
) -> None:
    folder = folders.data_folder() / "captures" / "kept" / "gone"
    folder.mkdir(parents=True)
    write_wav(folder / "Recording.wav", tone(0.5))
    desk = next_window()
    attached_sound(qtbot, desk)
    assert [each.path.name for each in desk.attachments.all() if each.path] == ["Recording.wav"]


@needs_flite
def test_real_speech_becomes_words_through_the_real_recogniser(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    sentence = SENTENCES[4]
    samples = np.round(32767 * spoken(sentence, tmp_path)).astype(np.int16)
    microphone = PlayedMicrophone(samples, RATE)
    listen_to(desk, microphone)
    qtbot.mouseClick(desk.composer.dictate, LEFT)
    stop_when_heard(qtbot, desk, microphone)
    bar = desk.composer.recording
    qtbot.waitUntil(lambda: bar.sentence.startswith("Writing down what you said"))
    qtbot.waitUntil(lambda: not desk.media.captures.recording.is_busy, timeout=60_000)
    assert word_errors(sentence, desk.composer.text()) <= 1
    assert "pocketsphinx" in desk.composer.hint
    assert captured_files() == []


# What is pasted


def test_a_picture_within_html_is_attached(qtbot: QtBot, desk: Desk) -> None:
    import base64

    png = base64.b64encode(to_png(np.full((20, 30, 3), 77, np.uint8))).decode()
    mime = QMimeData()
    mime.setHtml(f'<html><body><!--StartFragment--><img src="data:image/png;base64,{png}"></body></html>')
    desk.composer.edit.insertFromMimeData(mime)
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    (attached,) = desk.attachments.all()
    assert attached.item is not None
    assert attached.item.facts[0] == "30 × 20"
    assert desk.composer.text() == ""
    desk.attachments.remove(attached.id)
    assert captured_files() == []
