"""Reads the sound of a recording or a clip: numbers between -1 and 1, at the rate that somebody needs.

`read_sound` gives what recognisers of speech and pictures of sound are made from: one channel at 16 kHz. For other
formats out, `open_sound` gives the file's own rate and its first two channels, block by block, so that an hour in
stereo need not be in memory. FFmpeg's resampler does the arithmetic in both.

A sample stands where the file's clock puts it: silence fills what a film begins with or a recorder dropped. What a
header claims is never believed for an allocation, and what cannot be decoded on the way is left out, as players do;
`Sound.notes` says so.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import av
import av.container
import av.error
import numpy as np
import numpy.typing as npt

from media.containers import open_container
from media.errors import MediaError
from media.faces import clock
from media.limits import Limits
from media.probe import Probe
from media.stopping import ShouldStop, check_stop
from media.types import MediaKind

FloatArray = npt.NDArray[np.float32]

SPEECH_RATE = 16_000  # what recognisers were trained with
GAP_S = 0.1  # a clock that is off by less is rounded, not off
LONGEST_GAP_S = 120.0  # of silence; a longer one is a broken clock
SEEK_FROM_S = 10.0  # decoding so much takes less time than finding the place
MIXING = {"rematrix_maxval": "1.0"}  # channels that say the same are as loud in one: FFmpeg would add 3 dB, and clip
STEP = 0.05  # of the work, between two signs of life
LOUDNESS_STEP_S = 0.05  # finer than a timeline shows
MOST_LOUDNESS = 1200


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A stretch of sound in memory."""

    samples: FloatArray  # [frames] of one channel, or [frames, 2]
    rate: int  # frames for each second
    start_s: float = 0.0  # where the first one stands in the file
    file_s: float = 0.0  # how long the whole file lasts, as far as that is known
    about: str = ""  # short, for people: "44.1 kHz, stereo"
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s


def read_sound(
    probe: Probe, start_s: float, end_s: float | None, should_stop: ShouldStop, limits: Limits, *, is_own: bool = False
) -> Sound:
    """The sound of a file, or of a stretch of it; without samples where the file has none.

    Args:
        is_own: the file's own rate, and two channels where it has them, instead of one at 16 kHz.

    Raises:
        MediaError: it cannot be decoded.
        Stopped: `should_stop` said so.
    """
    steps = reading_sound(probe, start_s, end_s, should_stop, limits, is_own=is_own)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            sound: Sound = end.value
            return sound


def reading_sound(
    probe: Probe, start_s: float, end_s: float | None, should_stop: ShouldStop, limits: Limits, *, is_own: bool = False
) -> Generator[float, None, Sound]:
    """`read_sound`, which says on the way how much of it is done: 0 to 1."""
    with open_sound(probe, should_stop, limits) as track:
        if track is None:
            return Sound(np.zeros(0, np.float32), SPEECH_RATE)
        rate, channels = (track.rate, min(track.channels, 2)) if is_own else (SPEECH_RATE, 1)
        most = limits.max_sound_bytes // (4 * channels)
        last_s = start_s + most / rate
        until_s = min(last_s if end_s is None else end_s, last_s)
        kept = _Growing()
        shown = 0.0
        for block in track.blocks(start_s, until_s, rate, channels):
            kept.add(block.reshape(-1))
            fraction = len(kept) / max(channels * rate * (min(until_s, track.claimed_s) - start_s), 1.0)
            if shown + STEP <= fraction <= 1.0:
                shown = fraction
                yield fraction
        frames = kept.all() if channels == 1 else kept.all().reshape(-1, channels)
        sound = Sound(frames, rate, start_s, 0.0, track.about)
        is_cut = (end_s is None or end_s > until_s) and sound.end_s > until_s - GAP_S
        return _told(sound, track, is_cut)


