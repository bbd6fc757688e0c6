"""The chips above the question: what is attached, what became of it, and its error in words where it failed."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QProgressBar, QToolButton, QVBoxLayout, QWidget

from gui import icons, theme, words
from gui.addresses import as_tip
from gui.attachment import Attachment, AttachmentState
from gui.models.attachments import Attachments
from gui.picture_files import to_image
from gui.views.elided_label import ElidedLabel
from gui.views.flow_layout import FlowLayout
from gui.views.text_view import paint_focus
from media.signatures import FORMATS
from media.types import MediaKind, RgbArray

THUMBNAIL = 40
CHIP_WIDTH, FAILED_WIDTH = 264, 344
_ICONS = {
    MediaKind.IMAGE: "picture",
    MediaKind.VIDEO: "film",
    MediaKind.AUDIO: "sound",
    MediaKind.FOLDER: "folder",
    MediaKind.DOCUMENT: "document",
}
OPENING_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


class AttachmentChip(QFrame):
    """One attachment.

    Signals:
        remove_requested, convert_requested, open_requested (str): its id. Only what can be chosen from is opened.
        read_requested (str): a person wants to read what the model will read of it.
    """

    remove_requested = Signal(str)
    convert_requested = Signal(str)
    open_requested = Signal(str)
    read_requested = Signal(str)

    def __init__(self, attachment: Attachment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._id = attachment.id
        self._picture = QLabel(self)
        self._picture.setFixedSize(THUMBNAIL, THUMBNAIL)
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._name = ElidedLabel("", self, mode=Qt.TextElideMode.ElideMiddle)
        self._facts = QLabel(self)
        theme.look(self._facts, "caption")
        self._facts.setWordWrap(True)
        self._facts.setTextFormat(Qt.TextFormat.PlainText)
        self._progress = QProgressBar(self)
        self._progress.setTextVisible(False)
        self._remove = QToolButton(self)
        self._remove.setIconSize(QSize(16, 16))
        self._remove.clicked.connect(self._on_remove_clicked)
        self._convert = QToolButton(self)
        self._convert.setIconSize(QSize(16, 16))
        self._convert.clicked.connect(self._on_convert_clicked)
        theme.look(self._convert, "quiet")
        theme.look(self, "raised")
        theme.look(self._remove, "quiet")
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._arrange()
        self._attachment = attachment
        self.show_attachment(attachment)

    def _arrange(self) -> None:
        lines = QVBoxLayout()
        lines.setSpacing(0)
        lines.addStretch(1)
        lines.addWidget(self._name)
        lines.addWidget(self._facts)
        lines.addWidget(self._progress)
        lines.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_S, theme.SPACE_S, theme.SPACE_S, theme.SPACE_S)
        row.setSpacing(theme.SPACE)
        row.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(lines, 1)
        buttons = QVBoxLayout()
        buttons.setSpacing(0)
        buttons.addWidget(self._remove)
        buttons.addWidget(self._convert)
        buttons.addStretch(1)
        row.addLayout(buttons)

    def show_attachment(self, attachment: Attachment) -> None:
        """Show what has become of it."""
        self._attachment = attachment
        has_failed = attachment.state is AttachmentState.FAILED
        self.setFixedWidth(theme.wide_px(FAILED_WIDTH if has_failed else CHIP_WIDTH))
        self._name.set_text(attachment.error_title if has_failed else attachment.name)
        theme.look(self._name, "fault" if has_failed else "")
        facts = _facts(attachment)
        self._facts.setText(facts)
        self._facts.setToolTip(as_tip("\n".join(attachment.item.notes)) if attachment.item else "")
        self._progress.setVisible(attachment.state is AttachmentState.READING)
        self._progress.setValue(round(100 * attachment.fraction))
        self._progress.setAccessibleName(self.tr("Reading {0}").format(attachment.name))
        self._remove.setAccessibleName(self.tr("Remove {0}").format(attachment.name))
        self._remove.setToolTip(self.tr("Remove"))
        self._convert.setVisible(attachment.state is AttachmentState.READY)
        self._convert.setAccessibleName(self.tr("Convert {0}").format(attachment.name))
        self._convert.setToolTip(self.tr("Convert to…"))
        self.setAccessibleName(f"{attachment.name}, {attachment.error_title or ''} {facts}")
        self._show_whether_it_opens()
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        self._remove.setIcon(icons.icon("close", theme.current().soft))
        self._convert.setIcon(icons.icon("convert", theme.current().soft))
        self._picture.setPixmap(self._face())

    def _face(self) -> QPixmap:
        colours, ratio = theme.current(), self.devicePixelRatioF()
        if self._attachment.item is not None:
            return rounded(self._attachment.item.thumbnail, THUMBNAIL, ratio)
        if self._attachment.state is AttachmentState.FAILED:
            return icons.pixmap("warning", theme.ICON_SIZE, colours.fault, ratio)
        return icons.pixmap(_icon_of(self._attachment), theme.ICON_SIZE, colours.soft, ratio)

    @property
    def _tip(self) -> str:
        """What opening it shows; empty where there is nothing to choose."""
        item = self._attachment.item
        if item is None:
            return ""
        if item.timeline is not None:
            return self.tr("Show the timeline")
        if item.files:
            return self.tr("Choose which files are sent")
        return self.tr("Show what the model sees") if item.kind is MediaKind.DOCUMENT else ""

    @property
    def opens(self) -> bool:
        """Whether a click or Enter shows more of it."""
        return bool(self._tip)

    def _show_whether_it_opens(self) -> None:
        shapes, policies = Qt.CursorShape, Qt.FocusPolicy
        self.setCursor(shapes.PointingHandCursor if self.opens else shapes.ArrowCursor)
        self.setFocusPolicy(policies.TabFocus if self.opens else policies.NoFocus)
        self.setAccessibleDescription(self._tip)
        self.setToolTip(self._tip)

    def _open(self) -> None:
        item = self._attachment.item
        is_read = item is not None and item.timeline is None and item.kind is MediaKind.DOCUMENT
        (self.read_requested if is_read else self.open_requested).emit(self._id)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._attachment.item is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Show what the model sees"), partial(self.read_requested.emit, self._id))
        menu.addAction(self.tr("Convert to…"), self._on_convert_clicked)
        menu.addAction(self.tr("Remove"), self._on_remove_clicked)
        menu.popup(event.globalPos())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        is_on_it = self.rect().contains(event.position().toPoint())
        if self.opens and event.button() == Qt.MouseButton.LeftButton and is_on_it:
            self._open()
        else:
            super().mouseReleaseEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.opens and event.key() in OPENING_KEYS:
            self._open()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            paint_focus(self)

    def _on_remove_clicked(self) -> None:
        self.remove_requested.emit(self._id)

    def _on_convert_clicked(self) -> None:
        self.convert_requested.emit(self._id)


def _facts(attachment: Attachment) -> str:
    if attachment.state is AttachmentState.FAILED:
        return " ".join(part for part in (attachment.error_message, attachment.error_hint) if part)
    if attachment.item is not None:
        who = words.written_by(attachment.item.timeline, attachment.item.facts)
        return " · ".join([*attachment.item.facts, *([who] if who else [])])
    return attachment.activity or QCoreApplication.translate("AttachmentChip", "Waits to be read")


def _icon_of(attachment: Attachment) -> str:
    """What it promises to be, before it is read: by its name's ending."""
    if attachment.path is None:
        return "picture"  # pasted
    suffix = attachment.path.suffix.lower()
    kind = next((found.kind for found in FORMATS.values() if suffix in found.suffixes), None)
    if kind is None and attachment.path.is_dir():
        kind = MediaKind.FOLDER
    return "document" if kind is None else _ICONS[kind]


