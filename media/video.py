"""Reads a clip: the frames that tell what happens in it, each with its time, and what is said between them.

Which frames those are is `media.frames`' business, and how they are decoded that of `media.clips`. Nobody reads all of
a film: where its keyframes are close, only those are decoded. A container without pictures is a recording, whatever
its name says, and goes to whoever reads those.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import av

from media.clips import Clip, open_clip
from media.errors import MediaError
from media.faces import clock, file_size, thumbnail
from media.frame_pixels import FramePainter, KeptFrame
from media.frame_sizes import sides_for
from media.frames import FrameChooser, first_telling, how_many
from media.limits import Limits
from media.probe import Probe
from media.sound import loudness, read_sound
from media.speech import Transcript, transcribe
from media.stopping import ShouldStop
from media.storyboard import counted, length, storyboard
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, MediaItem, MediaKind, Timeline

PROBES = 2  # places for each wanted frame at which keyframes are looked for
DENSE, EXACT = 1.5, 1.0  # keyframes with gaps of so many wanted steps are close enough; if a number was asked for
SHORTEST_S = 1e-3  # a stretch that is none is the frame that is shown there
MANY = 8  # frames for each wanted one, from which on only those are decoded that others depend on
LOOKING_SHARE = 0.5  # of the progress that is shown; listening takes at least as long
SEQUENTIAL_PIXELS = 100e9  # an hour of 720p: a minute or two on two cores, and too long to wait for more

NOTHING_SAID = Transcript()
Chooser = FrameChooser[av.VideoFrame, KeptFrame]
Events = Generator[ConvertProgress | MediaItem, None, None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which frames of a clip are looked at."""

    pictures_s: float  # where the last one ends
    length_s: float  # of the file
    start_s: float
    end_s: float
    count: int  # how many are wanted
    keys: tuple[float, ...] | None  # the keyframes to look up; None: all frames in a row
    has_many: bool = False
    is_coarse: bool = False  # keyframes that are too far from each other, since decoding all takes too long


@dataclass(frozen=True, slots=True)
class Heard:
    """The sound track of the stretch."""

    loudness: tuple[float, ...] = ()
    transcript: Transcript = NOTHING_SAID
    notes: tuple[str, ...] = ()


def video_events(probe: Probe, limits: Limits, should_stop: ShouldStop, options: ConvertOptions = AS_IT_IS) -> Events:
    """Convert a clip: progress, then the item.

    Raises:
        MediaError: it is damaged, too large, or ends before it was to be read from.
        Stopped: `should_stop` said so.
    """
    yield ConvertProgress(0.0, "Looking through the clip")
    with open_clip(probe, should_stop, limits) as clip:
        if clip is not None:
            plan = plan_for(clip, limits, options)
            chooser = yield from _looking(clip, plan)
    if clip is None or (clip.has_sound and not plan.pictures_s):
        yield from _recording(probe, limits, should_stop, options)
        return
    if chooser.num_seen <= len(plan.keys or ()) // 2:  # what cannot be looked up is read from the front
        plan = replace(plan, keys=None, has_many=False)
        with open_clip(probe, should_stop, limits) as clip:
            assert clip is not None, "it had pictures a moment ago"
            chooser = yield from _looking(clip, plan)
    heard = Heard()
    if clip.has_sound:
        heard = yield from _listening(probe, limits, should_stop, options, plan)
    yield _item(probe, limits, options, plan, clip, chooser, heard)


def _recording(probe: Probe, limits: Limits, should_stop: ShouldStop, options: ConvertOptions) -> Events:
    """What has no pictures, or no more than a cover."""
    from media.audio import audio_events

    yield from audio_events(replace(probe, kind=MediaKind.AUDIO), limits, should_stop, options)


def plan_for(clip: Clip, limits: Limits, options: ConvertOptions) -> Plan:
    """Look where the keyframes are, and decide by that. Nothing is decoded."""
    pictures_s, length_s = clip.measure()
    start_s = max(options.start_s, 0.0)
    end_s = pictures_s if options.end_s is None else min(options.end_s, pictures_s)
    wanted_s = max(end_s - start_s, 0.0)
    count = max(1, min(options.max_frames or how_many(wanted_s, limits.max_pictures), limits.max_pictures))
    end_s = max(end_s, start_s + SHORTEST_S)
    plan = Plan(pictures_s, length_s, start_s, end_s, count, None, wanted_s * clip.rate > MANY * count)
    if not plan.has_many:
        return plan
    step_s = wanted_s / (PROBES * count)
    probed = [start_s + (number + 1) * step_s for number in range(PROBES * count)]
    keys = tuple(key_s for key_s in clip.keyframes([start_s, *probed]) if start_s <= key_s < end_s)
    enough = DENSE if options.max_frames is None else EXACT
    if _widest_gap(keys, start_s, end_s) <= enough * wanted_s / count:
        return replace(plan, keys=keys)
    if wanted_s * clip.rate * clip.frame_pixels > SEQUENTIAL_PIXELS and len(keys) > 1:
        return replace(plan, keys=keys, is_coarse=True)
    return plan


