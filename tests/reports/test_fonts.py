"""Names in any script are drawn with a font that has them, or escaped and told."""

import logging
import shutil
import unicodedata
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from helpers import python
from matplotlib.ft2font import FT2Font
from PIL import Image

from alexnet_cli.reports import fonts, plots, sheets
from alexnet_cli.reports.fonts import fonts_for, undrawable

DEJAVU = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
SCRIPTS = ["\u732b", "\u0e44\u0e17\u0e22", "\u0939\u093f\u0928\u094d\u0926\u0940", "\ud55c\uad6d", "\U0001f337", "\u0639\u0631\u0628\u0649"]  # fmt: skip


@pytest.fixture(autouse=True)
def forgotten():
    """Which fonts were found is kept for the length of a process."""
    fonts._found.cache_clear()
    yield
    fonts._found.cache_clear()


@pytest.fixture
def installed(monkeypatch):
    """A function that makes fonts the only ones that are installed."""
    return lambda *files: monkeypatch.setattr(fonts, "_installed", lambda: list(files))


def has(file, text):
    font = FT2Font(str(file))
    return all(font.get_char_index(ord(x)) for x in text)


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "d\u00e9j\u00e0",
        "\u0446\u0432\u0435\u0442\u043e\u043a",
        "\u0639\u0631\u0628\u0649",
        "\u05e9\u05dc\u05d5\u05dd",
    ],
)
def test_the_font_of_matplotlib_has_some_scripts(installed, text):
    installed()
    assert fonts_for([text]) == fonts.Fonts((DEJAVU,), ())
    assert undrawable([text]) == ""


def test_what_no_font_has_is_escaped_and_told_once(installed):
    installed()
    found = fonts_for(["a\u732b", "\U0001f337b", "\u732b"])
    assert found.missing == ("\u732b", "\U0001f337") and found.files == (DEJAVU,)
    assert found.drawable("a\u732b\U0001f337\u00e9") == "a\\u732b\\U0001f337\u00e9"
    line = undrawable(["a\u732b", "\U0001f337b"])
    assert line.startswith("no installed font can draw \u732b, \U0001f337: escaped")
    assert "\n" not in line


def test_many_characters_are_counted_not_listed(installed):
    installed()
    line = undrawable([chr(0x4E00 + i) for i in range(300)])
    assert "and 290 more:" in line and len(line) < 300


def test_a_variation_selector_is_no_character_to_draw(installed):
    installed()
    found = fonts_for(["\u2764\ufe0f"])
    assert found.missing == () and found.drawable("\u2764\ufe0f") == "\u2764"


def test_files_that_are_no_fonts_are_passed_over(installed, tmp_path):
    (tmp_path / "a.ttf").write_bytes(b"x")
    (tmp_path / "b.ttf").write_bytes(DEJAVU.read_bytes()[:5000])
    installed(tmp_path / "a.ttf", tmp_path / "b.ttf", tmp_path / "gone.ttf")
    assert fonts_for(["\u732b"]).missing == ("\u732b",)


@pytest.mark.parametrize("text", SCRIPTS)
def test_an_installed_font_is_found_that_has_the_script(text):
    """With whatever is installed where this runs."""
    found = fonts_for([text])
    assert found.missing == tuple(
        sorted(x for x in set(text) if not any(has(f, x) for f in found.files))
    )
    if found.missing:
        pytest.skip(f"no installed font has {text}")
    assert all(FT2Font(str(x)).scalable for x in found.files)


def test_the_fewest_fonts_are_taken(installed, tmp_path):
    mono, serif = (DEJAVU.with_name(x) for x in ("DejaVuSansMono.ttf", "DejaVuSerif.ttf"))
    only_bold = shutil.copy(DEJAVU.with_name("DejaVuSans-Bold.ttf"), tmp_path / "x.ttf")
    installed(mono, serif, Path(only_bold))
    assert fonts_for(["a\u00e9"]).files == (DEJAVU,)


def test_matplotlib_draws_with_the_fonts_and_says_nothing(caplog, capfd, recwarn):
    """In a figure each name has the pixels of its font, not the box of a missing glyph."""
    with caplog.at_level(logging.WARNING):
        from alexnet_cli.evaluation.scores import score

        names = (*SCRIPTS, "$x^2$", "plain")
        labels = np.arange(len(names))
        plots.rendered(plots.confusion(score(np.eye(len(names)), labels, names), "title"))
    assert not caplog.records and not recwarn.list and capfd.readouterr() == ("", "")


def test_a_label_is_drawn_in_every_script():
    blank = np.asarray(sheets.labeled(np.zeros((200, 400, 3), np.uint8), " "))
    for text in SCRIPTS:
        drawn = np.asarray(
            sheets.labeled(np.zeros((200, 400, 3), np.uint8), f"{text} 9.1%")
        )
        assert drawn.shape == blank.shape and (drawn != blank).sum() > 100, text


def test_a_label_is_not_the_box_of_a_missing_glyph():
    """Two characters that a font has look different; two boxes do not."""

    def bar(text):
        return np.asarray(sheets.labeled(np.zeros((200, 200, 3), np.uint8), text))

    for one, other in (("\u0446", "\u0448"), ("\u05e9", "\u05dd"), ("\u732b", "\u72ac")):
        assert (bar(one) != bar(other)).any(), one


def test_where_a_font_ends_another_goes_on():
    a, b = DEJAVU, DEJAVU.with_name("STIXSizOneSymReg.ttf")
    only = next(
        chr(i)
        for i in sorted(FT2Font(str(b)).get_charmap())
        if not has(a, chr(i)) and unicodedata.category(chr(i)) != "Mn"
    )
    parts = list(fonts._parts(f"ab {only}{only} c", (a, b)))
    assert "".join(x for x, _ in parts) == f"ab {only}{only} c"
    assert [x for x, file in parts if file == b][0].startswith(only * 2)
    assert parts[0] == ("ab ", a) and parts[-1][0].endswith("c")


def test_names_without_other_scripts_cost_no_import_of_matplotlib():
    code = """
import sys
from alexnet_cli.cli.progress import say_undrawable
say_undrawable(["daisy", "rose"], bitmaps=True)
print([x for x in ("matplotlib", "PIL", "numpy") if x in sys.modules])
"""
    done = python(code)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_colored_bitmaps_are_for_images_alone(monkeypatch):
    """As those of Noto Color Emoji, which has no outlines."""
    emoji = next((x for x in fonts._installed() if "ColorEmoji" in x.name), None)
    if emoji is None:
        pytest.skip("Noto Color Emoji is not installed")
    monkeypatch.setattr(fonts, "_installed", lambda: [emoji])
    text = "\U0001f337"
    assert fonts_for([text]).missing == (text,)
    assert fonts_for([text], bitmaps=True).files[-1] == emoji
    drawn = sheets.labeled(np.zeros((200, 400, 3), np.uint8), text)
    colors = np.asarray(drawn)[-25:, :60].reshape(-1, 3).astype(int)
    assert (np.ptp(colors, axis=1) > 80).any(), "a tulip is not gray"


def test_a_drawn_image_stays_an_image_of_its_size():
    image = sheets.labeled(np.zeros((300, 500, 3), np.uint8), "\u732b" * 400)
    assert isinstance(image, Image.Image) and image.size == (500, 300)
