"""An answer's blocks as widgets: what is finished is not touched while more streams in."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import theme
from gui.markdown import BlockStream, parse_blocks
from gui.markdown_blocks import TextBlock
from gui.views.blocks import RUN_LIMIT, BlocksView, RuleView, runs_of
from gui.views.code_view import CodeView
from gui.views.table_view import TableView
from gui.views.text_view import TextView

RICH = (
    "# One\n\nwords **bold**\n\n- a\n- b\n\n```py\nx = 1\n```\n\n> quoted\n>\n> > deeper\n\n"
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n---\n\nlast"
)


@pytest.fixture
def view(qtbot: QtBot, themed: QApplication) -> BlocksView:
    view = BlocksView()
    qtbot.addWidget(view)
    view.show()
    return view


def show(view: BlocksView, text: str, width: int = 600) -> None:
    view.set_blocks(parse_blocks(text))
    view.resize(width, view.fit(width))


def test_each_kind_has_its_view_and_text_shares_one(view: BlocksView) -> None:
    show(view, RICH)
    kinds = [type(part.view) for part in view.parts]
    assert kinds == [TextView, CodeView, TextView, TextView, TableView, RuleView, TextView]
    assert view.parts[0].view.toPlainText() == "One\nwords bold\na\nb"


def test_parts_stand_below_each_other_and_fill_the_height(view: BlocksView) -> None:
    show(view, RICH)
    above = -1
    for part in view.parts:
        assert part.view.y() > above
        above = part.view.geometry().bottom()
    assert view.height() == above + 1


def test_a_selection_crosses_paragraphs(view: BlocksView) -> None:
    show(view, "one\n\ntwo\n\nthree")
    (part,) = view.parts
    part.view.selectAll()
    assert part.view.textCursor().selectedText().split("\u2029") == ["one", "two", "three"]


def test_very_long_text_is_more_than_one_view() -> None:
    blocks = parse_blocks("words and words\n\n" * 3000)
    runs = list(runs_of(blocks))
    assert 1 < len(runs) < 6
    assert all(isinstance(block, TextBlock) for run in runs for block in run)
    assert all(sum(len(p.text) for block in run for p in block.paragraphs) < 2 * RUN_LIMIT for run in runs)
    assert [block for run in runs for block in run] == list(blocks)


def test_where_runs_are_cut_does_not_depend_on_what_follows() -> None:
    blocks = parse_blocks("words and words\n\n" * 2500)
    runs = list(runs_of(blocks))
    for end in range(1, len(blocks), 97):
        shorter = list(runs_of(blocks[:end]))
        assert shorter[:-1] == runs[: len(shorter) - 1]


def test_finished_parts_are_never_built_or_written_again(view: BlocksView) -> None:
    stream = BlockStream()
    text = (RICH + "\n\n") * 3
    widgets: list[object] = []
    for start in range(0, len(text), 3):
        stream.push(text[start : start + 3])
        view.set_blocks(stream.blocks)
        view.fit(600)
        now = [part.view for part in view.parts]
        for before, after in zip(widgets[:-2], now, strict=False):
            assert before is after, "a finished part was built again"
        widgets = now
    stream.finish()
    view.set_blocks(stream.blocks)
    num_paragraphs = sum(len(part.view.paragraphs) for part in view.parts if isinstance(part.view, TextView))
    num_written = sum(part.view.num_written for part in view.parts if isinstance(part.view, TextView))
    # Each paragraph is written once per piece in which it grew, and never after it ended.
    assert num_written < num_paragraphs + len(text) // 3
    assert view.num_built < len(view.parts) + 12, "parts flicker between kinds"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_streaming_ends_where_showing_at_once_does(view: BlocksView, qtbot: QtBot, size: int) -> None:
    stream = BlockStream()
    for start in range(0, len(RICH), size):
        stream.push(RICH[start : start + size])
        view.set_blocks(stream.blocks)
        view.fit(600)
    stream.finish()
    view.set_blocks(stream.blocks)
    fresh = BlocksView()
    qtbot.addWidget(fresh)
    show(fresh, RICH)
    assert view.fit(600) == fresh.fit(600)
    assert [type(part.view) for part in view.parts] == [type(part.view) for part in fresh.parts]
    for ours, theirs in zip(view.parts, fresh.parts, strict=True):
        assert ours.view.geometry() == theirs.view.geometry()
        if isinstance(ours.view, TextView):
            assert ours.view.toHtml() == theirs.view.toHtml()


def test_the_same_words_from_another_stream_change_nothing(view: BlocksView) -> None:
    show(view, RICH)
    widgets, num_built = [part.view for part in view.parts], view.num_built
    show(view, RICH)
    assert [part.view for part in view.parts] == widgets
    assert view.num_built == num_built


def test_fewer_blocks_leave_nothing_behind(view: BlocksView) -> None:
    show(view, RICH)
    show(view, "only this")
    assert len(view.parts) == 1
    assert [child for child in view.findChildren(TextView) if child.isVisible()] == [view.parts[0].view]


def test_a_long_table_is_one_table(view: BlocksView) -> None:
    show(view, "| a |\n|---|\n" + "".join(f"| row {number} |\n" for number in range(400)))
    (part,) = view.parts
    assert isinstance(part.view, TableView)
    assert len(part.view.block.rows) == 400


def test_a_button_for_the_rest_moves_what_is_below(view: BlocksView, qtbot: QtBot) -> None:
    show(view, "```\n" + "x\n" * 15_000 + "```\n\nbelow")
    code, below = (part.view for part in view.parts)
    assert isinstance(code, CodeView)
    before = below.y()
    with qtbot.waitSignal(view.resized):
        code.more_button.click()
    view.fit(600)
    assert below.y() > before


def test_quotes_have_bars(view: BlocksView) -> None:
    show(view, "> one\n> > two")
    image = view.grab().toImage()
    bar = QColor(theme.LIGHT.line)
    first, second = (part.view.geometry().center().y() for part in view.parts)
    assert image.pixelColor(1, first) == bar
    assert image.pixelColor(17, second) == bar
    assert image.pixelColor(17, first) != bar
    assert image.pixelColor(1, (first + second) // 2) == bar, "the outer bar has a gap"


def test_a_quote_in_arabic_is_set_in_from_the_right(view: BlocksView) -> None:
    show(view, "> اقتباس قصير")
    (part,) = view.parts
    assert part.view.x() == 0
    assert view.grab().toImage().pixelColor(598, part.view.geometry().center().y()) == QColor(theme.LIGHT.line)


def test_a_mirrored_window_sets_code_in_lists_in_from_the_right(view: BlocksView) -> None:
    view.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    show(view, "- a\n  ```\n  x\n  ```")
    assert view.parts[1].view.x() == 0
    assert view.parts[1].view.width() < 600


def test_new_themes_and_sizes_change_every_part(view: BlocksView, themed: QApplication) -> None:
    show(view, RICH)
    before = view.height()
    theme.apply(themed, "dark", 1.5)
    view.restyle()
    assert view.fit(600) > 1.2 * before
    theme.apply(themed, "light")


def test_the_keyboard_reaches_every_part_in_order(view: BlocksView) -> None:
    show(view, RICH)
    tops = [widget.mapTo(view, widget.rect().topLeft()).y() for widget in view.focus_widgets() if widget.isVisible()]
    assert tops == sorted(tops)
    assert len(tops) >= 7
