"""Documents become text with its structure, and pictures where text does not say it; hostile ones become sentences."""

from __future__ import annotations

import random
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import docx
import numpy as np
import openpyxl
import pytest
from docx.document import Document as DocxDocument
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml

from media.convert import convert
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.markdown_table import markdown_table
from media.text_files import fenced
from media.types import ConvertProgress, MediaItem, MediaKind, Picture, Text
from tests.pdf_files import Page, locked_pdf, one_page, pdf, stream

NUM_MUTATIONS = 60
SENTENCE = "The quick brown fox jumps over the lazy dog."


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    def it(name: str, data: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return it


Write = Callable[[str, bytes | str], Path]


def read(path: Path, limits: Limits = DEFAULT_LIMITS) -> MediaItem:
    *before, item = convert(path, limits)
    assert before
    assert all(isinstance(event, ConvertProgress) for event in before)
    assert isinstance(item, MediaItem)
    assert item.kind is MediaKind.DOCUMENT
    assert item.thumbnail.shape[2] == 3
    assert max(item.thumbnail.shape) <= limits.thumbnail_side
    return item


def text_of(item: MediaItem) -> str:
    return "".join(part.text for part in item.parts if isinstance(part, Text))


def pictures_of(item: MediaItem) -> list[Picture]:
    return [part for part in item.parts if isinstance(part, Picture)]


def refusal(path: Path, limits: Limits = DEFAULT_LIMITS) -> MediaError:
    with pytest.raises(MediaError) as caught:
        list(convert(path, limits))
    assert caught.value.hint
    return caught.value


# PDF


def test_pages_keep_their_numbers_and_their_order(write: Write) -> None:
    item = read(write("report.pdf", pdf(Page((SENTENCE, "Second line.")), Page(("On the other page there is this.",)))))
    assert [part.text for part in item.parts if isinstance(part, Text)] == [
        f"[report.pdf, page 1 of 2]\n{SENTENCE}\nSecond line.\n",
        "[report.pdf, page 2 of 2]\nOn the other page there is this.\n",
    ]
    assert item.facts[0] == "2 pages"
    assert not pictures_of(item)


def test_a_scanned_page_becomes_a_picture_of_itself(write: Write) -> None:
    item = read(write("scan.pdf", pdf(Page(("12",), (200, 30, 40), (0, 0, 612, 792)))))
    (picture,) = pictures_of(item)
    assert (picture.width, picture.height) == (1039, 1344)
    np.testing.assert_allclose(picture.pixels[700, 500], (200, 30, 40), atol=2)
    assert picture.name == "scan.pdf, page 1"
    assert isinstance(item.parts[0], Text)
    assert isinstance(item.parts[1], Picture)


def test_a_figure_stands_behind_the_text_of_its_page(write: Write) -> None:
    pages = Page((SENTENCE,), (20, 160, 60)), Page((SENTENCE,))
    item = read(write("paper.pdf", pdf(*pages)))
    assert [type(part) for part in item.parts] == [Text, Picture, Text]
    (figure,) = pictures_of(item)
    assert figure.width > figure.height
    assert abs(figure.width / figure.height - 300 / 240) < 0.02
    np.testing.assert_allclose(figure.pixels[5:-5, 5:-5].reshape(-1, 3).mean(0), (20, 160, 60), atol=2)


TEXT_LINE = b"BT /F1 12 Tf 172 620 Td (The quick brown fox jumps over the lazy dog.) Tj ET\n"
FIGURE = b"q 300 0 0 240 150 200 cm /P1 Do Q\n"
IN_A_FORM = b"q 1 0 0 1 50 50 cm /X1 Do Q\n"
FORM = stream(
    b"/Type /XObject /Subtype /Form /BBox [0 0 400 400] /Matrix [1 0 0 1 100 150]"
    b" /Resources << /XObject << /P1 4 0 R >> >>",
    b"q 300 0 0 240 0 0 cm /P1 Do Q",
)


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (one_page(TEXT_LINE + FIGURE), 300 / 240),
        (one_page(TEXT_LINE + FIGURE, entries=b"/Rotate 90"), 240 / 300),
        (one_page(TEXT_LINE + FIGURE, entries=b"/Rotate 180"), 300 / 240),
        (one_page(TEXT_LINE + FIGURE, entries=b"/Rotate 270"), 240 / 300),
        (one_page(TEXT_LINE + FIGURE, box=(100, 150, 712, 942)), 300 / 240),
        (one_page(TEXT_LINE + FIGURE, entries=b"/CropBox [90 90 560 760]"), 300 / 240),
        (one_page(TEXT_LINE + FIGURE, entries=b"/CropBox [90 90 560 760] /Rotate 90"), 240 / 300),
        (one_page(TEXT_LINE + IN_A_FORM, FORM, resources=b"/X1 7 0 R"), 300 / 240),
        (one_page(TEXT_LINE + IN_A_FORM, FORM, resources=b"/X1 7 0 R", entries=b"/Rotate 90"), 240 / 300),
    ],
)
def test_figures_are_found_however_the_page_lies(write: Write, data: bytes, shape: float) -> None:
    (figure,) = pictures_of(read(write("a.pdf", data)))
    assert abs(figure.width / figure.height - shape) < 0.02
    assert np.abs(figure.pixels[5:-5, 5:-5] - np.array([20, 160, 60])).max() <= 2