def _told(sound: Sound, track: Track, is_cut: bool) -> Sound:
    """With the length of the whole file, and what a person should know of it."""
    notes: list[str] = []
    is_known = track.is_at_end and track.end_s > 0.0
    file_s = track.end_s if is_known else max(track.claimed_s, sound.end_s if len(sound.samples) else 0.0)
    is_alone = track.kind is MediaKind.AUDIO  # the pictures of a clip may go on behind its sound
    if is_alone and is_known and track.claimed_s > 1.1 * file_s + 1.0:
        notes.append(f"It says that it lasts {clock(track.claimed_s)}, but it ends at {clock(file_s)}.")
    if is_cut and not track.is_at_end:
        notes.append(f"Read until {clock(sound.end_s)}: more does not fit. Choose a later start for the rest.")
    if track.num_damaged:
        notes.append("Parts of its sound are damaged and left out.")
    return Sound(sound.samples, sound.rate, sound.start_s, file_s, sound.about, tuple(notes))


@contextmanager
def open_sound(probe: Probe, should_stop: ShouldStop, limits: Limits) -> Iterator[Track | None]:
    """The sound track of a file, to be read within the context; None where it has none."""
    with open_container(probe, should_stop) as container:
        stream = container.streams.best("audio")
        if stream is None:
            yield None
            return
        assert isinstance(stream, av.AudioStream), "that was asked for"
        for other in container.streams:
            if other.index != stream.index:
                other.discard = av.stream.Discard.all  # pictures need not be looked for on the disk
        yield Track(probe, container, stream, should_stop, limits)


class Track:
    """A sound track, to be read once.

    Attributes:
        rate: the file's own.
        channels: how many it has.
        claimed_s: how long the file says that it lasts; 0 where it says nothing.
        kind: of the file.
        is_at_end: whether reading went to the end of the file.
        end_s: how far reading went.
        num_damaged: packets that could not be decoded.
    """

    def __init__(
        self,
        probe: Probe,
        container: av.container.InputContainer,
        stream: av.AudioStream,
        should_stop: ShouldStop,
        limits: Limits,
    ) -> None:
        self._probe, self._container, self._stream, self._should_stop = probe, container, stream, should_stop
        self.rate, self.channels = stream.codec_context.sample_rate, stream.codec_context.channels
        self._refuse_odd(limits)
        self._zero_s = (container.start_time or 0) / av.time_base
        self.claimed_s = max(container.duration or 0, 0) / av.time_base
        self.kind = probe.kind
        self.is_at_end = False
        self.end_s = 0.0
        self.num_damaged = 0
        self._has_decoded = False
        self._origin_s = 0.0

    def _refuse_odd(self, limits: Limits) -> None:
        hint = "Save it as WAV or FLAC with one or two channels at 44.1 kHz, and try that."
        if not limits.min_sample_rate <= self.rate <= limits.max_sample_rate:
            raise MediaError("Unsupported sound", f"{self._probe.name} has {self.rate:,} samples a second.", hint)
        if not 1 <= self.channels <= limits.max_channels:
            message = f"{self._probe.name} has {self.channels} channels; the limit is {limits.max_channels}."
            raise MediaError("Unsupported sound", message, hint)

    @property
    def about(self) -> str:
        """The rate and the channels, for people."""
        names = {1: "mono", 2: "stereo"}
        return f"{self.rate / 1000:.4g} kHz, {names.get(self.channels, f'{self.channels} channels')}"

    def blocks(self, start_s: float, end_s: float, rate: int, channels: int) -> Iterator[FloatArray]:
        """The stretch from `start_s` to `end_s`, as arrays [frames, channels] (1 or 2) of a short time each.

        Raises:
            MediaError: nothing of it can be decoded.
            Stopped: somebody wants to stop.
        """
        first, last = round(start_s * rate), round(end_s * rate)
        at: int | None = None
        for block in self._pieces(start_s, rate, channels):
            begin = round(self._origin_s * rate) if at is None else at
            at = begin + len(block)
            inside = block[max(first - begin, 0) : max(last - begin, 0)]
            if len(inside):
                yield inside
            if at >= last:
                return

    def _pieces(self, start_s: float, rate: int, channels: int) -> Iterator[FloatArray]:
        """Blocks one behind the other from `_origin_s` on, with silence where the file's clock jumps."""
        resampler = _Resampler(rate, channels)
        clock_s: float | None = None  # where the next frame should stand
        for frame in self._frames(start_s):
            frame_s = clock_s if frame.time is None else frame.time - self._zero_s
            if clock_s is None:
                clock_s = self._origin_s = min(frame_s or 0.0, start_s)
            if frame_s is not None and GAP_S < frame_s - clock_s <= LONGEST_GAP_S:
                yield from resampler.rest()
                yield np.zeros((round((frame_s - clock_s) * rate), channels), np.float32)
                clock_s = frame_s
            clock_s += frame.samples / max(frame.sample_rate, 1)
            self.end_s = clock_s
            yield from resampler.blocks(frame)
        yield from resampler.rest()

    def _frames(self, start_s: float) -> Iterator[av.AudioFrame]:
        """Decoded, from a little before `start_s` to the end of the file."""
        if start_s > SEEK_FROM_S:
            with suppress(av.error.FFmpegError):  # it has no index: read from its beginning
                self._container.seek(round((start_s - 1.0 + self._zero_s) * av.time_base))
        for packet in self._packets():
            check_stop(self._should_stop)
            try:
                frames = packet.decode()
            except (av.error.MemoryError, av.error.EOFError):
                raise
            except av.error.FFmpegError:
                self.num_damaged += 1
                continue
            self._has_decoded |= bool(frames)
            yield from frames
        check_stop(self._should_stop)
        if self.num_damaged and not self._has_decoded:
            message = f"Nothing of the sound of {self._probe.name} can be decoded."
            raise MediaError("Damaged recording", message, "Copy or download it again.")
        self.is_at_end = True

    def _packets(self) -> Iterator[av.Packet[av.AudioStream]]:
        """Until the file ends or breaks off."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError:
                if not self._has_decoded:
                    raise
                self.num_damaged += 1
                return
            yield packet


class _Resampler:
    """FFmpeg's, which takes frames of one form: a new one for each form that a file has."""

    def __init__(self, rate: int, channels: int) -> None:
        self._rate, self._layout = rate, ("mono", "stereo")[channels - 1]
        self._form: tuple[str, str, int] | None = None
        self._inner = self._new()

    def _new(self) -> av.AudioResampler:
        return av.AudioResampler("fltp", self._layout, self._rate, options=MIXING)

    def blocks(self, frame: av.AudioFrame) -> Iterator[FloatArray]:
        form = frame.format.name, frame.layout.name, frame.sample_rate
        if self._form not in (None, form):
            yield from self.rest()
        self._form = form
        frame.pts = None  # places are counted here
        yield from map(_sane, self._inner.resample(frame))

    def rest(self) -> Iterator[FloatArray]:
        """What it still holds. It begins anew behind that."""
        if self._form is not None:
            yield from map(_sane, self._inner.resample(None))
        self._inner, self._form = self._new(), None


