"""What the model saw: the very pixels, in their arrangement, with words."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from core_model.types import PictureView
from gui import theme
from gui.views.picture_panel import PicturePanel
from gui.views.tile_grid import HAIRLINE, SeenPicture, TileGrid, explain
from media.types import RgbArray


def tiles(number: int, side: int = 8) -> tuple[RgbArray, ...]:
    chance = np.random.default_rng(3)
    return tuple(chance.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(number))


def view(rows: int, cols: int, side: int = 8) -> PictureView:
    num_local = rows * cols
    return PictureView(rows, cols, tiles(num_local + (num_local > 1), side), num_tokens=17 * num_local)


def drawn(grid: TileGrid, width: int) -> QImage:
    grid.resize(width, grid.heightForWidth(width))
    return grid.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)


def pixels_at(image: QImage, x: int, y: int, side: int) -> list[tuple[int, int, int]]:
    colours = [image.pixelColor(x + column, y + row) for row in range(side) for column in range(side)]
    return [(colour.red(), colour.green(), colour.blue()) for colour in colours]


@pytest.fixture
def panel(qtbot: QtBot, themed: QApplication) -> PicturePanel:
    panel = PicturePanel()
    qtbot.addWidget(panel)
    panel.resize(320, 600)
    panel.show()
    return panel


def words(panel: PicturePanel) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in panel.findChildren(QLabel))


def grids(panel: PicturePanel) -> list[TileGrid]:
    return panel.findChildren(TileGrid)


def test_pixels_are_exact_at_their_own_size(qtbot: QtBot, themed: QApplication) -> None:
    seen = tiles(6)
    grid = TileGrid(seen, 2, 3, "a")
    qtbot.addWidget(grid)
    image = drawn(grid, 3 * 8 + 2)
    for index, tile in enumerate(seen):
        row, col = divmod(index, 3)
        expected = [tuple(int(value) for value in pixel) for pixel in tile.reshape(-1, 3)]
        assert pixels_at(image, col * (8 + HAIRLINE), row * (8 + HAIRLINE), 8) == expected


def test_hairlines_stand_between_the_tiles(qtbot: QtBot, themed: QApplication) -> None:
    grid = TileGrid(tiles(4), 2, 2, "a")
    qtbot.addWidget(grid)
    image = drawn(grid, 17)
    line = QColor(theme.LIGHT.line)
    assert all(image.pixelColor(8, y) == line for y in range(17))
    assert all(image.pixelColor(x, 8) == line for x in range(17))


def test_small_tiles_grow_by_whole_multiples_only(qtbot: QtBot, themed: QApplication) -> None:
    seen = tiles(1)
    grid = TileGrid(seen, 1, 1, "a")
    qtbot.addWidget(grid)
    assert [grid.heightForWidth(width) for width in (8, 15, 16, 23, 24, 400)] == [8, 8, 16, 16, 24, 24]
    image = drawn(grid, 20)
    for row in range(8):
        for col in range(8):
            expected = tuple(int(value) for value in seen[0][row, col])
            assert pixels_at(image, 2 * col, 2 * row, 2) == [expected] * 4


def test_a_grid_wider_than_the_panel_is_scaled_down(qtbot: QtBot, themed: QApplication) -> None:
    grid = TileGrid(tiles(4, side=100), 1, 4, "a")
    qtbot.addWidget(grid)
    rects = grid.tile_rects(203)
    assert [rect.width() for rect in rects] == [50] * 4
    assert rects[-1].right() < 203


def test_the_view_of_the_whole_has_the_scale_of_the_tiles(panel: PicturePanel) -> None:
    panel.show_pictures([SeenPicture("a", view(2, 3, side=300))])
    QApplication.processEvents()
    local, whole = grids(panel)
    assert local.tile_rects(local.width())[0].width() == whole.tile_rects(whole.width())[0].width()


def test_a_picture_is_not_mirrored_with_the_window(qtbot: QtBot, themed: QApplication) -> None:
    grid = TileGrid(tiles(2), 1, 2, "a")
    qtbot.addWidget(grid)
    grid.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    first, second = grid.tile_rects(200)
    assert first.x() < second.x()
    assert second.right() == 199, "the grid stands at the leading edge"


@pytest.mark.parametrize(
    ("rows", "cols", "sentence"),
    [
        (1, 1, "The model sees this picture as one tile of 8 × 8 pixels. It takes 17 tokens of the conversation."),
        (
            2,
            3,
            (
                "The model sees this picture as 6 tiles (2 rows of 3) of 8 × 8 pixels, then once more as a whole. "
                "It takes 102 tokens of the conversation."
            ),
        ),
    ],
)
def test_words_explain_what_is_seen(rows: int, cols: int, sentence: str) -> None:
    assert explain(view(rows, cols)) == sentence


def test_several_pictures_each_have_their_tiles(panel: PicturePanel) -> None:
    panel.show_pictures([SeenPicture("one.png", view(1, 1)), SeenPicture("two.png", view(1, 2))], by="Scout")
    text = words(panel)
    assert "What Scout saw" in text
    assert text.index("one.png") < text.index("two.png")
    assert len(grids(panel)) == 3
    assert grids(panel)[1].accessibleName() == "two.png as the model saw it: 2 tiles, 1 row of 2"
    assert grids(panel)[2].accessibleName() == "two.png: the view of the whole"


def test_a_picture_that_cannot_be_shown_says_why(panel: PicturePanel) -> None:
    panel.show_pictures([SeenPicture("a.png", None, "No model is loaded."), SeenPicture("b.png", None)])
    assert "No model is loaded." in words(panel)
    assert "is not known" in words(panel)


def test_words_instead_of_pictures(panel: PicturePanel) -> None:
    panel.show_pictures([SeenPicture("a.png", view(1, 1))], by="Scout")
    panel.show_note("This model sees no pictures.")
    assert "What the model saw" in words(panel)
    assert "This model sees no pictures." in words(panel)
    QApplication.processEvents()
    assert grids(panel) == []
    panel.show_pictures([])
    assert "This message has no pictures." in words(panel)


def test_many_pictures_come_one_by_one_and_in_order(panel: PicturePanel, qtbot: QtBot) -> None:
    panel.show_pictures([SeenPicture(f"{number}.png", view(1, 1)) for number in range(20)])
    assert 0 < len(grids(panel)) < 20, "the window is not held up by all of them"
    qtbot.waitUntil(lambda: len(grids(panel)) == 20)
    text = words(panel)
    places = [text.index(f"{number}.png") for number in range(20)]
    assert places == sorted(places)


def test_pictures_that_are_still_to_come_do_not_come_to_others(panel: PicturePanel, qtbot: QtBot) -> None:
    panel.show_pictures([SeenPicture(f"{number}.png", view(1, 1)) for number in range(20)])
    panel.show_pictures([SeenPicture("other.png", view(1, 1))])
    qtbot.wait(50)
    assert len(grids(panel)) == 1


def test_names_of_files_are_only_text(panel: PicturePanel) -> None:
    panel.show_pictures([SeenPicture("<img src=x>.png", view(1, 1))])
    assert "<img src=x>.png" in words(panel)
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in panel.findChildren(QLabel))


def test_it_can_be_closed(panel: PicturePanel, qtbot: QtBot) -> None:
    (close,) = [each for each in panel.findChildren(QToolButton) if each.accessibleName() == "Close what the model saw"]
    with qtbot.waitSignal(panel.close_requested):
        close.click()
