"""What a person asked: a raised bubble at the trailing edge, with faces for what was attached, and edited in place.

The text is shown as it was typed; nothing is read into it. Words that were typed into the editor are kept when it is
closed without sending, and offered again the next time, with undo back to the original. An editor that is open tells
what stands in it, so that it can be opened again with that, after another conversation or in another window.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from PySide6.QtCore import QEvent, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QKeyEvent, QPainter, QPaintEvent, QTextCursor, QTextOption
from PySide6.QtWidgets import QPushButton, QStyle, QWidget

from gui import theme
from gui.chat_view_protocol import typed_text
from gui.markdown_blocks import plain_paragraphs
from gui.views.chat_entries import Entry
from gui.views.chip_face import ChipFace, chips_of
from gui.views.prompt_edit import PromptEdit, is_endless
from gui.views.quiet_button import QuietButton, has_focus_inside
from gui.views.text_view import TextView

MAX_SHOWN = 20_000  # characters before "Show all"
MAX_SHARE = 0.85  # of the reading width
PAD_X, PAD_TOP, PAD_BOTTOM = 16, 8, 11  # a line of text has its own air above the letters


class QuestionView(QWidget):
    """One question.

    Signals:
        edited(str): ask this instead.
        edit_changed(str | None): this stands in the editor now; None: it was closed.
        pictures_requested: show what the model saw.
        clip_requested(int): show the clip or recording of this chip.
        parts_requested(int): show all that it read of the attachment of this chip.
        convert_requested(int): a person wants the attachment of this number as a file of another kind.
        resized: it needs another height.
        cursor_moved(QRect): the caret moved by keyboard; where, in this widget.
    """

    OUTSET = 0  # see `AnswerView`

    edited = Signal(str)
    edit_changed = Signal(object)
    pictures_requested = Signal()
    clip_requested = Signal(int)
    parts_requested = Signal(int)
    convert_requested = Signal(int)
    resized = Signal()
    cursor_moved = Signal(QRect)

    def __init__(self, entry: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entry = entry
        self._text = typed_text(entry.message, entry.chips)
        self._num_shown = 0  # characters of it
        self._bubble = QRect()
        self._faces = [ChipFace(chip, self) for chip in chips_of(entry.message, entry.chips)]
        self.text_view = TextView(self)
        self.text_view.setAccessibleName(self.tr("You asked"))
        self.more_button = QPushButton(self.tr("Show all"), self)
        self.edit_button = QuietButton("edit", self.tr("Edit question"), self)
        self.copy_button = QuietButton("copy", self.tr("Copy question"), self)
        self.editor = PromptEdit(self)
        self.send_button = QPushButton(self.tr("Ask again"), self)
        self.cancel_button = QPushButton(self.tr("Cancel"), self)
        self._connect()
        self._show_text(self._text[:MAX_SHOWN])
        self._show_editor(False)
        if entry.is_editing:
            self._open_editor()

    def _connect(self) -> None:
        for index, face in enumerate(self._faces):
            face.convert_requested.connect(partial(self.convert_requested.emit, index))
            face.parts_requested.connect(partial(self.parts_requested.emit, index))
            if face.lasts:
                face.clicked.connect(partial(self.clip_requested.emit, index))
            elif face.is_read:
                face.clicked.connect(partial(self.parts_requested.emit, index))
            else:
                face.clicked.connect(self.pictures_requested)
        theme.look(self.more_button, "quiet")
        theme.look(self.send_button, "primary")
        theme.look(self.cancel_button, "plain")
        self.editor.setAccessibleName(self.tr("Edit question"))
        self.editor.installEventFilter(self)
        self.text_view.cursor_moved.connect(self._on_cursor_moved)
        self.more_button.clicked.connect(self.show_all)
        self.edit_button.clicked.connect(self.begin_edit)
        self.copy_button.clicked.connect(self.copy)
        self.cancel_button.clicked.connect(self.end_edit)
        self.send_button.clicked.connect(self._send)
        self.editor.send_requested.connect(self._send)
        self.editor.textChanged.connect(self._on_editor_text_changed)
        self.editor.document().documentLayout().documentSizeChanged.connect(self._on_editor_size_changed)

    @property
    def is_busy(self) -> bool:
        """Whether a person is at work in it, so that it must stay."""
        return self.is_editing or has_focus_inside(self)

    @property
    def is_editing(self) -> bool:
        """Whether the editor is open."""
        return not self.editor.isHidden()

    def focus_widgets(self) -> Iterator[QWidget]:
        """What the keyboard reaches, in reading order."""
        yield from self._faces
        yield from (self.text_view, self.more_button, self.edit_button, self.copy_button)
        yield from (self.editor, self.send_button, self.cancel_button)

    def _show_text(self, text: str) -> None:
        if is_endless(text):  # see `gui.views.prompt_edit`
            self.text_view.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.text_view.set_paragraphs(plain_paragraphs(text) if text else ())
        self._num_shown = len(text)
        self.more_button.setVisible(self._num_shown < len(self._text))

    def show_all(self) -> None:
        """Show the whole question."""
        self._show_text(self._text)
        self.text_view.setFocus()
        self.resized.emit()

    def copy(self) -> None:
        """Put what was typed on the clipboard."""
        QGuiApplication.clipboard().setText(self._text)
        self.copy_button.say_done()

    def begin_edit(self) -> None:
        """Open the editor, with the words that were typed into it last."""
        self._open_editor()
        self.editor.setFocus()
        self.resized.emit()
        self.edit_changed.emit(self.editor.toPlainText())

    def _open_editor(self) -> None:
        self.editor.setPlainText(self._text)
        if self._entry.draft not in (None, self._text):
            cursor = self.editor.textCursor()
            cursor.select(QTextCursor.SelectionType.Document)
            self.editor.setTextCursor(cursor)
            self.editor.insertPlainText(self._entry.draft or "")  # undo leads back to the original
        self._entry.is_editing = True
        self._show_editor(True)
        self.editor.moveCursor(QTextCursor.MoveOperation.End)

    def end_edit(self) -> None:
        """Close the editor without asking; its words are kept."""
        self._close_editor()
        self.edit_button.setFocus()
        self.resized.emit()

    def _send(self) -> None:
        text = self.editor.toPlainText().strip()
        if text or self._faces:
            self._entry.draft = None
            self._close_editor()
            self.resized.emit()
            self.edited.emit(text)

    def _close_editor(self) -> None:
        self._entry.is_editing = False
        self._show_editor(False)
        self.edit_changed.emit(None)

    def _show_editor(self, is_editing: bool) -> None:
        for widget in (self.editor, self.send_button, self.cancel_button):
            widget.setVisible(is_editing)
        self.text_view.setVisible(not is_editing and bool(self._text))
        self.edit_button.setVisible(not is_editing)
        self.copy_button.setVisible(not is_editing and bool(self._text))
        self.more_button.setVisible(not is_editing and self._num_shown < len(self._text))

    def _on_editor_text_changed(self) -> None:
        if self.is_editing:
            self._entry.draft = self.editor.toPlainText()
            self.send_button.setEnabled(bool(self._entry.draft.strip() or self._faces))
            self.edit_changed.emit(self._entry.draft)

    def _on_editor_size_changed(self) -> None:
        if self.is_editing:
            self.resized.emit()

    def _on_cursor_moved(self, rect: QRect) -> None:
        self.cursor_moved.emit(rect.translated(self.text_view.pos()))

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """Escape closes the editor and nothing else, whatever it means to the window."""
        if watched is not self.editor or not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Escape:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
        elif event.type() == QEvent.Type.KeyPress:
            self.end_edit()
        return True

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        self.text_view.restyle()
        self.edit_button.restyle()
        self.copy_button.restyle()
        self.update()

    def fit(self, width: int) -> int:
        """Place everything in this width; returns the height that it needs."""
        inner_limit = (width if self.is_editing else round(width * MAX_SHARE)) - 2 * PAD_X
        rows = _rows(self._faces, inner_limit)
        faces_width = max((sum(face.sizeHint().width() + theme.SPACE for face in row) for row in rows), default=0)
        inner = inner_limit
        if not self.is_editing:
            text_width = self.text_view.natural_width(inner_limit) if self._text else 0
            inner = max(faces_width - theme.SPACE, text_width, 24)
        left = width - inner - PAD_X
        bottom = self._place_faces(rows, left, PAD_BOTTOM if rows else PAD_TOP, width)
        place = self._place_editor if self.is_editing else self._place_text
        bottom = place(left, bottom, inner, width)
        self._bubble = self._mirrored(QRect(left - PAD_X, 0, inner + 2 * PAD_X, bottom + PAD_BOTTOM), width)
        self.update()
        return bottom + PAD_BOTTOM if self.is_editing else self._place_actions(bottom + PAD_BOTTOM, width)

    def _place_faces(self, rows: list[list[ChipFace]], left: int, top: int, width: int) -> int:
        for row in rows:
            x, height = left, 0
            for face in row:
                size = face.sizeHint()
                face.setGeometry(self._mirrored(QRect(x, top, size.width(), size.height()), width))
                x, height = x + size.width() + theme.SPACE, max(height, size.height())
            top += height + theme.SPACE
        return top if rows and (self._text or self.is_editing) else top - (theme.SPACE if rows else 0)

    def _place_text(self, left: int, top: int, inner: int, width: int) -> int:
        if not self._text:
            return top
        height = self.text_view.fit(inner)
        self.text_view.setGeometry(self._mirrored(QRect(left, top, inner, height), width))
        if self.more_button.isHidden():
            return top + height
        size = self.more_button.sizeHint()
        self.more_button.setGeometry(self._mirrored(QRect(left, top + height, size.width(), size.height()), width))
        return top + height + size.height()

    def _place_editor(self, left: int, top: int, inner: int, width: int) -> int:
        self.editor.setGeometry(self._mirrored(QRect(left, top, inner, self.editor.height()), width))
        top += self.editor.height() + theme.SPACE
        right = left + inner
        for button in (self.send_button, self.cancel_button):
            size = button.sizeHint()
            right -= size.width()
            button.setGeometry(self._mirrored(QRect(right, top, size.width(), size.height()), width))
            right -= theme.SPACE
        return top + self.send_button.sizeHint().height()

    def _place_actions(self, top: int, width: int) -> int:
        right, height = width, self.edit_button.sizeHint().height()
        for button in (self.copy_button, self.edit_button):
            if not button.isHidden():
                size = button.sizeHint()
                right -= size.width()
                button.setGeometry(self._mirrored(QRect(right, top + 2, size.width(), size.height()), width))
        return top + 2 + height

    def _mirrored(self, place: QRect, width: int) -> QRect:
        return QStyle.visualRect(self.layoutDirection(), QRect(0, 0, width, 0), place)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current().raised))
        painter.drawRoundedRect(QRectF(self._bubble), theme.RADIUS_L, theme.RADIUS_L)


def _rows(faces: list[ChipFace], width: int) -> list[list[ChipFace]]:
    """The faces line by line."""
    rows: list[list[ChipFace]] = []
    used = width + 1
    for face in faces:
        needed = face.sizeHint().width()
        if used + needed > width:
            rows.append([])
            used = 0
        rows[-1].append(face)
        used += needed + theme.SPACE
    return rows
