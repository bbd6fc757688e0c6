"""The part of the desktop that a person chooses: by the mouse in any direction, by keys within the desktop."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect

from gui.region import Region

DESKTOP = QRect(-100, 0, 300, 200)


def test_a_drag_goes_in_any_direction() -> None:
    region = Region(DESKTOP)
    for corner in (QPoint(10, 20), QPoint(60, 90), QPoint(10, 90), QPoint(60, 20)):
        other = QPoint(70 - corner.x(), 110 - corner.y())
        region.begin(corner)
        assert region.is_empty
        region.drag_to(other)
        assert region.rect == QRect(10, 20, 50, 70)


def test_a_drag_ends_at_the_edge_of_the_desktop() -> None:
    region = Region(DESKTOP)
    region.begin(QPoint(0, 0))
    region.drag_to(QPoint(-500, 900))
    assert region.rect == QRect(-100, 0, 100, 200)


def test_keys_move_it_as_far_as_the_desktop_reaches() -> None:
    region = Region(DESKTOP)
    region.begin_in(QRect(0, 0, 200, 200))
    assert region.rect == QRect(50, 50, 100, 100)
    region.move(QPoint(-10, 5))
    assert region.rect == QRect(40, 55, 100, 100)
    region.move(QPoint(-900, 900))
    assert region.rect == QRect(-100, 100, 100, 100)
    region.move(QPoint(900, -900))
    assert region.rect == QRect(100, 0, 100, 100)


def test_keys_change_its_size_and_never_to_nothing() -> None:
    region = Region(DESKTOP)
    region.begin_in(QRect(0, 0, 200, 200))
    region.resize(QPoint(10, -10))
    assert region.rect == QRect(50, 50, 110, 90)
    region.resize(QPoint(-900, -900))
    assert region.rect == QRect(50, 50, 1, 1)
    region.resize(QPoint(900, 900))
    assert region.rect == QRect(50, 50, 150, 150)


def test_it_tells_only_of_changes() -> None:
    region, told = Region(DESKTOP), []
    region.changed.connect(lambda: told.append(region.rect))
    region.begin(QPoint(0, 0))
    region.drag_to(QPoint(5, 5))
    region.drag_to(QPoint(5, 5))
    assert told == [QRect(0, 0, 5, 5)]