def curve(x: int, y: int) -> bytes:
    """A line with 60 corners, 240 points wide and 100 high."""
    corners = b" ".join(b"%d %d l" % (x + 4 * step, y + step * 37 % 100) for step in range(1, 61))
    return b"%d %d m %s S\n" % (x, y, corners)


def test_a_drawing_of_lines_is_a_figure(write: Write) -> None:
    item = read(write("a.pdf", one_page(TEXT_LINE + curve(100, 200) + b"BT /F1 8 Tf 110 192 Td (0) Tj ET")))
    (figure,) = pictures_of(item)
    assert 1.7 < figure.width / figure.height < 2.3, "240 points by 100, and some around it"
    assert (figure.pixels < 128).any(), "something is to be seen"
    two = one_page(TEXT_LINE + curve(50, 200) + curve(350, 200), entries=b"/Rotate 90")
    assert len(pictures_of(read(write("two.pdf", two)))) == 2
    both = one_page(TEXT_LINE + FIGURE + curve(180, 250))
    assert len(pictures_of(read(write("both.pdf", both)))) == 1, "lines on a picture are part of it"


def test_rules_and_shades_and_tables_are_no_figures(write: Write) -> None:
    rules = b"".join(b"100 %d m 500 %d l S\n" % (y, y) for y in range(100, 500, 10))
    shade = b"0.9 g 60 150 500 400 re f 0 g\n"
    ground = b"0.9 g 0 0 612 792 re f 0 g\n" * 30
    cells = b"".join(
        b"0.9 g %d %d 60 14 re f 0 g BT /F1 10 Tf %d %d Td (1,234.50 EUR) Tj ET\n" % (x, y, x, y + 3)
        for x in range(60, 500, 64)
        for y in range(100, 500, 16)
    )
    for content in (rules, shade, ground, cells):
        assert not pictures_of(read(write("a.pdf", one_page(content + TEXT_LINE)))), content[:40]


def test_what_is_filled_in_and_noted_is_read(write: Write) -> None:
    look = stream(
        b"/Type /XObject /Subtype /Form /BBox [0 0 200 20] /Resources << /Font << /F1 3 0 R >> >>",
        b"/Tx BMC q BT /F1 12 Tf 2 5 Td (Ada Lovelace) Tj ET Q EMC",
    )
    widget = b"<< /Type /Annot /Subtype /Widget /P 6 0 R /F 4"
    data = one_page(
        b"BT /F1 12 Tf 72 720 Td (Name:) Tj ET\n",
        look,
        widget + b" /FT /Tx /T (Name) /V (Ada Lovelace) /Rect [72 600 272 620] /AP << /N 7 0 R >> >>",
        widget + b" /FT /Btn /T (Agree) /V /Yes /AS /Yes /Rect [72 560 92 580] >>",
        widget + b" /FT /Btn /T (Refuse) /AS /Off /Rect [72 530 92 550] >>",
        widget + b" /FT /Tx /T (Empty) /Rect [72 500 272 520] >>",
        b"<< /Type /Annot /Subtype /Text /Contents (check this) /Rect [300 600 320 620] >>",
        b"<< /Type /Annot /Subtype /Link /A << /S /URI /URI (http://x/) >> /Rect [0 0 612 792] >>",
        entries=b"/Annots [8 0 R 9 0 R 10 0 R 11 0 R 12 0 R 13 0 R]",
        catalog=b"/AcroForm << /Fields [8 0 R 9 0 R 10 0 R 11 0 R] >>",
    )
    item = read(write("form.pdf", data))
    assert text_of(item) == (
        "[form.pdf, page 1 of 1]\nName:\nName: Ada Lovelace\n[x] Agree\n[ ] Refuse\n(a note: check this)\n"
    )
    (page,) = pictures_of(item)
    scale = page.height / 792
    field = page.pixels[round((792 - 618) * scale) : round((792 - 602) * scale), : round(200 * scale)]
    assert (field < 128).any(), "and it is seen on the picture of the page"


