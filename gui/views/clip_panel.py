"""A clip or a recording beside the conversation: the pictures of it that are sent, when they are, and what was said.

It shows a `Clip` and says what a person wants to be different (`options_changed`), of a drag when the mouse is let go.
What is being read anew stays as it was until the new one is there. One that was sent is only looked at.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core_model.types import TileGeometry
from gui import clip_words, theme
from gui.addresses import as_tip
from gui.clips import Clip, Frame, nearest
from gui.icons import icon
from gui.views.clip_controls import ClipControls
from gui.views.elided_label import ElidedLabel
from gui.views.frame_strip import FrameStrip, describe
from gui.views.picture_view import PictureView
from gui.views.quiet_button import QuietButton
from gui.views.timeline_view import TimelineView
from gui.views.transcript_list import TranscriptList
from media.types import ConvertOptions, MediaKind

TRANSCRIPT = 160  # pixels that the list of what was said has at least


class ClipPanel(QWidget):
    """See the module.

    Signals:
        options_changed (ConvertOptions): read it again like this.
        tiles_requested: show its pictures as the model sees them.
        close_requested: the person is done looking.
    """

    options_changed = Signal(object)
    tiles_requested = Signal()
    close_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clip: Clip | None = None
        self._frames: tuple[Frame, ...] = ()
        self._tiles: TileGeometry | None = None
        self.setMinimumWidth(240)
        self.setAccessibleName(self.tr("Timeline of a clip"))
        self._make_parts()
        self._arrange()
        self._connect()
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def _make_parts(self) -> None:
        self._title = ElidedLabel("", self, mode=Qt.TextElideMode.ElideMiddle)
        theme.look(self._title, "title")
        self._close = QToolButton(self)
        self._close.setAccessibleName(self.tr("Close the timeline"))
        self._close.setToolTip(self.tr("Close"))
        self._facts, self._about, self._sum, self._who = (_caption() for _ in range(4))
        self._span = _caption()
        self._trouble = _caption("caption-caution")
        self.picture = PictureView(self)
        self.eye = QuietButton("eye", self.tr("Show the pictures as the model sees them"), self)
        self.strip = FrameStrip(self)
        self.timeline = TimelineView(self)
        self.whole = QPushButton(self.tr("All of it"), self)
        theme.look(self.whole, "quiet")
        policy = self.whole.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing below jumps when it comes
        self.whole.setSizePolicy(policy)
        self._controls = ClipControls(self)
        self.number, self.with_speech = self._controls.number, self._controls.with_speech
        self._progress = QProgressBar(self)
        self._progress.setTextVisible(False)
        self._progress.setAccessibleName(self.tr("Reading it again"))
        self.transcript = TranscriptList(self)
        self.transcript.setMinimumHeight(TRANSCRIPT)

    def _arrange(self) -> None:
        header = _row(self._title, self._close, stretch=self._title)
        content = QWidget()
        lines = QVBoxLayout(content)
        lines.setContentsMargins(0, 0, theme.SPACE, theme.SPACE_L)
        lines.setSpacing(theme.SPACE)
        lines.addWidget(self._facts)
        lines.addWidget(self.picture)
        lines.addLayout(_row(self._about, self.eye, stretch=self._about))
        lines.addWidget(self.strip)
        lines.addWidget(self.timeline)
        lines.addLayout(_row(self._span, self.whole, stretch=self._span))
        for widget in (self._controls, self._progress, self._trouble, self._sum, self._who):
            lines.addWidget(widget)
        lines.addWidget(self.transcript, 1)
        lines.addStretch(0)
        self._area = QScrollArea(self)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setAccessibleName(self.tr("Timeline"))
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(content)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_L, theme.SPACE, theme.SPACE, theme.SPACE)
        column.setSpacing(theme.SPACE)
        column.addLayout(header)
        column.addWidget(self._area, 1)

    def _connect(self) -> None:
        self._close.clicked.connect(self.close_requested)
        self.eye.clicked.connect(self.tiles_requested)
        self.whole.clicked.connect(self._on_whole_clicked)
        self.strip.chosen.connect(self._on_frame_chosen)
        self.transcript.chosen.connect(self.go_to)
        self.timeline.position_changed.connect(self._on_position_changed)
        self.timeline.stretch_moved.connect(self._show_span)
        self.timeline.stretch_chosen.connect(self._tell)
        self._controls.changed.connect(self._tell)

    # What it shows

    @property
    def clip(self) -> Clip | None:
        return self._clip

    def show_clip(self, clip: Clip, is_new: bool = True) -> None:
        """Show this.

        Args:
            clip: what to show.
            is_new: another one than before; else the same as it is now, in which a person may be at work.
        """
        self._clip, self._frames = clip, clip.frames
        if is_new:
            self.timeline.show_all()
            self.timeline.show_position(0.0)
        self._title.set_text(clip.name)
        _say(self._facts, " · ".join(clip.facts))
        self._facts.setToolTip(as_tip("\n".join(clip.notes)))
        self.strip.show_frames(self._frames, self._tiles)
        self.strip.setVisible(len(self._frames) > 1)
        self.timeline.show_timeline(clip.timeline, clip.loudness, clip.can_change)
        self.transcript.show_speech(clip.timeline.speech)
        self.transcript.setVisible(bool(clip.timeline.speech))
        self._show_controls(clip)
        if is_new:
            self.timeline.show_position(clip.timeline.start_s)
        self._on_position_changed(self.timeline.position_s)
        self._show_words()

    def _show_controls(self, clip: Clip) -> None:
        self._controls.setVisible(clip.can_change)
        self._controls.set_frames_shown(clip.kind is MediaKind.VIDEO)
        self._progress.setVisible(clip.is_reading)
        self._progress.setValue(round(100 * clip.fraction))
        if self.timeline.is_held:
            return  # what a person is choosing just now is newer than what is known of it
        options = clip.options
        self._controls.show_options(options)
        duration_s = clip.timeline.duration_s
        self.timeline.show_stretch(options.start_s, duration_s if options.end_s is None else options.end_s)

    def set_tiles(self, tiles: TileGeometry | None) -> None:
        """Count tokens for the model that cuts pictures so; None where no model says."""
        if tiles != self._tiles:
            self._tiles = tiles
            self.strip.show_frames(self._frames, tiles)
            self._on_position_changed(self.timeline.position_s)
            self._show_words()

    def go_to(self, seconds: float) -> None:
        """Show this moment."""
        self.timeline.show_position(seconds)
        self._on_position_changed(self.timeline.position_s)

    def focus_timeline(self) -> None:
        """Let the keyboard move the playhead."""
        self.timeline.playhead.setFocus(Qt.FocusReason.TabFocusReason)

    # Words

    def _show_words(self) -> None:
        clip = self._clip
        if clip is None:
            return
        _say(self._trouble, "" if not clip.trouble else self.tr("It stays as it was. {0}").format(clip.trouble))
        _say(self._sum, clip_words.total(clip, self._tiles))
        _say(self._who, clip_words.written_by(clip.timeline))
        self._show_span()

    def _show_span(self) -> None:
        """Which stretch is sent."""
        clip = self._clip
        if clip is None:
            return
        start_s, end_s = self.timeline.stretch if clip.can_change else (clip.timeline.start_s, clip.timeline.end_s)
        is_whole = start_s <= 0 and end_s >= clip.timeline.duration_s
        _say(self._span, clip_words.stretch(clip.timeline.duration_s, None if is_whole else (start_s, end_s)))
        self.whole.setVisible(clip.can_change and not is_whole)

    # What a person does

    def _on_position_changed(self, seconds: float) -> None:
        row = nearest(self._frames, seconds)
        self._show_frame(0 if row is None and self._frames else row)
        self.transcript.choose(seconds)

    def _show_frame(self, row: int | None) -> None:
        self.strip.choose(row)
        frame = None if row is None else self._frames[row]
        said = "" if frame is None or row is None else describe(frame, row, len(self._frames), self._tiles)
        self.picture.show_picture(None if frame is None else frame.picture, said)
        self.picture.setVisible(frame is not None)
        self.eye.setVisible(frame is not None)
        _say(self._about, said)

    def _on_frame_chosen(self, row: int) -> None:
        time_s = self._frames[row].time_s
        if time_s is None:
            self._show_frame(row)
        else:
            self.go_to(time_s)

    def _on_whole_clicked(self) -> None:
        if self._clip is not None:
            self.timeline.show_stretch(0.0, self._clip.timeline.duration_s)
            self._show_span()
            self._tell()

    def _tell(self) -> None:
        if self._clip is None or not self._clip.can_change:
            return
        wanted = self._wanted(self._clip)
        if wanted != self._clip.options:
            self.options_changed.emit(wanted)

    def _wanted(self, clip: Clip) -> ConvertOptions:
        start_s, end_s = self.timeline.stretch
        wanted_end_s = None if end_s >= clip.timeline.duration_s else end_s
        return replace(self._controls.wanted(clip.options), start_s=start_s, end_s=wanted_end_s)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """I and O mean the same wherever the keyboard is in the panel."""
        if event.key() in (Qt.Key.Key_I, Qt.Key.Key_O):
            self.timeline.keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    def _on_theme_changed(self) -> None:
        self._close.setIcon(icon("close", theme.current().soft))
        self._close.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        self.eye.restyle()
        self._controls.restyle()
        self.update()


def _caption(look: str = "caption") -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)  # names of files are not ours
    label.setWordWrap(True)
    theme.look(label, look)
    return label


def _say(label: QLabel, sentence: str) -> None:
    label.setText(sentence)
    label.setVisible(bool(sentence))


def _row(*widgets: QWidget, stretch: QWidget | None = None) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(theme.SPACE)
    for widget in widgets:
        row.addWidget(widget, 1 if widget is stretch else 0)
    return row
