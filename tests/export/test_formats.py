"""Every format is read back by a program that is not ours, and answers as the run does."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from helpers import alexnet, fails, python

from alexnet_cli.cli.export import NAMES
from alexnet_cli.dataset import images
from alexnet_cli.errors import ExportError, RecipeError
from alexnet_cli.export import formats
from alexnet_cli.export.formats import FORMATS, chosen, write_format
from alexnet_cli.export.source import ExportSource, shipped
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.run.run import Run

pytestmark = pytest.mark.slow
COARSE = {
    "litert-float16": 1e-3,
    "litert-int8": 0.02,
    "web": 0.02,
    "litert-full-int8": 0.05,
}
LITERT = """
import json, sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
sys.modules["alexnet_cli"] = None
found, pixels = Interpreter(sys.argv[1]), np.load(sys.argv[2])
[source], [target] = found.get_input_details(), found.get_output_details()
assert source["dtype"] == np.uint8 and target["dtype"] == np.float32
found.resize_tensor_input(source["index"], pixels.shape)
found.allocate_tensors()
found.set_tensor(source["index"], pixels)
found.invoke()
print(json.dumps(found.get_tensor(target["index"]).tolist()))
"""
ONNX = """
import json, sys
import numpy as np, onnx, onnxruntime
sys.modules["alexnet_cli"] = sys.modules["keras"] = sys.modules["tensorflow"] = None
onnx.checker.check_model(sys.argv[1], full_check=True)
session, pixels = onnxruntime.InferenceSession(sys.argv[1]), np.load(sys.argv[2])
[source], [target] = session.get_inputs(), session.get_outputs()
assert (source.name, source.shape[0], source.type) == ("pixels", "batch", "tensor(uint8)")
assert (target.name, target.shape, target.type) == ("probabilities", ["batch", 3], "tensor(float)")
print(json.dumps(session.run(None, {"pixels": pixels})[0].tolist()))
"""
OPENVINO = """
import json, sys
import numpy as np, openvino
sys.modules["alexnet_cli"] = sys.modules["keras"] = sys.modules["tensorflow"] = None
model = openvino.compile_model(sys.argv[1], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
print(json.dumps(model(np.load(sys.argv[2]))[0].tolist()))
"""
KERAS = """
import json, sys
import numpy as np, keras
sys.modules["alexnet_cli"] = None
model = keras.saving.load_model(sys.argv[1])
out = keras.ops.convert_to_numpy(model(np.load(sys.argv[2])))
print(json.dumps(out.tolist()))
"""


@pytest.fixture(scope="module")
def pixels(trained, toy):
    run = Run.open(trained)
    return np.stack([images.load(x, run.preprocess) for x in sorted(toy.glob("*/0[0-4]*"))])


def elsewhere(code, file, pixels, folder, **env):
    np.save(folder / "pixels.npy", pixels)
    done = python(code, file, folder / "pixels.npy", **env)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.array(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("count", [1, 2, 15])
@pytest.mark.parametrize(
    "code,name",
    [(LITERT, x) for x in FORMATS if x.startswith("litert")] + [(ONNX, "onnx"), (OPENVINO, "openvino")],
)  # fmt: skip
def test_a_program_without_this_package_gets_the_same(
    trained, exported, pixels, tmp_path, code, name, count
):
    found = elsewhere(code, exported / FORMATS[name].file, pixels[:count], tmp_path)
    expected = Classifier(trained).probabilities(pixels[:count])
    np.testing.assert_allclose(found, expected, atol=COARSE.get(name, 1e-5))


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_keras_opens_its_file_on_every_backend(
    trained, exported, pixels, tmp_path, backend
):
    if backend != "tensorflow":
        pytest.importorskip(backend)
    found = elsewhere(
        KERAS, exported / "model.keras", pixels, tmp_path, KERAS_BACKEND=backend
    )
    np.testing.assert_allclose(found, Classifier(trained).probabilities(pixels), atol=1e-5)


@pytest.mark.parametrize("name", FORMATS)
def test_predict_and_evaluate_take_it(trained, exported, toy, toy_test, name):
    file = exported / FORMATS[name].file
    files = sorted(toy.glob("*/0[0-3]*"))
    ours, found = (
        np.stack([x.probabilities for x in Classifier(x)(files)]) for x in (trained, file)
    )
    np.testing.assert_allclose(found, ours, atol=COARSE.get(name, 1e-5))
    one, other = (
        alexnet("evaluate", "--model", x, "--data", toy_test, "--json")
        for x in (trained, file)
    )
    assert other.exit_code == 0, other.output
    assert json.loads(other.stdout)["top1"] == json.loads(one.stdout)["top1"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_resizes_as_the_run_does(two_scales, toy, name):
    files = sorted(toy.glob("*/0[0-3]*"))
    exported = two_scales / "exported" / FORMATS[name].file
    ours, found = (
        np.stack([x.probabilities for x in Classifier(x)(files)])
        for x in (two_scales / "saved", exported)
    )
    np.testing.assert_allclose(found, ours, atol=COARSE.get(name, 1e-5))


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_keras_resizes_so_on_every_backend(two_scales, toy, tmp_path, backend):
    if backend != "tensorflow":
        pytest.importorskip(backend)
    classifier = Classifier(two_scales / "saved")
    files = sorted(toy.glob("*/0[0-3]*"))
    pixels = np.stack([images.load(x, classifier.run.preprocess) for x in files])
    file = two_scales / "exported" / "model.keras"
    found = elsewhere(KERAS, file, pixels, tmp_path, KERAS_BACKEND=backend)
    np.testing.assert_allclose(found, classifier.probabilities(pixels), atol=1e-5)


def test_the_litert_file_says_what_it_is(trained, exported):
    with zipfile.ZipFile(exported / "model.tflite") as archive:
        assert archive.read("labels.txt") == b"blue\ngreen\nred\n"
        assert json.loads(archive.read("run.json"))["data"] == ""
    assert b"M001" in (exported / "model.tflite").read_bytes()


def test_a_file_alone_is_enough_where_it_holds_its_run(exported, toy, tmp_path):
    for name in ("model.tflite", "model.pyz"):
        file = shutil.copy(exported / name, tmp_path / name)
        result = alexnet("predict", "--model", file, toy / "red" / "00.jpg")
        assert result.exit_code == 0 and ": red " in result.stdout, result.output


def test_no_folder_of_this_machine_is_in_any_file(trained, exported, toy):
    run = Run.open(trained)
    assert run.data and shipped(run).data == ""
    for file in exported.rglob("*"):
        if file.is_file():
            assert str(toy).encode() not in file.read_bytes(), file


def test_the_command_knows_the_formats():
    assert (*FORMATS, "all") == NAMES


def test_a_missing_package_names_its_extra(monkeypatch, trained, tmp_path):
    monkeypatch.setattr(formats, "find_spec", lambda x: None if x == "openvino" else x)
    text = "--format openvino needs openvino: pip install 'alexnet[openvino]'"
    fails(
        2,
        text,
        "export",
        "--model",
        trained,
        "--format",
        "openvino",
        "--out",
        tmp_path / "x",
    )
    assert not (tmp_path / "x").exists()
    found, left_out = chosen(("all",))
    assert "openvino" not in [x.name for x in found] and left_out == [text]
    with pytest.raises(RecipeError, match="--format tflite: choose from savedmodel, "):
        chosen(("tflite",))


def test_what_fails_leaves_the_old_file(monkeypatch, trained, exported, tmp_path):
    out = shutil.copytree(exported, tmp_path / "out")
    before = (out / "model.onnx").read_bytes()

    def broken(source, file):
        file.write_bytes(b"half")
        raise ValueError("no such operation\nmore lines")

    form = formats.Format("onnx", "model.onnx", broken)
    with pytest.raises(ExportError, match="--format onnx: no such operation$"):
        write_format(form, ExportSource(Run.open(trained)), out)
    assert (out / "model.onnx").read_bytes() == before
    assert not list(out.glob(".part*"))


def test_what_a_converter_lacks_is_one_line_and_not_the_end_of_all(
    monkeypatch, trained, tmp_path
):
    def lacking(source, file):
        raise ModuleNotFoundError("No module named 'scipy'")

    monkeypatch.setattr(formats, "chosen", lambda names: ([form, FORMATS["litert"]], []))
    form = formats.Format("openvino", "model.xml", lacking)
    words = ("export", "--model", trained, "--out", tmp_path / "out")
    fails(3, "--format openvino: No module named 'scipy'", *words, "--format", "openvino")
    result = alexnet(*words, "--format", "all")
    assert result.exit_code == 0 and "  --format openvino: No module" in result.stderr
    assert result.stdout.splitlines()[-1].startswith("litert ")


@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_one_line(exported, toy, tmp_path, name):
    out = shutil.copytree(exported, tmp_path / "out")
    file = out / FORMATS[name].file
    target = {"savedmodel": file / "saved_model.pb", "web": file / "model.js"}.get(
        name, file
    )
    target.write_bytes(target.read_bytes()[: target.stat().st_size // 3])
    result = alexnet("predict", "--model", file, toy / "red" / "00.jpg")
    assert result.exit_code == 3, result.output
    assert "export it again" in result.stderr and result.stderr.count("\n") == 1


def test_what_is_inside_comes_before_what_is_beside(trained, exported, toy, tmp_path):
    """A file among files of another run still is of its own."""
    other = tmp_path / "saved"
    result = alexnet(
        "train", "--data", toy, "--out", other, "--arch", "tiny", "--size", "36", "--epochs", "1",
        "--classes", "red,green",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    image = toy / "red" / "00.jpg"
    expected = alexnet("predict", "--model", trained, image).stdout
    for name in ("model.tflite", "model.pyz"):
        file = shutil.copy(exported / name, other / f"copied-{name}")
        assert alexnet("predict", "--model", file, image).stdout == expected
    file = shutil.copy(exported / "model.pyz", other / "any name")
    assert alexnet("predict", "--model", file, image).stdout == expected
    for name in ("model.onnx", "model.keras"):
        file = shutil.copy(exported / name, other / f"copied-{name}")
        fails(3, "has no run inside or beside it", "predict", "--model", file, image)
    fails(
        3,
        "has no run inside or beside it",
        "predict",
        "--model",
        other / "history.csv",
        image,
    )
    for name in ("model.tflite", "model.weights.h5", "run.json"):
        assert alexnet("predict", "--model", trained / name, image).stdout == expected


def test_files_that_lack_their_other_half(exported, toy, tmp_path):
    out = shutil.copytree(exported, tmp_path / "out")
    (out / "model.bin").unlink()
    (out / "model.onnx").write_bytes(b"")
    image = toy / "red" / "00.jpg"
    fails(
        3,
        "model.bin does not exist; export it again",
        "predict",
        "--model",
        out / "model.xml",
        image,
    )
    fails(
        3,
        "model.onnx is not what was written",
        "predict",
        "--model",
        out / "model.onnx",
        image,
    )
    fails(3, "nix.onnx does not exist", "predict", "--model", out / "nix.onnx", image)


def test_files_of_another_run_are_refused(exported, toy, tmp_path):
    """One with other classes has taken the place of each file."""
    other, out = tmp_path / "saved", tmp_path / "out"
    result = alexnet(
        "train", "--data", toy, "--out", other, "--arch", "tiny", "--size", "36", "--epochs", "1",
        "--classes", "red,green",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    names = ("savedmodel", "onnx", "openvino", "keras", "web")
    words = [y for x in names for y in ("--format", x)]
    assert alexnet("export", "--model", other, "--out", out, *words).exit_code == 0
    shutil.copy(exported / "run.json", out / "run.json")
    for name in names:
        file = out / FORMATS[name].file
        text = "inputs [36, 36, 3] and outputs [2], the run has [36, 36, 3] and [3]; export"
        fails(3, text, "predict", "--model", file, toy / "red" / "00.jpg")
