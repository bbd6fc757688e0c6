"""What is on the screens, as pictures, and a part of it cut out: arithmetic over values, but for `grab`.

Screens have their own density: on one a unit of the desktop is one pixel, on its neighbour two. A part that lies on one
screen is cut from that screen's own pixels and never scaled. One that reaches over several is put together at the
highest density among them, so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPainter


@dataclass(frozen=True, slots=True, eq=False)
class ScreenShot:
    """One screen: where it is on the desktop, and what it showed, in its own pixels."""

    area: QRect
    image: QImage

    @property
    def density(self) -> float:
        """Pixels for each unit of the desktop."""
        return self.image.width() / self.area.width()


def grab() -> list[ScreenShot]:
    """What each screen shows now. Screens that the system does not let us see are left out."""
    shots = []
    for screen in QGuiApplication.screens():
        image = screen.grabWindow(0).toImage()
        image.setDevicePixelRatio(1.0)
        if not image.isNull():
            shots.append(ScreenShot(screen.geometry(), image))
    return shots


def desktop(shots: Sequence[ScreenShot]) -> QRect:
    """The smallest area that holds all screens."""
    whole = QRect()
    for shot in shots:
        whole = whole.united(shot.area)
    return whole


def cut(shots: Sequence[ScreenShot], area: QRect) -> QImage:
    """This part of the desktop; null where no screen is. What lies between screens is black."""
    touched = [shot for shot in shots if shot.area.intersects(area)]
    if not touched:
        return QImage()
    if len(touched) == 1:
        (shot,) = touched
        return shot.image.copy(_pixels(shot, area.intersected(shot.area)).toAlignedRect())
    area = area.intersected(desktop(touched))
    density = max(shot.density for shot in touched)
    whole = QImage(round(area.width() * density), round(area.height() * density), QImage.Format.Format_RGB32)
    whole.fill(Qt.GlobalColor.black)
    painter = QPainter(whole)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    for shot in touched:
        part = area.intersected(shot.area)
        painter.drawImage(_scaled(part.translated(-area.topLeft()), density), shot.image, _pixels(shot, part))
    painter.end()
    return whole


def cut_size(shots: Sequence[ScreenShot], area: QRect) -> tuple[int, int]:
    """How many pixels `cut` would give, without doing it."""
    touched = [shot for shot in shots if shot.area.intersects(area)]
    if len(touched) == 1:
        size = _pixels(touched[0], area.intersected(touched[0].area)).toAlignedRect().size()
        return size.width(), size.height()
    density = max((shot.density for shot in touched), default=0.0)
    part = area.intersected(desktop(touched))
    return round(part.width() * density), round(part.height() * density)


def _pixels(shot: ScreenShot, part: QRect) -> QRectF:
    """Where a part of the desktop lies in the picture of a screen."""
    return _scaled(part.translated(-shot.area.topLeft()), shot.density)


def _scaled(rect: QRect, factor: float) -> QRectF:
    return QRectF(rect.x() * factor, rect.y() * factor, rect.width() * factor, rect.height() * factor)
