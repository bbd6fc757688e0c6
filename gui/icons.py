"""Icons from the shipped SVG files, drawn in a colour of the theme and sharp at any scale.

The files have 20 px, 1.5 px strokes and `currentColor`; the colour is put in before drawing, so one file serves both
themes. The app icon (`app_icon`) has colours of its own.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt, QTemporaryDir
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

import resources
from gui import tokens

FLIPPED = frozenset({"send", "sidebar"})  # icons that point along the line and mirror with it


@lru_cache(maxsize=256)
def _source(name: str) -> str:
    return resources.icon_path(name).read_text(encoding="utf-8")


class _SvgEngine(QIconEngine):
    """Draws one SVG in one colour, or in the theme's own at the moment of drawing."""

    def __init__(self, name: str, colour: str | None) -> None:
        super().__init__()
        self._name, self._colour = name, colour

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        theme = tokens.current()
        colour = theme.soft if mode == QIcon.Mode.Disabled else self._colour or theme.text
        source = _source(self._name).replace("currentColor", colour)
        renderer = QSvgRenderer(QByteArray(source.encode()))
        side = min(rect.width(), rect.height())
        target = QRectF(0, 0, side, side)
        target.moveCenter(QRectF(rect).center())
        renderer.render(painter, target)

    def pixmap(self, size: QSize, mode: QIcon.Mode, _state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, _state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _SvgEngine(self._name, self._colour)


def icon(name: str, colour: str | None = None) -> QIcon:
    """An icon by the name of its file. Without a colour it is drawn in the theme's text colour, also after a change."""
    _source(name)  # a wrong name fails here, not while painting
    return QIcon(_SvgEngine(name, colour))


@cache
def _tinted_folder() -> QTemporaryDir:
    return QTemporaryDir()  # removed when the process ends


def tinted_file(name: str, colour: str) -> str:
    """An icon as a file in this colour, for style sheets, which take nothing else; empty if it cannot be written."""
    if not _tinted_folder().isValid():
        return ""
    file = Path(_tinted_folder().path()) / f"{name}-{colour.lstrip('#')}.svg"
    try:
        file.write_text(_source(name).replace("currentColor", colour), encoding="utf-8")
    except OSError:
        return ""
    return file.as_posix()


def app_icon() -> QIcon:
    """The icon of the program, for windows and task bars."""
    return QIcon(str(resources.icon_path("altiplano")))


def pixmap(name: str, size: int = tokens.ICON_SIZE, colour: str | None = None, ratio: float = 1.0) -> QPixmap:
    """An icon as a pixmap for a label, `size` pixels on a side at this device pixel ratio."""
    result = icon(name, colour).pixmap(QSize(size, size), ratio)
    result.setDevicePixelRatio(ratio)
    return result
