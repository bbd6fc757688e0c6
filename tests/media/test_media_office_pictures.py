"""Presentations become Markdown slide by slide, and the pictures of Office files stand where they stood."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import docx
import numpy as np
import openpyxl
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml.ns import qn
from openpyxl.drawing.image import Image as SheetImage
from PIL import Image
from pptx import Presentation
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.enum.shapes import PP_PLACEHOLDER
from pptx.util import Inches

from media.convert import convert
from media.embedded import SIDE, Embedded, embedded_picture
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.stopping import Stopped, never_stop
from media.types import MediaItem, Picture, Text
from tests.picture_files import png

RED, BLUE = (200, 30, 30), (30, 30, 200)
TITLE, BODY, TITLE_ONLY = 0, 1, 5  # layouts of the library's own template


def read(path: Path, limits: Limits = DEFAULT_LIMITS) -> MediaItem:
    *_, item = convert(path, limits)
    assert isinstance(item, MediaItem)
    return item


def told(item: MediaItem) -> list[str]:
    """Parts in order: text as it is, and pictures by their colour and size."""
    names = {RED: "red", BLUE: "blue"}
    return [
        part.text if isinstance(part, Text) else f"<{names[tuple(part.pixels[0, 0].tolist())]} {part.width}>"  # type: ignore[index]
        for part in item.parts
    ]


def picture(color: tuple[int, int, int], width: int = 200, height: int = 100, kind: str = "PNG") -> io.BytesIO:
    written = io.BytesIO()
    Image.new("RGB", (width, height), color).save(written, kind)
    written.seek(0)
    return written


# Slides


@pytest.fixture
def talk(tmp_path: Path) -> Callable[[Any], Path]:
    def save(made: Any) -> Path:
        path = tmp_path / "talk.pptx"
        made.save(str(path))
        return path

    return save


def test_slides_keep_their_numbers_titles_points_and_notes(talk: Callable[[Any], Path]) -> None:
    made = Presentation()
    first = made.slides.add_slide(made.slide_layouts[TITLE])
    first.shapes.title.text, first.placeholders[1].text = "Annual\nreport", "For everyone"
    second = made.slides.add_slide(made.slide_layouts[BODY])
    second.shapes.title.text = "Points"
    frame = second.placeholders[1].text_frame
    frame.text = "First"
    inner = frame.add_paragraph()
    inner.text, inner.level = "Inner", 1
    second.notes_slide.notes_text_frame.text = "Say hello."
    made.slides.add_slide(made.slide_layouts[6])._element.set("show", "0")
    item = read(talk(made))
    assert told(item) == [
        (
            "[talk.pptx]\n## Slide 1 of 3: Annual report\n\nFor everyone\n\n## Slide 2 of 3: Points\n\n- First\n"
            "    - Inner\n\nNotes: Say hello.\n\n## Slide 3 of 3 (hidden)\n"
        )
    ]
    assert item.facts[0] == "PowerPoint presentation"


def test_tables_charts_groups_and_pictures_of_a_slide(talk: Callable[[Any], Path]) -> None:
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[TITLE_ONLY])
    slide.shapes.title.text = "Numbers"
    table = slide.shapes.add_table(2, 2, 0, 0, Inches(4), Inches(1)).table
    for index, words in enumerate(("a", "b|c", "1", "2")):
        table.cell(*divmod(index, 2)).text = words
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", (1.5, 2))
    data.add_series("Cost", (0.1 + 0.2, None))
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(4), Inches(3), data).chart
    chart.has_title, chart.chart_title.text_frame.text = True, "By quarter"
    placed = slide.shapes.add_picture(picture(RED), 0, 0)
    placed._element.xpath(".//p:cNvPr")[0].set("descr", "A red box")
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "In a group"
    assert told(read(talk(made))) == [
        (
            "[talk.pptx]\n## Slide 1 of 1: Numbers\n\n| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n\n"
            "Chart: By quarter\n\n|  | Sales | Cost |\n| --- | --- | --- |\n| Q1 | 1.5 | 0.3 |\n| Q2 | 2 |  |\n\n"
            "[Picture: A red box]\n"
        ),
        "<red 200>",
        "In a group\n",
    ]


def test_what_is_on_every_slide_alike_is_left_out(talk: Callable[[Any], Path]) -> None:
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[TITLE_ONLY])
    slide.shapes.title.text = "Title"
    for each in slide.slide_layout.placeholders:
        if each.placeholder_format.type in (PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER):
            slide.shapes._spTree.append(deepcopy(each._element))
            slide.placeholders[each.placeholder_format.idx].text_frame.text = "Company"
    assert len(slide.placeholders) == 3
    assert told(read(talk(made))) == ["[talk.pptx]\n## Slide 1 of 1: Title\n"]


def test_points_of_a_chart_have_numbers(talk: Callable[[Any], Path]) -> None:
    made, data = Presentation(), XyChartData()
    series = data.add_series("Height")
    for x, y in ((1, 4), (2, 5)):
        series.add_data_point(x, y)
    slide = made.slides.add_slide(made.slide_layouts[6])
    slide.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, 0, 0, Inches(4), Inches(3), data)
    (text,) = told(read(talk(made)))
    assert "|  | Height |\n| --- | --- |\n| 1 | 4 |\n| 2 | 5 |" in text


def test_a_picture_that_lies_elsewhere_is_not_fetched(talk: Callable[[Any], Path]) -> None:
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    placed = slide.shapes.add_picture(picture(RED), 0, 0)
    relation = slide.part.relate_to("http://example.org/a.png", "http://x/image", is_external=True)
    blip = placed._element.xpath(".//a:blip")[0]
    del blip.attrib[qn("r:embed")]
    blip.set(qn("r:link"), relation)
    assert told(read(talk(made))) == ["[talk.pptx]\n## Slide 1 of 1\n"]


def test_too_many_slides(talk: Callable[[Any], Path]) -> None:
    made = Presentation()
    for _ in range(3):
        made.slides.add_slide(made.slide_layouts[6])
    with pytest.raises(MediaError, match="3 slides; the limit is 2"):
        list(convert(talk(made), replace(DEFAULT_LIMITS, max_pages=2)))


def test_a_presentation_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "talk.pptx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("ppt/presentation.xml", "<x/>")
    with pytest.raises(MediaError, match="cannot be read") as caught:
        list(convert(path))
    assert "PDF" in caught.value.hint


# Pictures


def test_pictures_of_a_letter_stand_between_its_words(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_paragraph("Before.")
    made.add_picture(picture(RED))
    made.element.body.findall(".//" + qn("wp:docPr"))[0].set("descr", "A red\nbox")
    made.add_paragraph("In a list", style="List Bullet").add_run().add_picture(picture(BLUE))
    made.add_paragraph("Still in it", style="List Bullet")
    cell = made.add_table(1, 2).rows[0].cells[1]
    cell.text = "In a cell"
    cell.paragraphs[0].add_run().add_picture(picture(RED, 300))
    made.add_paragraph("The end.")
    made.save(str(tmp_path / "letter.docx"))
    item = read(tmp_path / "letter.docx")
    assert told(item) == [
        "[letter.docx]\nBefore.\n\n[Picture: A red box]\n",
        "<red 200>",
        "- In a list\n",
        "<blue 200>",
        "- Still in it\n\n|  | In a cell |\n| --- | --- |\n",
        "<red 300>",
        "The end.\n",
    ]
    assert [part.name for part in item.parts if isinstance(part, Picture)][1] == "letter.docx, picture 2"
    assert item.notes == ()


def test_a_picture_of_a_letter_that_lies_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    made = docx.Document()
    made.add_picture(picture(RED))
    relation = made.part.relate_to("http://example.org/a.png", RELATIONSHIP_TYPE.IMAGE, is_external=True)
    made.element.body.findall(".//" + qn("a:blip"))[0].set(qn("r:embed"), relation)
    made.add_paragraph("The end.")
    made.save(str(tmp_path / "letter.docx"))
    assert told(read(tmp_path / "letter.docx")) == ["[letter.docx]\nThe end.\n"]


def test_pictures_of_sheets_stand_behind_them(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet["A1"] = "words"
    sheet.add_image(SheetImage(picture(BLUE)), "B2")
    made.save(tmp_path / "book.xlsx")
    text, shown = told(read(tmp_path / "book.xlsx"))
    assert "| words |" in text
    assert shown == "<blue 200>"


def letter(folder: Path, *pictures: io.BytesIO) -> Path:
    made = docx.Document()
    for each in pictures:
        made.add_picture(each)
    made.save(str(folder / "letter.docx"))
    return folder / "letter.docx"


def test_bullets_are_not_shown_and_large_ones_are_made_smaller(tmp_path: Path) -> None:
    item = read(letter(tmp_path, picture(RED, 20, 20), picture(BLUE, 4000, 1000, "JPEG"), picture(RED, 900, 30)))
    (shown,) = (part for part in item.parts if isinstance(part, Picture))
    assert (shown.width, shown.height) == (SIDE, SIDE // 4)
    assert item.notes == ()


def test_more_pictures_than_a_conversation_holds(tmp_path: Path) -> None:
    item = read(letter(tmp_path, *(picture(RED, 200 + n) for n in range(4))), replace(DEFAULT_LIMITS, max_pictures=3))
    assert sum(isinstance(part, Picture) for part in item.parts) == 3
    assert item.notes == ("1 picture is left out: more than 3 are too many.",)


def test_a_damaged_picture_costs_a_note_and_not_the_letter(tmp_path: Path) -> None:
    path, damaged = letter(tmp_path, picture(RED)), tmp_path / "damaged.docx"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(damaged, "w") as written:
        for name in archive.namelist():
            data = archive.read(name)
            written.writestr(name, data[:60] if name.startswith("word/media/") else data)
    item = read(damaged)
    assert not any(isinstance(part, Picture) for part in item.parts)
    assert item.notes == ("1 picture is left out: damaged, or not of a kind that is read.",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x00\x00\x00" + bytes(40),
        b"hello",
        b"%PDF-1.4",
        png(np.zeros((1, 1, 3)), 8, 2, size=(20_000, 20_000)),
    ],
    ids=["nothing", "a drawing of Windows", "text", "a PDF", "a bomb"],
)
def test_what_is_no_picture_of_a_document_is_none(data: bytes) -> None:
    assert embedded_picture(Embedded(data[:5000]), DEFAULT_LIMITS, never_stop) is None


def test_a_stop_between_pictures(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        embedded_picture(Embedded(picture(RED).getvalue()), DEFAULT_LIMITS, lambda: True)