def test_what_is_small_or_beside_the_page_is_no_figure(write: Write) -> None:
    logo = Page((SENTENCE,), (9, 9, 9), (500, 700, 40, 30))
    beside = Page((SENTENCE,), (9, 9, 9), (-400, 100, 300, 240))
    assert not pictures_of(read(write("a.pdf", pdf(logo, beside))))


def test_an_empty_page_is_said_and_not_drawn(write: Write) -> None:
    item = read(write("a.pdf", pdf(Page((SENTENCE,)), Page())))
    assert "page 2 of 2" in text_of(item)
    assert not pictures_of(item)


def test_no_more_pictures_than_a_conversation_holds(write: Write) -> None:
    scans = [Page((), (number, 0, 0), (0, 0, 612, 792)) for number in range(5)]
    item = read(write("scans.pdf", pdf(*scans)), replace(DEFAULT_LIMITS, max_pictures=3))
    assert len(pictures_of(item)) == 3
    assert item.notes == ("2 pictures are left out: more than 3 are too many.",)
    assert "page 5 of 5]\n\n(There is more to be seen on this page.)" in text_of(item)


def test_limits_of_pages_and_letters(write: Write) -> None:
    path = write("long.pdf", pdf(*[Page((SENTENCE,))] * 4))
    error = refusal(path, replace(DEFAULT_LIMITS, max_pages=3))
    assert (error.title, error.message) == ("Document too long", "long.pdf has 4 pages; the limit is 3.")
    assert "more than 100 letters" in refusal(path, replace(DEFAULT_LIMITS, max_text_chars=100)).message


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnothing", pdf(Page((SENTENCE,)))[:300], b"%PDF-1.4\n\x00\xff" * 99])
def test_a_damaged_pdf(write: Write, data: bytes) -> None:
    assert refusal(write("bad.pdf", data)).title in {"Damaged document", "Empty document"}


def test_a_locked_pdf_is_said_to_be_locked(write: Write) -> None:
    error = refusal(write("a.pdf", locked_pdf(SENTENCE.encode(), b"secret")))
    assert (error.title, error.message) == ("Locked document", "a.pdf is protected by a password.")
    assert SENTENCE in text_of(read(write("b.pdf", locked_pdf(SENTENCE.encode(), b"")))), "anybody may read this one"


def test_a_damaged_page_costs_itself_and_no_other(write: Write) -> None:
    data = pdf(Page(("The first page was like this.",)), Page((SENTENCE,)))
    cut = data.replace(b"/Type /Page ", b"/Type /Font ", 1)
    item = read(write("a.pdf", cut))
    assert text_of(item) == (f"[a.pdf, page 1 of 2]\n(This page is damaged.)\n[a.pdf, page 2 of 2]\n{SENTENCE}\n")
    assert item.notes == ("1 page is damaged and left out.",)
    assert refusal(write("b.pdf", data.replace(b"/Type /Page ", b"/Type /Font "))).title == "Damaged document"


def test_a_stop_between_pages(write: Write) -> None:
    looks = iter([False] * 5 + [True] * 99)
    seen = list(convert(write("long.pdf", pdf(*[Page((SENTENCE,))] * 9)), should_stop=lambda: next(looks)))
    assert 0 < len(seen) < 9
    assert not any(isinstance(event, MediaItem) for event in seen)


# Word and Excel


