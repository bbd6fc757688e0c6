"""The sound of a file in another format, as a picture, and in words."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from media.conversions.peaks import Peaks
from media.errors import MediaError
from media.probe import probe
from media.types import Spoken
from tests.clips import drawn, write_clip
from tests.making import convert_to, correlation, samples_of
from tests.recordings import RATE, SENTENCES, melody, needs_flite, spoken, tone, wav_bytes, word_errors, write_recording


def packets(path: Path) -> list[bytes]:
    """What the encoder wrote, whichever file it is in."""
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize(
    ("clip", "track"),
    [("a.mp4", "b.m4a"), ("a.webm", "b.opus"), ("a.webm", "b.ogg"), ("a.mkv", "b.m4a"), ("a.avi", "b.mp3")],
)
def test_sound_that_the_format_can_hold_is_copied(tmp_path: Path, clip: str, track: str) -> None:
    write_clip(tmp_path / clip, [drawn(number) for number in range(20)], sound=melody(2.0))
    made = convert_to(tmp_path / track, tmp_path / clip)
    assert made.by == "Taken out by Altiplano as it was"
    assert packets(tmp_path / track) == packets(tmp_path / clip)
    assert made.facts[0] == "0:02"


@pytest.mark.parametrize("track", ["b.wav", "b.flac", "b.mp3", "b.opus", "b.ogg", "b.m4a"])
def test_the_track_of_a_clip_in_any_format(tmp_path: Path, track: str) -> None:
    write_clip(tmp_path / "a.avi", [drawn(number) for number in range(20)], sound=melody(2.0))
    convert_to(tmp_path / track, tmp_path / "a.avi")
    found, rate = samples_of(tmp_path / track)
    at_rate = np.interp(np.arange(0, len(found) / rate, 1 / RATE), np.arange(len(found)) / rate, found)
    assert correlation(at_rate.astype(np.float32), melody(2.0)) > 0.95


def test_what_has_no_loss_loses_nothing(tmp_path: Path) -> None:
    original = (melody(1.0) * 32767).astype("<i2")
    (tmp_path / "a.wav").write_bytes(wav_bytes(original.tobytes()))
    convert_to(tmp_path / "b.flac", tmp_path / "a.wav")
    convert_to(tmp_path / "c.wav", tmp_path / "b.flac")
    with av.open(str(tmp_path / "c.wav")) as container:
        back = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
    np.testing.assert_array_equal(back, original)


@pytest.mark.parametrize("suffix", [".flac", ".wav"])
def test_more_than_sixteen_bits_stay_more(tmp_path: Path, suffix: str) -> None:
    quiet = np.round(melody(1.0) * 200 * 256).astype("<i4")  # in 24 bits; in 16 only 400 steps would be left
    data = b"".join(int(each).to_bytes(3, "little", signed=True) for each in quiet)
    (tmp_path / "a.wav").write_bytes(wav_bytes(data, bits=24))
    convert_to(tmp_path / f"b{suffix}", tmp_path / "a.wav")
    found, _ = samples_of(tmp_path / f"b{suffix}")
    assert np.abs(found - quiet / 2**23).max() < 1.5 / 2**23


def test_stereo_stays_stereo_and_keeps_its_rate(tmp_path: Path) -> None:
    both = np.stack([tone(1.0, 440, 44_100), tone(1.0, 880, 44_100)], axis=1)
    write_recording(tmp_path / "a.wav", both, 44_100)
    convert_to(tmp_path / "b.flac", tmp_path / "a.wav")
    with av.open(str(tmp_path / "b.flac")) as container:
        stream = container.streams.audio[0]
        assert (stream.rate, stream.channels) == (44_100, 2)


def test_a_clip_without_sound_is_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", [drawn(number) for number in range(5)])
    for name in ("b.mp3", "b.srt"):
        with pytest.raises(MediaError, match=r"no sound track|No words were recognised"):
            convert_to(tmp_path / name, tmp_path / "a.mp4")


def test_a_recording_becomes_a_picture(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", np.concatenate([tone(1.0, 300), tone(1.0, 3000)]))
    convert_to(tmp_path / "b.png", tmp_path / "a.wav")
    picture = np.array(Image.open(tmp_path / "b.png"))
    assert picture.shape == (640, 1600, 3)
    left, right = picture[:, : picture.shape[1] // 2], picture[:, picture.shape[1] // 2 :]
    assert np.abs(left.astype(float).mean((1, 2)) - right.astype(float).mean((1, 2))).max() > 20, "two pitches"


def test_a_longer_recording_has_a_row_for_each_minute(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", np.concatenate([tone(70.0, 300), tone(70.0, 300, level=0.05)]))
    convert_to(tmp_path / "b.png", tmp_path / "a.wav")
    picture = np.array(Image.open(tmp_path / "b.png"))
    assert picture.shape == (3 * 640 + 2 * 24, 1600, 3)
    first, _, last = (picture[y + 20 : y + 160, 200:1500].astype(float) for y in (0, 664, 1328))
    assert first.mean() < last.mean() - 20, "quiet looks quiet beside loud"


def test_a_container_without_pictures_is_a_recording(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.mkv", melody(1.0), codec="flac")
    assert probe(tmp_path / "a.mkv").kind.value == "video"
    assert convert_to(tmp_path / "b.png", tmp_path / "a.mkv").by == "Drawn by Altiplano"


@needs_flite
def test_what_is_said_is_written_down(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", spoken(SENTENCES[0], tmp_path))
    made = convert_to(tmp_path / "a.txt", tmp_path / "a.wav")
    assert made.by == "Written down by pocketsphinx"
    assert word_errors(SENTENCES[0], (tmp_path / "a.txt").read_text()) <= 1


def test_the_voice_in_the_box_is_understood_by_the_recogniser_in_the_box(tmp_path: Path) -> None:
    said = ". ".join(SENTENCES)
    convert_to(tmp_path / "said.mp3", said)
    convert_to(tmp_path / "heard.txt", tmp_path / "said.mp3")
    written = (tmp_path / "heard.txt").read_text()
    assert word_errors(" ".join(SENTENCES), written) <= 0.3 * len(said.split())


@needs_flite
def test_text_spoken_by_flite_comes_back_as_text(tmp_path: Path) -> None:
    """The way text, sound, text through the recogniser in the box, with a voice that it understands."""
    errors = 0
    for number, sentence in enumerate(SENTENCES):
        write_recording(tmp_path / f"{number}.flac", spoken(sentence, tmp_path))
        convert_to(tmp_path / f"{number}.txt", tmp_path / f"{number}.flac")
        errors += word_errors(sentence, (tmp_path / f"{number}.txt").read_text())
    assert errors / sum(len(sentence.split()) for sentence in SENTENCES) < 0.2


@needs_flite
@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".md"])
def test_what_is_said_keeps_its_times(tmp_path: Path, suffix: str) -> None:
    pause = np.random.default_rng(0).normal(0, 0.001, 3 * RATE).astype(np.float32)
    write_recording(tmp_path / "a.wav", np.concatenate([pause, spoken(SENTENCES[4], tmp_path)]))
    convert_to(tmp_path / f"a{suffix}", tmp_path / "a.wav")
    text = (tmp_path / f"a{suffix}").read_text()
    begin = {".srt": "00:00:0", ".vtt": "00:00:0", ".md": "**0:0"}[suffix]
    assert any(f"{begin}{second}" in text for second in (2, 3))
    assert "play the next song" in text


def test_who_has_listened_already_is_believed(tmp_path: Path) -> None:
    from media.conversions.make import make
    from media.conversions.orders import Made, Order

    clip = write_clip(tmp_path / "a.mp4", [drawn(number) for number in range(20)], sound=tone(2.0))
    heard = (Spoken(0.5, 1.5, "hello there"),)
    order = Order(tmp_path / "a.md", clip, words="A clip of numbers.", heard=heard, heard_by="somebody")
    *_, made = make(order, tmp_path)
    assert isinstance(made, Made)
    assert made.by == "Described by the model, written down by somebody"
    assert (tmp_path / "a.md").read_text() == (
        "# a.mp4\n\nA clip of numbers.\n\n## What is said\n\n**0:00** hello there\n"
    )


def test_silence_is_said_to_be_silence(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", tone(2.0, level=0.0))
    with pytest.raises(MediaError, match=r"No words were recognised in a\.wav"):
        convert_to(tmp_path / "a.txt", tmp_path / "a.wav")


def test_words_about_a_picture_are_written_and_spoken(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "red").save(tmp_path / "red.png")
    made = convert_to(tmp_path / "a.txt", tmp_path / "red.png", "A red box.")
    assert (made.by, (tmp_path / "a.txt").read_text()) == ("Described by the model", "A red box.\n")
    made = convert_to(tmp_path / "a.ogg", tmp_path / "red.png", "A red box.")
    assert made.by == "Described by the model, spoken by espeak-ng"
    for name in ("a.txt", "a.mp3"):
        with pytest.raises(MediaError, match=r"red\.png holds no text"):
            convert_to(tmp_path / name, tmp_path / "red.png")


def test_loudness_is_the_same_however_it_comes() -> None:
    sound = (np.sin(np.arange(100_000) / 50) * np.linspace(0, 1, 100_000)).astype(np.float32)[None]
    whole, pieces = Peaks(1000, 64), Peaks(1000, 64)
    whole.add(sound)
    for begin in range(0, 100_000, 777):
        pieces.add(sound[:, begin : begin + 777])
    assert whole.values() == pieces.values()
    assert 64 <= len(whole.values()) <= 128
    assert whole.values()[0] < 0.1 < 0.9 < whole.values()[-1]
    assert whole.seconds == 100.0


# ---- text to pictures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".svg"])
def test_a_text_becomes_pictures_one_for_each_page(tmp_path: Path, suffix: str) -> None:
    made = convert_to(
        tmp_path / f"page{suffix}", "# Title\n\n" + "A paragraph of some words. " * 30 + "\n\n" + "x\n\n" * 80
    )
    assert made.names[:2] == (f"page{suffix}", f"page-2{suffix}")
    assert made.facts[1] == f"{len(made.names)} pages"
    if suffix == ".svg":
        assert (tmp_path / made.names[1]).read_text().startswith("<svg")
    else:
        assert np.array(Image.open(tmp_path / made.names[1])).min() < 100


@pytest.mark.filterwarnings("ignore:path is deprecated:DeprecationWarning")  # ziafont's, about importlib
def test_a_formula_becomes_its_drawing(tmp_path: Path) -> None:
    made = convert_to(tmp_path / "a.png", "$$\\frac{a}{b}$$")
    assert made.names == ("a.png",)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.height < 1200
    with pytest.raises(MediaError, match="is wrong"):
        convert_to(tmp_path / "b.png", "$$\\frac{a}{$$")


def test_only_a_text_can_be_drawn_in_lines(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.wav", tone(1.0))
    with pytest.raises(MediaError, match="can be an SVG"):
        convert_to(tmp_path / "a.svg", tmp_path / "a.wav")
