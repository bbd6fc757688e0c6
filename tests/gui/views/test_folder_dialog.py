"""The token map: boxes, sums and figures; and the window that shows a file."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from gui import theme
from gui.folder_choice import FolderMap
from gui.views.file_window import FileWindow
from gui.views.folder_dialog import FolderDialog
from gui.views.folder_tree import BAR, COST, NAME, SHARE_ROLE
from media.types import AS_IT_IS, FolderFile, LeftOut, MediaItem, MediaKind, Text
from tests.gui.samples import picture

FILES = (
    FolderFile("README.md", 400, 400), FolderFile("data/big.csv", 8000, 8000), FolderFile("data/small.csv", 40, 40),
    FolderFile("src/.env", 80, 0, LeftOut.SECRET), FolderFile("src/a/one.py", 2000, 2000),
    FolderFile("src/logo.png", 9000, 0, LeftOut.NOT_TEXT), FolderFile("src/two.py", 1200, 1200),
)  # fmt: skip
CHECKED, UNCHECKED, SOME = Qt.CheckState.Checked, Qt.CheckState.Unchecked, Qt.CheckState.PartiallyChecked

pytestmark = pytest.mark.usefixtures("themed")


def folder() -> FolderMap:
    parts = [Text("x" * 40), *(Text("x" * file.num_chars) for file in FILES if not file.left_out)]
    made = FolderMap(AS_IT_IS)
    made.take(MediaItem(MediaKind.FOLDER, "project", tuple(parts), picture().pixels, files=FILES), AS_IT_IS)
    return made


@pytest.fixture
def dialog(qtbot: QtBot) -> FolderDialog:
    made = FolderDialog("project", folder(), "Scout", 2000)
    qtbot.addWidget(made)
    made.show()
    return made


def states(dialog: FolderDialog) -> dict[str, Qt.CheckState]:
    paths = ("README.md", "data/", "data/big.csv", "data/small.csv", "src/", "src/a/", "src/.env", "src/two.py")
    return {path: dialog.tree.item(path).checkState(NAME) for path in paths}


def said(dialog: FolderDialog, path: str) -> str:
    return dialog.tree.item(path).text(COST)


def test_it_says_what_each_file_costs_and_all_together(dialog: FolderDialog) -> None:
    assert dialog.summary.text() == "5 of 7 files: about 2,920 tokens, 146 % of what Scout holds. Leave some out."
    assert {path: said(dialog, path) for path in ("README.md", "data/", "src/a/", "src/", "src/.env")} == {
        "README.md": "100", "data/": "2,010", "src/a/": "500", "src/": "800", "src/.env": "20 · may hold a secret",
    }  # fmt: skip
    assert said(dialog, "src/logo.png") == "not text"
    assert dialog.tree.item("src/logo.png").isDisabled()
    assert dialog.tree.item("data/").data(BAR, SHARE_ROLE) == 1.0
    assert dialog.tree.item("src/").data(BAR, SHARE_ROLE) == 800 / 2010
    spoken = dialog.tree.item("src/two.py").data(NAME, Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "two.py, 300 tokens"


def test_boxes_follow_each_other(qtbot: QtBot, dialog: FolderDialog) -> None:
    all_checked = dict.fromkeys(states(dialog), CHECKED)
    assert states(dialog) == all_checked | {"src/": SOME, "src/.env": UNCHECKED}
    dialog.tree.item("data/big.csv").setCheckState(NAME, UNCHECKED)
    qtbot.waitUntil(lambda: states(dialog)["data/"] == SOME)
    dialog.tree.item("data/small.csv").setCheckState(NAME, UNCHECKED)
    qtbot.waitUntil(lambda: states(dialog)["data/"] == UNCHECKED)
    assert dialog.summary.text() == "3 of 7 files: about 910 tokens, 46 % of what Scout holds."
    dialog.tree.item("src/").setCheckState(NAME, CHECKED)
    qtbot.waitUntil(lambda: states(dialog)["src/.env"] == CHECKED)
    dialog.tree.item("src/").setCheckState(NAME, UNCHECKED)
    qtbot.waitUntil(lambda: states(dialog)["src/a/"] == UNCHECKED)
    assert dialog.tree.checked == {"README.md"}
    dialog.tree.item("README.md").setCheckState(NAME, UNCHECKED)
    qtbot.waitUntil(lambda: not dialog.use_button.isEnabled())


def test_the_keyboard_does_it_all(qtbot: QtBot, dialog: FolderDialog) -> None:
    with qtbot.waitActive(dialog):
        dialog.activateWindow()
    assert dialog.tree.hasFocus()
    dialog.tree.setCurrentItem(dialog.tree.item("data/"))
    qtbot.keyClick(dialog.tree, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: states(dialog)["data/small.csv"] == UNCHECKED)
    with qtbot.waitSignal(dialog.chosen) as given:
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert given.args == [frozenset({"README.md", "src/a/one.py", "src/two.py"})]


def test_every_control_has_a_name(dialog: FolderDialog, window: FileWindow) -> None:
    for root in (dialog, window):
        controls = [
            each for kind in (QAbstractItemView, QAbstractButton, QPlainTextEdit) for each in root.findChildren(kind)
        ]
        assert controls
        if isinstance(root, FileWindow):
            root.show_file("a.py", "a", 1)
        for each in controls:
            assert each.accessibleName() or (isinstance(each, QAbstractButton) and each.text()), each


def test_cancel_chooses_nothing(qtbot: QtBot, dialog: FolderDialog) -> None:
    with qtbot.assertNotEmitted(dialog.chosen):
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_counts_take_the_place_of_guesses(dialog: FolderDialog) -> None:
    dialog.take_counts({"": 5, "README.md": 1, "data/big.csv": 10, "data/small.csv": 20})
    assert dialog.summary.text().startswith("5 of 7 files: about 836 tokens")
    dialog.take_counts({"src/a/one.py": 30, "src/two.py": 40})
    assert dialog.summary.text() == "5 of 7 files: 106 tokens, 5 % of what Scout holds."
    assert said(dialog, "data/") == "30"


def test_without_a_model_nothing_is_compared(qtbot: QtBot) -> None:
    made = FolderDialog("project", folder())
    qtbot.addWidget(made)
    assert made.summary.text() == "5 of 7 files: about 2,920 tokens."


def test_the_dearest_can_be_put_first(dialog: FolderDialog) -> None:
    dialog.tree.sortItems(COST, Qt.SortOrder.DescendingOrder)
    top = [dialog.tree.topLevelItem(row) for row in range(dialog.tree.topLevelItemCount())]
    assert [item.text(NAME) for item in top if item is not None] == ["data/", "src/", "README.md"]


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_boxes_can_be_told_apart(qtbot: QtBot, themed: QApplication, choice: str) -> None:
    """A style sheet that makes the ground transparent would leave Qt's own boxes black."""
    theme.apply(themed, choice)
    made = FolderDialog("project", folder(), "Scout", 2000)
    qtbot.addWidget(made)
    made.show()
    made.tree.item("data/").setCheckState(NAME, UNCHECKED)
    qtbot.waitUntil(lambda: states(made)["data/small.csv"] == UNCHECKED)
    boxes = {path: box(made, path) for path in ("README.md", "data/", "src/")}
    assert boxes["README.md"] == theme.current().accent.lower()
    assert boxes["data/"] == theme.current().surface.lower()
    assert boxes["src/"] not in (boxes["README.md"], boxes["data/"])
    theme.apply(themed, "light")