def word(path: Path) -> Path:
    made = docx.Document()
    made.add_heading("A report", 0)
    made.add_heading("Findings", 1)
    made.add_paragraph(SENTENCE)
    made.add_paragraph("first", style="List Bullet")
    table = made.add_table(2, 2)
    for cell, words in zip((cell for row in table.rows for cell in row.cells), ("a", "b|c", "1", "2"), strict=True):
        cell.text = words
    made.add_paragraph("The end.")
    made.save(str(path))
    return path


def excel(path: Path) -> Path:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    sheet.title = "Sales"
    for row in (
        ["when", "what", "how many"],
        [date(2026, 3, 1), "maps", 3],
        [None, None, None],
        ["later", "", 0.1 + 0.2],
    ):
        sheet.append(row)
    second = made.create_sheet("Notes")
    second["A1"] = datetime(2026, 3, 1, 12, 30, tzinfo=UTC).replace(tzinfo=None)
    made.save(path)
    return path


def test_word_keeps_its_structure(tmp_path: Path) -> None:
    item = read(word(tmp_path / "report.docx"))
    assert text_of(item) == (
        "[report.docx]\n# A report\n\n# Findings\n\n" + SENTENCE + "\n\n- first\n\n"
        "| a | b\\|c |\n| --- | --- |\n| 1 | 2 |\n\nThe end.\n"
    )
    assert item.facts[0] == "Word document"


def test_excel_keeps_its_sheets(tmp_path: Path) -> None:
    item = read(excel(tmp_path / "numbers.xlsx"))
    assert text_of(item) == (
        "[numbers.xlsx]\n## Sales\n\n| when | what | how many |\n| --- | --- | --- |\n| 2026-03-01 | maps | 3 |\n"
        "| later |  | 0.3 |\n\n## Notes\n\n| 2026-03-01T12:30:00 |\n| --- |\n"
    )


WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'

MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
CHOICE = 'xmlns:c="http://schemas.openxmlformats.org/markup-compatibility/2006"'


def paragraph_of(xml: str) -> str:
    return f"<w:p {WORD}>{xml}</w:p>"


def run_of(words: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{words}</w:t></w:r>"


def read_word(path: Path, *paragraphs: str) -> str:
    """What becomes of these paragraphs, behind the line with the name."""
    made = docx.Document()
    for xml in paragraphs:
        made.element.body.insert(len(made.element.body) - 1, parse_xml(xml))
    made.save(str(path))
    return text_of(read(path)).partition("\n")[2].strip()


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (f"<w:ins w:id='1'>{run_of('put in')}</w:ins>", "put in"),
        (f"{run_of('kept')}<w:del w:id='1'><w:r><w:delText>taken out</w:delText></w:r></w:del>", "kept"),
        (f"<w:sdt><w:sdtContent>{run_of('filled in')}</w:sdtContent></w:sdt>", "filled in"),
        (f"<w:hyperlink>{run_of('a link')}</w:hyperlink>", "a link"),
        ("<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t></w:r>", "a\tb\nc"),
        ("<w:r><w:fldChar/><w:instrText>PAGEREF x</w:instrText><w:t>7</w:t></w:r>", "7"),
        (
            f"<m:oMath {MATH}><m:r><m:t>E=m</m:t></m:r></m:oMath>",
            "E=m",
        ),
        (
            f"{run_of('beside')}<w:r><w:txbxContent>{paragraph_of(run_of('in a box'))}</w:txbxContent></w:r>",
            "beside\n\nin a box",
        ),
        (
            f"<c:AlternateContent {CHOICE}><c:Choice>{run_of('once')}</c:Choice><c:Fallback/></c:AlternateContent>",
            "once",
        ),
        (
            f"<c:AlternateContent {CHOICE}><c:Choice/><c:Fallback>{run_of('not')}</c:Fallback></c:AlternateContent>",
            "",
        ),
    ],
)
def test_word_keeps_what_stands_around_words(tmp_path: Path, xml: str, said: str) -> None:
    assert read_word(tmp_path / "a.docx", paragraph_of(xml)) == said


def test_what_is_filled_in_may_be_whole_paragraphs(tmp_path: Path) -> None:
    field = f"<w:sdt {WORD}><w:sdtContent>{paragraph_of(run_of('chosen'))}</w:sdtContent></w:sdt>"
    assert read_word(tmp_path / "a.docx", paragraph_of(run_of("one")), field) == "one\n\nchosen"


