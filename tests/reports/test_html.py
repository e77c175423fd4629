"""Pages escape every value and hold their images themselves."""

import base64
import io

import jinja2
import numpy as np
import pytest
from PIL import Image

from alexnet_cli.reports import html
from alexnet_cli.reports.html import data_uri, render

DOCTOR = {"title": "t", "fine": True, "verdict": "v", "facts": [], "classes": [], "sections": [], "notes": []}  # fmt: skip


def decoded(uri, form):
    head, data = uri.split(",")
    assert head == f"data:image/{form};base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_png_uri_is_the_image():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    with decoded(data_uri(Image.fromarray(pixels), "PNG"), "png") as image:
        np.testing.assert_array_equal(image, pixels)


def test_a_jpeg_uri_is_nearly_the_image():
    pixels = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    with decoded(data_uri(Image.fromarray(pixels)), "jpeg") as image:
        assert image.format == "JPEG"
        assert np.abs(np.asarray(image, float) - pixels).max() < 5


def test_values_are_escaped_wherever_they_are():
    evil = "<script>alert('1')</script> & \"x\""
    page = render(
        "doctor.html",
        **{
            **DOCTOR, "title": evil, "verdict": evil, "facts": [(evil, evil)], "notes": [evil],
            "classes": [{"name": evil, "count": 1, "bar": 2}],
            "sections": [{"title": evil, "count": 1, "more": 0, "cards": [{"images": [], "names": [evil]}]}],
        },
    )  # fmt: skip
    assert "<script" not in page and evil not in page
    assert (
        page.count("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &#34;x&#34;") == 9
    )


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="verdict"):
        render("doctor.html", **{k: v for k, v in DOCTOR.items() if k != "verdict"})


def test_a_good_and_a_bad_verdict_look_different():
    fine, wrong = (render("doctor.html", **{**DOCTOR, "fine": x}) for x in (True, False))
    assert '<p class="fine">v</p>' in fine and '<p class="wrong">v</p>' in wrong


@pytest.mark.parametrize("name", html._TEMPLATES.list_templates(["html"]))
def test_no_template_takes_anything_from_elsewhere(name):
    source, _, _ = html._TEMPLATES.loader.get_source(html._TEMPLATES, name)
    for word in ("http:", "https:", "<script", "<link", "@import", "|safe", "url("):
        assert word not in source
