"""SVG from strangers: what is a drawing stays one, and nothing else comes of it."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import resvg_py
from PIL import Image

from media.drawing.foreign import clean_svg
from media.drawing.raster import as_picture, raster_size, rasterize
from media.drawing.sketch import document
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS
from media.types import RgbArray

HEAD = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 100 100"'
LIMITS = replace(DEFAULT_LIMITS, max_drawing_side=400)


def svg(inside: str) -> str:
    return f"<svg {HEAD}>{inside}</svg>"


def drawn(source: str) -> RgbArray:
    return rasterize(clean_svg(source, LIMITS).body, 100, 100)


def reds(pixels: RgbArray) -> int:
    return int(((pixels[..., 0] > 200) & (pixels[..., 1] < 100) & (pixels[..., 2] < 100)).sum())


@pytest.fixture
def red_file(tmp_path: Path) -> Path:
    Image.new("RGB", (50, 50), (255, 0, 0)).save(tmp_path / "red.png")
    return tmp_path / "red.png"


def data_of(picture: Image.Image) -> str:
    png = io.BytesIO()
    picture.save(png, "PNG")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def test_a_drawing_is_drawn() -> None:
    pixels = drawn(svg('<rect x="10" y="10" width="50" height="50" fill="#f00"/>'))
    assert reds(pixels) == 2500
    assert (pixels[80, 80] == 255).all()


def test_text_is_drawn_in_the_fonts_of_the_box() -> None:
    pixels = drawn(svg('<text x="5" y="60" font-family="No Such Font" font-size="40">Hg</text>'))
    assert 200 < (pixels < 100).all(axis=2).sum() < 2000


def test_files_are_not_read(red_file: Path) -> None:
    naive = svg(f'<image href="{red_file}" width="100" height="100"/>')
    raw = resvg_py.svg_to_bytes(svg_string=naive, width=100, height=100, background="#fff")
    assert reds(np.array(Image.open(io.BytesIO(raw)).convert("RGB"))) > 9000, "otherwise this test proves nothing"
    for address in (str(red_file), red_file.as_uri(), f"../../../../../..{red_file}", f" {red_file}"):
        for attribute in ("href", "xlink:href"):
            assert reds(drawn(svg(f'<image {attribute}="{address}" width="100" height="100"/>'))) == 0


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="http://example.org/a.png" width="9" height="9"/>',
        '<use href="http://example.org/a.svg#x"/>',
        '<use href="other.svg#x"/>',
        '<rect fill="url(http://example.org/a.svg#g)" width="9" height="9"/>',
        '<rect style="fill:url( \'file:///etc/passwd#g\' )" width="9" height="9"/>',
        '<rect style="fill:u\\72l(http://example.org/a)" width="9" height="9"/>',
        "<style>@import url(http://example.org/a.css);</style>",
        "<style>@font-face{font-family:x;src:url(http://example.org/a.ttf)}</style>",
        "<style>rect{fill:url(http://example.org/a.svg#g)}</style>",
        "<style>rect{fill:url(  'http://example.org/a.svg#g')}</style>",
        '<filter id="f"><feImage href="http://example.org/a.png"/></filter>',
        '<a href="http://example.org"><rect width="9" height="9"/></a>',
        '<image href="data:image/svg+xml;base64,PHN2Zz5leGFtcGxlLm9yZzwvc3ZnPg==" width="9" height="9"/>',
        '<foreignObject><p xmlns="http://www.w3.org/1999/xhtml">example.org</p></foreignObject>',
        '<script>fetch("http://example.org")</script>',
        '<rect onclick="location=\'http://example.org\'" width="9" height="9"/>',
        '<set attributeName="href" to="http://example.org"/>',
    ],
)
def test_nothing_refers_outside(inside: str) -> None:
    clean = clean_svg(svg(inside + '<circle r="5"/>'), LIMITS).body
    for word in ("example.org", "passwd", "other.svg", "script", "import", "svg+xml", "PHN2", "onclick"):
        assert word not in clean
    assert "circle" in clean


def test_parts_of_the_drawing_itself_may_be_referred_to() -> None:
    inside = (
        '<defs><linearGradient id="g"><stop stop-color="#f00"/></linearGradient>'
        '<rect id="r" width="50" height="50"/></defs>'
        '<style>.warm { fill: url(#g) }</style><use xlink:href="#r" class="warm"/>'
        '<rect x="50" y="50" width="50" height="50" fill="url(\'#g\')"/>'
    )
    assert reds(drawn(svg(inside))) == 5000


def test_a_picture_that_is_written_into_it_is_shown() -> None:
    data = data_of(Image.new("RGB", (4, 4), (255, 0, 0)))
    assert reds(drawn(svg(f'<image href="{data}" width="100" height="100"/>'))) > 9000


def test_a_picture_in_it_that_is_a_bomb_is_refused() -> None:
    data = data_of(Image.new("1", (9000, 9000)))
    with pytest.raises(MediaError, match="25,000,000 pixels"):
        drawn(svg(f'<image href="{data}" width="9" height="9"/>'))


def test_entities_are_refused() -> None:
    laughs = '<!ENTITY a "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(2, 10))
    with pytest.raises(MediaError, match="entities"):
        clean_svg(f"<!DOCTYPE svg [{laughs}]><svg {HEAD}><text>&a9;</text></svg>", LIMITS)
    outside = '<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    with pytest.raises(MediaError, match="entities"):
        clean_svg(f"{outside}<svg {HEAD}><text>&e;</text></svg>", LIMITS)


def test_the_usual_document_type_is_no_reason_to_refuse() -> None:
    kind = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    source = f'<?xml version="1.0" encoding="UTF-16"?>\n{kind}' + svg('<rect width="50" height="50" fill="#f00"/>')
    assert reds(drawn(source)) == 2500
    assert "w3.org/Graphics" not in clean_svg(source, LIMITS).body


def chain(part: str, count: int = 10) -> str:
    return "".join(part.replace("N", str(n)).replace("M", str(n + 1)) for n in range(count))


@pytest.mark.parametrize(
    "inside",
    [
        chain('<g id="gN">' + '<use href="#gM"/>' * 10 + "</g>") + '<circle id="g10"/>',
        chain('<pattern id="pN" width="1" height="1">' + '<rect fill="url(#pM)"/>' * 10 + "</pattern>")
        + '<pattern id="p10"><circle/></pattern><rect fill="url(#p0)"/>',
        chain('<mask id="mN">' + '<rect mask="url(#mM)"/>' * 10 + "</mask>") + '<mask id="m10"><circle/></mask>',
        '<rect filter="blur(3)" width="9" height="9"/>' * 300,
        '<rect style="filter:blur(3px)" width="9" height="9"/>' * 300,
        '<g opacity="0.5"><rect width="9" height="9"/></g>' * 500,
        '<filter id="f">' + "<feGaussianBlur/>" * 300 + "</filter>",
        f"<text>{'lorem ' * 10_000}</text>",
        f'<path d="M0 0{" L100 100 L0 50" * 400_000}"/>',
        "<g/>" * 200_001,
    ],
)
def test_short_files_that_mean_long_work_are_refused(inside: str) -> None:
    with pytest.raises(MediaError, match="steps"):
        clean_svg(svg(inside), LIMITS)


def test_parts_that_refer_to_each_other_are_refused() -> None:
    with pytest.raises(MediaError, match="in a circle"):
        clean_svg(svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'), LIMITS)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(MediaError, match="100 deep"):
        clean_svg(svg("<g>" * 5000 + "</g>" * 5000), LIMITS)
    with pytest.raises(MediaError, match="chain"):
        clean_svg(svg(chain('<g id="gN"><use href="#gM"/></g>', 3000)), LIMITS)


@pytest.mark.parametrize(
    "size",
    [
        'viewBox="0 0 1000000000 1000000000"',
        'viewBox="0 0 1000000000 1"',
        'width="1000000000" height="1000000000"',
        'width="1e30" height="3"',
        'viewBox="0 0 nan inf"',
        'viewBox="0 0 -5 5"',
        'viewBox="0 0 1e-30 1e-30"',
        'width="100%" height="100%"',
        'width="0" height="0"',
        "",
    ],
)
def test_whatever_size_it_claims_the_picture_is_bounded(size: str) -> None:
    drawing = clean_svg(f'<svg {size}><rect width="1" height="1"/></svg>', LIMITS)
    width, height = raster_size(drawing.width, drawing.height, LIMITS)
    pixels = rasterize(drawing.body, width, height)
    assert pixels.shape == (height, width, 3)
    assert max(width, height) <= 400


def test_filters_are_bounded() -> None:
    inside = (
        '<filter id="f" x="-1000" y="-1000" width="100000%" height="100000%"><feMorphology radius="5000"/>'
        '<feTurbulence numOctaves="100000"/><feConvolveMatrix order="500"/></filter>'
    )
    clean = clean_svg(svg(inside), LIMITS).body
    assert 'numOctaves="4"' in clean
    assert 'radius="0.2"' in clean
    for gone in ("1000", "100000", "5000", "500"):
        assert f'"{gone}' not in clean
        assert f"-{gone}" not in clean


def test_what_cannot_be_read_says_where() -> None:
    with pytest.raises(MediaError, match="line 2, column 6: mismatched tag"):
        clean_svg(f"<svg {HEAD}>\n<g></rect></svg>", LIMITS)
    with pytest.raises(MediaError, match="not svg"):
        clean_svg("<html></html>", LIMITS)
    with pytest.raises(MediaError, match="cannot be read"):
        clean_svg("no drawing", LIMITS)


def test_what_models_forget_is_forgiven() -> None:
    """No name space, an undeclared prefix, words before it."""
    inside = '<rect id="r" width="50" height="50" fill="#f00"/><use xlink:href="#r" x="50"/>'
    assert reds(drawn(f'Here it is: <svg viewBox="0 0 100 100">{inside}</svg>')) == 5000


def test_as_a_part_of_a_page_it_keeps_its_look_and_its_styles_to_itself() -> None:
    drawing = clean_svg(
        svg("<style>rect{fill:#f00}</style><rect width='50' height='50'/><text y='90'>Hg</text>"), LIMITS
    )
    part = as_picture(drawing, LIMITS)
    pixels = rasterize(document(part), 100, 100)
    assert 2300 < reds(pixels) < 2600
    assert (pixels[75:95] < 128).any(), "its letters are there"
    assert "<style>" not in part.body