def numbered(words: str, level: int, list_id: int = 77, style: str = "") -> str:
    style = f"<w:pStyle w:val='{style}'/>" if style else ""
    place = f"<w:numPr><w:ilvl w:val='{level}'/><w:numId w:val='{list_id}'/></w:numPr>"
    return paragraph_of(f"<w:pPr>{style}{place}</w:pPr>{run_of(words)}")


def add_list(made: DocxDocument, *levels: tuple[str, str, int]) -> None:
    """A list with the number 77, whose levels are numbered so."""
    inner = "".join(
        f"<w:lvl w:ilvl='{depth}'><w:start w:val='{start}'/><w:numFmt w:val='{kind}'/><w:lvlText w:val='{form}'/>"
        "</w:lvl>"
        for depth, (kind, form, start) in enumerate(levels)
    )
    numbering = made.part.numbering_part.element
    numbering.insert(0, parse_xml(f"<w:abstractNum {WORD} w:abstractNumId='77'>{inner}</w:abstractNum>"))
    numbering.append(parse_xml(f"<w:num {WORD} w:numId='77'><w:abstractNumId w:val='77'/></w:num>"))


def test_lists_keep_their_levels_and_numbers(tmp_path: Path) -> None:
    made = docx.Document()
    add_list(made, ("decimal", "%1.", 3), ("lowerLetter", "%2)", 1), ("bullet", "•", 1))
    items = (("one", 0), ("inner", 1), ("inner", 1), ("point", 2), ("two", 0), ("anew", 1))
    for xml in (*(numbered(*each) for each in items), paragraph_of(run_of("behind")), numbered("three", 0)):
        made.element.body.insert(len(made.element.body) - 1, parse_xml(xml))
    made.add_paragraph("of a style", style="List Bullet 2")
    made.save(str(tmp_path / "a.docx"))
    assert text_of(read(tmp_path / "a.docx")) == (
        "[a.docx]\n3. one\n    a) inner\n    b) inner\n        - point\n4. two\n    a) anew\n\n"
        "behind\n\n5. three\n    - of a style\n"
    )


def test_headings_keep_their_numbers(tmp_path: Path) -> None:
    made = docx.Document()
    add_list(made, ("decimal", "%1", 1), ("decimal", "%1.%2", 1))
    for words, level in (("Aims", 0), ("Small aims", 1), ("Great aims", 1), ("Means", 0)):
        xml = numbered(words, level, style=f"Heading{level + 1}")
        made.element.body.insert(len(made.element.body) - 1, parse_xml(xml))
    made.save(str(tmp_path / "a.docx"))
    assert text_of(read(tmp_path / "a.docx")) == (
        "[a.docx]\n# 1 Aims\n\n## 1.1 Small aims\n\n## 1.2 Great aims\n\n# 2 Means\n"
    )


def test_cells_that_are_merged_are_said_once(tmp_path: Path) -> None:
    made = docx.Document()
    table = made.add_table(3, 3)
    for place, words in (((0, 0), "wide"), ((1, 2), "high"), ((2, 0), "a"), ((2, 1), "b")):
        table.cell(*place).text = words
    table.cell(0, 0).merge(table.cell(0, 1))
    table.cell(1, 2).merge(table.cell(2, 2))
    inner = table.cell(1, 0).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "in", "it"
    made.save(str(tmp_path / "a.docx"))
    assert text_of(read(tmp_path / "a.docx")) == (
        "[a.docx]\n| wide |  |  |\n| --- | --- | --- |\n| in, it |  | high |\n| a | b |  |\n"
    )


def test_notes_stand_behind_the_text(tmp_path: Path) -> None:
    made = docx.Document()
    for number in (8, 5):
        reference = f"{run_of('word')}<w:r><w:footnoteReference w:id='{number}'/></w:r>"
        made.element.body.insert(len(made.element.body) - 1, parse_xml(paragraph_of(reference)))
    notes = "".join(f"<w:footnote w:id='{each}'>{paragraph_of(run_of(f'note {each}'))}</w:footnote>" for each in (5, 8))
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    blob = f"<w:footnotes {WORD}>{notes}</w:footnotes>".encode()
    part = Part(PackURI("/word/footnotes.xml"), kind, blob, made.part.package)
    made.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes")
    made.save(str(tmp_path / "a.docx"))
    assert text_of(read(tmp_path / "a.docx")) == ("[a.docx]\nword[^1]\n\nword[^2]\n\n[^1]: note 8\n\n[^2]: note 5\n")


