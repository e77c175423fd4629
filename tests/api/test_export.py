"""An export is proven, recorded, and kept apart from everything else."""

import json
import shutil

import numpy as np
import pytest
from helpers import alexnet, fails

from alexnet_cli import RunError, export_run
from alexnet_cli.api.judging import PROBES
from alexnet_cli.export import formats
from alexnet_cli.export.formats import FORMATS, Format
from alexnet_cli.export.litert import litert
from alexnet_cli.run.digests import sha256
from alexnet_cli.run.run import Run

pytestmark = pytest.mark.slow


def tree(folder):
    return {x.relative_to(folder): x.read_bytes() for x in folder.rglob("*") if x.is_file()}


def always_blue(source, file):
    """A model whose answer is the first class, whatever it is given."""
    import keras

    served = source.served
    blue = keras.layers.Dense(3, activation="softmax", dtype="float32")
    network = keras.Model(served.input, blue(served.output))
    blue.set_weights([np.zeros((3, 3)), np.array([50, 0, 0])])
    file.write_bytes(litert(network, "float32"))


@pytest.fixture
def bad(monkeypatch):
    monkeypatch.setitem(FORMATS, "litert", Format("litert", "model.tflite", always_blue))


def test_a_model_that_loses_too_much_is_a_failed_check(bad, trained, tmp_path):
    out = tmp_path / "out"
    words = ("export", "--model", trained, "--format", "litert", "--out", out)
    result = fails(1, "litert lost more than 0.01 of accuracy", *words)
    assert "+0.6667" in result.stdout
    [row] = json.loads((out / "export.json").read_text())["exports"]
    assert row["passed"] is False and row["agreement"] == pytest.approx(1 / 3)
    assert row["drop"] == pytest.approx(2 / 3) and row["drop_interval"][0] > 0
    assert alexnet(*words, "--max-drop", "0.9").exit_code == 0


def test_the_record_has_every_file_with_its_digest(trained, exported):
    record = json.loads((exported / "export.json").read_text())
    assert record["weights_sha256"] == sha256(Run.open(trained).weights)
    assert [x["name"] for x in record["exports"]] == list(FORMATS)
    listed = {k: v for x in record["exports"] for k, v in x["digests"].items()}
    rest = {"export.json", "run.json", "labels.txt", "predict.py", "README.md"}
    names = {x.relative_to(exported).as_posix() for x in exported.rglob("*") if x.is_file()}
    assert names == {*listed, *rest}
    assert all(sha256(exported / k) == v for k, v in listed.items())
    assert all(x["passed"] and x["agreement"] == 1 for x in record["exports"])


def test_another_format_joins_those_that_are_there(trained, exported, tmp_path):
    out = shutil.copytree(exported, tmp_path / "out")
    before = tree(out)
    report = export_run(trained, out, formats=["onnx"])
    assert [x.name for x in report.exported] == ["onnx"] and not report.failed
    rows = json.loads((out / "export.json").read_text())["exports"]
    assert [x["name"] for x in rows] == list(FORMATS)
    now = tree(out)
    changed = {str(x) for x in before if before[x] != now[x]}
    assert changed <= {"export.json", "model.onnx", "README.md"}


def test_models_of_another_run_are_not_mixed_with(trained, exported, toy, tmp_path):
    out = shutil.copytree(exported, tmp_path / "out")
    other = shutil.copytree(trained, tmp_path / "saved")
    weights = bytearray((other / "model.weights.h5").read_bytes())
    import h5py

    with h5py.File(other / "model.weights.h5", "r+") as file:
        name = next(x for x in file["layers"] if "dense" in x)
        file[f"layers/{name}/vars/1"][...] += 0.01
    assert bytes(weights) != (other / "model.weights.h5").read_bytes()
    before = tree(out)
    words = ("export", "--model", other, "--format", "litert", "--out", out)
    fails(
        3,
        f"--out {out} holds models of another run; choose another, or --overwrite",
        *words,
    )
    assert tree(out) == before
    assert alexnet(*words, "--overwrite").exit_code == 0
    assert not (out / "model.onnx").exists() and not (out / "web").exists()


@pytest.mark.parametrize("what", ["a run", "a folder", "a file"])
def test_what_is_something_else_is_left_alone(run_copy, tmp_path, what):
    out = {"a run": run_copy, "a folder": tmp_path / "d", "a file": tmp_path / "f"}[what]
    if what == "a folder":
        (out / "deep").mkdir(parents=True)
    if what == "a file":
        out.write_text("mine")
    before = tree(out) if out.is_dir() else out.read_text()
    result = fails(3, f"--out {out}", "export", "--model", run_copy, "--out", out)
    assert result.stderr.count("\n") == 1
    assert (tree(out) if out.is_dir() else out.read_text()) == before


