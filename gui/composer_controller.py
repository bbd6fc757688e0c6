"""From what is typed and attached to a question that is asked, and what is kept of it until then.

A question whose files are still being read is sent by itself when they are. One with a file that failed is not sent:
nothing is left out of a question in silence. What is typed is kept per conversation and survives the program's end.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from core_model.types import Message, Role, Text
from gui import words
from gui.attachment import Attachment, AttachmentState
from gui.chat_controller import ChatController
from gui.chat_view_protocol import attached_parts, typed_text
from gui.conversation import Conversation, StoredMessage
from gui.history import History
from gui.model_controller import ModelController
from gui.models.attachments import Attachments
from gui.request_cost import RequestCost
from gui.views.composer import Composer
from media.types import MediaItem

DRAFT_MS = 400
TELL_MS = 200
TOLD_SHARE = 0.5  # of what the model holds: below this, what is only typed says nothing about its cost


class ComposerController(QObject):
    """Joins the composer, the attachments and the chat."""

    def __init__(
        self,
        composer: Composer,
        attachments: Attachments,
        chat: ChatController,
        model: ModelController,
        history: History,
    ) -> None:
        super().__init__()
        self._composer, self._attachments, self._chat = composer, attachments, chat
        self._model, self._history = model, history
        self._drafts: dict[str, str] = {}
        self._conversation = ""
        self._is_armed = False  # send as soon as everything is read
        self._draft_timer = QTimer(self, singleShot=True, interval=DRAFT_MS)
        self._draft_timer.timeout.connect(self.keep_draft)
        self._cost = RequestCost(model)
        self._tell_timer = QTimer(self, singleShot=True, interval=TELL_MS)
        self._tell_timer.timeout.connect(self._tell)
        composer.send_requested.connect(self.send)
        composer.stop_requested.connect(self.stop)
        composer.files_given.connect(attachments.add_files)
        composer.image_given.connect(self.attach_image)
        composer.text_changed.connect(self.on_text_changed)
        attachments.list_changed.connect(self.on_attachments_changed)
        model.state_changed.connect(self._tell)
        chat.busy_changed.connect(self.on_busy_changed)
        chat.shown_changed.connect(self.on_shown_changed)
        chat.prompts_changed.connect(composer.set_prompts)

    def set_drafts(self, drafts: dict[str, str]) -> None:
        """What was typed and not sent when the program ended last. What is typed already is not replaced."""
        self._drafts = drafts | {name: text for name, text in self._drafts.items() if text}
        if not self._composer.text():
            self._composer.set_text(self._drafts.get(self._conversation, ""))

    def attach_image(self, image: QImage) -> None:
        """Attach a picture that never was a file."""
        self._attachments.add_image(image, self.tr("Pasted picture"))

    def take_over(self, question: StoredMessage) -> None:
        """Put a question that was asked elsewhere into the box, its attachments too; what is there already stays."""
        typed = [typed_text(question.message, question.chips), self._composer.text()]
        self._composer.set_text("\n\n".join(text for text in typed if text.strip()))
        groups = attached_parts(question.message, question.chips)
        self._attachments.put_back(
            Attachment.of_chip(chip, parts) for chip, parts in zip(question.chips, groups, strict=True)
        )

    def send(self) -> None:
        """Ask, now or as soon as what is attached has been read."""
        self._is_armed = False
        if not self._composer.text().strip() and not self._attachments.all():
            self._tell()
            return
        self._is_armed = self._attachments.is_reading and not self._attachments.has_failed
        if self._attachments.has_failed:
            self._composer.set_hint(self.tr("Take away what could not be read, then send."), "caption-fault")
        elif self._is_armed:
            self._tell()
        else:
            self._send_now()

    def on_text_changed(self) -> None:
        """Keep the draft soon. The timer is not set back, or somebody who types without a pause would keep nothing."""
        if not self._draft_timer.isActive():
            self._draft_timer.start()
        self._tell_soon()

    def _tell_soon(self) -> None:
        """The cost follows what is typed, but not each letter; what could not be read is said until it is gone."""
        if not self._tell_timer.isActive() and not self._attachments.has_failed:
            self._tell_timer.start()

    def stop(self) -> None:
        """Esc: do not send by itself, and stop answering."""
        self._is_armed = False
        self._tell()
        self._chat.stop()

    def keep_draft(self) -> None:
        """Give what is typed to the history, if it is not there yet."""
        self._draft_timer.stop()
        text = self._composer.text()
        if self._drafts.get(self._conversation, "") != text:
            self._drafts[self._conversation] = text
            self._history.put_draft(self._conversation, text)

    def finish(self) -> None:
        """Keep what is typed for the last time. A question that still waits for its files is not asked any more."""
        self._is_armed = False
        self.keep_draft()
        self._draft_timer.timeout.disconnect(self.keep_draft)
        self._tell_timer.timeout.disconnect(self._tell)  # answers end after this, and the box may be gone
        if text := self._composer.text():  # once more: another window may have sent or deleted the same draft
            self._history.put_draft(self._conversation, text)

    def _send_now(self) -> None:
        text, attached, asked_in = self._composer.text(), self._attachments.take(), self._conversation
        try:
            self._chat.send(text.strip(), [(each.chip(), each.item.parts) for each in attached if each.item])
        except BaseException:
            self._composer.set_text(text)  # whatever went wrong, it is not to be typed twice
            self._attachments.put_back(attached)
            raise
        self._forget_draft(asked_in)

    def _forget_draft(self, asked_in: str) -> None:
        """Written behind the question itself, so that a kill finds the words in one place or in the other."""
        if asked_in == self._conversation:
            self._composer.set_text("")
        self._drafts.pop(asked_in, None)
        self._history.put_draft(asked_in, "")

    def on_attachments_changed(self) -> None:
        if self._is_armed and self._attachments.has_trouble:
            self._is_armed = False  # it would be sent otherwise than was wanted
        if self._is_armed and not self._attachments.is_reading:
            self.send()
        else:
            self._tell()

    def on_busy_changed(self) -> None:
        self._composer.set_busy(self._chat.is_busy)
        self._tell_soon()  # an answer that came is part of what is asked next

    def on_shown_changed(self, conversation: Conversation | None) -> None:
        self.keep_draft()
        self._conversation = conversation.id if conversation is not None else ""
        self._is_armed = False
        self._composer.set_text(self._drafts.get(self._conversation, ""))
        self._attachments.switch(self._conversation)
        self._tell_soon()
        self._composer.edit.setFocus()

    def _tell(self) -> None:
        """The line below the box: what the question costs with all that was said, or what sending waits for."""
        if self._is_armed:
            waiting = [each.name for each in self._attachments.all() if each.state is AttachmentState.READING]
            self._composer.set_hint(self.tr("Sends as soon as {0} is read. Esc holds it back.").format(waiting[0]))
            return
        troubled = [each.name for each in self._attachments.all() if each.trouble]
        if troubled:
            sentence = self.tr("{0} could not be read again. It is sent as it was.").format(troubled[0])
            self._composer.set_hint(sentence, "caption-caution")
            return
        items = [each.item for each in self._attachments.all() if each.item is not None]
        state = self._model.state
        if state.info is None or not (items or self._composer.text().strip()):
            self._composer.set_hint("")
        elif not state.info.sees_pictures and any(item.num_pictures for item in items):
            self._composer.set_hint(self.tr("{0} sees no pictures.").format(state.name), "caption-caution")
        else:
            self._tell_cost(self._cost.of(self._request(items)), state.info.context_length, bool(items))

    def _request(self, items: list[MediaItem]) -> list[Message]:
        """What would be sent now."""
        parts = [part for item in items for part in item.parts]
        if text := self._composer.text().strip():
            parts.append(Text(text))
        info = self._model.state.info
        so_far = self._chat.said_so_far(sees_pictures=info is not None and info.sees_pictures)
        return [*so_far, Message(Role.USER, tuple(parts))]

    def _tell_cost(self, cost: int, room: int, is_attached: bool) -> None:
        sentence = self.tr("{0} of {1}").format(f"{cost:,}", words.tokens(room))
        if cost >= room:  # the answer needs room, too
            more = self.tr("{0}: more than {1} holds.").format(sentence, self._model.state.name)
            self._composer.set_hint(more, "caption-caution")
        else:
            self._composer.set_hint(sentence if is_attached or cost > TOLD_SHARE * room else "")