def rounded(pixels: RgbArray, side: int, ratio: float) -> QPixmap:
    """A thumbnail cropped to a square with round corners."""
    image = to_image(pixels)
    device = round(side * ratio)
    aspect = Qt.AspectRatioMode.KeepAspectRatioByExpanding
    scaled = image.scaled(device, device, aspect, Qt.TransformationMode.SmoothTransformation)
    result = QImage(device, device, QImage.Format.Format_ARGB32_Premultiplied)
    result.fill(QColor(0, 0, 0, 0))
    path = QPainterPath()
    path.addRoundedRect(QRectF(0, 0, device, device), 6 * ratio, 6 * ratio)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipPath(path)
    painter.drawImage((device - scaled.width()) // 2, (device - scaled.height()) // 2, scaled)
    painter.end()
    pixmap = QPixmap.fromImage(result)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


class AttachmentStrip(QWidget):
    """All chips, wrapped into lines; hidden while there is none.

    Signals:
        open_requested, convert_requested (str): a person wants to look into the attachment with this id, or to have it
            as a file of another kind.
        read_requested (str): a person wants to read what the model will read of it.
    """

    open_requested = Signal(str)
    read_requested = Signal(str)
    convert_requested = Signal(str)

    def __init__(self, attachments: Attachments, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._attachments = attachments
        self._chips: dict[str, AttachmentChip] = {}
        self._flow = FlowLayout(self, theme.SPACE)
        self.setAccessibleName(self.tr("Attached files"))
        self.setVisible(False)
        attachments.added.connect(self._on_added)
        attachments.changed.connect(self._on_changed)
        attachments.removed.connect(self._on_removed)

    def chips(self) -> list[AttachmentChip]:
        return list(self._chips.values())

    def _on_added(self, attachment_id: str) -> None:
        attachment = self._attachments.find(attachment_id)
        if attachment is None:
            return
        chip = AttachmentChip(attachment, self)
        chip.remove_requested.connect(self._attachments.remove)
        chip.open_requested.connect(self.open_requested)
        chip.read_requested.connect(self.read_requested)
        chip.convert_requested.connect(self.convert_requested)
        self._chips[attachment_id] = chip
        self._flow.addWidget(chip)
        self.setVisible(True)

    def _on_changed(self, attachment_id: str) -> None:
        attachment = self._attachments.find(attachment_id)
        if attachment is not None:
            self._chips[attachment_id].show_attachment(attachment)

    def _on_removed(self, attachment_id: str) -> None:
        chip = self._chips.pop(attachment_id)
        self._flow.removeWidget(chip)
        chip.hide()
        chip.deleteLater()
        self.setVisible(bool(self._chips))
