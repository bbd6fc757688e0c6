"""Sound out of files: the right samples at the right times, and no harm from files that lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.probe import probe
from media.sound import SPEECH_RATE, Sound, loudness, open_sound, peaks, read_sound
from media.stopping import Stopped, never_stop
from tests.recordings import CODECS, RATE, heard, noise, pcm16, silence, tone, wav_bytes, write_recording

EVERY_CONTAINER = sorted(
    suffix for suffix in CODECS if suffix in {".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg", ".opus"}
)


def stretch(path: Path, start_s: float, end_s: float | None, limits: Limits = DEFAULT_LIMITS) -> Sound:
    return read_sound(probe(path), start_s, end_s, never_stop, limits)


def bursts(rate: int) -> np.ndarray:
    """A tone in every other half second of six."""
    return np.concatenate([part for _ in range(6) for part in (silence(0.5, rate), tone(0.5, 440.0, rate))])


@pytest.mark.parametrize("suffix", EVERY_CONTAINER)
def test_every_format_has_its_sound_at_its_times(tmp_path: Path, suffix: str) -> None:
    sound = heard(write_recording(tmp_path / f"note{suffix}", bursts(48_000), 48_000))
    assert sound.rate == SPEECH_RATE
    assert sound.duration_s == pytest.approx(6.0, abs=0.1)
    assert sound.file_s == pytest.approx(sound.duration_s, abs=1e-3)
    level = np.array([np.sqrt(np.mean(sound.samples[round((s - 0.1) * RATE) : round((s + 0.1) * RATE)] ** 2))
                      for s in np.arange(0.25, 6.0, 0.5)])  # fmt: skip
    np.testing.assert_allclose(level[1::2], 0.5 / np.sqrt(2), rtol=0.1)
    assert level[::2].max() < 0.02


def test_the_sound_is_resampled_and_not_just_picked(tmp_path: Path) -> None:
    """A tone above what 16 kHz can hold must vanish, and must not come back as another one."""
    both = tone(1.0, 1000.0, 48_000, 0.4) + tone(1.0, 11_000.0, 48_000, 0.4)
    sound = heard(write_recording(tmp_path / "two.wav", both, 48_000))
    spectrum = np.abs(np.fft.rfft(sound.samples[2000:10_000])) / 4000
    assert spectrum[500] == pytest.approx(0.4, rel=0.05)
    assert np.delete(spectrum, range(480, 520)).max() < 0.01


def test_two_channels_become_one(tmp_path: Path) -> None:
    left, right = tone(1.0, 440.0), tone(1.0, 440.0, level=0.1)
    sound = heard(write_recording(tmp_path / "stereo.flac", np.stack([left, right], axis=1)))
    assert sound.samples.ndim == 1
    np.testing.assert_allclose(sound.samples, (left + right) / 2, atol=1e-3)
    assert sound.about == "16 kHz, stereo"


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".ogg", ".flac"])
def test_a_stretch_is_the_same_as_in_the_whole(tmp_path: Path, suffix: str) -> None:
    """Also far into the file, where it is sought instead of decoded; a compressed one may be a sample off."""
    path = write_recording(tmp_path / f"long{suffix}", np.convolve(noise(40.0), np.ones(8) / 8, "same").astype("f4"))
    whole, part = heard(path), stretch(path, 30.5, 32.0)
    assert part.start_s == 30.5
    assert part.duration_s == pytest.approx(1.5, abs=1e-3)
    assert part.file_s == pytest.approx(40.0, abs=0.2)
    expected = whole.samples[round(30.5 * RATE) : round(32.0 * RATE)]
    assert np.corrcoef(part.samples, expected)[0, 1] > 0.99


def test_a_stretch_behind_the_end_is_empty_and_says_how_long_the_file_is(tmp_path: Path) -> None:
    sound = stretch(write_recording(tmp_path / "a.wav", tone(2.0)), 5.0, 6.0)
    assert len(sound.samples) == 0
    assert sound.file_s == pytest.approx(2.0, abs=0.01)


def test_the_own_rate_and_both_channels_for_other_formats(tmp_path: Path) -> None:
    both = np.stack([tone(1.0, 440.0, 44_100), tone(1.0, 660.0, 44_100)], axis=1)
    path = write_recording(tmp_path / "own.flac", both, 44_100)
    sound = read_sound(probe(path), 0.0, None, never_stop, DEFAULT_LIMITS, is_own=True)
    assert (sound.rate, sound.samples.shape) == (44_100, (44_100, 2))
    np.testing.assert_allclose(sound.samples, both, atol=1e-3)


def test_blocks_need_no_memory_for_the_whole(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "long.wav", tone(60.0))
    with open_sound(probe(path), never_stop, DEFAULT_LIMITS) as track:
        assert track is not None
        blocks = list(track.blocks(0.0, 60.0, 8000, 2))
    assert max(map(len, blocks)) < 8000
    assert sum(map(len, blocks)) == 8000 * 60
    assert blocks[0].shape[1] == 2


def test_a_recording_that_begins_late_and_stops_for_a_while_keeps_its_times(tmp_path: Path) -> None:
    """As a telephone records that lost its connection, or a film whose sound sets in later."""
    path = tmp_path / "gaps.mkv"
    with av.open(path, "w") as container:
        clock = container.add_stream("pcm_s16le", rate=RATE, layout="mono")  # is there from the beginning
        stream = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        stream.disposition = av.stream.Disposition.default
        clock.disposition = av.stream.Disposition(0)
        for which, at_s in ((clock, 0.0), (stream, 1.0), (stream, 3.0)):
            samples = tone(0.5)[None] if which is stream else silence(0.5)[None]
            frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, round(at_s * RATE)
            container.mux(which.encode(frame))
        for which in (clock, stream):
            container.mux(which.encode(None))
    sound = heard(path)
    is_loud = peaks(sound.samples, 35) > 0.2
    assert sound.duration_s == pytest.approx(3.5, abs=0.01)
    assert np.flatnonzero(is_loud).tolist() == [*range(10, 15), *range(30, 35)]


def test_a_file_without_sound_has_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "mute.mkv"
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(stream.encode(None))
    assert len(heard(path).samples) == 0


# ---- loudness -------------------------------------------------------------------------------------------------------


def test_loudness_is_the_greatest_sample_of_each_step() -> None:
    samples = np.concatenate([tone(0.5, level=0.2), silence(0.5), -np.abs(tone(0.5, level=0.8))])
    levels = loudness(Sound(samples, RATE))
    assert len(levels) == 30
    np.testing.assert_allclose(levels, [0.2] * 10 + [0.0] * 10 + [0.8] * 10, atol=0.01)


@pytest.mark.parametrize("num_samples", [0, 1, 7])
def test_loudness_of_next_to_nothing(num_samples: int) -> None:
    assert len(loudness(Sound(np.ones(num_samples, np.float32), RATE))) == (num_samples > 0)


def test_loudness_of_hours_is_bounded() -> None:
    assert len(loudness(Sound(np.ones(60 * 60 * 100, np.float32), 100))) == 1200


# ---- hostile files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 10 * 3600 * RATE * 2])
def test_a_header_that_claims_more_than_there_is_gives_what_there_is(tmp_path: Path, claimed: int) -> None:
    path = tmp_path / "liar.wav"
    path.write_bytes(wav_bytes(pcm16(tone(1.0)), claimed=claimed))
    assert heard(path).file_s == pytest.approx(1.0)


def test_ten_hours_claimed_by_a_container_are_said_to_be_none(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "liar.flac", tone(1.0))
    raw = bytearray(path.read_bytes())
    num_samples = 10 * 3600 * RATE  # 36 bits behind the rate, the channels and the width of a sample
    raw[21] = raw[21] & 0xF0 | num_samples >> 32
    raw[22:26] = (num_samples & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(bytes(raw))
    sound = heard(path)
    assert sound.duration_s == pytest.approx(1.0)
    assert sound.file_s == pytest.approx(1.0)
    assert sound.notes == ("It says that it lasts 10:00:00, but it ends at 0:01.",)


@pytest.mark.parametrize("rate", [0, 1, 999, 2_000_000_000, 0xFFFFFFFF])
def test_odd_rates_are_refused(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "odd.wav"
    path.write_bytes(wav_bytes(pcm16(tone(1.0)), rate))
    with pytest.raises(MediaError):
        heard(path)


@pytest.mark.parametrize("channels", [17, 63, 65, 255])
def test_crowds_of_channels_are_refused(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "crowd.wav"
    path.write_bytes(wav_bytes(bytes(channels * 2 * 100), channels=channels))
    with pytest.raises(MediaError, match="channels; the limit is 16"):
        heard(path)


@pytest.mark.parametrize("channels", [0, 1000, 65_535])
def test_channels_that_ffmpeg_does_not_believe_are_no_sound(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "crowd.wav"
    path.write_bytes(wav_bytes(bytes(8000), channels=channels))
    assert len(heard(path).samples) == 0


@pytest.mark.parametrize("channels", [3, 6, 8, 16])
def test_several_channels_become_one(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "several.wav"
    path.write_bytes(wav_bytes(pcm16(np.repeat(tone(1.0, level=0.1), channels)), channels=channels))
    sound = heard(path)
    assert sound.duration_s == pytest.approx(1.0)
    assert np.abs(sound.samples).max() > 0.02


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_what_is_no_number_is_silence(tmp_path: Path, rate: int) -> None:
    samples = tone(1.0, rate=rate).astype("<f4")
    samples[1000], samples[3000], samples[5000], samples[7000] = np.nan, np.inf, -np.inf, 1e38
    path = tmp_path / "nan.wav"
    path.write_bytes(wav_bytes(samples.tobytes(), rate, bits=32, code=3))
    for is_own in (False, True):
        found = read_sound(probe(path), 0.0, None, never_stop, DEFAULT_LIMITS, is_own=is_own).samples
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= 1.0
        assert np.abs(found[-2000:]).max() == pytest.approx(0.5, abs=0.01)  # the rest is unharmed


def test_more_than_fits_is_read_to_there_and_said(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "long.flac", tone(5.0))
    limits = replace(DEFAULT_LIMITS, max_sound_bytes=4 * RATE * 2)
    sound = stretch(path, 0.0, None, limits)
    assert sound.duration_s == 2.0
    assert sound.file_s == pytest.approx(5.0)
    assert sound.notes == ("Read until 0:02: more does not fit. Choose a later start for the rest.",)
    assert stretch(path, 2.0, 4.0, limits).notes == ()


def test_damage_in_the_middle_is_left_out_and_said(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "scratched.m4a", tone(10.0))
    raw = bytearray(path.read_bytes())
    third = len(raw) // 3
    raw[third : third + 4000] = b"\xff" * 4000
    path.write_bytes(bytes(raw))
    sound = heard(path)
    assert sound.duration_s == pytest.approx(10.0, abs=0.1)  # what is behind it keeps its times
    assert np.abs(sound.samples[-RATE:]).max() > 0.4
    assert any("damaged" in note for note in sound.notes)


def test_a_container_that_lost_its_end_is_refused(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "cut.m4a", tone(5.0))
    path.write_bytes(path.read_bytes()[:-2000])  # where the index is
    with pytest.raises(MediaError) as caught:
        heard(path)
    assert caught.value.title == "Damaged file"


def test_a_stop_in_the_middle_of_decoding_is_heard(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "long.flac", noise(120.0))
    calls = 0

    def should_stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 40

    with pytest.raises(Stopped):
        read_sound(probe(path), 0.0, None, should_stop, DEFAULT_LIMITS)
    assert calls < 60
