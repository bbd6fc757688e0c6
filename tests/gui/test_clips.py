"""What is known of a clip, from an attachment and from a conversation, and which clip a time means."""

from __future__ import annotations

from dataclasses import replace

from core_model.types import Message, Picture, Role, Text, TileGeometry
from gui import clips
from gui.chat_view_protocol import Chip
from gui.conversation import StoredMessage
from gui.models.attachments import Attachment, AttachmentState
from gui.token_cost import picture_tokens
from media.types import ConvertOptions
from tests.gui.samples import clip, clip_question, conversation, item, question, timeline

TILES = TileGeometry(336, 16, 144)


def test_an_attachment_that_lasts() -> None:
    made = clip(3)
    wanted = ConvertOptions(start_s=2.0)
    attachment = Attachment(
        "a", made.name, AttachmentState.READING, 0.5, item=made, wanted=wanted, trouble="no", loudness=(0.5,)
    )
    found = clips.of_attachment(attachment)
    assert found is not None
    assert (found.options, found.is_reading, found.fraction, found.trouble) == (wanted, True, 0.5, "no")
    assert [frame.time_s for frame in found.frames] == list(made.timeline.frame_times)  # type: ignore[union-attr]
    assert not found.can_change, "it never was a file"


def test_what_does_not_last_is_no_clip() -> None:
    assert clips.of_attachment(Attachment("a", "bird.png", AttachmentState.READY, item=item())) is None
    assert clips.of_attachment(Attachment("a", "ball.mp4")) is None
    where = conversation()
    assert clips.of_message(question(where), 0) is None
    assert clips.of_message(clip_question(where), 1) is None


def test_each_chip_has_its_own_parts() -> None:
    first, second = clip(2, name="one.mp4"), clip(3, name="two.mp4")
    faces = [
        Chip(each.name, each.kind, each.thumbnail, len(each.parts), timeline=each.timeline) for each in (first, second)
    ]
    message = Message(Role.USER, (*first.parts, *second.parts, Text("And?")))
    found = clips.of_message(StoredMessage("q", "c", message, tuple(faces)), 1)
    assert found is not None
    assert found.name == "two.mp4"
    assert [frame.picture for frame in found.frames] == [part for part in second.parts if isinstance(part, Picture)]


def test_times_that_do_not_match_the_pictures_are_not_believed() -> None:
    made = clip(3)
    wrong = replace(made, timeline=replace(timeline(3), frame_times=(1.0,)))
    found = clips.of_attachment(Attachment("a", made.name, AttachmentState.READY, item=wrong))
    assert found is not None
    assert [frame.time_s for frame in found.frames] == [None, None, None]
    assert clips.nearest(found.frames, 1.0) is None


def test_the_cost_is_that_of_each_frame_and_about_that_of_the_words() -> None:
    found = clips.of_attachment(Attachment("a", "", AttachmentState.READY, item=clip(3)))
    assert found is not None
    pictures, texts = found.cost(TILES)
    assert pictures == 3 * picture_tokens(36, 64, TILES) == sum(frame.tokens(TILES) or 0 for frame in found.frames)
    assert 0 < texts < 60
    assert found.cost(None) == (0, texts)
    assert found.frames[0].tokens(None) is None


def test_the_nearest_frame() -> None:
    found = clips.of_attachment(Attachment("a", "", AttachmentState.READY, item=clip(4)))  # 1.25, 3.75, 6.25, 8.75
    assert found is not None
    assert [clips.nearest(found.frames, seconds) for seconds in (0.0, 2.4, 2.6, 99.0)] == [0, 0, 1, 3]


def test_a_time_means_the_last_clip_that_is_long_enough() -> None:
    where = conversation()
    long, short = clip_question(where, duration_s=600.0), clip_question(where, duration_s=10.0)
    messages = [question(where), long, short, question(where)]
    assert clips.find(messages, 5.0) == (short, 0)
    assert clips.find(messages, 300.0) == (long, 0)
    assert clips.find(messages, 700.0) is None
    assert clips.find([question(where)], 1.0) is None
