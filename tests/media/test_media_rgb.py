"""Every mode that Pillow decodes to becomes RGB on white, with the arithmetic written out here."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PIL import Image, ImageCms

from media.rgb import to_rgb
from media.stopping import Stopped, never_stop
from tests.picture_files import gradient, press_profile

BYTES = np.arange(256, dtype=np.uint8)[None]
WORDS = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def grey_of(image: Image.Image) -> np.ndarray:
    """The one channel that all three are copies of."""
    pixels = to_rgb(image, never_stop).pixels
    assert (pixels == pixels[:, :, :1]).all()
    return pixels[:, :, 0]


def test_rgb_stays_as_it_is() -> None:
    image = gradient()
    rgb = to_rgb(image, never_stop)
    np.testing.assert_array_equal(rgb.pixels, np.asarray(image))
    assert not rgb.was_transparent
    assert rgb.pixels.flags.c_contiguous


def test_strips_join_without_a_seam() -> None:
    image = gradient(1500, 1500)  # more than two strips, the last one shorter
    np.testing.assert_array_equal(to_rgb(image, never_stop).pixels, np.asarray(image))


def test_black_and_white() -> None:
    image = Image.fromarray(np.array([[True, False]]))
    assert grey_of(image).tolist() == [[255, 0]]


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
def test_16_bit_grey_is_scaled_and_not_clipped(kind: str) -> None:
    image = Image.fromarray(WORDS.astype(kind))
    assert image.mode.startswith("I;16")
    np.testing.assert_array_equal(grey_of(image), np.rint(WORDS / 257))


def test_16_bit_grey_with_a_transparent_value() -> None:
    image = Image.fromarray(np.array([[0, 1000, 40000]], np.uint16))
    image.info["transparency"] = 1000
    assert grey_of(image).tolist() == [[0, 255, round(40000 / 257)]]


def test_floats_are_stretched_and_what_is_no_number_is_survived() -> None:
    values = np.array([[-2.0, 0.0, 2.0, np.nan, np.inf, -np.inf]], np.float32)
    assert grey_of(Image.fromarray(values)).tolist() == [[0, 128, 255, 0, 255, 0]]


@pytest.mark.parametrize("values", [[[7, 7]], [[0, 0]], [[-5, -5]]])
def test_a_flat_picture_of_integers_has_no_range_to_stretch(values: list[list[int]]) -> None:
    found = grey_of(Image.fromarray(np.array(values, np.int32)))
    assert len(np.unique(found)) == 1


def test_32_bit_integers_use_their_own_range() -> None:
    assert grey_of(Image.fromarray(np.array([[-1_000_000, 0, 1_000_000]], np.int32))).tolist() == [[0, 128, 255]]


def test_alpha_lies_over_white() -> None:
    alpha = BYTES.repeat(3, axis=0)
    colour = np.stack([np.full_like(alpha, 200), np.full_like(alpha, 0), np.full_like(alpha, 255)], axis=2)
    rgb = to_rgb(Image.fromarray(np.dstack([colour, alpha])), never_stop)
    share = alpha[:, :, None] / 255
    assert np.abs(rgb.pixels - (colour * share + 255 * (1 - share))).max() <= 1
    assert rgb.pixels[0, 0].tolist() == [255, 255, 255]
    assert rgb.pixels[0, 255].tolist() == [200, 0, 255]
    assert rgb.was_transparent


def test_alpha_follows_the_reference_preprocessing() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 4), np.uint8)
    image = Image.fromarray(pixels)
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    reference = Image.alpha_composite(white, image).convert("RGB")
    np.testing.assert_array_equal(to_rgb(image, never_stop).pixels, np.asarray(reference))


def test_an_opaque_alpha_channel_is_no_transparency() -> None:
    image = gradient()
    rgb = to_rgb(image.convert("RGBA"), never_stop)
    np.testing.assert_array_equal(rgb.pixels, np.asarray(image))
    assert not rgb.was_transparent


def test_grey_with_alpha() -> None:
    image = Image.merge("LA", (Image.new("L", (2, 1), 100), Image.fromarray(np.array([[0, 255]], np.uint8))))
    assert grey_of(image).tolist() == [[255, 100]]


@pytest.mark.parametrize("transparency", [1, b"\xff\x00\xff"])
def test_palette_with_transparency(transparency: int | bytes) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.info["transparency"] = transparency
    rgb = to_rgb(image, never_stop)
    assert rgb.pixels.tolist() == [[[10, 20, 30], [255, 255, 255], [70, 80, 90]]]
    assert rgb.was_transparent


def test_rgb_with_a_transparent_colour() -> None:
    image = Image.fromarray(np.array([[[1, 2, 3], [9, 9, 9]]], np.uint8))
    image.info["transparency"] = (1, 2, 3)
    assert to_rgb(image, never_stop).pixels.tolist() == [[[255, 255, 255], [9, 9, 9]]]


def test_ink_without_a_profile() -> None:
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255]]], np.uint8)
    rgb = to_rgb(Image.fromarray(inks, "CMYK"), never_stop).pixels
    assert rgb.tolist() == [[[255, 255, 255], [0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 0]]]


def test_ink_with_a_profile_prints_what_the_press_prints() -> None:
    red = (54.0, 81.0, 70.0)  # L*a*b* of sRGB red, near enough
    mixes = itertools.product((0, 1), repeat=4)
    profile = press_profile([(0.0, 0.0, 0.0) if k else red if c else (100.0, 0.0, 0.0) for c, _, _, k in mixes])
    image = Image.fromarray(np.array([[[255, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8), "CMYK")
    image.info["icc_profile"] = profile
    reddest, white, black = to_rgb(image, never_stop).pixels[0].astype(int)
    assert reddest[0] > 240  # cyan ink that prints red: only the profile can know
    assert reddest[1:].max() < 40
    assert white.min() > 250
    assert black.max() < 5


@pytest.mark.parametrize("profile", [b"", b"no profile", press_profile([(0, 0, 0)] * 16)[:200], "text", None])
def test_a_broken_profile_is_left_out(profile: object) -> None:
    image = Image.new("CMYK", (1, 1), (255, 0, 0, 0))
    image.info["icc_profile"] = profile
    assert to_rgb(image, never_stop).pixels.tolist() == [[[0, 255, 255]]]


def test_a_profile_for_another_number_of_channels_is_left_out() -> None:
    image = Image.new("CMYK", (1, 1), (255, 0, 0, 0))
    image.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert to_rgb(image, never_stop).pixels.tolist() == [[[0, 255, 255]]]


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB"]
)
def test_every_mode_gives_rgb_bytes(mode: str) -> None:
    image = Image.new(mode, (5, 4))
    rgb = to_rgb(image, never_stop).pixels
    assert (rgb.shape, rgb.dtype) == ((4, 5, 3), np.uint8)


def test_it_stops_between_strips() -> None:
    calls = iter([False, True])
    with pytest.raises(Stopped):
        to_rgb(Image.new("L", (1000, 3000)), lambda: next(calls))