def test_a_run_without_images_is_compared_on_drawn_ones(run_copy, toy_test, tmp_path):
    text = (run_copy / "run.json").read_text()
    data = json.loads(text)
    (run_copy / "run.json").write_text(json.dumps({**data, "data": ""}))
    report = export_run(run_copy, tmp_path / "out", formats=["litert"])
    [judged] = report.exported
    assert report.images.name == "drawn images" and judged.proof.accuracy is None
    assert judged.proof.images == PROBES and judged.proof.agreement == 1
    report = export_run(run_copy, tmp_path / "out", formats=["litert"], data=toy_test)
    assert report.exported[0].proof.images == 12 and report.own.proof.accuracy.top1 > 0.5
    with pytest.raises(
        formats.ExportError,
        match="the training images, on which it is calibrated, are not in",
    ):
        export_run(run_copy, tmp_path / "out", formats=["litert-full-int8"])


def test_a_benchmark_has_what_is_installed_and_what_was_exported(trained, exported):
    result = alexnet("benchmark", "--model", trained, "--exported", exported, "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    own = ["run in Keras", "run's SavedModel"]
    assert [x["name"] for x in data["models"]] == [*own, *FORMATS]
    assert all(x["agreement"] == 1 for x in data["models"])
    assert data["run"]["images_per_second"] > 0
    result = alexnet("benchmark", "--model", trained)
    assert result.exit_code == 0
    assert [x.split("  ")[0] for x in result.stdout.splitlines()] == ["model", "run", *own]
    fails(
        3,
        "is no folder of exported models",
        "benchmark",
        "--model",
        trained,
        "--exported",
        trained,
    )


def test_an_unusable_run_is_refused_first(tmp_path):
    with pytest.raises(RunError, match="is not a run directory"):
        export_run(tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_training_images_are_no_proof(trained, toy, tmp_path):
    result = alexnet(
        "export",
        "--model",
        trained,
        "--format",
        "litert",
        "--out",
        tmp_path / "out",
        "--data",
        toy,
    )
    assert result.exit_code == 0
    assert "warning: the network was trained on 30 of these images" in result.stderr
    text = (tmp_path / "out" / "README.md").read_text()
    assert "36 images of photos, 30 of which it was trained on" in text
    assert "- Images that took no part in its training and its choices." in text
    assert str(toy) not in text + (tmp_path / "out" / "export.json").read_text()


def test_each_model_says_what_it_was_compared_on(trained, toy_test, tmp_path):
    out = tmp_path / "out"
    export_run(trained, out, formats=["litert"], max_drop=0.5, data_license="CC-BY 2.0")
    export_run(trained, out, formats=["onnx"], data=toy_test)
    rows = json.loads((out / "export.json").read_text())["exports"]
    assert [(x["compared_on"], x["max_drop"]) for x in rows] == [
        ("6 validation images", 0.5), ("12 images of Test_set", 0.01),
    ]  # fmt: skip
    text = (out / "README.md").read_text()
    assert "| 6 validation images |" in text and "| 12 images of Test\\_set |" in text
    assert "CC-BY 2.0" in text


def test_models_are_not_written_among_the_images(trained, toy):
    fails(2, "is inside", "export", "--model", trained, "--out", toy / "exp")
    assert not (toy / "exp").exists()


def test_exported_models_are_no_run_to_export(exported):
    for model in (exported, exported / "model.onnx"):
        fails(3, "these are exported models; name the run", "export", "--model", model)
        fails(3, "these are exported models; name the run", "benchmark", "--model", model)


def test_one_refused_format_leaves_the_others_proven(run_copy, tmp_path):
    data = json.loads((run_copy / "run.json").read_text())
    (run_copy / "run.json").write_text(json.dumps({**data, "data": ""}))
    words = ("export", "--model", run_copy, "--out", tmp_path / "out")
    fails(
        3,
        "the training images",
        *words,
        "--format",
        "litert-full-int8",
        "--format",
        "litert",
    )
    [row] = json.loads((tmp_path / "out" / "export.json").read_text())["exports"]
    assert row["name"] == "litert" and (tmp_path / "out" / "README.md").is_file()