def changed_sheet(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """A workbook whose first sheet is written otherwise."""
    excel(path.with_name("sound.xlsx"))
    with zipfile.ZipFile(path.with_name("sound.xlsx")) as sound, zipfile.ZipFile(path, "w") as archive:
        for entry in sound.infolist():
            data = sound.read(entry)
            archive.writestr(entry.filename, change(data) if entry.filename.endswith("/sheet1.xml") else data)
    return path


def test_a_sheet_that_is_wrong_about_its_size_is_read_whole(tmp_path: Path) -> None:
    path = changed_sheet(tmp_path / "a.xlsx", lambda xml: re.sub(rb'ref="A1:[A-Z0-9]+"', b'ref="A1"', xml))
    assert "| 2026-03-01 | maps | 3 |" in text_of(read(path))


def test_formulas_without_values_are_shown(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in ([1, "=A1*2"], [3, 4]):
        sheet.append(row)
    made.save(tmp_path / "a.xlsx")
    assert "| 1 | =A1*2 |" in text_of(read(tmp_path / "a.xlsx"))
    known = changed_sheet(tmp_path / "b.xlsx", lambda xml: xml.replace(b"<v>3</v>", b"<f>1+2</f><v>3</v>"))
    assert "| maps | 3 |" in text_of(read(known)), "a value that was saved is worth more"


def test_sheets_that_are_hidden_say_so(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    made.create_sheet("Behind").sheet_state = "hidden"
    made.save(tmp_path / "a.xlsx")
    assert text_of(read(tmp_path / "a.xlsx")) == "[a.xlsx]\n## Sheet\n\n## Behind (a hidden sheet)\n"


def test_long_sheets_are_cut_and_say_so(tmp_path: Path) -> None:
    item = read(excel(tmp_path / "numbers.xlsx"), replace(DEFAULT_LIMITS, max_table_rows=2, max_table_columns=1))
    assert "| when |\n| --- |\n| 2026-03-01 |\n\n(Only the first 2 rows are here.)" in text_of(item)
    assert "maps" not in text_of(item)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = word(tmp_path / "bomb.docx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/extra.xml", bytes(3_000_000))
    error = refusal(path, replace(DEFAULT_LIMITS, max_unpacked_bytes=2_000_000))
    assert error.title == "Document too large"
    assert "unpacks to 3." in error.message


def with_document(path: Path, xml: bytes) -> Path:
    """A Word document whose text is this XML."""
    word(path.with_name("sound.docx"))
    with zipfile.ZipFile(path.with_name("sound.docx")) as sound, zipfile.ZipFile(path, "w") as archive:
        for entry in sound.infolist():
            archive.writestr(entry.filename, xml if entry.filename == "word/document.xml" else sound.read(entry))
    return path


LAUGHS = b"".join(
    b'<!ENTITY l%d "%s">' % (number, b"&l%d;" % (number - 1) * 10 if number else b"ha") for number in range(12)
)
SECRET = b'<!ENTITY l11 SYSTEM "file:///etc/hostname">'
BODY = (
    b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>'
    b"before &l11; after</w:t></w:r></w:p></w:body></w:document>"
)


@pytest.mark.parametrize("entities", [LAUGHS, SECRET], ids=["billion laughs", "a file of the person's"])
def test_entities_are_not_followed(tmp_path: Path, entities: bytes) -> None:
    path = with_document(tmp_path / "hostile.docx", b'<?xml version="1.0"?><!DOCTYPE w [' + entities + b"]>" + BODY)
    try:
        said = text_of(read(path))
    except MediaError:
        return
    assert "haha" not in said
    hostname = Path("/etc/hostname")
    assert not hostname.exists() or hostname.read_text().strip() not in said


@pytest.mark.parametrize(
    ("name", "data", "title"),
    [
        ("old.doc", b"\xd0\xcf\x11\xe0" + bytes(600), "Unsupported document"),
        ("locked.docx", b"\xd0\xcf\x11\xe0" + bytes(600), "Damaged document"),
        ("cut.docx", b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "Damaged document"),
    ],
)
def test_office_files_that_cannot_be_read(write: Write, name: str, data: bytes, title: str) -> None:
    assert refusal(write(name, data)).title == title


# Text


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16", b""), ("cp1252", b"")]
)
def test_text_in_any_encoding(write: Write, encoding: str, mark: bytes) -> None:
    words = "Grüße aus Köln, sagt die Straße über den Fluß.\r\nZweite Zeile: äöü ÄÖÜ ß.\n"
    item = read(write("notes.txt", mark + words.encode(encoding)))
    assert text_of(item) == "[notes.txt]\n" + words.replace("\r\n", "\n") + "\n"
    assert item.facts[0] == "2 lines"


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-16-le", "Windows writes this, and no mark before it."),
        ("utf-16-be", "Others write this, and no mark before it."),
        ("utf-32", "Four bytes a letter."),
        ("latin-1", "Müller"),
        ("cp1252", "café crème déjà vu à la carte, naïve façade"),
        ("cp1252", "Año nuevo en España: mañana habrá más acción y emoción que nunca."),
        ("cp1252", "Não há informação disponível sobre a situação"),
        ("cp1252", "It’s a “test” of the printer’s quotes – really."),
        ("cp1250", "Zażółć gęślą jaźń, proszę bardzo. Cześć."),
        ("cp1251", "Привет, это текст на русском языке"),
        ("shift_jis", "# これはテスト\nprint(1)"),
        ("shift_jis", "日本語"),
        ("gbk", "这是一个中文文本文件"),
    ],
)
def test_encodings_that_are_not_said_are_guessed(write: Write, encoding: str, words: str) -> None:
    assert text_of(read(write("notes.txt", words.encode(encoding)))) == f"[notes.txt]\n{words}\n"


