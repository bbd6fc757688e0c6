"""Makes the parts of the window, joins them, and ends them in order. Nothing else knows all of them.

Ending: what is typed is kept, answers are cut off and kept as interrupted, then each thread is waited for; the history
ends last, because the others still write to it. No thread is ever terminated.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, QSettings, QTimer, Signal
from PySide6.QtWidgets import QApplication, QWidget

import resources
from core_model.types import SamplingParams, ShouldStop
from gui import theme
from gui.answer_queue import AnswerQueue
from gui.chat_controller import ChatController, RolledBack
from gui.chat_view_protocol import ChatViewLike
from gui.code_tokens import known_languages
from gui.composer_controller import ComposerController
from gui.conversation import Conversation
from gui.conversation_list import ConversationList
from gui.dialogs import Dialogs
from gui.edit_keeper import EditKeeper
from gui.faults import Faults
from gui.garbage import GarbageCollector
from gui.history import History
from gui.job import Worker
from gui.media_desk import Around, MediaDesk
from gui.model_controller import Factory, ModelController, model_name
from gui.model_state import ModelPhase, ModelState
from gui.models.attachments import Attachments, Convert
from gui.models.conversations import ConversationsModel
from gui.settings import Settings, SettingsKeeper
from gui.views.composer import Composer
from gui.views.main_window import MainWindow
from gui.views.model_bar import ModelEntry
from gui.views.notice_bar import Notice
from gui.views.sidebar import Sidebar
from media.limits import files_at_once
from media.types import ConvertOptions
from resources import folders

LOAD_DELAY_MS = 50  # the window is painted first


class Desk(QObject):
    """The running program.

    Signals:
        ended: everything is kept and every thread is done.

    Attributes:
        has_ended: that this was so.
    """

    ended = Signal()

    def __init__(self, factory: Factory, chat_view: QWidget, convert: Convert, faults: Faults) -> None:
        """`chat_view` is a widget that is also a `ChatViewLike`."""
        super().__init__()
        self._faults = faults
        self.keeper = SettingsKeeper(folders.config_folder() / "settings.json")
        self.model_worker, self.media_worker = Worker("model"), Worker("media")
        self.reader = Worker("files", files_at_once())
        self.history = History(folders.data_folder())
        self.model = ModelController(factory, self.model_worker)
        self.queue = AnswerQueue(self.model, self.model_worker, self.sampling)
        self.chat_view = cast("ChatViewLike", chat_view)
        self.chat = ChatController(self.chat_view, self.queue, self.history)
        self.edits = EditKeeper(self.chat_view, self.chat, self.history)
        self.conversations_model = ConversationsModel()
        self.conversations = ConversationList(self.conversations_model, self.chat, self.history)
        convert = partial(_as_chosen, self.keeper, convert)
        self.attachments = Attachments(self.reader, convert)
        self.composer = Composer(self.attachments)
        self.composing = ComposerController(self.composer, self.attachments, self.chat, self.model, self.history)
        state = QSettings(str(folders.config_folder() / "window.ini"), QSettings.Format.IniFormat)
        self.window = MainWindow(Sidebar(self.conversations_model), chat_view, self.composer, state)
        self.dialogs = Dialogs(self.window, faults.log_file)
        self.media = MediaDesk(
            Around(
                self.window, self.chat, self.chat_view, self.model, self.attachments, self.dialogs, self.model_worker,
                self.media_worker, convert, self.keeper,
            )
        )  # fmt: skip
        self._garbage = GarbageCollector(lambda: bool(self.queue.busy_conversations), self)
        self._is_ending, self.has_ended = False, False
        self._load_timer = QTimer(self, singleShot=True, interval=LOAD_DELAY_MS)
        self._load_timer.timeout.connect(self.model.ensure)
        self._load_timer.timeout.connect(self.warm_up)
        self._running = {self.model_worker, self.media_worker, self.reader, *self.media.workers}
        self._join_window()
        self._join_model()
        self._join_conversations()
        self._join_end()

    def start(self) -> None:
        """Show the window; then read the history and open the model of last time."""
        self.on_settings_changed(self.keeper.value)
        self.on_model_state_changed(self.model.state)
        self.window.show()
        self.conversations.load()
        self.model.want(_folder(self.keeper.value.model_folder))
        self._load_timer.start()
        self._garbage.start()
        if self.keeper.repairs:
            names = ", ".join(self.keeper.repairs)
            self._notify("settings", self.tr("These settings could not be read and were reset: {0}.").format(names))

    def warm_up(self) -> None:
        """Import what files will need, when the window has been painted: imports keep the interpreter to themselves."""
        self.media_worker.submit(_warm_up, "warm up")

    def sampling(self) -> SamplingParams:
        """What a person chose for the next answer."""
        return self.keeper.value.sampling

    # Joining

    def _join_window(self) -> None:
        window, sidebar, composer = self.window, self.window.sidebar, self.composer
        self.media.told.connect(self.on_media_told)
        self.media.crashed.connect(self._faults.report)
        window.files_given.connect(self.attachments.add_files)
        window.image_given.connect(self.composing.attach_image)
        window.text_given.connect(composer.edit.insertPlainText)
        window.sidebar_wanted.connect(self.on_sidebar_wanted)
        window.empty.attach_requested.connect(self.dialogs.pick_files)
        composer.attach_requested.connect(self.dialogs.pick_files)
        composer.folder_requested.connect(self.dialogs.pick_folder)
        sidebar.settings_requested.connect(self.show_settings)
        window.add_key("F1", self.show_shortcuts)
        window.add_key("Ctrl+/", self.show_shortcuts)
        self.dialogs.files_chosen.connect(self.attachments.add_files)
        self.dialogs.settings_changed.connect(self.keeper.choose)
        self.keeper.changed.connect(self.on_settings_changed)
        self.keeper.trouble.connect(partial(self._notify, "settings"))

    def _join_model(self) -> None:
        bar = self.window.header.model_bar
        bar.model_chosen.connect(self.open_model)
        bar.open_requested.connect(self.dialogs.pick_model)
        bar.cancel_requested.connect(self.model.cancel_load)
        bar.plan_requested.connect(self.show_plan)
        self.dialogs.model_chosen.connect(self.open_model)
        self.model.state_changed.connect(self.on_model_state_changed)
        self.model.refused.connect(self.on_model_refused)
        self.model.crashed.connect(self._faults.report)
        self.queue.crashed.connect(self._faults.report)
        self._faults.happened.connect(self.dialogs.show_fault)

    def _join_conversations(self) -> None:
        sidebar, conversations = self.window.sidebar, self.conversations
        sidebar.new_requested.connect(self.chat.show_new)
        sidebar.chosen.connect(conversations.open)
        sidebar.search_changed.connect(conversations.search)
        sidebar.delete_requested.connect(conversations.delete)
        self.window.header.rename_requested.connect(self.on_rename_requested)
        self.window.header.delete_requested.connect(self.on_delete_requested)
        self.chat.started_over.connect(self.composing.take_over)
        conversations.drafts_loaded.connect(self.on_drafts_loaded)
        conversations.title_changed.connect(self.window.header.set_title)
        conversations.deleted.connect(self.on_deleted)
        self.chat.shown_changed.connect(self.on_shown_changed)
        self.chat.rolled_back.connect(self.on_rolled_back)
        self.history.trouble_changed.connect(self.on_history_trouble)
        self.history.noticed.connect(self.on_history_noticed)

    def _join_end(self) -> None:
        self.window.closed.connect(self.end)
        for worker in self._running:
            worker.stopped.connect(self.on_worker_stopped)
        self.history.stopped.connect(self.on_history_stopped)

    # What a person asks for

    def open_model(self, folder: str) -> None:
        """Open a model; an empty name is the built-in one."""
        self.model.load(_folder(folder))

    def show_settings(self) -> None:
        self.dialogs.show_settings(self.keeper.value)

    def show_shortcuts(self) -> None:
        self.dialogs.show_shortcuts(self.composer.edit.sends_on_enter)

    def show_plan(self) -> None:
        if self.model.state.plan is not None:
            self.dialogs.show_plan(self.model.state.name, self.model.state.plan, self.model.report, self.model.speed)

    def on_rename_requested(self) -> None:
        if not self.window.sidebar.isVisible():
            self.window.toggle_sidebar()
        self.window.sidebar.rename(self.chat.shown_id)

    def on_delete_requested(self) -> None:
        self.conversations.delete(self.chat.shown_id)

    def on_sidebar_wanted(self, is_wanted: bool) -> None:
        self.keeper.update(replace(self.keeper.value, show_sidebar=is_wanted))

    # What happens

    def on_settings_changed(self, settings: Settings) -> None:
        state, app = theme.notifier(), QApplication.instance()
        if (settings.theme, settings.font_scale) != (state.choice, state.font_scale) and isinstance(app, QApplication):
            theme.apply(app, settings.theme, settings.font_scale)
        self.model.is_reproducible = settings.is_reproducible
        self.composer.edit.sends_on_enter = settings.send_key == "enter"
        self.chat_view.set_sends_on_enter(settings.send_key == "enter")
        self.window.set_sidebar_wanted(settings.show_sidebar)
        self._list_models()

    def on_model_state_changed(self, state: ModelState) -> None:
        self.window.header.show_model(state, self.model.speed)
        self.window.empty.show_model(state)
        if state.is_ready and state.info is not None:
            folder = "" if state.info.is_built_in else str(state.info.checkpoint)
            self.keeper.update(self.keeper.value.with_model(folder))
            self._garbage.freeze()
        self._list_models()
        self._tell_failure(state)

    def _tell_failure(self, state: ModelState) -> None:
        words = f"{state.error_title}. {state.error_message}" if state.phase is ModelPhase.FAILED else ""
        if self.model.folder == resources.built_in_model():
            self._notify("model", words, self.tr("Try again"), self.model.ensure, "warning")
        else:
            open_built_in = partial(self.open_model, "")
            self._notify("model", words, self.tr("Open Cria instead"), open_built_in, "warning")

    def on_model_refused(self, folder: str, state: ModelState) -> None:
        words = f"{state.error_title}. {state.error_message} {state.error_hint}".strip()
        insist = partial(self.model.load, Path(folder), insist=True)
        self._notify("model", words, self.tr("Open it anyway"), insist, "warning")

    def on_shown_changed(self, conversation: Conversation | None) -> None:
        self._notify("undo", "")
        self.media.forget()
        self.window.show_chat(conversation is not None)
        self.window.sidebar.set_current(conversation.id if conversation is not None else "")
        self.window.hide_panel()

    def on_drafts_loaded(self, drafts: dict[str, str]) -> None:
        self.composing.set_drafts(drafts)
        self.media.captures.bring_back({each.id for each in self.conversations_model.conversations()})

    def on_deleted(self, conversation: Conversation) -> None:
        undo = partial(self.conversations.restore, conversation)
        self._notify("undo", self.tr("“{0}” was deleted.").format(conversation.title), self.tr("Undo"), undo)

    def on_rolled_back(self, rolled_back: RolledBack | None) -> None:
        words = self.tr("The questions and answers that followed were removed.") if rolled_back is not None else ""
        undo = partial(self.chat.put_back, rolled_back) if rolled_back is not None else None
        self._notify("undo", words, self.tr("Undo"), undo)

    def on_media_told(self, key: str, sentence: str, look: str) -> None:
        self._notify(key, sentence, look=look)

    def on_history_trouble(self, sentence: str) -> None:
        self._notify("history", sentence, self.tr("Try again"), self.history.retry, "warning")

    def on_history_noticed(self, sentence: str) -> None:
        self._notify("history-notice", sentence)

    def _list_models(self) -> None:
        built_in = str(resources.built_in_model())
        recent = [("", "Cria"), *((each, model_name(Path(each))) for each in self.keeper.value.recent_models)]
        here = str(self.model.folder)
        entries = [ModelEntry(folder, name, (folder or built_in) == here) for folder, name in recent]
        self.window.header.model_bar.set_models(entries)

    def _notify(
        self, key: str, sentence: str, action: str = "", remedy: Callable[[], object] | None = None, look: str = "info"
    ) -> None:
        self.window.notices.show_notice(Notice(key, sentence, action, remedy, look))

    # The end

    def end(self) -> None:
        """End everything; `ended` tells when. Safe to call twice."""
        if self._is_ending:
            return
        self._is_ending = True
        self._load_timer.stop()
        self.composing.finish()
        self.edits.keep()
        self.queue.quit()
        self.model.give_up_load()
        self.media.end()
        self.model_worker.shutdown()
        self.media_worker.shutdown()
        self.reader.shutdown()

    def on_worker_stopped(self) -> None:
        worker = self.sender()
        assert isinstance(worker, Worker), "workers are joined to this"
        self._running.discard(worker)
        if not self._running:
            self.media.clear()
            self.history.finish()

    def on_history_stopped(self) -> None:
        self._garbage.stop()
        self.has_ended = True
        self.ended.emit()


def _as_chosen(
    keeper: SettingsKeeper, convert: Convert, path: Path, options: ConvertOptions, should_stop: ShouldStop
) -> Generator[object, None, None]:
    """Convert as the settings are then."""
    yield from convert(path, replace(options, whisper_folder=keeper.value.whisper_folder), should_stop)


def _folder(name: str) -> Path:
    """A model's folder from the settings, where an empty name is the built-in model."""
    return Path(name) if name else resources.built_in_model()


def _warm_up(_should_stop: ShouldStop) -> Generator[object, None, None]:
    """What the first file and the first answer with code will need, so that nobody waits for it then."""
    from pygments.lexers import get_lexer_by_name

    from media import sandbox

    sandbox.prepare()
    known_languages()
    get_lexer_by_name("python")
    yield from ()
