"""Questions and answers with a scripted assistant, a real worker and a real history; only the view is a stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from core_model.errors import AltiplanoError, CheckpointError, RequestError
from core_model.fake_assistant import FOREVER, OUT_OF_MEMORY, FakeAssistant, LoadScript, Script
from core_model.types import FinishReason, Role, SamplingParams
from gui.answer_queue import AnswerQueue
from gui.chat_controller import ChatController, RolledBack
from gui.conversation import Conversation, MessageState, StoredMessage
from gui.history import History
from gui.history_archive import Archive
from gui.job import Worker
from gui.model_controller import ModelController
from tests.gui.recording_view import RecordingView
from tests.gui.samples import chip, picture

MODEL_FOLDER = Path("scout")


class Stage:
    """A controller with everything it needs, and what it showed and kept."""

    def __init__(self, qtbot: QtBot, worker: Worker, folder: Path, fake: FakeAssistant) -> None:
        self.qtbot, self.fake, self.folder = qtbot, fake, folder
        self.view, self.history = RecordingView(), History(folder)
        self.model = ModelController(lambda: fake, worker)
        self.queue = AnswerQueue(self.model, worker, lambda: SamplingParams(temperature=0.5))
        self.chat = ChatController(self.view, self.queue, self.history)
        self.crashes: list[str] = []
        self.queue.crashed.connect(self.crashes.append)

    def load(self) -> None:
        self.model.load(MODEL_FOLDER)
        self.qtbot.waitUntil(lambda: self.model.state.is_ready)

    def ask(self, text: str) -> list[str]:
        self.chat.send(text)
        self.settle()
        return self.view.lines

    def settle(self) -> None:
        self.qtbot.waitUntil(lambda: not self.queue.busy_conversations)

    def wait_for_text(self) -> None:
        self.qtbot.waitUntil(lambda: bool(self.view.entries[-1].text))

    def kept(self) -> list[StoredMessage]:
        """What the disk holds, read by somebody else."""
        self.history.finish()
        assert self.history.wait(10)
        archive = Archive(self.folder)
        found = [message for where in archive.conversations() for message in archive.messages(where.id)]
        archive.close()
        return found


Make = Callable[..., Stage]


@pytest.fixture
def make(qtbot: QtBot, worker: Worker, tmp_path: Path) -> Iterator[Make]:
    stages: list[Stage] = []

    def make_it(*scripts: Script, load: LoadScript | None = None, is_loaded: bool = True) -> Stage:
        fake = FakeAssistant(scripts or (Script.of("Fine."),), load or LoadScript())
        stage = Stage(qtbot, worker, tmp_path / "data", fake)
        stages.append(stage)
        if is_loaded:
            stage.load()
        return stage

    yield make_it
    worker.shutdown()
    assert worker.wait(10)
    for stage in stages:
        stage.history.finish()
        assert stage.history.wait(10)


def test_a_question_is_answered_and_kept(make: Make) -> None:
    stage = make(Script.of("A red bird."))
    shown, told = stage.ask("What is it?")
    assert shown == "> What is it?"
    assert told.startswith("A red bird. [3 tokens")
    asked, told = stage.kept()
    assert (asked.message.text, told.message.text) == ("What is it?", "A red bird.")
    assert told.state is MessageState.DONE
    assert told.outcome == stage.view.entries[1].outcome


def test_the_model_gets_the_conversation_and_the_settings(make: Make) -> None:
    stage = make(Script.of("First."), Script.of("Second."))
    stage.chat.send("one", [(chip(), (picture(),))])
    stage.settle()
    stage.ask("two")
    first, second = stage.fake.requests
    assert first.sampling == SamplingParams(temperature=0.5)
    assert [message.role for message in second.messages] == [Role.USER, Role.ASSISTANT, Role.USER]
    assert [message.text for message in second.messages] == ["one", "First.", "two"]
    assert len(second.messages[0].pictures) == 1
    assert stage.view.lines[0] == "> (bird.png) one"


def test_pictures_alone_are_a_question(make: Make) -> None:
    stage = make()
    stage.chat.send("", [(chip(name="cat.png"), (picture(),))])
    stage.settle()
    assert stage.view.lines[0] == "> (cat.png) "
    assert len(stage.fake.requests[0].messages[0].parts) == 1


def test_nothing_is_no_question(make: Make) -> None:
    stage = make()
    stage.chat.send("")
    assert stage.view.entries == []


def test_a_question_asked_while_the_model_loads_waits_visibly(make: Make) -> None:
    stage = make(Script.of("Here."), load=LoadScript(steps=5, delay_s=0.03), is_loaded=False)
    stage.model.load(MODEL_FOLDER)
    stage.chat.send("hello")
    assert stage.view.entries[-1].is_open
    stage.settle()
    assert any(status.startswith("Waits for scout: loading") for status in stage.view.statuses)
    assert stage.view.entries[-1].text == "Here."


def test_a_question_opens_the_model_if_none_is_in(make: Make) -> None:
    stage = make(Script.of("Here."), is_loaded=False)
    stage.ask("hello")
    assert len(stage.fake.load_requests) == 1
    assert stage.view.entries[-1].text == "Here."


def test_prefill_and_speed_are_said_on_the_way(make: Make) -> None:
    stage = make(Script.of("word " * 40, delay_s=0.04, prefill_steps=4, prefill_delay_s=0.06))
    stage.ask("hello")
    said = stage.view.statuses
    assert "Reading your prompt: 75 %" in said
    assert any("tokens/s · 0:0" in status for status in said)


def test_stop_keeps_what_was_written(make: Make) -> None:
    stage = make(Script.of("word " * 1000, delay_s=0.005))
    stage.chat.send("hello")
    stage.wait_for_text()
    stage.chat.stop()
    stage.settle()
    entry = stage.view.entries[-1]
    assert entry.outcome == "Stopped by you"
    assert entry.can_continue
    assert entry.text.startswith("word ")
    told = stage.kept()[-1]
    assert told.state is MessageState.STOPPED
    assert told.message.text == entry.text


@pytest.mark.parametrize(
    "script", [Script(("a",), FOREVER), Script(("a",), stall_s=FOREVER), Script(("a",), 0, 3, FOREVER)]
)
def test_a_model_that_stalls_can_be_stopped(make: Make, script: Script) -> None:
    stage = make(script, Script.of("Alive."))
    stage.chat.send("hello")
    stage.qtbot.waitUntil(lambda: bool(stage.fake.requests))
    stage.chat.stop()
    stage.settle()
    assert stage.view.entries[-1].outcome == "Stopped by you"
    assert stage.ask("again")[-1].startswith("Alive.")


def test_a_question_that_waits_can_be_taken_back_before_it_begins(make: Make) -> None:
    stage = make(load=LoadScript(delay_s=FOREVER), is_loaded=False)
    stage.model.load(MODEL_FOLDER)
    stage.chat.send("hello")
    stage.chat.stop()
    assert stage.view.lines == ["> hello", " [Stopped by you]"]
    assert not stage.chat.is_busy
    stage.model.cancel_load()


def test_questions_wait_for_each_other_and_know_the_answers_before(make: Make) -> None:
    stage = make(Script.of("word " * 20, delay_s=0.01), Script.of("Second."))
    stage.chat.send("one")
    stage.chat.send("two")
    assert "Waits for the answer before it" in stage.view.statuses
    stage.settle()
    assert [entry.text for entry in stage.view.entries] == ["one", "word " * 20, "two", "Second."]
    assert [message.text for message in stage.fake.requests[1].messages] == ["one", "word " * 20, "two"]


def test_stop_stops_what_waits_too(make: Make) -> None:
    stage = make(Script.of("word " * 1000, delay_s=0.005))
    stage.chat.send("one")
    stage.chat.send("two")
    stage.qtbot.waitUntil(lambda: bool(stage.view.entries[1].text))
    stage.chat.stop()
    stage.settle()
    assert [entry.outcome for entry in stage.view.entries if entry.is_answer] == ["Stopped by you"] * 2
    assert len(stage.fake.requests) == 1


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (OUT_OF_MEMORY, "Not enough memory"),
        (AltiplanoError("The conversation is too long", "It has 9,000 tokens."), "The conversation is too long"),
        (RuntimeError("CUDA error: illegal access"), "The answer broke off"),
    ],
)
def test_an_error_becomes_a_card_and_a_retry_answers(make: Make, error: Exception, title: str) -> None:
    stage = make(Script.of("Half a", error=error), Script.of("Whole."))
    stage.ask("hello")
    entry = stage.view.entries[-1]
    assert entry.text == "Half a"
    assert entry.error.startswith(title)
    assert entry.can_retry
    stage.view.retry_requested.emit(entry.id)
    stage.settle()
    assert [each.text for each in stage.view.entries] == ["hello", "Whole."]
    assert [message.text for message in stage.fake.requests[1].messages] == ["hello"]
    assert [message.message.text for message in stage.kept()] == ["hello", "Whole."]


REFUSED = Script.of("", error=RequestError("Too long for this model", "It has 9,000 tokens."))


def test_a_question_that_was_refused_is_not_read_again(make: Make) -> None:
    stage = make(Script.of("Yes."), REFUSED, Script.of("Hi."))
    for words in ("one", "far too long", "hello again"):
        stage.ask(words)
    assert [message.text for message in stage.fake.requests[2].messages] == ["one", "Yes.", "hello again"]
    kept = [message.message.text for message in stage.kept()]
    assert kept == ["one", "Yes.", "far too long", "", "hello again", "Hi."]


def test_a_question_that_was_refused_moves_to_a_new_conversation(make: Make) -> None:
    stage = make(Script.of("Yes."), REFUSED)
    moved: list[StoredMessage] = []
    stage.chat.started_over.connect(moved.append)
    stage.ask("one")
    stage.ask("too long")
    stage.view.start_over_requested.emit(stage.view.entries[-1].id)
    assert [question.message.text for question in moved] == ["too long"]
    assert stage.view.lines == []
    assert [message.message.text for message in stage.kept()] == ["one", "Yes.", "too long", ""], "here it stays"


def test_only_what_nobody_foresaw_is_reported_as_a_crash(make: Make) -> None:
    stage = make(Script.of("a", error=OUT_OF_MEMORY), Script.of("b", error=RuntimeError("boom")))
    stage.ask("one")
    assert stage.crashes == []
    stage.ask("two")
    assert len(stage.crashes) == 1
    assert "RuntimeError: boom" in stage.crashes[0]


def test_a_load_that_fails_fails_the_question_and_a_retry_loads_again(make: Make) -> None:
    broken = CheckpointError("The model is incomplete", "config.json is missing.", "Download it again.")
    stage = make(Script.of("Here."), load=LoadScript(error=broken), is_loaded=False)
    stage.model.load(MODEL_FOLDER)
    stage.ask("hello")
    assert stage.view.entries[-1].error == "The model is incomplete: config.json is missing."
    stage.fake.load_script = LoadScript()
    stage.view.retry_requested.emit(stage.view.entries[-1].id)
    stage.settle()
    assert stage.view.entries[-1].text == "Here."
    assert [message.state for message in stage.kept()] == [MessageState.DONE, MessageState.DONE]


def test_again_throws_the_answer_away(make: Make) -> None:
    stage = make(Script.of("First."), Script.of("Later."), Script.of("Better."))
    stage.ask("one")
    stage.ask("two")
    stage.view.regenerate_requested.emit(stage.view.entries[1].id)
    stage.settle()
    assert [entry.text for entry in stage.view.entries] == ["one", "Better."]
    assert [message.message.text for message in stage.kept()] == ["one", "Better."]


def test_an_edited_question_rolls_back_what_came_after_and_keeps_its_pictures(make: Make) -> None:
    stage = make(Script.of("First."), Script.of("Later."), Script.of("Better."))
    stage.chat.send("one", [(chip(), (picture(),))])
    stage.settle()
    stage.ask("two")
    stage.view.edit_requested.emit(stage.view.entries[0].id, "one, please")
    stage.settle()
    assert [line.split(" [")[0] for line in stage.view.lines] == ["> (bird.png) one, please", "Better."]
    last = stage.fake.requests[-1].messages
    assert [message.text for message in last] == ["one, please"]
    assert len(last[0].pictures) == 1
    assert [message.message.text for message in stage.kept()] == ["one, please", "Better."]


def test_editing_while_it_answers_gives_the_old_answer_up(make: Make) -> None:
    stage = make(Script.of("old " * 1000, delay_s=0.005), Script.of("New."))
    stage.chat.send("one")
    stage.wait_for_text()
    stage.view.edit_requested.emit(stage.view.entries[0].id, "two")
    stage.settle()
    assert [entry.text for entry in stage.view.entries] == ["two", "New."]
    assert [message.message.text for message in stage.kept()] == ["two", "New."]


def test_what_an_edit_took_out_can_be_put_back(make: Make) -> None:
    stage = make(Script.of("One."), Script.of("Two."), Script.of("Other."))
    rolled_back: list[RolledBack | None] = []
    stage.chat.rolled_back.connect(rolled_back.append)
    stage.ask("first")
    before = stage.ask("second")
    rolled_back.clear()
    stage.chat.edit(stage.view.entries[0].id, "changed")
    stage.settle()
    assert stage.view.lines != before
    [lost] = rolled_back
    assert lost is not None
    stage.chat.put_back(lost)
    assert stage.view.lines == before
    assert [message.message.text for message in stage.kept()] == ["first", "One.", "second", "Two."]


def test_putting_back_gives_up_the_answer_that_is_being_written(make: Make) -> None:
    stage = make(Script.of("One."), Script.of("Two."), Script.of("Endless " * 1000, delay_s=0.005), Script.of("Three."))
    rolled_back: list[RolledBack] = []
    stage.chat.rolled_back.connect(rolled_back.append)
    stage.ask("first")
    before = stage.ask("second")
    stage.chat.regenerate(stage.view.entries[1].id)
    stage.wait_for_text()
    stage.chat.put_back(rolled_back[-1])
    stage.settle()
    assert stage.view.lines == before
    assert stage.ask("third")[: len(before)] == before


def test_what_was_written_of_an_answer_is_put_back_as_stopped(make: Make) -> None:
    stage = make(Script.of("One."), Script.of("Half " * 1000, delay_s=0.005), Script.of("Other."))
    rolled_back: list[RolledBack] = []
    stage.chat.rolled_back.connect(rolled_back.append)
    stage.ask("first")
    stage.chat.send("second")
    stage.wait_for_text()
    stage.chat.edit(stage.view.entries[0].id, "changed")
    stage.settle()
    stage.chat.put_back(rolled_back[-1])
    last = stage.kept()[-1]
    assert last.message.text.startswith("Half")
    assert last.state is MessageState.STOPPED


def test_nothing_is_said_when_nothing_later_is_lost_and_a_new_question_ends_the_offer(make: Make) -> None:
    stage = make(Script.of("One."))
    rolled_back: list[RolledBack | None] = []
    stage.chat.rolled_back.connect(rolled_back.append)
    stage.ask("first")
    rolled_back.clear()
    stage.chat.regenerate(stage.view.entries[1].id)
    stage.settle()
    stage.chat.edit(stage.view.entries[0].id, "changed")
    stage.settle()
    assert not rolled_back
    stage.ask("next")
    assert rolled_back == [None]


def test_an_answer_that_was_cut_off_goes_on_where_it_was(make: Make) -> None:
    stage = make(Script.of("One two", reason=FinishReason.LENGTH), Script.of(" three."))
    stage.ask("count")
    entry = stage.view.entries[-1]
    assert "length limit" in entry.outcome
    assert entry.can_continue
    stage.view.continue_requested.emit(entry.id)
    stage.settle()
    assert [each.text for each in stage.view.entries] == ["count", "One two three."]
    continued = stage.fake.requests[1].messages
    assert [(message.role, message.text) for message in continued] == [
        (Role.USER, "count"),
        (Role.ASSISTANT, "One two"),
    ]
    assert [message.message.text for message in stage.kept()] == ["count", "One two three."]


def test_an_answer_that_the_end_of_the_program_cut_off_says_so_and_goes_on(make: Make) -> None:
    stage = make(Script.of("One two"), Script.of(" three."))
    made: list[Conversation] = []
    stage.chat.conversation_changed.connect(made.append)
    stage.ask("count")
    live = stage.chat.find_message(stage.view.entries[-1].id)
    assert live is not None
    stage.history.update(replace(live, state=MessageState.STREAMING, outcome=""))
    stage.chat.show_new()
    stage.history.finish()
    assert stage.history.wait(10)
    archive = Archive(stage.folder)
    (_, cut_off) = archive.messages(made[0].id)
    archive.close()
    assert cut_off.shown().outcome == "Interrupted"
    assert cut_off.shown().can_continue


def test_another_conversation_can_be_shown_while_one_is_answered(make: Make) -> None:
    stage = make(Script.of("word " * 60, delay_s=0.01), Script.of("Other."))
    stage.chat.send("long one")
    first_id = stage.chat.shown_id
    stage.wait_for_text()
    stage.chat.show_new()
    assert stage.view.entries == []
    assert not stage.chat.is_busy
    assert stage.chat.busy_conversations == {first_id}
    stage.chat.send("other")
    second_id = stage.chat.shown_id
    assert first_id != second_id
    dialogue = stage.queue.dialogue(first_id)
    assert dialogue is not None
    stage.chat.open(dialogue.conversation)
    assert stage.view.lines[0] == "> long one"
    assert stage.view.entries[1].is_open, "it goes on where it is"
    stage.settle()
    assert stage.view.entries[1].text == "word " * 60
    texts = sorted(message.message.text for message in stage.kept())
    assert texts == sorted(["long one", "word " * 60, "other", "Other."])


def test_a_conversation_from_the_disk_is_shown_and_goes_on(make: Make) -> None:
    stage = make(Script.of("First."), Script.of("Second."))
    shown: list[object] = []
    stage.chat.conversation_changed.connect(shown.append)
    stage.ask("one")
    stage.chat.show_new()
    stage.chat.open(shown[-1])  # type: ignore[arg-type]
    stage.qtbot.waitUntil(lambda: len(stage.view.entries) == 2)
    assert stage.view.lines[0] == "> one"
    stage.ask("two")
    assert [message.text for message in stage.fake.requests[1].messages] == ["one", "First.", "two"]


def test_only_the_conversation_wanted_last_is_shown(make: Make) -> None:
    stage = make(Script.of("First."), Script.of("Second."))
    made: list[object] = []
    stage.chat.conversation_changed.connect(made.append)
    stage.ask("one")
    stage.chat.show_new()
    stage.ask("two")
    stage.chat.open(made[0])  # type: ignore[arg-type]
    stage.chat.show_new()
    stage.qtbot.wait(100)
    assert stage.view.entries == []


def test_deleting_a_conversation_stops_its_answer(make: Make) -> None:
    stage = make(Script.of("word " * 1000, delay_s=0.005), Script.of("Fine."))
    stage.chat.send("one")
    stage.wait_for_text()
    stage.chat.give_up(stage.chat.shown_id)
    assert stage.view.entries == []
    stage.settle()
    assert stage.ask("two")[0] == "> two"


def test_the_end_of_the_program_interrupts_and_keeps(make: Make) -> None:
    stage = make(Script.of("word " * 1000, delay_s=0.005))
    stage.chat.send("one")
    stage.chat.send("two")
    stage.qtbot.waitUntil(lambda: bool(stage.view.entries[1].text))
    stage.queue.quit()
    stage.settle()
    states = [(message.state, bool(message.message.text)) for message in stage.kept() if message.is_answer]
    assert states == [(MessageState.INTERRUPTED, True), (MessageState.INTERRUPTED, False)]


def test_a_history_that_cannot_be_written_costs_no_answer(make: Make, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    stage = make(Script.of("Fine."))
    said: list[str] = []
    stage.history.trouble_changed.connect(said.append)
    stage.ask("hello")
    assert [entry.text for entry in stage.view.entries] == ["hello", "Fine."]
    stage.qtbot.waitUntil(lambda: bool(said))


def test_the_whole_conversation_runs_on_one_model_thread(make: Make) -> None:
    stage = make()
    stage.ask("one")
    stage.ask("two")
    assert len(stage.fake.threads) == 1


def test_prompts_are_told_for_the_conversation_that_is_shown(make: Make) -> None:
    stage = make()
    told: list[list[str]] = []
    stage.chat.prompts_changed.connect(told.append)
    stage.ask("one")
    stage.ask("two")
    stage.chat.show_new()
    assert told == [["one"], ["one", "two"], []]


def test_the_speed_of_the_last_answer_is_remembered(make: Make) -> None:
    stage = make(Script.of("word " * 10, delay_s=0.01))
    stage.ask("hello")
    assert stage.model.speed.endswith("tokens/s")


def test_opening_a_conversation_twice_loses_nothing_that_is_asked_in_between(make: Make) -> None:
    stage = make(Script.of("First."), Script.of("Second."))
    made: list[Conversation] = []
    stage.chat.conversation_changed.connect(made.append)
    stage.ask("one")
    stage.chat.show_new()
    asked: list[str] = []

    def ask_at_once(shown: Conversation | None) -> None:
        if shown is not None and not asked:
            asked.append("two")
            stage.chat.send("two")

    stage.chat.shown_changed.connect(ask_at_once)
    for _ in range(2):  # as a double click does
        stage.chat.open(made[0])
    stage.qtbot.waitUntil(lambda: bool(asked))
    stage.settle()
    stage.qtbot.wait(50)
    assert [entry.text for entry in stage.view.entries] == ["one", "First.", "two", "Second."]


def test_a_question_does_not_wait_for_a_load_that_a_person_stopped(make: Make) -> None:
    stage = make(Script.of("Here."), load=LoadScript(delay_s=FOREVER), is_loaded=False)
    stage.model.load(MODEL_FOLDER)
    stage.chat.send("hello")
    stage.model.cancel_load()
    assert stage.view.lines == ["> hello", " [Stopped by you]"]
    assert not stage.chat.is_busy
    stage.fake.load_script = LoadScript()
    stage.view.regenerate_requested.emit(stage.view.entries[-1].id)
    stage.settle()
    assert stage.view.entries[-1].text == "Here."


def test_a_question_that_waits_is_answered_by_the_model_that_is_chosen_meanwhile(make: Make) -> None:
    stage = make(Script.of("Here."), load=LoadScript(delay_s=FOREVER), is_loaded=False)
    stage.model.load(MODEL_FOLDER)
    stage.chat.send("hello")
    stage.fake.load_script = LoadScript()
    stage.model.load(Path("maverick"))
    stage.settle()
    assert stage.view.entries[-1].text == "Here."


def test_another_model_can_be_chosen_in_the_middle_of_an_answer(make: Make) -> None:
    stage = make(Script.of("word " * 40, delay_s=0.01), Script.of("Other."))
    stage.chat.send("one")
    stage.wait_for_text()
    stage.model.load(Path("maverick"))
    stage.chat.send("two")
    stage.settle()
    assert [entry.text for entry in stage.view.entries] == ["one", "word " * 40, "two", "Other."]
    assert stage.model.state.is_ready