def test_source_code_stands_in_a_fence_that_it_cannot_close(write: Write) -> None:
    item = read(write("main.py", 'print("""\n```\nhello\n````\n""")\n'))
    assert text_of(item) == '[main.py]\n`````py\nprint("""\n```\nhello\n````\n""")\n`````\n'
    assert fenced("a", "c") == "```c\na\n```"


def test_a_table_of_text_becomes_one_of_markdown(write: Write) -> None:
    item = read(write("data.csv", "name;size\nred | blue;3\n\ngreen;4\n"))
    assert text_of(item) == "[data.csv]\n| name | size |\n| --- | --- |\n| red \\| blue | 3 |\n| green | 4 |\n"
    assert item.facts[0] == "3 rows"
    cut = read(write("long.csv", "a,b\n" * 50), replace(DEFAULT_LIMITS, max_table_rows=10))
    assert "(Only the first 10 rows are here.)" in text_of(cut)


@pytest.mark.parametrize(
    ("text", "second_row"),
    [
        ("a\tb\tc\n1\t2\n", "| 1 | 2 |  |"),
        ("size;price\n1,5;2,5\n2,5;3,5\n", "| 1,5 | 2,5 |"),
        ("1,5;2,5\n2,5;3,5\n", "| 2,5 | 3,5 |"),
        ('name, said\nBob, "it\'s ""so"", they say"\n', '| Bob | it\'s "so", they say |'),
        ("who,what\nAl,'quoted' word\nBo,it's fine\n", "| Al | 'quoted' word |"),
        ("a,b\nx;y,2\nz,3\nq,4\n", "| x;y | 2 |"),
        ("one column\nalone\n", "| alone |"),
        ('"' * 60_000, ""),
    ],
)
def test_tables_are_cut_where_they_mean_it(write: Write, text: str, second_row: str) -> None:
    assert [*text_of(read(write("data.csv", text))).split("\n"), ""][3 if second_row else -1] == second_row


def test_rows_of_any_length_make_a_table() -> None:
    assert markdown_table([["a"], ["b", "c\nd"]]) == "| a |  |\n| --- | --- |\n| b | c d |"
    assert markdown_table([]) == ""


