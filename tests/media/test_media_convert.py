"""The generator from file to item: its events, how it stops, and that nothing but a `MediaError` ever comes out."""

from __future__ import annotations

import logging
import pickle
import random
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from media import convert as convert_module
from media.convert import convert
from media.errors import MediaError
from media.limits import Limits
from media.probe import Probe
from media.stopping import ShouldStop
from media.types import ConvertProgress, MediaItem
from tests.picture_files import encoded, gradient

NUM_MUTATIONS = 300  # of each format


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(encoded(gradient(), "PNG"))
    return path


def test_progress_first_and_one_item_last(photo: Path) -> None:
    *progress, item = convert(photo)
    assert isinstance(item, MediaItem)
    assert all(isinstance(event, ConvertProgress) for event in progress)
    fractions = [event.fraction for event in progress if isinstance(event, ConvertProgress)]
    assert fractions
    assert fractions == sorted(fractions)
    assert 0.0 <= fractions[0] <= fractions[-1] < 1.0


def test_an_item_can_move_to_another_process(photo: Path) -> None:
    *_, item = convert(photo)
    assert isinstance(item, MediaItem)
    copy = pickle.loads(pickle.dumps(item))
    assert (copy.name, copy.facts) == (item.name, item.facts)
    np.testing.assert_array_equal(copy.parts[0].pixels, item.parts[0].pixels)


def stop_at(call: int) -> tuple[Callable[[], bool], list[None]]:
    """A stop check that says yes from its n-th call on, and the calls it got."""
    calls: list[None] = []

    def should_stop() -> bool:
        calls.append(None)
        return len(calls) >= call

    return should_stop, calls


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_a_stop_at_any_moment_ends_without_an_item(tmp_path: Path, file_format: str) -> None:
    path = tmp_path / "photo"
    path.write_bytes(encoded(gradient(300, 200), file_format))
    never, all_calls = stop_at(10**9)
    list(convert(path, should_stop=never))
    assert len(all_calls) >= 4
    for call in range(1, len(all_calls) + 1):
        should_stop, calls = stop_at(call)
        assert not any(isinstance(event, MediaItem) for event in convert(path, should_stop=should_stop))
        assert len(calls) <= call + 2  # it does not go on asking


def test_a_stop_is_seen_while_a_large_file_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 3), np.uint8)
    path.write_bytes(encoded(Image.fromarray(noise), "PNG"))
    should_stop, calls = stop_at(8)
    events = list(convert(path, should_stop=should_stop))
    assert len(calls) == 8
    assert events == [ConvertProgress(0.0, "Reading the picture")]


def test_closing_early_closes_the_file(photo: Path) -> None:
    events = convert(photo)
    next(events)
    events.close()
    photo.unlink()  # Windows refuses this while anybody holds the file


def test_the_file_is_closed_afterwards(photo: Path) -> None:
    list(convert(photo))
    photo.unlink()


def test_a_file_that_vanishes_on_the_way(photo: Path) -> None:
    events = convert(photo)
    next(events)
    photo.unlink()
    with pytest.raises(MediaError) as caught:
        next(events)
    assert caught.value.title == "File not found"


def test_a_file_that_becomes_another_on_the_way(photo: Path) -> None:
    events = convert(photo)
    next(events)
    photo.write_bytes(encoded(gradient(), "TIFF"))
    with pytest.raises(MediaError) as caught:
        next(events)
    assert caught.value.title == "Damaged picture"


