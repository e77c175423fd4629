"""README.md says what is known of a run, whatever its classes are called."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from helpers import alexnet

from alexnet_cli.reports.model_card import CARD, card
from alexnet_cli.reports.training_figures import describe
from alexnet_cli.run.digests import seal
from alexnet_cli.run.files import write_csv
from alexnet_cli.run.run import Run


def head(text):
    """The block at its top, whose YAML is written as JSON."""
    block = text.split("---\n")[1]
    lines = dict(x.split(": ", 1) for x in block.strip().splitlines())
    return {k: json.loads(v) if v[0] in "[{" else v for k, v in lines.items()}


def test_a_run_has_one(trained):
    text = (trained / CARD).read_text()
    assert text == card(Run.open(trained))
    found = head(text)
    assert found["pipeline_tag"] == "image-classification" and "alexnet" in found["tags"]
    [index] = found["model-index"]
    [result] = index["results"]
    assert result["metrics"] == [{"type": "accuracy", "value": 1.0}]
    assert (
        "| blue | 10 | 2 |" in text
        and "| class | training images | validation images |" in text
    )
    assert (
        "Top-1 accuracy on 6 validation images, which also chose the epoch: 100.0%" in text
    )
    assert "- Images that took no part in its training and its choices." in text
    assert "The license of the training images was not given." in text
    assert re.search(
        r"^[0-9a-f]{64}  README\.md$", (trained / "SHA256SUMS").read_text(), re.M
    )


def test_names_are_only_text(run_copy):
    odd = ("a|b", "<script>x</script>", "`code` *bold* [link](x)\nline")
    run = Run.open(run_copy)
    names = dict(zip(run.classes, odd, strict=True))
    rows = [{**x, "class": names[x["class"]]} for x in run.split()]
    write_csv(run.path / "split.csv", list(rows[0]), [list(x.values()) for x in rows])
    write_csv(run.validation, ("file", "class", "predicted", "probability"), [
        ("f", odd[0], odd[0], "0.9"), ("g", odd[1], odd[2], "0.5"),
    ])  # fmt: skip
    text = card(replace(run, classes=odd))
    assert "| a\\|b | 10 | 2 |" in text and "\\<script\\>" in text
    assert "<script>" not in text and "\\`code\\` \\*bold\\* \\[link\\](x)\\\\nline" in text
    assert (
        "Top-1 accuracy on 2 validation images, which also chose the epoch: 50.0%" in text
    )
    # No line of the table is broken.
    table = [x for x in text.splitlines() if x.startswith(("| ", "|-"))]
    assert {len(re.findall(r"(?<!\\)\|", x)) for x in table[:5]} == {4}


def test_a_threshold_and_a_license_are_told(run_copy, tmp_path):
    run = replace(Run.open(run_copy), threshold=0.75)
    assert 'Below a confidence of 0.75 the answer is "unknown".' in card(run)
    assert "| CC-BY 2.0 |" not in card(run, None, "CC-BY 2.0")
    assert "\nCC-BY 2.0\n" in card(run, None, "CC-BY 2.0")
    data = tmp_path / "data"
    data.mkdir()
    (data / "LICENSE.txt").write_text("free")
    assert "come with a license, `LICENSE.txt`" in card(replace(run, data=str(data)))


def test_what_the_user_has_written_stays(run_copy):
    run = Run.open(run_copy)
    (run_copy / CARD).write_text("mine")
    describe(run)
    assert (run_copy / CARD).read_text() == "mine"
    (run_copy / CARD).unlink()
    describe(run)
    assert "# blue, green, red" in (run_copy / CARD).read_text()
    seal(run.path, run.text())
    describe(replace(run, threshold=0.5))
    assert "Below a confidence of 0.50" in (run_copy / CARD).read_text()


@pytest.mark.slow
def test_an_export_has_one_with_its_models(exported):
    text = (exported / CARD).read_text()
    record = json.loads((exported / "export.json").read_text())
    for row in record["exports"]:
        (line,) = (x for x in text.splitlines() if x.startswith(f"| `{row['file']}` | "))
        assert line.endswith(" | 6 validation images |")
    assert "Each was read again in a new process" in text
    assert [x["name"] for x in head(text)["model-index"]] == ["tiny"]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["run", "export"])
def test_its_python_program_runs(trained, exported, toy, what):
    """As it is copied from the card, in the folder, on an image called image.jpg."""
    import shutil

    folder = trained if what == "run" else exported
    copy = shutil.copytree(folder, toy.parent / f"copy-of-{what}")
    shutil.copy(toy / "red" / "00.jpg", copy / "image.jpg")
    code = re.search(r"```python\n(.*?)```", (copy / CARD).read_text(), re.S)[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=False, timeout=200
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [probability] = [float(x) for x in re.findall(r"0\.99\d+|1\.", done.stdout)][:1]
    model = folder if what == "run" else folder / "model.onnx"
    result = alexnet(
        "predict", "--model", model, toy / "red" / "00.jpg", "--json", "--top", "1"
    )
    [best] = json.loads(result.stdout)["classes"]
    assert probability == pytest.approx(best["probability"], abs=1e-3)