def test_a_web_page_is_read_and_nothing_in_it_is_run(write: Write) -> None:
    page = """<!doctype html><html><head><title>t</title><style>p {}</style></head><body><h1>News</h1>
    <script>alert("no")</script><p>It <b>rained</b>.</p><ul><li>one</li></ul><img src="http://x/y.png" alt="spy">
    <a href="javascript:alert(1)">a link</a><table><tr><th>k</th></tr><tr><td>v</td></tr></table></body></html>"""
    said = text_of(read(write("page.html", page)))
    assert "# News" in said
    assert "It **rained**." in said
    assert "a link" in said
    assert "| k |" in said
    assert not [word for word in ("alert", "http", "javascript", "spy", "p {}") if word in said]


def test_what_a_page_hides_is_not_read(write: Write) -> None:
    page = (
        "<html><p>Seen.</p><p hidden>One</p><div style='color:red; Display : none'>Two<p>Three</p></div>"
        "<span style='visibility:hidden'>Four</span><p style='display:block'>Seen, too.</p></html>"
    )
    assert text_of(read(write("a.html", page))) == "[a.html]\nSeen.\n\nSeen, too.\n"


def test_a_page_without_a_bottom_is_refused_in_words(write: Write) -> None:
    error = refusal(write("a.html", "<html>" + "<div><b>" * 3000 + "x"))
    assert (error.title, "a.html" in error.message) == ("Web page too deep", True)


@pytest.mark.parametrize(
    "page",
    [
        "<div><h1>News</h1><script>alert(1)</script></div>",
        "<!-- saved from afar -->\n<html><body><h1>News</h1></body></html>",
        "<?xml version='1.0' encoding='utf-8'?>\n<!DOCTYPE html>\n<html><title>t</title><h1>News</h1></html>",
    ],
)
def test_a_web_page_may_begin_as_any_text(write: Write, page: str) -> None:
    item = read(write("page.html", page))
    assert text_of(item) == "[page.html]\n# News\n"
    assert item.facts[0] == "web page"


def test_a_web_page_may_leave_out_ends(write: Write) -> None:
    page = (
        "<!doctype html><p>one<p>two<ol><li>a<ul><li>b<li>c</ul><li>d</ol><table><tr><th>k<th>v<tr><td>1<td>2</table>"
    )
    assert text_of(read(write("page.html", page))) == (
        "[page.html]\none\n\ntwo\n\n1. a\n   * b\n   * c\n2. d\n\n| k | v |\n| --- | --- |\n| 1 | 2 |\n"
    )


def test_text_that_is_too_long(write: Write) -> None:
    limits = replace(DEFAULT_LIMITS, max_text_chars=100)
    assert refusal(write("a.txt", "ü" * 101), limits).title == "Text too long"
    assert refusal(write("b.txt", "a" * 401), limits).title == "Text too long"
    assert read(write("c.txt", "ü" * 100), limits)


def test_text_can_become_no_special_token(write: Write) -> None:
    """It goes to the model as text, whatever it says; that it stays text is the tokenizer's promise."""
    item = read(write("notes.txt", "<|eot|><|image|>"))
    assert all(isinstance(part, Text) for part in item.parts)
    assert "<|eot|><|image|>" in text_of(item)


# Files that were changed


def test_mutated_documents_give_an_item_or_a_media_error(tmp_path: Path) -> None:
    chance = random.Random("documents")
    sources = {
        "a.pdf": pdf(Page((SENTENCE,), (9, 99, 9)), Page((), (1, 2, 3), (0, 0, 612, 792))),
        "a.docx": word(tmp_path / "w.docx").read_bytes(),
        "a.xlsx": excel(tmp_path / "e.xlsx").read_bytes(),
        "a.csv": b"a,b\n1,2\n" * 20,
        "a.html": b"<html><body><table><tr><td>x</td></tr></table><p>hello</p></body></html>",
    }
    outcomes = {"item": 0, "error": 0}
    for name, data in sources.items():
        for _ in range(NUM_MUTATIONS):
            changed = bytearray(data)
            for _ in range(chance.randint(1, 12)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            path = tmp_path / name
            path.write_bytes(changed[: chance.randint(1, len(changed))] if chance.random() < 0.3 else changed)
            try:
                *_, item = convert(path)
            except MediaError:
                outcomes["error"] += 1
            else:
                assert isinstance(item, MediaItem)
                outcomes["item"] += 1
    assert min(outcomes.values()) > 10
