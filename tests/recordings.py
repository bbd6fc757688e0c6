"""Recordings made on the spot: tones, noise, speech by flite's voices, in any container that PyAV writes.

flite is a small synthesiser of Debian's. Its voices are the ones that the recogniser in the box understands; tests that
need them are skipped, and say so, where it is not installed.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from media.limits import DEFAULT_LIMITS
from media.probe import Probe
from media.signatures import HEAD_BYTES, recognise
from media.sound import Sound, read_sound
from media.stopping import never_stop
from media.types import MediaKind

Samples = npt.NDArray[np.float32]

RATE = 16_000
SENTENCES = (
    "the quick brown fox jumps over the lazy dog",
    "please describe the picture and count the people",
    "what is the capital city of france",
    "open the file and read the first page to me",
    "turn the volume down and play the next song",
)
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed (apt-get install flite)")

CODECS = {
    ".wav": "pcm_s16le", ".flac": "flac", ".mp3": "libmp3lame", ".m4a": "aac", ".aac": "aac", ".ogg": "libopus",
    ".opus": "libopus", ".mka": "libopus", ".webm": "libopus", ".mp4": "aac", ".mkv": "aac", ".mov": "aac",
    ".avi": "mp3",
}  # fmt: skip


def tone(seconds: float, pitch: float = 440.0, rate: int = RATE, level: float = 0.5) -> Samples:
    times = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * pitch * times)).astype(np.float32)


def noise(seconds: float, level: float = 0.1, rate: int = RATE, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).normal(0.0, level, round(seconds * rate)).astype(np.float32)


def silence(seconds: float, rate: int = RATE) -> Samples:
    return np.zeros(round(seconds * rate), np.float32)


def melody(seconds: float) -> Samples:
    """Plucked strings with overtones, two notes and a half each second."""
    times, played = np.arange(RATE) / RATE, np.zeros(round(seconds * RATE) + RATE)
    for number in range(int(seconds * 2.5)):
        pitch, begin = (262, 330, 392, 523, 440, 349)[number % 6], number * RATE * 2 // 5
        pluck = sum(np.sin(2 * np.pi * pitch * step * times) / step for step in range(1, 6)) * np.exp(-4 * times)
        played[begin : begin + RATE] += pluck
    return (0.5 * played[: round(seconds * RATE)] / np.abs(played).max()).astype(np.float32)


def write_recording(path: Path, samples: Samples, rate: int = RATE, codec: str = "") -> Path:
    """One channel, or [frames, 2], in the format that the name's ending says."""
    stereo = samples if samples.ndim == 2 else samples[:, None]
    layout = "stereo" if stereo.shape[1] == 2 else "mono"
    with av.open(path, "w") as container:
        stream = container.add_stream(codec or CODECS[path.suffix], rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(stereo.T), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        context = stream.codec_context
        form = {"format": context.format, "layout": layout, "rate": rate, "frame_size": context.frame_size or 1024}
        resampler = av.AudioResampler(**form)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            container.mux(stream.encode(piece))
    return path


def wav_bytes(
    data: bytes, rate: int = RATE, channels: int = 1, bits: int = 16, *, code: int = 1, claimed: int | None = None
) -> bytes:
    """A WAV file by hand, so that its header can lie. `code` 3 is for floats."""
    width = channels * bits // 8
    length = len(data) if claimed is None else claimed
    head = struct.pack("<HHIIHH", code, channels, rate, rate * width & 0xFFFFFFFF, width & 0xFFFF, bits)
    riff = min(36 + length, 0xFFFFFFFF)
    return b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt \x10\0\0\0" + head + b"data" + struct.pack("<I", length) + data


def pcm16(samples: Samples) -> bytes:
    return (samples * 32767).astype("<i2").tobytes()


def spoken(text: str, folder: Path, voice: str = "slt") -> Samples:
    """What flite says."""
    path = folder / f"{voice}.wav"
    subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], check=True)
    samples = heard(path).samples
    path.unlink()
    return samples


def heard(path: Path) -> Sound:
    """A file as recognisers hear it."""
    return read_sound(probed(path), 0.0, None, never_stop, DEFAULT_LIMITS)


def probed(path: Path) -> Probe:
    """A container by its content, also where it is a clip's."""
    found = recognise(path.read_bytes()[:HEAD_BYTES])
    assert found is not None
    return Probe(path, MediaKind.AUDIO, found.name, path.stat().st_size)


def word_errors(said: str, written: str) -> int:
    """Words that are wrong, missing or too many (Levenshtein's distance of words)."""
    expected, found = said.split(), written.split()
    row = list(range(len(found) + 1))
    for number, word in enumerate(expected, 1):
        above, row = row, [number]
        for place, other in enumerate(found, 1):
            row.append(min(above[place - 1] + (word != other), above[place] + 1, row[-1] + 1))
    return row[-1]