def test_what_nobody_thought_of_becomes_words_and_a_log_entry(
    photo: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(
        probe: Probe, limits: Limits, should_stop: ShouldStop
    ) -> Generator[ConvertProgress | MediaItem, None, None]:
        yield ConvertProgress(0.0, "Reading")
        raise ZeroDivisionError("deep inside")

    monkeypatch.setattr(convert_module, "image_events", broken)
    with pytest.raises(MediaError) as caught, caplog.at_level(logging.ERROR):
        list(convert(photo))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "deep inside" not in caught.value.message
    assert "deep inside" in caplog.text


def test_48_pictures(tmp_path: Path) -> None:
    limits = Limits()
    for index in range(limits.max_pictures):
        path = tmp_path / f"{index}.webp"
        path.write_bytes(encoded(Image.new("RGB", (64, 48), (5 * index, 0, 0)), "WEBP", lossless=True))
    for index in range(limits.max_pictures):
        *_, item = convert(tmp_path / f"{index}.webp", limits)
        assert isinstance(item, MediaItem)
        assert item.thumbnail[0, 0].tolist() == [5 * index, 0, 0]


# ---- hostile files --------------------------------------------------------------------------------------------------


def three_frames(first: Image.Image) -> dict[str, Any]:
    return {"save_all": True, "append_images": [first.rotate(90), first.rotate(180)]}


def sound_files() -> dict[str, list[bytes]]:
    """Small files of each format that reach different corners of its decoder."""
    rgb = gradient(24, 18)
    grey, palette, ink = rgb.convert("L"), rgb.quantize(16), rgb.convert("CMYK")
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    return {
        "PNG": [
            encoded(rgb, "PNG", exif=exif),
            encoded(palette, "PNG", transparency=3),
            encoded(rgb.convert("RGBA"), "PNG"),
            encoded(rgb, "PNG", **three_frames(rgb)),
        ],
        "JPEG": [
            encoded(rgb, "JPEG", exif=exif),
            encoded(ink, "JPEG"),
            encoded(rgb, "JPEG", progressive=True),
            encoded(rgb, "MPO", **three_frames(rgb)),
        ],
        "GIF": [encoded(rgb, "GIF", **three_frames(rgb)), encoded(palette, "GIF", transparency=1)],
        "WEBP": [
            encoded(rgb, "WEBP", exif=exif),
            encoded(rgb.convert("RGBA"), "WEBP", lossless=True),
            encoded(rgb, "WEBP", **three_frames(rgb)),
        ],
        "BMP": [encoded(rgb, "BMP"), encoded(palette, "BMP"), encoded(grey.convert("1"), "BMP")],
        "TIFF": [
            encoded(rgb, "TIFF", exif=exif),
            encoded(rgb, "TIFF", compression="tiff_lzw"),
            encoded(grey.convert("1"), "TIFF", compression="group4"),
            encoded(rgb, "TIFF", compression="jpeg"),
            encoded(grey.convert("F"), "TIFF"),
            encoded(ink, "TIFF", compression="tiff_adobe_deflate"),
            encoded(rgb, "TIFF", **three_frames(rgb)),
        ],
    }


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file as a bad disk, a broken download or an attacker would leave it."""
    file = bytearray(data)
    at, end = sorted(rng.randrange(len(file)) for _ in range(2))
    match rng.randrange(5):
        case 0:
            del file[at:]
        case 1:
            for _ in range(rng.randint(1, 8)):
                file[rng.randrange(len(file))] = rng.randrange(256)
        case 2:  # sizes, offsets and counts live near the start
            at = rng.randrange(min(len(file), 200))
            file[at : at + 4] = rng.choice([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"])
        case 3:
            file[at:end] = file[at:end] * rng.choice([0, 2])
        case _:
            file[at:at] = rng.randbytes(rng.randint(1, 64))
    return bytes(file)


@pytest.mark.parametrize("file_format", ["BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP"])
def test_mutated_files_give_an_item_or_a_media_error(
    tmp_path: Path, file_format: str, caplog: pytest.LogCaptureFixture
) -> None:
    rng = random.Random(f"altiplano {file_format}")
    files, path = sound_files()[file_format], tmp_path / "hostile.png"  # what is left as text is misnamed
    outcomes = {"item": 0, "error": 0}
    for _ in range(NUM_MUTATIONS):
        path.write_bytes(mutated(rng.choice(files), rng))
        try:
            *_, item = convert(path)
        except MediaError:
            outcomes["error"] += 1
        else:
            assert isinstance(item, MediaItem)
            assert 1 <= item.num_pictures <= 4
            outcomes["item"] += 1
    assert min(outcomes.values()) > NUM_MUTATIONS // 20  # else the mutations are too weak, or too strong, to say much
    assert not [record for record in caplog.records if record.name == "media.convert"]  # none was unexpected
