"""The sound of a clip or a recording, in another format.

Where the format can hold the sound as it is coded already, its packets are copied, and nothing is lost. Otherwise it is
decoded and coded again at its own rate, block by block; what has more than two channels becomes stereo.
"""

from __future__ import annotations

from collections.abc import Generator

import av
from av.audio.stream import AudioStream

from media.containers import open_container
from media.conversions.jobs import Job, MakeEvent
from media.conversions.orders import Made
from media.conversions.peaks import Peaks
from media.conversions.sound_writer import FORMATS, SoundWriter
from media.errors import MediaError
from media.faces import clock, file_size
from media.sound import open_sound
from media.types import ConvertProgress

COPIED = {
    ".m4a": frozenset({"aac", "alac"}),
    ".mp3": frozenset({"mp3", "mp3float"}),  # its decoder's name
    ".opus": frozenset({"opus"}),
    ".ogg": frozenset({"vorbis", "opus"}),
    ".flac": frozenset({"flac"}),
}
DEEP_FORMATS = frozenset({"s32", "s32p", "flt", "fltp", "dbl", "dblp"})  # more than 16 bits a sample...
LOSSLESS = ("pcm_", "flac", "alac")  # ...where the source has them, and not only its decoder
FOREVER_S = 1e9
TOLD_EVERY_S = 5.0  # seconds of sound


def write_track(job: Job) -> Generator[MakeEvent, None, None]:
    """Write the sound of the source.

    Raises:
        MediaError: it has none that can be read.
        Stopped: somebody said so.
    """
    yield ConvertProgress(0.0, "Reading the sound")
    codec, is_deep = _codec(job)
    by, notes = "", list[str]()
    if codec in COPIED.get(job.order.suffix, frozenset()):
        _copy(job)
        by = "taken out by Altiplano as it was"
    else:
        notes += yield from _code_again(job, is_deep)
    peaks = yield from _peaks_of(job)
    facts = (clock(peaks.seconds), file_size(job.path.stat().st_size))
    face = peaks.face(job.limits.thumbnail_side)
    yield Made((job.path.name,), job.by(by), face, facts, tuple(notes))


def _codec(job: Job) -> tuple[str, bool]:
    """How the sound is coded, and whether it has more than 16 bits."""
    if not job.has_container:
        raise MediaError("No sound", f"{job.name} is an animated picture, without sound.", "Choose another file.")
    with open_container(job.source, job.should_stop) as container:
        stream = container.streams.best("audio")
        if not isinstance(stream, AudioStream):
            raise MediaError("No sound", f"{job.name} has no sound track.", "Choose another file.")
        name = stream.codec_context.name
        is_deep = name.startswith(LOSSLESS) and stream.codec_context.format.name in DEEP_FORMATS
        return name, is_deep


def _copy(job: Job) -> None:
    """Packet by packet."""
    with open_container(job.source, job.should_stop) as source:
        stream = source.streams.best("audio")
        assert isinstance(stream, AudioStream), "it was there a moment ago"
        with av.open(str(job.path), "w", format=FORMATS[job.order.suffix].muxer) as target:
            copied = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                job.check()
                if packet.size and packet.dts is not None:
                    packet.stream = copied
                    target.mux(packet)


def _code_again(job: Job, is_deep: bool) -> Generator[MakeEvent, None, list[str]]:
    with open_sound(job.source, job.should_stop, job.limits) as track:
        assert track is not None, "it was there a moment ago"
        channels = min(track.channels, 2)
        with SoundWriter(job.path, track.rate, channels, is_deep=is_deep) as writer:
            told_s = 0.0
            for block in track.blocks(0.0, FOREVER_S, track.rate, channels):
                writer.track.write(block.T)
                if writer.track.seconds > told_s + TOLD_EVERY_S:
                    told_s = writer.track.seconds
                    yield ConvertProgress(0.8 * min(told_s / max(track.claimed_s, 1e-6), 1.0), "Writing the sound")
            if not writer.track.seconds:
                raise MediaError("No sound", f"{job.name} has a sound track without sound.", "Choose another file.")
        notes = ["Parts of its sound are damaged and left out."] if track.num_damaged else []
        return [*notes, f"Its {track.channels} channels became stereo."] if track.channels > 2 else notes


def _peaks_of(job: Job) -> Generator[MakeEvent, None, Peaks]:
    """Of what was written, for its picture."""
    from media.probe import probe

    yield ConvertProgress(0.8, "Looking at what was written")
    with open_sound(probe(job.path), job.should_stop, job.limits) as track:
        assert track is not None, "it was written a moment ago"
        peaks = Peaks(track.rate)
        for block in track.blocks(0.0, FOREVER_S, track.rate, 1):
            peaks.add(block.T)
    return peaks
