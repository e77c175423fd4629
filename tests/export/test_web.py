"""The exported page does in a browser what LiteRT does in Python, and asks nobody for anything."""

import json
import shutil

import numpy as np
import pytest
from chromium import Browser, chromium, in_page, served
from helpers import encoded, photo

from alexnet_cli.dataset.images import load
from alexnet_cli.export.web.page import Page, write_page
from alexnet_cli.preprocess import Preprocess

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not chromium(), reason="there is no chromium"),
]
SIDE = 128
"""Pillow reads the shared photos, about 320 x 240, at their full size for this one."""
CLASSES = (
    "</script><script>alert(1)</script>",
    "\"quoted\" & 'more'",
    "🌷 \u2028 цветок",
    "bad\udcff",
    "<b>5</b>",
)
TITLE = '</title><script>alert(2)</script> & "flowers"'


def preprocess(mode="squash"):
    return Preprocess(mode, SIDE, 112, None, (1.0, 1.0, 1.0))


@pytest.fixture(scope="session")
def model():
    """A LiteRT file with random weights that tells pictures apart: 0 to 255 to probabilities."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(3)
    x = inputs = keras.Input((SIDE, SIDE, 3), batch_size=1)
    x = keras.layers.CenterCrop(112, 112)(x)
    x = keras.layers.Rescaling(1 / 40, -3)(x)
    for width, stride in ((16, 4), (32, 2), (48, 2)):
        x = keras.layers.Conv2D(
            width, 5, stride, "same", activation="relu", kernel_initializer="he_normal"
        )(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Dense(len(CLASSES), kernel_initializer="he_normal")(
        keras.layers.Flatten()(x)
    )
    network = keras.Model(inputs, keras.layers.Softmax()(x))
    return tf.lite.TFLiteConverter.from_keras_model(network).convert()


@pytest.fixture(scope="session")
def interpreter(model):
    from ai_edge_litert.interpreter import Interpreter

    found = Interpreter(model_content=model)
    found.allocate_tensors()
    return found


def expected(interpreter, pixels):
    """The probabilities that LiteRT gives in Python."""
    interpreter.set_tensor(
        interpreter.get_input_details()[0]["index"], pixels[None].astype(np.float32)
    )
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].copy()


def written(folder, model, mode="squash", threshold=0.0):
    write_page(folder, Page(TITLE, CLASSES, preprocess(mode), threshold, "A note."), model)
    return folder


@pytest.fixture(scope="session")
def folder(model, tmp_path_factory):
    return written(tmp_path_factory.mktemp("web") / "page #1 ü", model)


@pytest.fixture(scope="session", params=["file", "server"])
def page(request, folder):
    """A browser with the page open: from its file, and from a server of files."""
    with served(folder) as address, Browser() as browser:
        browser.address = address if request.param == "server" else folder.as_uri() + "/"
        browser.open(browser.address + "index.html")
        yield browser


@pytest.fixture(scope="module")
def strict(model, tmp_path_factory):
    """A browser with a page that is hardly ever sure."""
    folder = written(tmp_path_factory.mktemp("strict"), model, threshold=0.999999)
    with Browser() as browser:
        browser.open((folder / "index.html").as_uri())
        yield browser


def classify(browser, data):
    """The label that the page finds, and the probabilities in the order of `CLASSES`."""
    # As JSON, because half of a pair of code units does not survive the protocol.
    classified = f"alexnet.classify({in_page(data)}).then((x) => JSON.stringify(x))"
    found = json.loads(browser.evaluate(classified))
    probabilities = {x["label"]: x["probability"] for x in found["classes"]}
    assert list(probabilities.values()) == sorted(probabilities.values(), reverse=True)
    assert found["milliseconds"] > 0
    return found["label"], np.array([probabilities[x] for x in CLASSES])


def test_real_photos_have_the_probabilities_of_litert_in_python(page, interpreter, shared):
    photos = sorted((shared / "flower_photos").glob("*/*.jpg"))
    assert len(photos) >= 50
    ours, equal = set(), 0
    for file in photos[:: len(photos) // 50][:50]:
        stored = load(file, preprocess())
        probabilities = expected(interpreter, stored)
        label, found = classify(page, file.read_bytes())
        assert label == CLASSES[probabilities.argmax()], file
        difference = abs(page.pixels(file.read_bytes()).astype(int) - stored)
        equal += not difference.any()
        np.testing.assert_allclose(
            found, probabilities, atol=1e-3 if not difference.any() else 2e-2
        )
        ours.add(label)
    # Else the network is too simple for this test, or the browser decodes differently.
    assert len(ours) >= 3
    assert equal >= 45


def test_what_is_no_picture_gives_one_line(page):
    for data in (
        b"",
        b"not a picture",
        encoded(photo())[:60],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ):
        message = page.evaluate(
            f"alexnet.classify({in_page(data)}).then(() => '', (x) => x.message)"
        )
        assert (
            message == "This is not a picture that this browser can read, or it is damaged."
        )
    dropped = page.drop(b"not a picture")
    assert dropped == message
    assert page.evaluate("document.getElementById('status').className") == "status error"


def test_a_dropped_picture_is_shown_with_its_classes(page, interpreter):
    data = encoded(photo((300, 200), seed=5))
    page.drop(data)
    order = np.argsort(-expected(interpreter, load(data, preprocess())))
    shown = page.evaluate(
        "[...document.querySelectorAll('li bdi')].map((x) => x.textContent)"
    )
    readable = [
        CLASSES[i].encode("utf-8", "replace").decode().replace("?", "\ufffd") for i in order
    ]
    assert [
        x.encode("utf-8", "replace").decode().replace("?", "\ufffd") for x in shown
    ] == readable
    assert page.evaluate("document.getElementById('preview').naturalWidth") == 300
    assert page.evaluate("document.querySelectorAll('b, script:not([src])').length") == 0
    assert page.evaluate("[document.title, document.querySelector('h1').textContent]") == [
        TITLE,
        TITLE,
    ]


def test_a_picture_is_unknown_below_the_threshold(strict):
    assert classify(strict, encoded(photo()))[0] == "unknown"
    # A class may have that name too.
    again = f"alexnet.classify({in_page(encoded(photo()))}).then((x) => x.rejected)"
    assert strict.evaluate(again) is True
    detail = "document.querySelector('#detail').textContent"
    strict.drop(encoded(photo()))
    shown = strict.evaluate("document.querySelector('#answer').innerText.split('\\n')[0]")
    assert shown == "unknown"
    assert strict.evaluate(detail).startswith("No class reaches 100")


def test_the_page_could_not_send_anything(strict):
    """Its policy of content security is what stops it, not the server's silence."""
    for attempt in (
        "fetch('http://127.0.0.1:9/')",
        "new Promise((yes, no) => Object.assign(new Image(), { onerror: no, onload: yes, src: 'http://127.0.0.1:9/x.png' }))",
    ):
        assert (
            strict.evaluate(f"{attempt}.then(() => 'sent', () => 'stopped')") == "stopped"
        )
    stopped = [x["entry"]["text"] for x in strict.told("Log.entryAdded")]
    assert len(stopped) >= 2
    assert all("Content Security Policy" in x for x in stopped)


