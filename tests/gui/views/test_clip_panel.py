"""The panel of a clip: what is sent and what it costs, what a person can change, and how the parts move together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from core_model.types import TileGeometry
from gui import clips, theme
from gui.clip_words import language_name
from gui.clips import Clip, Frame
from gui.models.attachments import Attachment, AttachmentState
from gui.token_cost import picture_tokens
from gui.views.clip_panel import ClipPanel
from gui.views.frame_strip import caption, describe
from gui.views.picture_view import MAX_HEIGHT, PictureView
from media.types import ConvertOptions, MediaKind, Picture, Spoken
from tests.gui.samples import SPEECH, clip, picture, timeline

TILES = TileGeometry(336, 16, 144)
LECTURE = tuple(Spoken(4.0 * number, 4.0 * number + 3.0, "word " * 9) for number in range(2700))  # three hours


def shown(num_frames: int = 4, duration_s: float = 10.0, can_change: bool = True, **rest: object) -> Clip:
    """A clip as the panel takes it; the rest are fields of its timeline."""
    made = clip(num_frames, duration_s, **rest)  # type: ignore[arg-type]
    found = clips.of_attachment(Attachment("a", made.name, AttachmentState.READY, item=made))
    assert found is not None
    return replace(found, can_change=can_change)


@pytest.fixture
def panel(qtbot: QtBot, themed: QApplication) -> ClipPanel:
    panel = ClipPanel()
    qtbot.addWidget(panel)
    panel.resize(440, 800)
    panel.set_tiles(TILES)
    panel.show_clip(shown())
    panel.show()
    with qtbot.waitActive(panel):
        panel.activateWindow()
    return panel


@pytest.fixture
def wanted(panel: ClipPanel) -> list[ConvertOptions]:
    found: list[ConvertOptions] = []
    panel.options_changed.connect(found.append)
    return found


def said(panel: ClipPanel) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in panel.findChildren(QLabel) if label.isVisibleTo(panel))


def frames(panel: ClipPanel) -> list[str]:
    """What stands below the pictures of the strip, without the marks of direction."""
    return [panel.strip.item(row).text().strip("\u2066\u2069") for row in range(panel.strip.count())]


def test_it_says_what_is_sent_and_what_it_costs(panel: ClipPanel) -> None:
    cost = picture_tokens(36, 64, TILES)
    assert frames(panel) == [f"{time} · {cost}" for time in ("0:01", "0:03", "0:06", "0:08")]
    text = said(panel)
    assert "ball.mp4" in text
    assert f"{4 * cost:,} for 4 pictures" in text
    assert "Speech by pocketsphinx · English" in text
    assert "All of 0:10" in text
    assert f"Picture 1 of 4 · 0:01.2 · 64 × 36 · {cost} tokens" in text
    described = panel.strip.item(1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert described == f"Picture 2 of 4 · 0:03.8 · 64 × 36 · {cost} tokens"


def test_the_pictures_are_the_very_ones_that_are_sent(panel: ClipPanel) -> None:
    current = shown()
    panel.show_clip(current)
    for row, frame in enumerate(current.frames):
        panel.strip.setCurrentRow(row)
        assert panel.picture.picture is frame.picture


def test_without_a_model_no_tokens_are_made_up(panel: ClipPanel) -> None:
    panel.set_tiles(None)
    assert frames(panel) == ["0:01", "0:03", "0:06", "0:08"]
    assert "4 pictures, about" in said(panel)
    assert "64 × 36 ·" not in said(panel)


def test_frames_of_one_second_are_told_apart(panel: ClipPanel) -> None:
    panel.set_tiles(None)
    panel.show_clip(shown(4, 2.0, speech=()))
    assert frames(panel) == ["0:00.2", "0:00.8", "0:01.2", "0:01.8"]


# Moving together


def test_the_playhead_shows_the_nearest_frame_and_what_was_said(panel: ClipPanel) -> None:
    panel.timeline.playhead.setValue(6500)
    assert panel.strip.currentRow() == 2
    assert panel.picture.picture is panel.clip.frames[2].picture  # type: ignore[union-attr]
    assert panel.transcript.currentItem().text(0) == "0:04"
    panel.timeline.playhead.setValue(3000)
    assert panel.transcript.currentItem() is None, "nothing was said then"


def test_a_frame_and_a_line_lead_to_their_times(qtbot: QtBot, panel: ClipPanel) -> None:
    panel.strip.setFocus()
    panel.strip.setCurrentRow(0)
    QTest.keyClick(panel.strip, Qt.Key.Key_Right)
    assert panel.timeline.position_s == pytest.approx(3.75)
    item = panel.transcript.topLevelItem(1)
    assert item is not None
    panel.transcript.scrollToItem(item)
    place = panel.transcript.visualItemRect(item).center()
    qtbot.mouseClick(panel.transcript.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert panel.timeline.position_s == SPEECH[1].start_s
    assert panel.strip.currentRow() == 1


def test_a_picture_of_the_whole_leaves_the_playhead_alone(panel: ClipPanel) -> None:
    sound = replace(shown(frame_times=()), kind=MediaKind.AUDIO, parts=(picture(1), picture(2)))
    panel.show_clip(sound)
    panel.go_to(4.5)
    panel.strip.setCurrentRow(1)
    assert panel.picture.picture is sound.parts[1]
    assert panel.timeline.position_s == 4.5
    assert not panel.number.isVisibleTo(panel), "a recording has no frames to choose"
    assert panel.with_speech.isVisibleTo(panel)
    QApplication.processEvents()
    assert panel.with_speech.x() == 0, "what is hidden leaves no gap"


# Changes


def test_what_a_person_changes_is_told_once_and_whole(panel: ClipPanel, wanted: list[ConvertOptions]) -> None:
    panel.timeline.show_position(3.0)
    QTest.keyClick(panel.timeline.playhead, Qt.Key.Key_I)
    panel.show_clip(replace(shown(), options=wanted[-1]), is_new=False)
    panel.number.setValue(6)
    panel.show_clip(replace(shown(), options=wanted[-1]), is_new=False)
    panel.with_speech.click()
    assert wanted == [
        ConvertOptions(start_s=3.0),
        ConvertOptions(start_s=3.0, max_frames=6),
        ConvertOptions(start_s=3.0, max_frames=6, with_speech=False),
    ]


def test_i_and_o_work_wherever_the_keyboard_is(panel: ClipPanel, wanted: list[ConvertOptions]) -> None:
    panel.go_to(6.0)
    panel.strip.setFocus()
    QTest.keyClick(panel.eye, Qt.Key.Key_O)
    assert wanted == [ConvertOptions(end_s=6.0)]


def test_all_of_it_again(qtbot: QtBot, panel: ClipPanel, wanted: list[ConvertOptions]) -> None:
    panel.show_clip(replace(shown(), options=ConvertOptions(2.0, 5.0)))
    assert "0:02.0 to 0:05.0 of 0:10" in said(panel)
    qtbot.mouseClick(panel.whole, Qt.MouseButton.LeftButton)
    assert wanted == [ConvertOptions()]
    assert not panel.whole.isVisibleTo(panel)


def test_what_is_shown_again_is_no_change(qtbot: QtBot, panel: ClipPanel) -> None:
    with qtbot.assertNotEmitted(panel.options_changed):
        panel.show_clip(replace(shown(), options=ConvertOptions(1.0, 2.0, 5, False)))
        panel.show_clip(shown(), is_new=False)
        panel.timeline.stretch_chosen.emit()


def test_what_is_read_again_keeps_its_place(panel: ClipPanel) -> None:
    panel.go_to(6.2)
    panel.show_clip(replace(shown(6), is_reading=True, fraction=0.5), is_new=False)
    assert panel.timeline.position_s == 6.2
    assert panel.strip.count() == 6
    assert panel._progress.isVisibleTo(panel)
    assert panel._progress.value() == 50
    panel.show_clip(shown(4, 5.0), is_new=False)
    assert panel.timeline.position_s == 5.0, "inside of it"
    panel.show_clip(shown(), is_new=True)
    assert panel.timeline.position_s == 0.0


def test_a_point_in_the_hand_is_not_pulled_away(qtbot: QtBot, panel: ClipPanel) -> None:
    handle = panel.timeline.start
    qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=handle.rect().center())
    qtbot.mouseMove(handle, handle.rect().center() + QPoint(100, 0))
    before = panel.timeline.stretch
    assert before[0] > 1
    panel.show_clip(replace(shown(), is_reading=True, fraction=0.7), is_new=False)
    assert panel.timeline.stretch == before
    qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton)


def test_what_could_not_be_done_is_said(panel: ClipPanel) -> None:
    panel.show_clip(replace(shown(), trouble="Too long. It has 10 hours."), is_new=False)
    assert "It stays as it was. Too long. It has 10 hours." in said(panel)


def test_what_was_sent_has_nothing_to_change(panel: ClipPanel, wanted: list[ConvertOptions]) -> None:
    panel.show_clip(shown(can_change=False, start_s=2.0, end_s=8.0))
    assert not any(each.isVisibleTo(panel) for each in (panel.number, panel.with_speech, panel.whole))
    assert "0:02.0 to 0:08.0 of 0:10" in said(panel)
    panel.timeline.stretch_chosen.emit()
    assert wanted == []


# All kinds


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize(
    "what",
    [
        {"speech": (), "recogniser": ""},
        {"num_frames": 48, "duration_s": 600.0},
        {"num_frames": 1, "duration_s": 0.2, "speech": ()},
        {"num_frames": 3, "duration_s": 10_800.0, "speech": LECTURE},
        {"num_frames": 0, "loudness": (), "speech": (), "recogniser": ""},
    ],
)  # fmt: skip
def test_nothing_sticks_out(
    qtbot: QtBot, panel: ClipPanel, qapp: QApplication, what: dict[str, object], scale: float, is_dark: bool
) -> None:
    theme.apply(qapp, "dark" if is_dark else "light", scale)
    try:
        panel.resize(theme.wide_px(440), 800)
        panel.show_clip(shown(**what))  # type: ignore[arg-type]
        panel.grab()
        for widget in (panel.picture, panel.strip, panel.timeline, panel.number, panel.with_speech, panel.transcript):
            if widget.isVisibleTo(panel):
                left = widget.mapTo(panel, QPoint(0, 0)).x()
                assert left >= 0
                assert left + widget.width() <= panel.width(), f"{widget} ends behind the panel"
    finally:
        theme.apply(qapp, "light")


def test_no_speech_was_found(panel: ClipPanel) -> None:
    panel.show_clip(shown(speech=()))
    assert said(panel).splitlines()[-1] == "No speech found by pocketsphinx"
    assert not panel.transcript.isVisibleTo(panel)


def test_long_lines_of_speech_wrap(panel: ClipPanel) -> None:
    long = Spoken(3.0, 9.0, "many words that need more than one line in a panel as narrow as this one is " * 2)
    panel.show_clip(shown(speech=(Spoken(0.0, 2.0, "Short."), long)))
    QApplication.processEvents()
    heights = [panel.transcript.visualItemRect(panel.transcript.topLevelItem(row)).height() for row in range(2)]
    assert heights[1] > 2 * heights[0]
    panel.resize(300, 800)
    QApplication.processEvents()
    narrow = panel.transcript.visualItemRect(panel.transcript.topLevelItem(1)).height()
    assert narrow > heights[1], "other widths, other heights"


def test_a_window_that_runs_from_the_right(qtbot: QtBot, panel: ClipPanel) -> None:
    panel.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    QApplication.processEvents()
    assert panel._close.x() < panel.width() // 2
    first, second = (panel.strip.visualItemRect(panel.strip.item(row)).x() for row in range(2))
    assert first < second, "time runs from the left"
    assert panel.timeline.start.x() < panel.timeline.end.x()


def test_a_picture_has_its_own_proportions(qtbot: QtBot, themed: QApplication) -> None:
    view = PictureView()
    qtbot.addWidget(view)
    view.resize(400, 10)
    tall = Picture(picture(1, 600, 200).pixels)
    view.show_picture(tall)
    assert (view.place().height(), view.place().width()) == (MAX_HEIGHT, MAX_HEIGHT // 3)
    view.show_picture(picture(1, 20, 20))
    assert view.place().size().height() == 60, "very small ones are not blown up"
    view.show_picture(None)
    assert view.place().isEmpty()


def test_the_chosen_frame_has_a_ring(panel: ClipPanel) -> None:
    panel.strip.setCurrentRow(1)
    QApplication.processEvents()
    image, cell = panel.strip.viewport().grab().toImage(), panel.strip.visualItemRect(panel.strip.item(1))
    names = {QColor(image.pixel(cell.center().x(), cell.y() + y)).name() for y in range(2, 7)}
    assert theme.LIGHT.accent.lower() in names


def test_every_control_has_a_name(panel: ClipPanel) -> None:
    for widget in (
        panel, panel.eye, panel.strip, panel.timeline, panel.number, panel.transcript, panel._close, panel.picture,
    ):  # fmt: skip
        assert widget.accessibleName(), widget
    assert panel.with_speech.text()
    assert QAccessible.queryAccessibleInterface(panel.number).text(QAccessible.Text.Name)


def test_languages_have_names() -> None:
    assert [language_name(code) for code in ("en", "de-CH", "", "xx-nothing")] == [
        "English",
        "German",
        "",
        "xx-nothing",
    ]


def test_a_timeline_of_others_is_shown_as_it_is(panel: ClipPanel) -> None:
    """What came from a file may say anything: times in the wrong order, behind the end, all the same."""
    wild = timeline(2, frame_times=(99.0, 1.0), speech=(Spoken(50.0, 2.0, "\u202ebad\x00"), Spoken(1.0, 1.0, "")))
    panel.show_clip(replace(shown(2), timeline=wild))
    panel.go_to(5.0)
    panel.grab()
    assert "\u202e" not in panel.transcript.topLevelItem(0).text(1)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("time_s", "shown"), [(0.0, "0:00"), (0.94, "0:00"), (0.96, "0:01"), (1.0, "0:01"), (59.97, "1:00"), (3.2, "0:03")]
)
def test_a_frame_has_the_second_that_its_moment_names(time_s: float, shown: str) -> None:
    frame = Frame(picture(), time_s)
    assert caption(frame, None).strip("\u2066\u2069") == shown
    assert describe(frame, 0, 1, None).startswith(f"{shown}.")