def box(dialog: FolderDialog, path: str) -> str:
    """The colour just inside of the box of a row."""
    place = dialog.tree.visualItemRect(dialog.tree.item(path))
    image: QImage = dialog.tree.viewport().grab().toImage()
    return QColor(image.pixelColor(place.left() + 6, place.center().y() - 5)).name()


# A file


@pytest.fixture
def window(qtbot: QtBot) -> FileWindow:
    made = FileWindow()
    qtbot.addWidget(made)
    return made


def test_a_file_is_shown_at_its_line(qtbot: QtBot, window: FileWindow) -> None:
    text = "\n".join(f"line {number}" for number in range(1, 301))
    window.show_file("src/main.py", text, 150, "/home/a/project/src/main.py")
    assert window.title.text() == "src/main.py"
    assert window.text.line == 150
    assert window.text.textCursor().block().text() == "line 150"
    marked = window.text.extraSelections()[0]
    assert marked.cursor.block().text() == "line 150"  # type: ignore[attr-defined]
    first = window.text.firstVisibleBlock().blockNumber() + 1
    assert 100 < first <= 150
    assert window.text.isReadOnly()
    window.copy_button.click()
    assert QGuiApplication.clipboard().text() == "/home/a/project/src/main.py"


def test_another_file_takes_its_place(window: FileWindow) -> None:
    window.show_file("a.py", "a\nb", 2, "/a.py")
    window.show_file("b.py", "only", 0)
    assert (window.text.toPlainText(), window.text.line, window.text.extraSelections()) == ("only", 0, [])
    assert not window.copy_button.isVisible()


@pytest.mark.parametrize(("line", "shown"), [(0, 0), (1, 1), (3, 3), (99, 3)])
def test_a_line_that_is_not_there_is_the_nearest(window: FileWindow, line: int, shown: int) -> None:
    window.show_file("a.py", "a\nb\nc", line)
    assert window.text.line == shown


def test_what_hides_is_spelled_out_and_lines_stay_lines(window: FileWindow) -> None:
    window.show_file("a.py", "a\u202eb\nc\u2028d\u2029e\nf\x0cg\n" + "x" * 5000, 3)
    assert window.text.blockCount() == 4
    assert window.text.textCursor().block().text() == "f⟨U+000C⟩g"
    assert "a⟨U+202E⟩b" in window.text.toPlainText()
    assert len(window.text.document().lastBlock().text()) < 3000


def test_code_gets_its_colours_and_a_later_file_loses_them(qtbot: QtBot, window: FileWindow) -> None:
    window.show_file("a.py", "def f():\n    return 'x'", 1)
    qtbot.waitUntil(lambda: bool(colours(window)))
    window.show_file("notes", "def f():\n    return 'x'", 1)
    qtbot.wait(50)
    assert colours(window) == []


def colours(window: FileWindow) -> list[object]:
    document = window.text.document()
    blocks = [document.findBlockByNumber(number) for number in range(document.blockCount())]
    return [form for block in blocks for form in block.layout().formats()]


def test_it_takes_another_look(themed: QApplication, window: FileWindow) -> None:
    window.show_file("a.py", "a\nb", 2)
    theme.apply(themed, "dark", 1.5)
    (marked,) = window.text.extraSelections()
    look = marked.format  # type: ignore[attr-defined]
    assert look.background().color().name() == theme.current().accent_ground.lower()
    assert window.text.font().pixelSize() == theme.text_px(theme.TEXT_S)
    theme.apply(themed, "light")
