"""The picture stream of a clip: when its frames are, and frames as FFmpeg decodes them.

How a clip is read depends on where its keyframes are, which alone can be decoded without what came before. Where they
lie closer than the frames that are wanted, each is looked up and decoded by itself; else everything is decoded in a
row, without the frames that no other depends on. (Measured on a minute of 720p: looking up takes a fifth of the time
where keyframes are dense, and four times as long where they are not; OpenCV's seeking is never better.)

A file may lie about everything. Its length is where its last frame is; sizes are checked before a frame is decoded,
and FFmpeg checks each further one; damaged frames are left out, and a file that breaks off ends there.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import Any

import av
import av.container
import av.error
from av.codec.context import ThreadType
from av.stream import Discard, Disposition

from media.containers import open_container
from media.errors import MediaError
from media.limits import Limits
from media.probe import Probe
from media.stopping import ShouldStop, check_stop

logger = logging.getLogger(__name__)

MOST_THREADS = 4  # each holds frames of its own
FAR_S = 1e9  # behind the end of every clip
MOST_PACKET_S = 1.0  # a rate below one frame a second says nothing about how long the last one is shown


@contextmanager
def open_clip(probe: Probe, should_stop: ShouldStop, limits: Limits) -> Iterator[Clip | None]:
    """Open a clip, to be read within the context; None where a file has no picture stream, but a cover at most.

    Raises:
        MediaError: its frames are too large; and see `open_container`.
        Stopped: `should_stop` said so.
    """
    with open_container(probe, should_stop) as container:
        streams = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
        if not streams:
            yield None
            return
        best = container.streams.best("video")
        stream = next((each for each in streams if best is not None and each.index == best.index), streams[0])
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        yield Clip(probe, container, stream, should_stop, limits)


class Clip:
    """A picture stream. Times are seconds from the beginning of the file, as its sound counts them.

    Attributes:
        has_sound: whether there is a sound track.
        claimed_s: how long the file says that it lasts.
        num_damaged: packets that could not be decoded.
        is_broken_off: whether the file ended before it should.
    """

    def __init__(
        self,
        probe: Probe,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        should_stop: ShouldStop,
        limits: Limits,
    ) -> None:
        self._probe, self._container, self._stream, self._should_stop = probe, container, stream, should_stop
        self._refuse_odd(limits)
        context = stream.codec_context
        context.thread_type = ThreadType.AUTO
        context.thread_count = min(os.cpu_count() or 1, MOST_THREADS)
        context.options = {"max_pixels": str(limits.max_frame_pixels)}
        self._zero_s = (container.start_time or 0) / av.time_base
        self._sound = container.streams.best("audio")
        self.has_sound = self._sound is not None
        self.claimed_s = max((container.duration or 0) / av.time_base - max(self._zero_s, 0.0), 0.0)
        self.num_damaged = 0
        self.is_broken_off = False

    def _refuse_odd(self, limits: Limits) -> None:
        context, name = self._stream.codec_context, self._probe.name
        hint = "Save it as MP4 (H.264) in a film program, and try that."
        if context is None or not self._stream.time_base:
            raise MediaError("Unsupported video", f"The pictures of {name} are in a format that is not known.", hint)
        if context.width * context.height > limits.max_frame_pixels:
            size, most = f"{context.width:,} × {context.height:,}", f"{limits.max_frame_pixels / 1e6:,.6g}"
            message = f"The frames of {name} have {size} pixels; the limit is {most} megapixels."
            raise MediaError("Video too large", message, "Make it smaller in a film program, then drop that.")

    @property
    def rate(self) -> float:
        """Frames for each second, about."""
        rate = float(self._stream.average_rate or self._stream.guessed_rate or 0)
        return rate if 0.0 < rate <= 1000.0 else 25.0

    @property
    def aspect(self) -> Fraction | None:
        """Of a pixel: its width by its height."""
        return self._stream.sample_aspect_ratio

    @property
    def frame_pixels(self) -> int:
        return self._stream.codec_context.width * self._stream.codec_context.height

    def measure(self) -> tuple[float, float]:
        """How long the pictures really last, and all of the file: until the last packet has been shown or heard."""
        ends = self._ends(FAR_S)
        if self._stream.index not in ends:  # what its index promises is missing
            ends = self._ends(0.0)
        pictures_s = ends.get(self._stream.index, 0.0)
        return pictures_s, max(ends.values(), default=pictures_s)

    def _ends(self, from_s: float) -> dict[int, float]:
        """Where each stream ends that has packets behind the last keyframe before `from_s`."""
        self._seek(from_s)
        ends: dict[int, float] = {}
        streams = (self._stream,) if self._sound is None else (self._stream, self._sound)
        for stream in streams:
            stream.discard = Discard.default
        for packet in self._packets(*streams):
            time_s = self._time(packet)
            if time_s is not None:
                end_s = time_s + self._shown_s(packet)
                ends[packet.stream_index] = max(ends.get(packet.stream_index, 0.0), end_s)
        if self._sound is not None:
            self._sound.discard = Discard.all
        return ends

    def _shown_s(self, packet: av.Packet[Any]) -> float:
        """How long a packet is shown or heard. Files claim hours."""
        if packet.stream_index == self._stream.index:
            return min(1.0 / self.rate, MOST_PACKET_S)
        return min(float((packet.duration or 0) * packet.time_base), MOST_PACKET_S)

    def keyframes(self, times: Sequence[float]) -> list[float]:
        """The times of the last keyframes before each of the `times`, each once. Nothing is decoded."""
        found: list[float] = []
        for time_s in times:
            self._seek(time_s)
            key_s = next((self._time(each) for each in self._packets(self._stream) if each.is_keyframe), None)
            if key_s is not None and (not found or key_s > found[-1]):
                found.append(key_s)
        return found

    def frames_at(self, key_times: Sequence[float]) -> Iterator[tuple[float, av.VideoFrame]]:
        """The keyframes at these times, each decoded by itself."""
        for key_s in key_times:
            self._seek(key_s)
            for packet in self._packets(self._stream):
                if packet.is_keyframe:
                    frames = [*self._decoded(packet), *self._decoded(None)]
                    yield from self._timed(frames[:1])
                    break

    def frames(self, start_s: float, end_s: float, has_many: bool) -> Iterator[tuple[float, av.VideoFrame]]:
        """All in a row; where there are `has_many` more than are wanted, those that others depend on.

        The first is the one that is shown at `start_s`, which may have begun long before.
        """
        self._stream.codec_context.skip_frame = "NONREF" if has_many else "DEFAULT"
        self._seek(start_s)
        shown: av.VideoFrame | None = None
        for time_s, frame in self._in_a_row():
            if shown is not None and time_s > start_s:
                yield start_s, shown
            if time_s >= end_s:
                return
            shown = frame if time_s < start_s else None
            if time_s >= start_s:
                yield time_s, frame
        if shown is not None:
            yield start_s, shown

    def _in_a_row(self) -> Iterator[tuple[float, av.VideoFrame]]:
        for packet in self._packets(self._stream):
            yield from self._timed(self._decoded(packet))
        yield from self._timed(self._decoded(None))

    def _seek(self, time_s: float) -> None:
        """To the last keyframe before; nowhere, in a file that cannot be sought in."""
        assert self._stream.time_base, "looked at when it was opened"
        stamp = round((time_s + self._zero_s) / self._stream.time_base)
        with suppress(av.error.FFmpegError):
            self._container.seek(min(max(stamp, -(2**62)), 2**62), stream=self._stream)

    def _packets(self, *streams: av.stream.Stream) -> Iterator[av.Packet[Any]]:
        """Until the file ends or breaks off."""
        packets = self._container.demux(*streams)
        while True:
            check_stop(self._should_stop)
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.MemoryError:
                raise
            except av.error.FFmpegError:
                logger.info("A clip breaks off.", exc_info=True)
                self.is_broken_off = True
                return
            if packet.size:
                yield packet

    def _decoded(self, packet: av.Packet[av.VideoStream] | None) -> list[av.VideoFrame]:
        """What comes out for a packet; None asks for what is left."""
        try:
            return self._stream.decode(packet)
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            self.num_damaged += packet is not None
            return []

    def _timed(self, frames: Sequence[av.VideoFrame]) -> Iterator[tuple[float, av.VideoFrame]]:
        check_stop(self._should_stop)
        for frame in frames:
            time_s = self._time(frame)
            if time_s is not None:
                yield max(time_s, 0.0), frame

    def _time(self, thing: av.VideoFrame | av.Packet[Any]) -> float | None:
        stamp = thing.dts if thing.pts is None else thing.pts
        unit = thing.time_base or self._stream.time_base  # the last frames that a decoder gives have lost theirs
        return None if stamp is None or not unit else float(stamp * unit) - self._zero_s