def test_a_missing_file_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "model.js").unlink()
    with Browser() as browser:
        browser.call("Page.navigate", url=(copy / "index.html").as_uri())
        browser.until("document.getElementById('status')?.className === 'status error'")
        shown = browser.evaluate("document.getElementById('status').textContent")
    assert shown == "The file model.js beside this page is missing."


def test_the_camera_is_asked_after_a_click_and_its_picture_is_classified(page):
    assert page.evaluate("document.getElementById('video').srcObject") is None
    page.evaluate("document.getElementById('camera').click()")
    page.until("document.getElementById('video').videoWidth > 0")
    page.evaluate("document.getElementById('take').click()")
    page.until("!document.getElementById('answer').hidden")
    assert page.evaluate("document.getElementById('video').srcObject") is None


def test_nothing_outside_the_folder_is_asked_for(page, folder):
    """Runs last: what the tests above did counts."""
    asked = [x["request"]["url"] for x in page.told("Network.requestWillBeSent")]
    own = {page.address + x.name for x in folder.iterdir()}
    assert page.address + "model.js" in asked
    assert {x for x in asked if not x.startswith(("blob:", "data:"))} <= own
    reported = [x["entry"]["text"] for x in page.told("Log.entryAdded")]
    assert not reported
    assert not page.told("Runtime.exceptionThrown")