def _sane(frame: av.AudioFrame) -> FloatArray:
    """[frames, channels], numbers between -1 and 1: files of floats hold infinities, and things that are no number."""
    samples: FloatArray = np.nan_to_num(frame.to_ndarray().T, nan=0.0, posinf=1.0, neginf=-1.0)
    return samples.clip(-1.0, 1.0)


class _Growing:
    """Numbers in one piece of memory, which grows where it is."""

    def __init__(self) -> None:
        self._room = np.empty(2**20, np.float32)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, numbers: FloatArray) -> None:
        end = self._length + len(numbers)
        if end > len(self._room):
            self._room.resize(end * 5 // 4, refcheck=False)
        self._room[self._length : end] = numbers
        self._length = end

    def all(self) -> FloatArray:
        """To be called once, at the end."""
        self._room.resize(self._length, refcheck=False)
        return self._room


def loudness(sound: Sound) -> tuple[float, ...]:
    """The greatest sample of each step in time, 0 to 1: what a timeline draws. Empty where there is no sound."""
    num_steps = min(MOST_LOUDNESS, int(np.ceil(sound.duration_s / LOUDNESS_STEP_S)))
    return tuple(round(float(peak), 3) for peak in peaks(sound.samples, num_steps))


def peaks(samples: FloatArray, num_steps: int) -> FloatArray:
    """The greatest absolute value of each of `num_steps` equal stretches of one channel."""
    if not len(samples) or not num_steps:
        return np.zeros(0, np.float32)
    edges = np.linspace(0, len(samples), num_steps, endpoint=False).astype(np.int64)
    return np.maximum(np.maximum.reduceat(samples, edges), -np.minimum.reduceat(samples, edges))
