"""What the camera sees, and a button that takes it. Opens no camera itself: it is given pictures to show."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui import icons, theme
from media.camera import CameraName

SIDE = 720  # the dialog's width


class CameraDialog(QDialog):
    """See the module.

    Signals:
        taken (QImage): the picture that stood there.
        camera_chosen (int): the number of another camera.
    """

    taken = Signal(object)
    camera_chosen = Signal(int)

    def __init__(self, cameras: Sequence[CameraName], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Picture from the camera"))
        self._view = _LiveView(self)
        self._choice = QComboBox(self)
        self._choice.setAccessibleName(self.tr("Camera"))
        for camera in cameras:
            self._choice.addItem(camera.name, camera.number)
        self._choice.setVisible(len(cameras) > 1)
        self._size = QLabel(self)
        theme.look(self._size, "caption")
        self.shutter = QPushButton(icons.icon("camera", theme.current().surface), self.tr("Take the picture"), self)
        theme.look(self.shutter, "primary")
        self.shutter.setDefault(True)
        self._cancel = QPushButton(self.tr("Cancel"), self)
        theme.look(self._cancel, "plain")
        self._cancel.setAutoDefault(False)
        self._arrange()
        self._choice.currentIndexChanged.connect(self._on_camera_chosen)
        self.shutter.clicked.connect(self._on_shutter)
        self._cancel.clicked.connect(self.reject)
        theme.notifier().theme_changed.connect(self._restyle)
        self.show_opening()
        self.resize(theme.wide_px(SIDE), theme.wide_px(SIDE) * 7 // 10)

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        row.addWidget(self._choice)
        row.addWidget(self._size)
        row.addStretch(1)
        row.addWidget(self._cancel)
        row.addWidget(self.shutter)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_XL] * 4)
        column.setSpacing(theme.SPACE_L)
        column.addWidget(self._view, 1)
        column.addLayout(row)

    def _restyle(self) -> None:
        self.shutter.setIcon(icons.icon("camera", theme.current().surface))

    def show_opening(self) -> None:
        """No picture yet."""
        self._view.show_words(self.tr("Opening the camera…"))
        self._size.setText("")
        self.shutter.setEnabled(False)

    def show_frame(self, image: QImage) -> None:
        """Show what it sees now."""
        self._view.show_image(image)
        self._size.setText(f"{image.width():,} × {image.height():,}")
        if not self.shutter.isEnabled():
            self.shutter.setEnabled(True)
            self.shutter.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_trouble(self, sentence: str) -> None:
        """Say why there is no picture."""
        self.show_opening()
        self._view.show_words(sentence, is_trouble=True)

    @property
    def sentence(self) -> str:
        """What stands where the picture is to be; empty while there is one."""
        return self._view.words

    def _on_camera_chosen(self) -> None:
        self.show_opening()
        self.camera_chosen.emit(self._choice.currentData())

    def _on_shutter(self) -> None:
        if self._view.image is not None:
            self.taken.emit(self._view.image)
            self.accept()


class _LiveView(QWidget):
    """A picture in a frame, or a sentence in its place."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.image: QImage | None = None
        self._icon = QLabel(self)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._label = QLabel(self)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        self._label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_XL] * 4)
        column.setSpacing(theme.SPACE_M)
        column.addStretch(1)
        column.addWidget(self._icon)
        column.addWidget(self._label)
        column.addStretch(1)
        self.setAccessibleName(self.tr("What the camera sees"))

    def minimumSizeHint(self) -> QSize:
        return QSize(320, 180)

    @property
    def words(self) -> str:
        return self._label.text()

    def show_words(self, words: str, is_trouble: bool = False) -> None:
        self.image = None
        self._label.setText(words)
        name, colour = ("warning", theme.current().caution) if is_trouble else ("camera", theme.current().soft)
        self._icon.setPixmap(icons.pixmap(name, 32, colour, self.devicePixelRatioF()))
        self._icon.show()
        self.setAccessibleDescription(words)
        self.update()

    def show_image(self, image: QImage) -> None:
        self.image = image
        if self.words:
            self._icon.hide()
            self._label.setText("")
            self.setAccessibleDescription("")
        self.update()

    def _target(self, image: QImage) -> QRect:
        """Where the whole picture fits."""
        size = image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        target = QRect(0, 0, size.width(), size.height())
        target.moveCenter(self.rect().center())
        return target

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, colours = QPainter(self), theme.current()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        where = self.rect() if self.image is None else self._target(self.image)
        frame = QPainterPath()
        frame.addRoundedRect(where.toRectF(), theme.RADIUS, theme.RADIUS)
        if self.image is None:
            painter.fillPath(frame, QColor(colours.raised))
        else:
            painter.setClipPath(frame)
            painter.drawImage(where, self.image)
