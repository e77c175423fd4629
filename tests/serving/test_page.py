"""The page in a real browser: a picture is chosen, dropped or pasted, and its classes read."""

import asyncio
import base64
import importlib.util
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import alexnet_cli.serving as serving
from alexnet_cli.run.run import Run
from alexnet_cli.serving.pages import routes

RAW = {"Content-Type": "application/octet-stream"}
ROOM = Path(serving.__file__).parent
spec = importlib.util.spec_from_file_location(
    "browser", Path(__file__).with_name("browser.py")
)
browser = importlib.util.module_from_spec(spec)
spec.loader.exec_module(browser)
needs_browser = pytest.mark.skipif(not browser.binary(), reason="there is no Chromium here")
READ = """[...document.querySelectorAll('#classes li')].map(x => [
  ...[...x.querySelectorAll('.words > *')].map(y => y.textContent),
  Math.round(1000 * x.querySelector('.bar').offsetWidth / x.querySelector('.track').offsetWidth) / 10])"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(chromium, server):
    chromium.events.clear()
    chromium.open(server.url)
    return chromium


@pytest.fixture
def picture(pictures, tmp_path):
    (tmp_path / "flower.jpg").write_bytes(pictures[1])
    return tmp_path / "flower.jpg"


@needs_browser
@pytest.mark.slow
def test_a_rejection_does_not_read_as_a_class(chromium, serve, run_copy, picture):
    record = json.loads((run_copy / "run.json").read_text())
    classes = ["unknown", *record["classes"][1:]]
    record = {**record, "threshold": 1.1, "classes": classes}
    (run_copy / "run.json").write_text(json.dumps(record))
    with serve(run_copy) as server:
        chromium.open(server.url)
        drop(chromium, picture)
        chromium.wait("!document.getElementById('result').hidden")
        shown = chromium.run("document.getElementById('answer').textContent")
    assert shown == "unknown (no class is likely enough)"


def assert_shows(page, server, data):
    """The page shows what the server says about `data`, and asked nobody else."""
    page.wait("!document.getElementById('result').hidden")
    found = server.json("POST", "/predict", data, RAW)[1]
    assert page.run("document.getElementById('answer').textContent") == found["answer"]
    shown = page.run(READ)
    assert [x[0] for x in shown] == [x["label"] for x in found["classes"]]
    for (_, text, width), own in zip(shown, found["classes"], strict=True):
        assert text == f"{100 * own['probability']:.1f}%"
        assert abs(width - 100 * own["probability"]) < 1
    assert page.run("document.getElementById('preview').decode().then(() => true)")
    asked = [x["params"]["request"]["url"] for x in page.events if x["method"] == "Network.requestWillBeSent"]  # fmt: skip
    assert asked and all(x.startswith((server.url, f"blob:{server.url}")) for x in asked)
    problems = [x for x in page.events if x["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")]  # fmt: skip
    assert not problems


def drop(page, file):
    """Drag a file over the page, and drop it."""
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        page("Input.dispatchDragEvent", type=kind, x=300, y=200, data=data)


def keep(page, name):
    """A screenshot in the folder SCREENSHOTS, if that is named."""
    if folder := os.environ.get("SCREENSHOTS"):
        shot = base64.b64decode(page("Page.captureScreenshot")["data"])
        (Path(folder) / f"{name}.png").write_bytes(shot)


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_is_chosen(page, server, pictures, picture, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page("Emulation.setEmulatedMedia", features=features)
    root = page("DOM.getDocument")["root"]["nodeId"]
    node = page("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    page("DOM.setFileInputFiles", nodeId=node, files=[str(picture)])
    assert_shows(page, server, pictures[1])
    assert "Done" in page.run("document.querySelector('[role=status]').textContent")
    back = page.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", back))) > 384) == (scheme == "light")
    keep(page, scheme)


@needs_browser
@pytest.mark.slow
def test_a_picture_is_dropped(page, server, pictures, picture):
    drop(page, picture)
    assert_shows(page, server, pictures[1])


@needs_browser
@pytest.mark.slow
def test_a_picture_is_pasted(page, server, pictures):
    page.run(f"""(() => {{
        const bytes = Uint8Array.from(atob({json.dumps(base64.b64encode(pictures[1]).decode())}), x => x.charCodeAt());
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File([bytes], "x.jpg", {{ type: "image/jpeg" }}));
        document.dispatchEvent(new ClipboardEvent("paste", {{ clipboardData }}));
    }})()""")
    assert_shows(page, server, pictures[1])


@needs_browser
@pytest.mark.slow
def test_the_same_file_can_be_chosen_again(page, server, pictures, picture):
    root = page("DOM.getDocument")["root"]["nodeId"]
    node = page("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
    page("DOM.setFileInputFiles", nodeId=node, files=[str(picture)])
    assert_shows(page, server, pictures[1])
    assert page.run("document.getElementById('file').value") == ""


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("how", ["paste", "drop"])
def test_a_text_or_a_link_is_explained_and_the_old_answer_goes(page, server, pictures, picture, how):  # fmt: skip
    drop(page, picture)
    assert_shows(page, server, pictures[1])
    page.run(f"""(() => {{
        const data = new DataTransfer();
        data.setData("text/uri-list", "http://example.org/x.jpg");
        document.dispatchEvent('{how}' === 'paste' ? new ClipboardEvent("paste", {{ clipboardData: data }})
            : new DragEvent("drop", {{ dataTransfer: data }}));
    }})()""")
    status = "document.querySelector('[role=status]')"
    assert "no picture in that" in page.run(f"{status}.textContent")
    assert page.run(f"{status}.className") == "problem"
    assert page.run("document.getElementById('result').hidden")


@needs_browser
@pytest.mark.slow
def test_an_answer_is_seen_once_beside_its_bars_and_its_marks_are_visible(page):
    """In the text that is seen; the line for those who hear it is one dot wide."""
    page.run(
        """show(new Blob(), {answer: "a\\u202eb", classes: [{label: "a\\u202eb", probability: 1}]})"""
    )
    assert page.run("document.getElementById('answer').textContent") == "a\\u202eb"
    assert page.run(READ)[0][0] == "a\\u202eb"
    isolated = "getComputedStyle(document.querySelector('#classes bdi')).unicodeBidi"
    assert page.run(isolated) == "isolate"
    assert page.run("document.getElementById('status').offsetWidth") == 1


@needs_browser
@pytest.mark.slow
def test_what_is_no_picture_is_said_to_be_none(page, tmp_path):
    (tmp_path / "x.jpg").write_text("<script>alert(1)</script>")
    drop(page, tmp_path / "x.jpg")
    status = "document.querySelector('[role=status]').textContent"
    page.wait(f"{status}.includes('not work')")
    assert "the file is not an image in a known format" in page.run(status)
    assert page.run("document.getElementById('result').hidden")


@needs_browser
@pytest.mark.slow
def test_the_page_can_be_used_without_eyes_or_a_mouse(page):
    """Every control and heading has a name in the tree that screen readers are given."""
    nodes = page("Accessibility.getFullAXTree")["nodes"]
    named = {
        (x["role"]["value"], x.get("name", {}).get("value")) for x in nodes if "role" in x
    }
    assert ("heading", "What is in the picture?") in named
    assert any(role == "button" and (name or "").startswith("Choose a picture") for role, name in named), named  # fmt: skip
    assert {x for x, _ in named} >= {"main", "status"}
    assert page.run("document.documentElement.lang") == "en"
    page.run("document.getElementById('file').focus()")
    assert page.run("document.activeElement.id") == "file"


def test_names_are_escaped(serve, run_copy):
    record = json.loads((run_copy / "run.json").read_text())
    record["classes"] = ["<b>", "a & b", "c"]
    (run_copy / "run.json").write_text(json.dumps(record))
    with serve(run_copy, "--name", "<script>") as server:
        text = server.ask("GET", "/")[1].decode()
    assert "&lt;script&gt;" in text and "<script>" not in text
    assert "<bdi>&lt;b&gt;</bdi>, <bdi>a &amp; b</bdi>" in text


def test_all_of_many_classes_can_be_seen_and_marks_that_turn_text_too(run_copy):
    record = json.loads((run_copy / "run.json").read_text())
    record["classes"] = ["a\u202eb", *(f"class {i}" for i in range(99))]
    (run_copy / "run.json").write_text(json.dumps(record))
    text = page_of(Run.read(run_copy), 1000)
    assert "knows 100 classes." in text and "At most 1000 bytes;" in text
    listed = text.partition("<details>")[2].partition("</details>")[0]
    assert listed.count("<bdi>") == 100 and "<bdi>a\\u202eb</bdi>" in listed


def page_of(run, max_bytes):
    """The page of a server of `run`."""
    settings = SimpleNamespace(name="toy", max_bytes=max_bytes)
    model = SimpleNamespace(classifier=SimpleNamespace(run=run))
    page = routes(SimpleNamespace(model=model, settings=settings))[0].endpoint
    return asyncio.run(page(None)).body.decode()


def test_every_answer_has_safe_headers_and_no_page_loads_from_elsewhere(server):
    for path in ("/", "/app.js", "/app.css", "/predict", "/healthz", "/metrics", "/none"):
        _, content, headers = server.ask("GET", path)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Access-Control-Allow-Origin"] is None
        assert headers["Server"] is None
        assert (
            b"//" not in re.sub(rb"^ *// .*$", b"", content, flags=re.M)
            or path == "/metrics"
        )
    kinds = {
        x: server.ask("GET", x)[2]["Content-Type"] for x in ("/", "/app.js", "/app.css")
    }
    assert [x.partition(";")[0] for x in kinds.values()] == ["text/html", "text/javascript", "text/css"]  # fmt: skip


def test_the_page_has_no_script_or_style_of_its_own():
    """The policy would not run them."""
    text = (ROOM / "page.html").read_text()
    assert not re.search(r"<style|style=|<script>|\son\w+=", text)