def _widest_gap(keys: tuple[float, ...], start_s: float, end_s: float) -> float:
    edges = (start_s, *keys, end_s)
    return max(behind - before for before, behind in pairwise(edges))


def _looking(clip: Clip, plan: Plan) -> Generator[ConvertProgress, None, Chooser]:
    """Decode what is planned, and choose among it."""
    painter = FramePainter(clip.aspect)
    chooser = Chooser(plan.start_s, plan.end_s, plan.count, painter.keep)
    shown = 0.0
    for time_s, frame in _frames(clip, plan):
        chooser.see(time_s, painter.look(frame), frame)
        if chooser.fraction >= shown + 0.02:
            shown = chooser.fraction
            yield ConvertProgress(LOOKING_SHARE * shown, f"Looking at the clip, {clock(time_s)}")
    return chooser


def _frames(clip: Clip, plan: Plan) -> Iterator[tuple[float, av.VideoFrame]]:
    if plan.keys is not None:
        return clip.frames_at(plan.keys)
    return clip.frames(plan.start_s, plan.end_s, plan.has_many)


def _listening(
    probe: Probe, limits: Limits, should_stop: ShouldStop, options: ConvertOptions, plan: Plan
) -> Generator[ConvertProgress, None, Heard]:
    """Read the sound of the stretch, and write down what is said in it."""
    yield ConvertProgress(LOOKING_SHARE, "Reading the sound")
    sound = read_sound(probe, plan.start_s, options.end_s, should_stop, limits)
    listening = transcribe(sound, options, should_stop)
    while True:
        try:
            fraction = LOOKING_SHARE + (0.99 - LOOKING_SHARE) * next(listening)
        except StopIteration as end:
            transcript: Transcript = end.value
            return Heard(loudness(sound), transcript, (*sound.notes, *transcript.notes))
        yield ConvertProgress(fraction, "Writing down what is said")


def _item(
    probe: Probe, limits: Limits, options: ConvertOptions, plan: Plan, clip: Clip, chooser: Chooser, heard: Heard
) -> MediaItem:
    choices, num_repeats = chooser.chosen()
    speech, length_s = heard.transcript, plan.length_s
    if not choices or plan.start_s >= plan.length_s > 0.0:
        raise _nothing(probe, plan)
    times = tuple(each.time_s for each in choices)
    frames = [each.image.pixels(sides_for(len(choices))) for each in choices]
    end_s = length_s if options.end_s is None else min(max(options.end_s, plan.start_s), length_s)
    timeline = Timeline(
        length_s, plan.start_s, end_s, times, heard.loudness, speech.spoken, speech.recogniser, speech.language
    )
    size = "{} × {}".format(*choices[0].image.shown_size)
    how_much = counted(len(frames), "frame") + (" + transcript" if speech.spoken else "")
    parts = storyboard(probe.name, f"a clip of {length(length_s)}, {size}; {how_much}", times, frames, speech.spoken)
    face = thumbnail(frames[first_telling([each.look for each in choices])], limits.thumbnail_side)
    recogniser = (f"{speech.recogniser}: {speech.language}",) if speech.spoken else ()
    facts = (length(length_s), size, how_much, *recogniser, file_size(probe.num_bytes))
    notes = (*_notes(plan, clip, num_repeats, timeline), *heard.notes)
    return MediaItem(MediaKind.VIDEO, probe.name, parts, face, facts, notes, timeline)


def _nothing(probe: Probe, plan: Plan) -> MediaError:
    if plan.start_s >= plan.length_s > 0.0:
        message = f"{probe.name} ends at {clock(plan.length_s)}, and was to be read from {clock(plan.start_s)} on."
        return MediaError("Clip too short", message, "Choose an earlier beginning.")
    if plan.start_s > 0.0 or plan.end_s < plan.length_s:
        message = f"{probe.name} shows nothing from {clock(plan.start_s)} to {clock(plan.end_s)}."
        return MediaError("No pictures there", message, "Choose another part of it.")
    message = f"None of the frames of {probe.name} can be decoded."
    return MediaError("Damaged video", message, "Copy or download it again.")


def _notes(plan: Plan, clip: Clip, num_repeats: int, timeline: Timeline) -> Iterator[str]:
    """What a person should know of how it was read."""
    if timeline.start_s > 0.0 or timeline.end_s < timeline.duration_s:
        yield f"Only {clock(timeline.start_s)} to {clock(timeline.end_s)} of it was read."
    if clip.is_broken_off:
        yield f"It breaks off at {clock(timeline.duration_s)}: the rest cannot be read."
    elif clip.claimed_s > 1.1 * timeline.duration_s + 1.0:
        yield f"It says that it lasts {clock(clip.claimed_s)}, but it ends at {clock(timeline.duration_s)}."
    if clip.num_damaged:
        yield "Parts of it are damaged and left out."
    if plan.is_coarse:
        yield "Not all of it was looked at: that would take minutes. A shorter stretch shows more."
    if num_repeats:
        yield f"{counted(num_repeats, 'frame')} left out: nothing new to see."
    if timeline.speech:
        yield f"What is said was written down by {timeline.recogniser}."
