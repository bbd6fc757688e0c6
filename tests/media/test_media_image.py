"""Picture files: what is kept, what is turned, what is refused, and in which words."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from media.convert import convert
from media.errors import MediaError
from media.image import item_from_array, strict_pillow
from media.limits import Limits
from media.types import MediaItem, MediaKind, Picture, Text
from tests.picture_files import GREY, RGB, RGBA, encoded, gradient, png, tiff

SMALL = Limits(max_pixels=10_000)


def item_of(path: Path, data: bytes, limits: Limits = Limits()) -> MediaItem:  # noqa: B008 - frozen
    path.write_bytes(data)
    *_, item = convert(path, limits)
    assert isinstance(item, MediaItem)
    return item


def pixels_of(item: MediaItem) -> np.ndarray:
    (picture,) = item.parts
    assert isinstance(picture, Picture)
    return picture.pixels


def refusal(path: Path, data: bytes, limits: Limits = Limits()) -> MediaError:  # noqa: B008 - frozen
    with pytest.raises(MediaError) as caught:
        item_of(path, data, limits)
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photo"


# ---- what comes out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
def test_lossless_formats_keep_every_byte(path: Path, file_format: str, options: dict[str, object]) -> None:
    item = item_of(path, encoded(gradient(), file_format, **options))
    np.testing.assert_array_equal(pixels_of(item), np.asarray(gradient()))
    assert (item.kind, item.notes) == (MediaKind.IMAGE, ())


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_jpeg_is_decoded_as_pillow_does(path: Path, options: dict[str, object]) -> None:
    data = encoded(gradient(), "JPEG", **options)
    item = item_of(path, data)
    with Image.open(path) as reference:
        np.testing.assert_array_equal(pixels_of(item), np.asarray(reference))


@pytest.mark.parametrize("file_format", ["HEIC", "AVIF"])
def test_pictures_of_telephones(path: Path, file_format: str) -> None:
    item = item_of(path, encoded(gradient(), file_format, quality=90))
    assert np.abs(pixels_of(item).astype(int) - np.asarray(gradient())).mean() < 5
    assert (item.kind, item.notes) == (MediaKind.IMAGE, ())


@pytest.mark.parametrize("file_format", ["HEIC", "AVIF"])
def test_pictures_of_telephones_that_are_too_large_or_cut(path: Path, file_format: str) -> None:
    data = encoded(gradient(256, 128), file_format, quality=90)
    assert refusal(path, data, SMALL).title == "Picture too large"
    for length in (200, len(data) // 2, len(data) - 20):
        assert refusal(path, data[:length]).title in ("Damaged picture", "Incomplete picture")


def test_name_and_facts(tmp_path: Path) -> None:
    data = encoded(gradient(1200, 600), "PNG")
    item = item_of(tmp_path / "Grand Canyon.png", data)
    assert item.name == "Grand Canyon.png"
    assert item.facts == ("1200 × 600", f"{len(data) / 1000:.0f} kB")


@pytest.mark.parametrize("size", [(300, 150), (1200, 600), (3600, 1800)])
def test_the_thumbnail_shows_the_whole_picture(path: Path, size: tuple[int, int]) -> None:
    item = item_of(path, encoded(gradient(*size), "PNG", compress_level=1))
    assert item.thumbnail.shape == (128, 256, 3)
    expected = np.asarray(gradient(256, 128)).astype(int)
    assert np.abs(item.thumbnail.astype(int) - expected).max() <= 3


def test_a_small_picture_is_its_own_thumbnail(path: Path) -> None:
    item = item_of(path, encoded(gradient(), "PNG"))
    np.testing.assert_array_equal(item.thumbnail, np.asarray(gradient()))


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_extreme_shapes(path: Path, size: tuple[int, int]) -> None:
    item = item_of(path, encoded(Image.new("RGB", size, "red"), "PNG"))
    assert pixels_of(item).shape == (size[1], size[0], 3)
    assert max(item.thumbnail.shape[:2]) == min(256, max(size))
    assert min(item.thumbnail.shape[:2]) == 1


def test_arrays_are_read_only(path: Path) -> None:
    item = item_of(path, encoded(gradient(), "PNG"))
    for array in (item.thumbnail, pixels_of(item)):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [(999, "999 bytes"), (1000, "1 kB"), (999_499, "999 kB"), (999_500, "1.0 MB"), (2_140_000, "2.1 MB")],
)
def test_file_sizes_read_as_in_a_file_manager(path: Path, num_bytes: int, words: str) -> None:
    data = encoded(Image.new("RGB", (1, 1)), "BMP")
    assert item_of(path, data + bytes(num_bytes - len(data))).facts[1] == words


# ---- depth, ink, transparency ---------------------------------------------------------------------------------------


def test_16_bit_grey_png(path: Path) -> None:
    values = np.arange(0, 65536, 257, dtype=np.uint16)[None, :, None]
    found = pixels_of(item_of(path, png(values, 16, GREY)))
    np.testing.assert_array_equal(found, np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2))


def test_16_bit_grey_png_with_a_transparent_value(path: Path) -> None:
    values = np.array([[[0], [30000], [65535]]])
    item = item_of(path, png(values, 16, GREY, tRNS=struct.pack(">H", 30000)))
    assert pixels_of(item)[0, :, 0].tolist() == [0, 255, 255]


def test_16_bit_rgb_png(path: Path) -> None:
    values = np.random.default_rng(3).integers(0, 65536, (9, 7, 3))
    found = pixels_of(item_of(path, png(values, 16, RGB)))
    assert np.abs(found - values / 257).max() <= 1


def test_16_bit_rgba_png(path: Path) -> None:
    values = np.array([[[65535, 0, 32896, 65535], [0, 0, 0, 0], [0, 0, 0, 32896]]])
    item = item_of(path, png(values, 16, RGBA))
    assert pixels_of(item)[0, :2].tolist() == [[255, 0, 128], [255, 255, 255]]
    assert np.abs(pixels_of(item)[0, 2] - 127.0).max() <= 1
    assert item.notes == ("Transparent parts are shown on white.",)


def test_16_bit_grey_tiff(path: Path) -> None:
    values = np.array([0, 257, 25700, 65535], "<u2")
    found = pixels_of(item_of(path, tiff(4, 1, values.tobytes(), bits=16)))
    assert found[0, :, 0].tolist() == [0, 1, 100, 255]


def test_black_and_white_png(path: Path) -> None:
    image = Image.fromarray(np.indices((8, 8)).sum(axis=0) % 2 == 0)
    found = pixels_of(item_of(path, encoded(image, "PNG")))
    np.testing.assert_array_equal(found[:, :, 0], np.asarray(image) * 255)


def test_cmyk_jpeg(path: Path) -> None:
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    found = pixels_of(item_of(path, data)).astype(int)
    assert np.abs(found - [255, 0, 0]).max() < 12


def test_palette_png_with_transparency(path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([200, 100, 50, 10, 20, 30])
    item = item_of(path, encoded(image, "PNG", transparency=b"\x00\xff"))
    assert pixels_of(item).tolist() == [[[255, 255, 255], [10, 20, 30]]]
    assert item.notes == ("Transparent parts are shown on white.",)


def test_an_alpha_channel_that_hides_nothing_is_not_mentioned(path: Path) -> None:
    assert item_of(path, encoded(gradient().convert("RGBA"), "PNG")).notes == ()


def test_transparent_webp(path: Path) -> None:
    image = gradient().convert("RGBA")
    image.putalpha(0)
    item = item_of(path, encoded(image, "WEBP", lossless=True))
    assert (pixels_of(item) == 255).all()


# ---- orientation and other metadata ---------------------------------------------------------------------------------

# EXIF 2.32, 4.6.4: where row 0 and column 0 of the stored picture are in the upright one; so, how to make it upright.
TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],
    8: lambda a: a.swapaxes(0, 1)[::-1],
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_orientation_is_applied(path: Path, file_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    lossless = {"lossless": True} if file_format == "WEBP" else {}
    item = item_of(path, encoded(gradient(), file_format, exif=exif, **lossless))
    stored = pixels_of(item_of(path, encoded(gradient(), file_format, **lossless)))
    np.testing.assert_array_equal(pixels_of(item), TURNS[orientation](stored))
    assert item.facts[0] == ("40 × 30" if orientation < 5 else "30 × 40")


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate"])
def test_orientation_of_a_compressed_tiff_is_applied_once(path: Path, compression: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    item = item_of(path, encoded(gradient(), "TIFF", exif=exif, compression=compression))
    np.testing.assert_array_equal(pixels_of(item), TURNS[6](np.asarray(gradient())))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_left_out(path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    item = item_of(path, encoded(gradient(), "PNG", exif=exif))
    np.testing.assert_array_equal(pixels_of(item), np.asarray(gradient()))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 50]
)
def test_damaged_metadata_does_not_cost_the_picture(path: Path, exif: bytes) -> None:
    item = item_of(path, encoded(gradient(), "JPEG", exif=exif))
    assert item.facts[0] == "40 × 30"


def test_metadata_is_not_carried_on(path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SECRETCAMERA"
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (48.0, 8.0, 12.0)}
    item = item_of(path, encoded(gradient(), "JPEG", exif=exif, comment=b"SECRETCOMMENT"))
    assert "SECRET" not in repr(item)
    assert set(Picture.__slots__) == {"pixels", "name", "_digest"}


# ---- pages -------------------------------------------------------------------------------------------------------


def frames(num: int) -> list[Image.Image]:
    return [Image.new("RGB", (12, 10), (250 - 20 * index, 20 * index, 0)) for index in range(num)]


def test_a_gif_that_does_not_move_is_a_picture(path: Path) -> None:
    item = item_of(path, encoded(frames(1)[0], "GIF"))
    assert (item.kind, item.notes) == (MediaKind.IMAGE, ())


def test_counting_pages_gives_up_in_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.image._COUNTING_S", -1.0)  # the time is over before it began
    first, *rest = frames(3)
    item = item_of(path, encoded(first, "TIFF", save_all=True, append_images=rest), SMALL)
    assert item.notes == ("3 pages are used.",)
    assert item.facts[0] == "3 pages"


def test_the_pages_of_a_tiff_are_pictures_with_numbers(path: Path) -> None:
    first, *rest = frames(3)
    item = item_of(path, encoded(first, "TIFF", save_all=True, append_images=rest))
    texts, pictures = item.parts[::2], item.parts[1::2]
    assert [each.text for each in texts if isinstance(each, Text)] == [f"[photo, page {n} of 3]\n" for n in (1, 2, 3)]
    colours = [each.pixels[0, 0].tolist() for each in pictures if isinstance(each, Picture)]
    assert colours == [[250, 0, 0], [230, 20, 0], [210, 40, 0]]
    assert (item.facts[:2], item.notes) == (("3 pages", "12 × 10"), ())


def test_no_more_pages_than_a_conversation_holds(path: Path) -> None:
    first, *rest = frames(5)
    data = encoded(first, "TIFF", save_all=True, append_images=rest)
    item = item_of(path, data, Limits(max_pictures=2))
    assert (item.num_pictures, item.notes) == (2, ("The first 2 of 5 pages are used.",))


def test_a_page_that_is_damaged_or_a_preview_is_left_out(path: Path) -> None:
    first, second, third = frames(3)
    preview = TiffImagePlugin.ImageFileDirectory_v2()
    preview[254] = 1
    second.encoderinfo = {"tiffinfo": preview}  # type: ignore[attr-defined]
    data = encoded(first, "TIFF", save_all=True, append_images=[second, third])
    item = item_of(path, data)
    assert (item.num_pictures, item.notes) == (2, ("The first 2 of 3 pages are used.",))
    whole = len(encoded(first, "TIFF", save_all=True, append_images=[third]))
    item = item_of(path, encoded(first, "TIFF", save_all=True, append_images=[third])[: whole - 100])
    assert item.num_pictures == 1


def test_pages_are_no_larger_than_is_read(path: Path) -> None:
    large = [Image.new("L", (3000, 1500), shade) for shade in (10, 200)]
    item = item_of(path, encoded(large[0], "TIFF", save_all=True, append_images=large[1:]))
    assert [part.width for part in item.parts if isinstance(part, Picture)] == [1344, 1344]


def test_a_jpeg_with_more_pictures_in_it_is_a_jpeg(path: Path) -> None:
    item = item_of(path, encoded(gradient(), "MPO", save_all=True, append_images=[gradient(20, 15)]))
    assert (item.facts[0], item.notes) == ("40 × 30", ())


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_a_decompression_bomb(path: Path) -> None:
    bomb = png(np.zeros((1, 20000, 3)), 8, RGB, size=(20000, 12000))
    error = refusal(path, bomb)
    assert error.title == "Picture too large"
    assert error.message == "photo has 240 megapixels; the limit is 100."
    assert error.hint


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_the_limit_is_exact_in_every_format(path: Path, file_format: str) -> None:
    item_of(path, encoded(Image.new("L", (100, 100)), file_format), SMALL)
    error = refusal(path, encoded(Image.new("L", (100, 101)), file_format), SMALL)
    assert error.message == "photo has 0.0101 megapixels; the limit is 0.01."
    refusal(path, encoded(Image.new("L", (100, 300)), file_format), SMALL)  # past Pillow's own line too


def test_the_limit_leaves_pillow_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 12345)
    item_of(path, encoded(gradient(), "PNG"), SMALL)
    refusal(path, encoded(Image.new("L", (200, 101)), "PNG"), SMALL)
    assert Image.MAX_IMAGE_PIXELS == 12345


def test_pillow_checks_the_size_itself_at_the_same_limit() -> None:
    with strict_pillow(100):
        Image._decompression_bomb_check((10, 10))
        with pytest.raises(Image.DecompressionBombWarning):
            Image._decompression_bomb_check((10, 11))
        with pytest.raises(Image.DecompressionBombError):
            Image._decompression_bomb_check((10, 21))


def test_a_gif_whose_frame_is_larger_than_its_header_says(path: Path) -> None:
    data = bytearray(encoded(Image.new("P", (2, 2)), "GIF"))
    frame = data.index(b",")
    data[frame + 5 : frame + 9] = struct.pack("<HH", 65535, 65535)
    assert refusal(path, bytes(data)).title == "Picture too large"


def test_a_tiff_whose_tile_is_larger_than_the_picture(path: Path) -> None:
    assert item_of(path, tiff(4, 4, bytes(256), tile=(16, 16)), SMALL)
    assert refusal(path, tiff(4, 4, bytes(16), tile=(60000, 60000)), SMALL).title == "Incomplete picture"


def test_a_zip_bomb_in_the_comments_of_a_png(path: Path) -> None:
    bomb = b"Comment\0\0" + zlib.compress(bytes(100_000_000))
    assert refusal(path, png(np.zeros((1, 1, 1)), 8, GREY, zTXt=bomb)).title == "Damaged picture"


def repeat_last_scan(jpeg: bytes, times: int) -> bytes:
    return jpeg[:-2] + jpeg[jpeg.rindex(b"\xff\xda") : -2] * times + jpeg[-2:]


def test_a_jpeg_of_endless_refinement(path: Path) -> None:
    jpeg = encoded(gradient(), "JPEG", progressive=True)
    assert item_of(path, repeat_last_scan(jpeg, 90)).facts[0] == "40 × 30"
    error = refusal(path, repeat_last_scan(jpeg, 100))
    assert error.title == "Picture too slow"
    assert "100 scans" in error.message


def test_scans_are_not_counted_in_metadata_nor_behind_the_end(path: Path) -> None:
    jpeg = encoded(gradient(), "JPEG", comment=b"\xff\xda" * 200)
    assert item_of(path, jpeg + b"\0\2" + b"\xff\xda\0\2" * 200).facts[0] == "40 × 30"  # phones append a clip


def test_a_file_too_large_to_be_a_picture(path: Path) -> None:
    data = encoded(gradient(), "PNG")
    error = refusal(path, data, Limits(max_file_bytes=len(data) - 1))
    assert error.title == "File too large"
    assert item_of(path, data, Limits(max_file_bytes=len(data)))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_picture_is_refused(path: Path, file_format: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (80, 90, 3), np.uint8))
    data = encoded(noise, file_format)
    error = refusal(path, data[: int(len(data) * share)])
    assert error.title in {"Incomplete picture", "Damaged picture"}
    assert "again" in error.hint


def test_a_truncated_jpeg_is_said_to_be_incomplete(path: Path) -> None:
    data = encoded(gradient(400, 300), "JPEG")
    error = refusal(path, data[: len(data) // 2])
    assert error.title == "Incomplete picture"
    assert error.message == "photo ends before a JPEG picture would: a part is missing."


def test_a_file_that_only_begins_like_a_picture(path: Path) -> None:
    assert refusal(path, b"\xff\xd8\xff and then something else").title == "Damaged picture"


def test_a_camera_raw_file_is_not_mistaken_for_its_preview(path: Path) -> None:
    error = refusal(path, tiff(4, 4, bytes(16), (254, 1)))
    assert error.title == "Unsupported picture"
    assert re.search("raw", error.message)
    assert item_of(path, tiff(4, 4, bytes(16), (254, 0)))


# ---- the clipboard --------------------------------------------------------------------------------------------------


def test_pasted_pixels() -> None:
    pixels = np.asarray(gradient()).copy()
    item = item_from_array(pixels)
    pixels[:] = 0  # it was a copy
    np.testing.assert_array_equal(pixels_of(item), np.asarray(gradient()))
    assert (item.name, item.facts, item.notes) == ("Pasted picture", ("40 × 30",), ())


def test_pasted_pixels_with_padded_rows() -> None:
    padded = np.zeros((30, 64, 4), np.uint8)
    padded[:, :40] = np.asarray(gradient().convert("RGBA"))
    np.testing.assert_array_equal(pixels_of(item_from_array(padded[:, :40])), np.asarray(gradient()))


def test_pasted_transparency_lies_over_white() -> None:
    item = item_from_array(np.zeros((2, 3, 4), np.uint8), "Icon")
    assert (pixels_of(item) == 255).all()
    assert item.notes == ("Transparent parts are shown on white.",)


def test_pasted_grey() -> None:
    item = item_from_array(np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert pixels_of(item)[1, 2].tolist() == [5, 5, 5]


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 4)])
def test_an_empty_clipboard_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(MediaError, match="no pixels"):
        item_from_array(np.zeros(shape, np.uint8))


def test_a_pasted_picture_has_the_same_limit() -> None:
    with pytest.raises(MediaError, match=r"limit is 0\.01"):
        item_from_array(np.zeros((100, 101), np.uint8), limits=SMALL)


@pytest.mark.parametrize(
    "pixels", [np.zeros((2, 2, 3), np.float32), np.zeros((2, 2, 2), np.uint8), np.zeros(4, np.uint8)]
)
def test_what_is_no_picture_at_all_is_a_mistake_of_the_caller(pixels: np.ndarray) -> None:
    with pytest.raises(AssertionError):
        item_from_array(pixels)
