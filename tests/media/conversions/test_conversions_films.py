"""Films are decoded again and looked at: what is shown when, what is heard, and that nothing was lost on the way."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from media.conversions.captions import MAX_LETTERS, caption_patch, caption_pieces, write_subtitles
from media.conversions.narration import Sentence
from media.conversions.orders import Wishes
from media.conversions.pan import View
from media.conversions.script import read_blocks
from media.conversions.slide_picture import BOTTOM, HEIGHT, MARGIN, WIDTH, draw_slide
from media.conversions.slide_plan import Slide, plan_slides
from media.errors import MediaError
from media.types import RgbArray, Spoken
from tests.clips import Pixels, drawn, write_clip
from tests.making import convert_to, correlation, likeness, play, samples_of
from tests.picture_files import gradient
from tests.recordings import RATE, melody, needs_flite, noise, spoken, tone, write_recording

CODECS = {".mp4": ("h264", "aac"), ".webm": ("vp9", "opus")}
RED, BLUE = (200, 30, 30), (30, 30, 200)


def one_color(color: tuple[int, int, int], width: int = 320, height: int = 240) -> Pixels:
    return np.full((height, width, 3), color, np.uint8)


def photograph(width: int = 640, height: int = 360) -> Pixels:
    """Broad shapes, edges and a little grain."""
    random = np.random.default_rng(0)
    shapes = Image.fromarray(random.integers(0, 256, (9, 16, 3), np.uint8)).resize((width, height), 3)
    pixels = np.array(shapes).astype(np.int16) + random.integers(-6, 7, (height, width, 1))
    pixels[height // 3 : height // 2, width // 4 : width // 2] = (240, 240, 235)
    return pixels.clip(0, 255).astype(np.uint8)


def save(path: Path, pixels: Pixels) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def has_color(frame: Pixels, color: tuple[int, int, int]) -> bool:
    return bool((np.abs(frame.astype(int) - color).max(2) < 30).mean() > 0.02)


# ---- slides ---------------------------------------------------------------------------------------------------------


def slides_of(text: str, **pictures: RgbArray) -> list[Slide]:
    return plan_slides(read_blocks(text), "en", lambda block: pictures.get(block.source))


def test_headings_begin_slides_and_prose_is_said_below_them() -> None:
    first, second = slides_of("# One\n\nProse. More.\n\n## Two\n\n- a\n- b")
    assert (first.title, first.points, first.prose) == ("One", [], "")
    assert [sentence.text for sentence in first.said] == ["One", "Prose.", "More."]
    assert (second.title, second.points) == ("Two", ["a", "b"])


def test_prose_without_a_title_is_shown_in_pieces() -> None:
    sentence = "This is a sentence of some fifty letters, no more. "
    slides = slides_of(sentence * 10)
    assert len(slides) == 3
    assert all(len(slide.prose) < 260 and slide.said for slide in slides)
    assert " ".join(slide.prose for slide in slides) == (sentence * 10).strip()


def test_pictures_stand_beside_points_or_alone() -> None:
    red, blue = one_color(RED), one_color(BLUE)
    text = "# A\n\n- point\n\n![](r)\n\n![](b)\n\n# B\n\n![](missing)"
    first, second, third = slides_of(text, r=red, b=blue)
    assert first.points == ["point"]
    assert first.picture is red
    assert (second.title, second.points, second.picture is blue) == ("A", [], True)
    assert (third.title, third.picture) == ("B", None)


def test_many_points_take_several_slides() -> None:
    slides = slides_of("# Title\n\n" + "\n".join(f"- point {number}" for number in range(15)))
    assert [len(slide.points) for slide in slides] == [6, 6, 3]
    assert {slide.title for slide in slides} == {"Title"}


LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstellenleiterinnenvertretung"


@pytest.mark.parametrize(
    "slide",
    [
        Slide(title="Title " * 60),
        Slide(title=LONG_WORD * 3, points=[LONG_WORD, "b " * 200]),
        Slide(title="T", points=["point " * 12] * 3),
        Slide(prose="word " * 48),
        Slide(prose=LONG_WORD * 2),
        Slide(title="عنوان طويل من اليمين إلى اليسار", points=["نقطة " * 20, "12:30 نقطة"]),
        Slide(title="हिन्दी", prose=""),
        Slide(title="T", picture=one_color(RED, 4000, 10)),
        Slide(picture=one_color(RED, 10, 4000)),
    ],
)
def test_nothing_leaves_the_slide(slide: Slide) -> None:
    pixels = draw_slide(slide)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    is_ink = (np.abs(pixels.astype(int) - pixels[0, 0]).max(2) > 40).any
    margin = int(MARGIN) - 8
    assert not is_ink(1)[:16].any(), "above"
    assert not is_ink(1)[int(BOTTOM) + 24 :].any(), "where captions are"
    columns = is_ink(0)
    assert columns.any()
    assert not columns[:margin].any()
    assert not columns[-margin:].any()


def test_arabic_begins_on_the_right() -> None:
    left, right = draw_slide(Slide(title="Title")), draw_slide(Slide(title="عنوان"))
    columns = [np.flatnonzero((pixels != pixels[0, 0]).any((0, 2))) for pixels in (left, right)]
    assert columns[0].max() < WIDTH / 2 < columns[1].min()


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_text_becomes_a_film_with_speech_and_subtitles(tmp_path: Path, suffix: str) -> None:
    save(tmp_path / "red.png", one_color(RED))
    (tmp_path / "talk.md").write_text("# Red\n\n![](red.png)\n\n# Words\n\nThe fox jumps over the lazy dog.\n")
    made = convert_to(tmp_path / f"film{suffix}", tmp_path / "talk.md")
    assert made.names == (f"film{suffix}", "film.srt")
    assert made.notes == ()
    film = play(tmp_path / made.names[0])
    assert (film.video, film.audio) == CODECS[suffix]
    assert abs(film.seconds - len(film.sound) / film.rate) < 0.3, "pictures and sound end together"
    cues = (tmp_path / "film.srt").read_text().split("\n\n")
    assert [cue.split("\n")[2] for cue in cues] == ["Red", "Words", "The fox jumps over the lazy dog."]
    begin_s = int(cues[1].split(":")[2][:2]) + int(cues[1].split(",")[1][:3]) / 1000
    assert has_color(film.at(begin_s - 0.3), RED), "the first slide stays until the second is spoken of"
    assert not has_color(film.at(begin_s + 0.3), RED)


def test_what_is_said_is_heard_when_its_caption_is_seen(tmp_path: Path) -> None:
    made = convert_to(tmp_path / "film.mp4", "# One\n\nTwo three four five six seven.")
    film = play(tmp_path / made.names[0])
    begin, end = (
        float(part.split(":")[2].replace(",", "."))
        for part in (tmp_path / "film.srt").read_text().split("\n\n")[1].split("\n")[1].split(" --> ")
    )
    loud = np.abs(film.sound) > 0.05
    inside = loud[round(begin * film.rate) : round(end * film.rate)].mean()
    pause = loud[round((begin - 0.5) * film.rate) : round((begin - 0.05) * film.rate)].mean()
    assert inside > 0.1 > 20 * pause
    assert not loud[round(end * film.rate) :].any(), "the pause behind it is not part of it"
    assert end < film.seconds
    band = np.s_[HEIGHT - 110 : HEIGHT - 40, WIDTH // 2 - 20 : WIDTH // 2 + 20]
    assert film.at(begin + 0.2)[band].min() < 90, "a dark band"


def test_captions_can_be_left_to_the_file_beside(tmp_path: Path) -> None:
    convert_to(tmp_path / "film.mp4", "# One\n\nTwo three.", wishes=Wishes(has_captions=False))
    film = play(tmp_path / "film.mp4")
    assert film.frames[-5][HEIGHT - 130 :].min() > 200
    assert "Two three." in (tmp_path / "film.srt").read_text()


def test_pictures_come_from_the_folder_of_the_text_and_from_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    secret = save(tmp_path / "secret.png", one_color(RED))
    (folder / "link.png").symlink_to(secret)
    (folder / "talk.md").write_text(
        f"# A\n\n![](../secret.png)\n\n![]({secret})\n\n![](file://{secret})\n\n![](link.png)\n\n![](http://x.org/a.png)"
    )
    made = convert_to(folder / "film.mp4", folder / "talk.md")
    assert made.notes == ("4 pictures could not be found in the folder of the text.",)
    assert not any(has_color(frame, RED) for frame in play(folder / "film.mp4").frames)


def test_diagrams_and_code_are_seen(tmp_path: Path) -> None:
    text = "# A\n\n```python\nprint('hello')\n```\n\n# B\n\n```mermaid\ngraph TD\n  A[One] --> B[Two]\n```"
    convert_to(tmp_path / "film.mp4", text)
    film = play(tmp_path / "film.mp4")
    plain = draw_slide(Slide(title="A"))
    assert (np.abs(film.frames[2].astype(int) - plain).max(2) > 60).mean() > 0.005
    assert (np.abs(film.frames[-2].astype(int) - draw_slide(Slide(title="B"))).max(2) > 60).mean() > 0.01


def test_a_text_with_nothing_to_show_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="nothing that can be shown"):
        convert_to(tmp_path / "film.mp4", "![](nothing.png)")


# ---- captions -------------------------------------------------------------------------------------------------------


def test_captions_are_short_and_share_the_time() -> None:
    text = (
        "A long sentence that has, with all of its clauses, more letters than two lines of subtitles can hold at once."
    )
    first, second = caption_pieces([Spoken(2.0, 6.0, text)])
    assert (first.start_s, second.end_s, first.end_s) == (2.0, 6.0, second.start_s)
    assert max(len(first.text), len(second.text)) <= MAX_LETTERS
    assert f"{first.text} {second.text}" == text
    assert first.end_s - 2.0 == pytest.approx(4.0 * len(first.text) / (len(text) - 1))


def test_subtitles_can_hold_no_cue_of_their_own(tmp_path: Path) -> None:
    spoken_ = [Spoken(0.0, 1.0, "a\n\n2\n00:00:01,000 --> 00:00:02,000\nb <b> & c")]
    write_subtitles(tmp_path / "x.srt", spoken_)
    write_subtitles(tmp_path / "x.vtt", spoken_)
    assert (tmp_path / "x.srt").read_text() == (
        "1\n00:00:00,000 --> 00:00:01,000\na 2 00:00:01,000 → 00:00:02,000 b <b> & c\n"
    )
    assert (tmp_path / "x.vtt").read_text() == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\na 2 00:00:01,000 → 00:00:02,000 b &lt;b&gt; &amp; c\n"
    )


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (200, 160), (1280, 160)])
def test_captions_stay_within_the_picture_and_can_be_read_over_anything(size: tuple[int, int]) -> None:
    patch = caption_patch("W" * 60 + " and " + LONG_WORD[:19], *size)
    for ground in (0, 255):
        frame = np.full((size[1], size[0], 3), ground, np.uint8)
        shown = patch.over(frame)
        assert shown.shape == frame.shape
        assert (frame == ground).all(), "the frame itself stays"
        part = shown[patch.top : patch.top + patch.clearness.shape[0], patch.left :]
        assert part.max() > 230
        assert part.min() < 90
    assert patch.left >= 0


# ---- pictures -------------------------------------------------------------------------------------------------------


def test_a_picture_becomes_a_film_and_is_found_again(tmp_path: Path) -> None:
    original = photograph()
    convert_to(tmp_path / "film.mp4", save(tmp_path / "photo.png", original))
    convert_to(tmp_path / "back.png", tmp_path / "film.mp4", wishes=Wishes(at_s=0.0))
    back = np.array(Image.open(tmp_path / "back.png"))
    assert back.shape == (720, 1280, 3)
    small = cv2.resize(back, (640, 360), interpolation=cv2.INTER_AREA)
    assert likeness(small, original) > 0.9
    assert likeness(small, original[:, ::-1]) < 0.6, "and no other one"
    assert np.abs(small.astype(int).mean((0, 1)) - original.mean((0, 1))).max() < 3, "in its colours"


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
@pytest.mark.parametrize("color", [RED, BLUE])
def test_colours_come_back_as_they_were(tmp_path: Path, suffix: str, color: tuple[int, int, int]) -> None:
    convert_to(tmp_path / f"film{suffix}", save(tmp_path / "one.png", one_color(color)))
    convert_to(tmp_path / "back.png", tmp_path / f"film{suffix}", wishes=Wishes(at_s=1.0))
    back = np.array(Image.open(tmp_path / "back.png")).astype(int)
    assert np.abs(back - color).max() <= 4


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_the_way_into_a_picture_is_slow(tmp_path: Path, suffix: str) -> None:
    convert_to(tmp_path / f"film{suffix}", save(tmp_path / "photo.png", photograph()))
    film = play(tmp_path / f"film{suffix}")
    assert (film.video, film.audio) == (CODECS[suffix][0], "")
    assert film.seconds == pytest.approx(6.0, abs=0.1)
    steps = [likeness(one, other) for one, other in zip(film.frames, film.frames[1:], strict=False)]
    assert min(steps) > 0.8
    assert likeness(film.frames[0], film.frames[-1]) < 0.8


def test_words_are_spoken_over_the_picture(tmp_path: Path) -> None:
    words = "A photograph of many colours. In the middle there is a white box."
    made = convert_to(tmp_path / "film.mp4", save(tmp_path / "photo.png", photograph()), words)
    assert made.by == "Described by the model, filmed by Altiplano, spoken by espeak-ng"
    film = play(tmp_path / "film.mp4")
    assert film.audio == "aac"
    assert film.seconds == pytest.approx(len(film.sound) / film.rate, abs=0.3)
    assert "In the middle there is a white box." in (tmp_path / "film.srt").read_text()
    assert film.at(2.0)[-100:].min() < 60 < film.at(0.0)[-100:].max()


@pytest.mark.parametrize(
    ("size", "film"),
    [
        ((400, 300), (1280, 960)),
        ((300, 400), (960, 1280)),
        ((4000, 100), (1280, 720)),
        ((100, 4000), (720, 1280)),
        ((1, 1), (1280, 1280)),
        ((333, 217), (1280, 834)),
    ],
)
def test_films_have_the_shape_of_their_picture_or_go_along_it(size: tuple[int, int], film: tuple[int, int]) -> None:
    ramp = gradient(*size)
    view = View.of(np.asarray(ramp.convert("RGB")))
    assert (view.width, view.height) == film
    frames = [view.at(progress) for progress in (0.0, 0.5, 1.0)]
    assert {frame.shape for frame in frames} == {(film[1], film[0], 3)}


def test_a_panorama_is_gone_along_from_end_to_end() -> None:
    ramp = np.repeat(np.linspace(0, 255, 2000).astype(np.uint8)[None, :, None], 200, axis=0).repeat(3, axis=2)
    view = View.of(ramp)
    first, last = view.at(0.0), view.at(1.0)
    assert first[:, 0].max() < 5
    assert last[:, -1].min() > 250
    assert first[:, -1].max() < 255 * 0.3


def test_a_line_of_pixels_takes_no_endless_film_and_no_endless_memory() -> None:
    view = View.of(np.zeros((1, 50_000, 3), np.uint8))
    assert view.length < 12
    assert view.pixels.nbytes < 100e6


# ---- sound ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_recording_becomes_a_film_and_is_heard_again(tmp_path: Path, suffix: str) -> None:
    original = melody(3.0)
    write_recording(tmp_path / "song.wav", original)
    made = convert_to(tmp_path / f"film{suffix}", tmp_path / "song.wav")
    film = play(tmp_path / f"film{suffix}")
    assert (film.video, film.audio) == CODECS[suffix]
    convert_to(tmp_path / "back.wav", tmp_path / f"film{suffix}")
    back, rate = samples_of(tmp_path / "back.wav")
    if rate != RATE:
        back = np.interp(np.arange(0, len(back) / rate, 1 / RATE), np.arange(len(back)) / rate, back).astype(np.float32)
    assert correlation(back, original) > 0.95
    assert correlation(back, noise(3.0)) < 0.1
    assert made.facts[0] == "0:03"


def test_the_waveform_fills_as_it_is_heard(tmp_path: Path) -> None:
    quiet_then_loud = np.concatenate([tone(1.0, level=0.02), tone(1.0, level=0.8)])
    write_recording(tmp_path / "a.wav", quiet_then_loud)
    convert_to(tmp_path / "film.mp4", tmp_path / "a.wav")
    film = play(tmp_path / "film.mp4")
    accent = (0x9C, 0x44, 0x21)
    heard = [(np.abs(film.at(t).astype(int) - accent).max(2) < 60).sum() for t in (0.1, 1.0, 1.5, 1.9)]
    assert heard[0] < heard[1] < 0.2 * heard[2] < heard[2] < heard[3]


@needs_flite
def test_what_is_said_in_a_recording_becomes_captions(tmp_path: Path) -> None:
    said = spoken("turn the volume down and play the next song", tmp_path)
    write_recording(tmp_path / "said.wav", said)
    made = convert_to(tmp_path / "film.mp4", tmp_path / "said.wav")
    assert "captions by pocketsphinx" in made.by
    assert "play the next song" in (tmp_path / "film.srt").read_text()


# ---- clips ----------------------------------------------------------------------------------------------------------


def test_a_sheet_shows_frames_with_their_times(tmp_path: Path) -> None:
    frames = [drawn(number, scene=number // 20) for number in range(60)]
    made = convert_to(tmp_path / "sheet.png", write_clip(tmp_path / "clip.mp4", frames))
    assert made.facts[1].endswith("frames")
    assert int(made.facts[1].split()[0]) >= 3
    sheet = np.array(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[1] > 800


@pytest.mark.parametrize(("at_s", "number"), [(0.0, 0), (0.34, 3), (0.3, 3), (2.55, 25), (5.95, 59)])
def test_a_chosen_frame_is_the_one_on_the_screen_then(tmp_path: Path, at_s: float, number: int) -> None:
    from tests.clips import number_in

    clip = write_clip(tmp_path / "clip.mp4", [drawn(each, scene=each // 20) for each in range(60)], keyframe_every=25)
    convert_to(tmp_path / "frame.png", clip, wishes=Wishes(at_s=at_s))
    assert number_in(np.array(Image.open(tmp_path / "frame.png"))) == number


def test_a_moment_behind_the_end_is_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [drawn(each) for each in range(20)])
    with pytest.raises(MediaError, match="ends at 0:02, before 0:09"):
        convert_to(tmp_path / "frame.png", clip, wishes=Wishes(at_s=9.0))


def test_an_animated_picture_is_a_clip_without_sound(tmp_path: Path) -> None:
    frames = [Image.fromarray(one_color(color)) for color in (RED, BLUE, RED)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=500)
    convert_to(tmp_path / "frame.png", tmp_path / "a.gif", wishes=Wishes(at_s=0.7))
    assert has_color(np.array(Image.open(tmp_path / "frame.png")), BLUE)
    with pytest.raises(MediaError, match="without sound"):
        convert_to(tmp_path / "a.mp3", tmp_path / "a.gif")


def test_pauses_are_part_of_what_is_said() -> None:
    assert Sentence("a", 0.5) != Sentence("a", 0.2)
