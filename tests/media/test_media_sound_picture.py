"""Pictures of sound: what is drawn is what is heard, where the axes say."""

from __future__ import annotations

import numpy as np
import pytest

from media.mel import hz_to_mel, mel_rows, mel_spectrogram, mel_to_hz
from media.sound_picture import BOTTOM, LEFT, RIGHT, SIDE, TOP, sound_picture, time_words, waveform
from tests.recordings import RATE, noise, silence, tone

HEAT_TOP = TOP + round((SIDE - TOP - BOTTOM) * 0.26)


def test_the_scale_is_the_one_of_the_book() -> None:
    """1000 Hz are 1000 mel, by construction of the formula; and back."""
    assert hz_to_mel(1000.0) == pytest.approx(1000.0, abs=0.1)
    assert hz_to_mel(0.0) == 0.0
    np.testing.assert_allclose(mel_to_hz(np.array([hz_to_mel(440.0)])), [440.0])


@pytest.mark.parametrize("pitch", [120.0, 440.0, 1000.0, 3000.0, 7000.0])
@pytest.mark.parametrize("num_rows", [40, 228])
def test_a_tone_is_strongest_at_its_own_pitch(pitch: float, num_rows: int) -> None:
    decibels = mel_spectrogram(tone(2.0, pitch, level=1.0), RATE, 50, num_rows)
    row = int(decibels[:, 25].argmax())
    nearest = int(np.abs(mel_rows(num_rows, RATE) - pitch).argmin())
    assert abs(row - nearest) <= 2 + 31.25 / np.diff(mel_rows(num_rows, RATE))[nearest]  # a bin is 31 Hz wide
    assert -12.0 < decibels[row, 25] < 1.0


def test_every_row_hears_something() -> None:
    """Also the low ones, which lie closer together than the bins of the transform."""
    decibels = mel_spectrogram(noise(4.0), RATE, 100, 228).mean(axis=1)
    assert decibels.max() - decibels.min() < 6.0


def test_a_sound_is_drawn_when_it_is() -> None:
    samples = np.concatenate([silence(1.0), tone(0.5), silence(1.5)])
    strongest = mel_spectrogram(samples, RATE, 60, 40).max(axis=0) > -40.0
    assert np.flatnonzero(strongest).tolist() in (
        [*range(20, 30)],
        [*range(19, 31)],
        [*range(20, 31)],
        [*range(19, 30)],
    )


@pytest.mark.parametrize("num_samples", [0, 1, 100])
def test_next_to_nothing_is_drawn(num_samples: int) -> None:
    pixels = sound_picture(np.zeros(num_samples, np.float32), RATE)
    assert pixels.shape == (SIDE, SIDE, 3)
    assert waveform(np.zeros(num_samples, np.float32), (64, 32)).shape == (32, 64, 3)


def lightness(pixels: np.ndarray) -> np.ndarray:
    return pixels[HEAT_TOP : SIDE - BOTTOM, LEFT : SIDE - RIGHT].sum(axis=2).astype(int)


def test_the_picture_shows_the_pitch_where_its_axis_says() -> None:
    heat = lightness(sound_picture(tone(5.0, 1000.0), RATE))
    bright = int(heat[:, 100].argmax())
    share = (hz_to_mel(1000.0) - hz_to_mel(60.0)) / (hz_to_mel(8000.0) - hz_to_mel(60.0))
    assert bright / len(heat) == pytest.approx(1.0 - share, abs=0.02)


def test_silence_is_black_and_quiet_is_darker_than_loud() -> None:
    assert lightness(sound_picture(silence(5.0), RATE)).max() < 30
    loud = lightness(sound_picture(tone(5.0, level=0.5), RATE, loudest=0.5)).max()
    quiet = lightness(sound_picture(tone(5.0, level=0.01), RATE, loudest=0.5)).max()
    assert quiet < loud


def test_the_waveform_is_as_high_as_the_sound_is_loud() -> None:
    samples = np.concatenate([tone(1.0, level=0.25), tone(1.0, level=0.5)])
    blue = (waveform(samples, (100, 61)) == (34, 94, 168)).all(axis=2).sum(axis=0)
    assert blue[10:40].mean() == pytest.approx(30, abs=3)
    assert blue[60:90].mean() == pytest.approx(59, abs=3)


def test_larger_pictures_have_larger_letters() -> None:
    small, large = (sound_picture(tone(5.0), RATE, size=(side * 16 // 9, side)) for side in (336, 1080))
    ink = [(pixels[-20 * len(pixels) // 336 :].sum(axis=2) < 300).sum() for pixels in (small, large)]
    assert ink[1] > 4 * ink[0]


@pytest.mark.parametrize(
    ("seconds", "step_s", "words"),
    [(0.0, 1, "0:00"), (14.5, 0.5, "0:14.5"), (3725.0, 15, "1:02:05"), (59.9999, 1, "1:00")],
)
def test_times_on_the_axis(seconds: float, step_s: float, words: str) -> None:
    assert time_words(seconds, step_s) == words


def test_the_axis_of_an_hour_has_times() -> None:
    pixels = sound_picture(silence(3600.0, 100), 100)
    below = pixels[SIDE - BOTTOM + 5 :, :].sum(axis=2) < 300
    assert below.any(axis=0).sum() > 60  # letters of several times, side by side
