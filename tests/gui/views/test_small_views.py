"""The smaller views: model bar, notices, overlay, empty state, elided labels, settings and plan dialogs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QDragEnterEvent, QDragLeaveEvent, QHelpEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QPushButton,
    QRadioButton,
    QToolTip,
    QWidget,
)
from pytestqt.qtbot import QtBot

from core_model.fake_assistant import MODEL, FakeAssistant
from core_model.types import (
    ExpertReport,
    Flow,
    HeldLine,
    LayerReport,
    LoadRequest,
    MemoryUse,
    ModelReport,
    Moved,
    Place,
    SpeedEstimate,
)
from gui import theme
from gui.dialogs import Dialogs
from gui.model_state import ModelPhase, ModelState
from gui.settings import Settings
from gui.views.drop_overlay import DropOverlay
from gui.views.elided_label import ElidedLabel
from gui.views.empty_state import EmptyState, ExampleCard
from gui.views.expert_map import ExpertMap
from gui.views.memory_table import MemoryTable
from gui.views.model_bar import ModelBar, ModelEntry
from gui.views.notice_bar import Notice, NoticeBar
from gui.views.plan_dialog import PlanDialog
from gui.views.settings_dialog import SettingsDialog

pytestmark = pytest.mark.usefixtures("themed")

READY = ModelState(ModelPhase.READY, "Scout FP8", "ready", info=MODEL)


def texts(widget: QWidget) -> list[str]:
    return [label.text() for label in widget.findChildren(QLabel) if label.text()]


# Model bar


def test_the_model_bar_says_name_state_and_speed(qtbot: QtBot) -> None:
    bar = ModelBar()
    qtbot.addWidget(bar)
    bar.show_state(READY, "21 tokens/s")
    assert bar.sentence == "ready · 21 tokens/s"
    assert bar.accessibleName() == "Model: Scout FP8, ready · 21 tokens/s"
    bar.show_state(ModelState(ModelPhase.LOADING, "Scout", "loading, 31 of 109 GB"), "21 tokens/s")
    assert bar.sentence == "loading, 31 of 109 GB", "a speed belongs to a model that is ready"


def test_the_menu_offers_models_and_what_can_be_done(qtbot: QtBot) -> None:
    bar, chosen = ModelBar(), []
    qtbot.addWidget(bar)
    bar.model_chosen.connect(chosen.append)
    bar.set_models([ModelEntry("", "Cria", True), ModelEntry("/m/scout", "scout", False)])
    actions = {action.text(): action for action in bar.make_menu().actions() if action.text()}
    assert list(actions) == ["Cria", "scout", "Open a model folder…", "What rests where"]
    assert not actions["What rests where"].isEnabled()
    actions["scout"].trigger()
    actions["Cria"].trigger()
    assert chosen == ["/m/scout", ""]
    bar.show_state(ModelState(ModelPhase.LOADING, "Scout", "loading"))
    with qtbot.waitSignal(bar.cancel_requested):
        next(action for action in bar.make_menu().actions() if action.text() == "Stop loading").trigger()


def test_a_name_in_the_menu_keeps_all_its_letters(qtbot: QtBot) -> None:
    bar = ModelBar()
    qtbot.addWidget(bar)
    bar.set_models([ModelEntry("/m/r&d", "R&D", True)])
    assert bar.make_menu().actions()[0].text() == "R&&D", "a menu takes one & for the mark of a key"


def test_a_long_state_is_shortened_in_a_narrow_bar(qtbot: QtBot) -> None:
    bar = ModelBar()
    qtbot.addWidget(bar)
    bar.show_state(ModelState(ModelPhase.FAILED, "Scout", "a very long sentence " * 10))
    bar.resize(260, 36)
    bar.show()
    assert any(text.endswith("…") for text in texts(bar))
    assert bar.sentence.endswith("sentence")


# Elided label


def test_a_label_shortens_and_says_the_rest_as_a_tip(qtbot: QtBot) -> None:
    label = ElidedLabel("a long sentence that does not fit at all")
    qtbot.addWidget(label)
    label.resize(90, 20)
    label.show()
    assert label.text().endswith("…")
    assert label.toolTip() == label.full_text == label.accessibleName()
    label.resize(900, 20)
    assert label.text() == label.full_text
    assert label.toolTip() == ""


def test_a_label_shows_markup_as_it_is(qtbot: QtBot) -> None:
    label = ElidedLabel("<b>x</b>\nsecond")
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText
    assert label.full_text == "<b>x</b> second"


# Notices


def test_the_newest_notice_is_shown_and_the_one_before_comes_back(qtbot: QtBot) -> None:
    bar, done = NoticeBar(), []
    qtbot.addWidget(bar)
    assert bar.isHidden()
    bar.show_notice(Notice("history", "The disk is full.", "Try again", lambda: done.append("tried"), "warning"))
    bar.show_notice(Notice("undo", "Deleted.", "Undo", lambda: done.append("undone")))
    assert bar.sentence == "Deleted."
    button = bar.findChild(QPushButton)
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert (done, bar.sentence) == (["undone"], "The disk is full.")
    bar.show_notice(Notice("history", ""))
    assert bar.isHidden()


def test_a_notice_replaces_the_one_of_its_kind(qtbot: QtBot) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    bar.show_notice(Notice("history", "one"))
    bar.show_notice(Notice("history", "two"))
    bar.show_notice(Notice("history", ""))
    assert bar.sentence == ""


# Overlay


def test_the_overlay_covers_and_goes(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(500, 300)
    overlay = DropOverlay(window)
    window.show()
    assert overlay.isHidden()
    overlay.show_offer("Ask about 3 pictures", "1,310 tokens")
    assert overlay.geometry() == window.rect()
    assert overlay.offer == "Ask about 3 pictures 1,310 tokens"
    assert overlay.accessibleName() == "Ask about 3 pictures. 1,310 tokens"
    mime, buttons, keys = QMimeData(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entered = QDragEnterEvent(QPointF(5, 5).toPoint(), Qt.DropAction.CopyAction, mime, buttons, keys)
    overlay.dragEnterEvent(entered)
    assert entered.isAccepted()
    overlay.dragLeaveEvent(QDragLeaveEvent())
    assert overlay.isHidden()


# Empty state


def test_the_empty_state_says_what_the_model_can_do(qtbot: QtBot) -> None:
    empty = EmptyState()
    qtbot.addWidget(empty)
    empty.show()
    assert "as soon as the model is ready" in empty.sentence
    empty.show_model(READY)
    assert empty.sentence == "Scout FP8 reads text and pictures. It runs here, on NVIDIA RTX 4090."
    cards = empty.findChildren(ExampleCard)
    assert all(card.isVisible() for card in cards)
    with qtbot.waitSignal(empty.attach_requested):
        qtbot.mouseClick(cards[0], Qt.MouseButton.LeftButton)
    empty.show_model(replace(READY, info=replace(MODEL, tiles=None)))
    assert "no pictures" in empty.sentence
    assert not any(card.isVisible() for card in cards), "nothing is offered that cannot be done"
    empty.show_model(
        ModelState(ModelPhase.FAILED, "x", "y", error_title="Incomplete", error_message="m", error_hint="h")
    )
    assert empty.sentence == "h", "what happened stands in the notice; here is what to do"


# Dialogs


def test_settings_are_shown_and_changed_one_by_one(qtbot: QtBot) -> None:
    before = Settings(theme="dark", font_scale=1.3, temperature=0.0, max_new_tokens=512, model_folder="/m")
    dialog, told = SettingsDialog(before), []
    qtbot.addWidget(dialog)
    dialog.changed.connect(told.append)
    assert dialog.theme.currentText() == "Dark"
    assert dialog.font_scale.currentText() == "130 %"
    assert dialog.temperature.text() == "0.00"
    assert dialog.top_p.text() == "As the model says"
    dialog.theme.setCurrentIndex(0)
    dialog.temperature.setValue(dialog.temperature.minimum())
    dialog.top_p.setValue(0.9)
    dialog.max_new_tokens.setValue(0)
    dialog.send_key.setCurrentIndex(1)
    assert told[-1] == Settings("system", "ctrl+enter", 1.3, True, None, 0.9, None, "/m")
    assert len(told) == 5


def test_settings_stay_whole_while_the_text_grows(qtbot: QtBot, themed: QApplication) -> None:
    dialog = SettingsDialog(Settings())
    qtbot.addWidget(dialog)
    dialog.show()
    is_low = dialog.height() == dialog.screen().availableGeometry().height()
    assert is_low or dialog.body.verticalScrollBar().maximum() == 0, "all of it is seen"
    theme.apply(themed, "light", 2.0)
    try:
        qtbot.waitUntil(lambda: not dialog._fit_timer.isActive())
        for shown in (dialog, SettingsDialog(Settings())):
            qtbot.addWidget(shown)
            shown.show()
            QApplication.processEvents()
            assert shown.screen().availableGeometry().contains(shown.geometry())
            (close,) = shown.findChildren(QDialogButtonBox)
            assert shown.rect().contains(close.geometry())
            for field in (shown.theme, shown.temperature, shown.max_new_tokens, shown.whisper_folder.button):
                assert field.height() >= field.fontMetrics().height() + 8, field.accessibleName()
                assert field.height() >= field.minimumSizeHint().height(), field.accessibleName()
            labels = [label for label in shown._labels if label.buddy() is not None]
            assert not [each.text() for each in labels if each.geometry().intersects(each.buddy().geometry())]
            assert not [each.text() for each in labels if each.height() < each.fontMetrics().height()]
    finally:
        theme.apply(themed, "light")


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_a_chosen_radio_button_shows_the_accent(qtbot: QtBot, themed: QApplication, choice: str) -> None:
    def colours(is_checked: bool) -> set[str]:
        button = QRadioButton("Film")
        button.setChecked(is_checked)
        qtbot.addWidget(button)
        button.ensurePolished()
        image = button.grab(QRect(0, 0, 18, button.sizeHint().height())).toImage()
        return {image.pixelColor(x, y).name().upper() for x in range(image.width()) for y in range(image.height())}

    def is_among(colour: str, found: set[str]) -> bool:
        wanted = QColor(colour).lightness()
        return any(abs(QColor(each).lightness() - wanted) <= 4 for each in found)  # curves are drawn soft

    theme.apply(themed, choice)
    try:
        assert theme.current().accent in colours(True)
        assert theme.current().accent not in colours(False)
        assert is_among(theme.current().soft, colours(False)), "an edge that can be seen"
    finally:
        theme.apply(themed, "light")


def test_the_file_dialog_offers_what_can_be_read(qtbot: QtBot, tmp_path: Path) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    dialogs = Dialogs(window, tmp_path / "log.txt")
    dialogs.pick_files()
    (picker,) = window.findChildren(QFileDialog)
    everything = picker.nameFilters()[0]
    for suffix in ("py", "toml", "json", "xml", "ts", "c", "cpp", "h", "rs", "go", "sh", "yaml", "png", "mp4", "pdf"):
        assert re.search(rf"\*\.{suffix}[ )]", everything), suffix
    assert len(re.findall(r"\*\.\w+", everything)) > 100
    picker.close()


def test_the_same_every_time_can_be_chosen(qtbot: QtBot) -> None:
    dialog, told = SettingsDialog(Settings()), []
    qtbot.addWidget(dialog)
    dialog.changed.connect(told.append)
    dialog.is_reproducible.click()
    assert told == [Settings(is_reproducible=True)]
    assert SettingsDialog(told[-1]).is_reproducible.isChecked()


def test_who_hears_speech_can_be_chosen_and_forgotten(qtbot: QtBot) -> None:
    dialog, told = SettingsDialog(Settings()), []
    qtbot.addWidget(dialog)
    dialog.changed.connect(told.append)
    field = dialog.whisper_folder
    assert field.clear_button.isHidden()
    field.button.click()
    (picker,) = field.findChildren(QFileDialog)
    picker.fileSelected.emit("/weights/faster-whisper-small")
    picker.reject()
    assert told == [Settings(whisper_folder="/weights/faster-whisper-small")]
    assert field.button.text() == "faster-whisper-small"
    again = SettingsDialog(told[0])
    qtbot.addWidget(again)
    again.changed.connect(told.append)
    again.whisper_folder.clear_button.click()
    assert told[-1] == Settings()


def test_greedy_can_be_chosen_with_the_arrows(qtbot: QtBot) -> None:
    dialog, told = SettingsDialog(Settings()), []
    qtbot.addWidget(dialog)
    dialog.changed.connect(told.append)
    dialog.temperature.stepUp()
    assert told[-1].temperature == 0.0
    dialog.temperature.stepDown()
    assert told[-1].temperature is None


def test_the_plan_says_what_rests_where(qtbot: QtBot) -> None:
    plan = FakeAssistant().plan(LoadRequest(Path("x")))
    dialog = PlanDialog("Scout", plan)
    qtbot.addWidget(dialog)
    shown = texts(dialog)
    for line in plan.lines:
        assert line.what in shown
        assert line.where in shown
    assert "88 GB" in shown
    assert plan.summary in shown


def a_report(*layers: str, link: Flow | None = None) -> ModelReport:
    """Experts by letters: g, r, d."""
    places = {"g": Place.GPU, "r": Place.RAM, "d": Place.DISK}
    rows = tuple(
        LayerReport(n, tuple(places[each] for each in row), (3, *[0] * (len(row) - 1)), (1, *[0] * (len(row) - 1)))
        for n, row in enumerate(layers)
    )
    prompt, answer = Moved(200, 10**10), Moved(16, 2 * 10**9, 0 if link is None else 10**9)
    experts = ExpertReport(rows, Flow(12_000_000_000, 6.0, 2_600_000_000), link or Flow(), prompt, answer)
    memory = MemoryUse(24 * 10**9, 10**9, 30 * 10**9)
    return ModelReport(memory, experts, ("Each token is decoded compiled.",), held_lines(24 * 10**9))


def held_lines(experts_bytes: int) -> tuple[HeldLine, ...]:
    return (
        HeldLine("Routed experts, 4 of 16 in each layer", "RAM", 25 * 10**9, experts_bytes),
        HeldLine("Reading a prompt", "RAM", 300_000_000, None),
        HeldLine("The whole program", "RAM", None, 30 * 10**9, 31 * 10**9),
    )


def test_the_plan_stands_beside_what_became_of_it(qtbot: QtBot) -> None:
    reports: list[ModelReport | None] = [None]
    dialog = PlanDialog("Scout", FakeAssistant().plan(LoadRequest(Path("x"))), lambda: reports[-1], "4.8 tokens/s")
    qtbot.addWidget(dialog)
    dialog.show()
    assert "The last answer: 4.8 tokens/s." in texts(dialog)
    assert not any(child.isVisible() for child in dialog.findChildren(ExpertMap))
    reports.append(a_report("rrdd", "rddd"))
    dialog.refresh()
    (experts,) = dialog.findChildren(ExpertMap)
    assert experts.isVisible()
    assert experts.accessibleDescription() == "RAM 3, disk 5"
    shown = " ".join(texts(dialog))
    for said in (
        "Each of the 200 tokens that were read brought 50 MB from the disk.",
        "Each of the 16 tokens that were written brought 125 MB from the disk.",
        "3 in RAM",
        "5 on the disk",
        "In the last answer 75 % of the calls found their expert there.",
        "From the disk: 12 GB at 2.0 GB/s, of 2.6 GB/s measured.",
        "Each token is decoded compiled.",
    ):
        assert said in shown, said
    assert "From RAM to the GPU" not in shown
    reports.append(a_report("grdd", "ggrd", link=Flow(10**9, 0.05)))
    qtbot.waitUntil(lambda: experts.accessibleDescription() == "GPU memory 3, RAM 2, disk 3")  # by itself
    assert "From RAM to the GPU: 1.0 GB at 20 GB/s." in " ".join(texts(dialog))
    assert "brought 125 MB from the disk and 62 MB from RAM to the GPU." in " ".join(texts(dialog))
    reports.append(replace(reports[-1], experts=None))
    dialog.refresh()
    assert not experts.isVisible()


def table_cells(table: MemoryTable) -> list[list[str]]:
    """Rows of texts, as they stand on the screen."""
    labels = [label for label in table.findChildren(QLabel) if not label.isHidden()]
    by_row: dict[int, list[QLabel]] = {}
    for label in labels:
        by_row.setdefault(label.y(), []).append(label)
    return [[label.text() for label in sorted(by_row[y], key=QLabel.x)] for y in sorted(by_row)]


def test_what_is_held_stands_beside_what_was_planned_line_by_line(qtbot: QtBot) -> None:
    plan = FakeAssistant().plan(LoadRequest(Path("x")))
    table = MemoryTable(plan)
    qtbot.addWidget(table)
    table.resize(620, 400)
    table.show()
    alone = table_cells(table)
    assert ["Resting experts", "RAM", "88 GB", ""] in alone
    assert alone[-1] == ["Needed where it is tightest", "112 GB free", "88 GB", ""]
    table.show_held(held_lines(24 * 10**9))
    qtbot.waitUntil(lambda: len(table_cells(table)) == 6)
    assert table_cells(table) == [
        ["", "", "planned", "now"],
        ["Routed experts, 4 of 16 in each layer", "RAM", "25 GB", "24 GB"],
        ["Reading a prompt", "RAM", "300 MB", "\N{EN DASH}"],
        ["Needed where it is tightest", "112 GB free", "88 GB", ""],
        ["The whole program", "RAM", "\N{EN DASH}", "30 GB"],
        ["The most so far", "RAM", "", "31 GB"],
    ]
    before = table.findChildren(QLabel)
    table.show_held(held_lines(20 * 10**9))
    assert table_cells(table)[1] == ["Routed experts, 4 of 16 in each layer", "RAM", "25 GB", "20 GB"]
    assert table.findChildren(QLabel) == before, "lines stay where they are while their numbers change"
    table.show_held(())
    qtbot.waitUntil(lambda: table_cells(table) == alone)


def test_a_square_says_which_expert_it_is_and_how_often_it_was_called(qtbot: QtBot) -> None:
    experts = ExpertMap()
    qtbot.addWidget(experts)
    assert experts.words_at(QPointF(3, 3)) == ""
    report = a_report(*["grdd"] * 10).experts
    assert report is not None
    experts.show_report(report)
    experts.resize(100, experts.heightForWidth(100))
    assert experts.words_at(QPointF(14, 4)) == (
        "Layer 1, expert 0: GPU memory. In the last answer 3 of its 4 calls found it there."
    )
    assert experts.words_at(QPointF(99, 34)) == "Layer 9, expert 3: disk. The last answer did not call it."
    assert experts.words_at(QPointF(99, 41)) == ""
    wide = a_report("grdd", "rddd").experts
    assert wide is not None
    experts.show_report(wide)
    side = experts.heightForWidth(100) / 2
    assert experts.words_at(QPointF(side * 0.5, side * 1.5)).startswith("Layer 1, expert 0: RAM.")
    help_event = QHelpEvent(QEvent.Type.ToolTip, QPoint(2, 2), experts.mapToGlobal(QPoint(2, 2)))
    QApplication.sendEvent(experts, help_event)
    assert QToolTip.text().startswith("Layer 0, expert 0: GPU memory.")
    QToolTip.hideText()


def test_the_map_lies_flat_and_draws_each_expert_in_its_colour(qtbot: QtBot) -> None:
    experts = ExpertMap()
    qtbot.addWidget(experts)
    report = a_report(*["grdd"] * 10).experts
    assert report is not None
    experts.show_report(report)  # ten layers of four experts: four rows of ten
    experts.resize(100, experts.heightForWidth(100))
    assert experts.height() == 40
    picture = experts.grab().toImage()
    found = [picture.pixelColor(14, 10 * row + 4) for row in range(4)]
    assert found == [ExpertMap.colour(place, Place.GPU) for place in (Place.GPU, Place.RAM, Place.DISK, Place.DISK)]
    assert len({colour.name() for colour in found}) == 3


def test_the_plan_says_how_fast_and_why_if_it_fits(qtbot: QtBot) -> None:
    plan = replace(FakeAssistant().plan(LoadRequest(Path("x"))), speed=SpeedEstimate(5.23, "Bytes come slowly."))
    for fits in (True, False):
        dialog = PlanDialog("Scout", replace(plan, free_bytes=plan.needed_bytes if fits else 0))
        qtbot.addWidget(dialog)
        assert ("About 5.2 tokens/s are to be expected. Bytes come slowly." in texts(dialog)) == fits
