"""A LiteRT file that is not of our exports' kind never reaches the interpreter."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from helpers import alexnet, new_tiny_run, python
from tensorflow.lite.tools import flatbuffer_utils

from alexnet_cli.errors import RunError
from alexnet_cli.export.litert import litert
from alexnet_cli.export.served_network import served_network
from alexnet_cli.inference.answers import probabilities
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.flatbuffer import Malformed
from alexnet_cli.inference.litert import LiteRTNetwork
from alexnet_cli.inference.litert_check import check
from alexnet_cli.inference.network import as_probabilities
from alexnet_cli.model.model import build_model
from alexnet_cli.run.run import Run

CODES = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}


@pytest.fixture(scope="module")
def data(trained):
    return (trained / "model.tflite").read_bytes()


def test_the_graph_is_that_of_the_schema(data):
    graph = check(data, len(data))
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(data))
    theirs = model.subgraphs[0]
    assert [list(x.shape) for x in graph.tensors] == [list(x.shape) for x in theirs.tensors]
    assert [x.type for x in graph.tensors] == [x.type for x in theirs.tensors]
    assert [list(x.inputs) for x in graph.operators] == [
        list(x.inputs) for x in theirs.operators
    ]
    for ours, other in zip(graph.tensors, theirs.tensors, strict=True):
        bytes_ = model.buffers[other.buffer].data
        assert (ours.data is None) == (bytes_ is None)
        if ours.data:
            at, size = ours.data
            assert data[at : at + size] == bytes(bytes_)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["samplewise_center", "samplewise_std_normalization"])
@pytest.mark.parametrize("bits", ["float32", "int8"])
def test_a_graph_that_standardizes_each_image_by_itself_is_ours(tmp_path, name, bits):
    run = new_tiny_run(tmp_path / "r", tta="flip", **{name: True})
    network = build_model(run.architecture, 3)
    data = litert(served_network(run, network), bits)
    check(data, len(data))
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 36, 36, 3), np.uint8)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    expected = Classifier(run, network=as_probabilities(network)).probabilities(pixels)
    np.testing.assert_allclose(found, expected, atol=0.02 if bits == "int8" else 1e-5)


def operator(model, name):
    """The first operator called `name`."""
    for x in model.subgraphs[0].operators:
        code = model.operatorCodes[x.opcodeIndex]
        if CODES[max(code.builtinCode, code.deprecatedBuiltinCode)] == name:
            return x
    raise AssertionError(name)


def set_(name, **values):
    """Options of the first operator called `name`."""

    def change(model):
        options = operator(model, name).builtinOptions
        for key, value in values.items():
            assert hasattr(options, key)
            setattr(options, key, value)

    return change


def tensors(model):
    return model.subgraphs[0].tensors


def constant(model):
    return next(x for x in tensors(model) if model.buffers[x.buffer].data is not None)


def code(model, **values):
    for key, value in values.items():
        setattr(model.operatorCodes[1], key, value)


def again(model):
    model.subgraphs.append(model.subgraphs[0])


def swapped(model):
    model.subgraphs[0].operators.reverse()


def overwrites(model):
    """A constant, in memory that cannot be written to."""
    model.subgraphs[0].operators[-1].outputs = [tensors(model).index(constant(model))]


def answers_a_constant(model):
    model.subgraphs[0].outputs = [tensors(model).index(constant(model))]


CHANGES = {
    "a constant as its output": answers_a_constant,
    "a stride of 0": set_("CONV_2D", strideH=0),
    "a negative stride": set_("CONV_2D", strideW=-1),
    "a dilation": set_("CONV_2D", dilationHFactor=2),
    "an unknown padding": set_("MAX_POOL_2D", padding=9),
    "a window of 0": set_("MAX_POOL_2D", filterHeight=0),
    "shuffled weights": set_("FULLY_CONNECTED", weightsFormat=1),
    "an unknown activation": set_("FULLY_CONNECTED", fusedActivationFunction=9),
    "NaN": set_("SOFTMAX", beta=float("nan")),
    "a split into others": set_("SPLIT", numSplits=4),
    "an axis outside": set_("CONCATENATION", axis=4),
    "options of others": lambda x: setattr(operator(x, "CONV_2D"), "builtinOptionsType", 5),
    "no options": lambda x: setattr(operator(x, "CONV_2D"), "builtinOptionsType", 0),
    "options of its own": lambda x: setattr(operator(x, "SOFTMAX"), "customOptions", [1]),
    "an operator of its own": lambda x: code(x, customCode="Evil", builtinCode=32, deprecatedBuiltinCode=32),
    "control flow": lambda x: code(x, builtinCode=119, deprecatedBuiltinCode=119),
    "another operator": lambda x: code(x, builtinCode=36, deprecatedBuiltinCode=36),
    "two graphs": again,
    "an input that is missing": lambda x: setattr(operator(x, "CONV_2D"), "inputs", [99, 1, 2]),
    "an operator that is missing": lambda x: setattr(operator(x, "CONV_2D"), "opcodeIndex", 99),
    "an output that is missing": lambda x: setattr(x.subgraphs[0], "outputs", [99]),
    "an output that is not computed": lambda x: setattr(x.subgraphs[0], "operators", x.subgraphs[0].operators[:-1]),
    "no input": lambda x: setattr(x.subgraphs[0], "inputs", []),
    "another order": swapped,
    "a constant that is written to": overwrites,
    "a shorter constant": lambda x: setattr(x.buffers[constant(x).buffer], "data", x.buffers[constant(x).buffer].data[:-4]),
    "a constant elsewhere": lambda x: setattr(x.buffers[constant(x).buffer], "offset", 10**6),
    "a buffer that is missing": lambda x: setattr(constant(x), "buffer", 999),
    "a negative side": lambda x: setattr(tensors(x)[-1], "shape", [-1, 3]),
    "a side of 0": lambda x: setattr(tensors(x)[-1], "shape", [0, 3]),
    "a huge shape": lambda x: setattr(tensors(x)[-1], "shape", [2**16, 2**16]),
    "another shape": lambda x: setattr(tensors(x)[-1], "shape", [1, 4]),
    "many dimensions": lambda x: setattr(tensors(x)[-1], "shape", [1] * 9),
    "an unknown type": lambda x: setattr(tensors(x)[-1], "type", 5),
    "a resource": lambda x: setattr(tensors(x)[-1], "type", 13),
    "bytes without a scale": lambda x: setattr(constant(x), "type", 9),
    "a variable": lambda x: setattr(tensors(x)[-1], "isVariable", True),
    "a sparse tensor": lambda x: setattr(constant(x), "sparsity", schema.SparsityParametersT()),
    "another version": lambda x: setattr(x, "version", 2),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_our_exports_never_have_is_refused(data, what, tmp_path):
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(data))
    CHANGES[what](model)
    changed = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    with pytest.raises(Malformed):
        check(changed, len(changed))
    file = tmp_path / "a.tflite"
    file.write_bytes(changed)
    with pytest.raises(RunError, match="is damaged: ") as caught:
        LiteRTNetwork(file, 32, 3, 16)
    assert str(caught.value).isprintable()


def test_what_is_changed_back_is_accepted(data):
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(data))
    same = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    check(same, len(same))


MUTATIONS = """
import random, sys
from pathlib import Path
import numpy as np
from alexnet_cli.errors import RunError
from alexnet_cli.export.litert import litert
from alexnet_cli.export.served_network import served_network
from alexnet_cli.inference.litert import LiteRTNetwork
data, file = Path(sys.argv[1]).read_bytes(), Path(sys.argv[2])
inputs = np.random.default_rng(0).random((1, 32, 32, 3)).astype(np.float32)
words = (0, 1, 2**31 - 1, 2**31, 2**32 - 1, len(data), 0x7FC00000)
for seed in range(200):
    rng, new = random.Random(seed), bytearray(data)
    at = rng.randrange(0, 6000 if seed % 3 else len(new) - 4)
    match seed % 4:
        case 0: new[at] ^= 1 << rng.randrange(8)
        case 1: del new[at:]
        case 2: new[at & ~3 : (at & ~3) + 4] = rng.choice(words).to_bytes(4, "little")
        case 3: new[at : at + 16] = new[-16:]
    file.write_bytes(new)
    try:
        LiteRTNetwork(file, 32, 3, 16)(inputs)
        print("computed")
    except RunError as error:
        assert str(error).isprintable()
        print("refused")
"""


def test_mutations_end_in_answers_or_in_one_line(trained, tmp_path):
    """In a process of its own, which the interpreter could end."""
    done = python(MUTATIONS, trained / "model.tflite", tmp_path / "a.tflite")
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert len(words) == 200 and {"computed", "refused"} == set(words)


def test_a_file_that_is_not_the_one_that_was_written_is_not_run(run_copy, toy):
    file, image = run_copy / "model.tflite", toy / "red" / "00.jpg"
    changed = bytearray(file.read_bytes())
    at = check(bytes(changed), len(changed)).tensors
    start, size = max((x.data for x in at if x.data), key=lambda x: x[1])
    changed[start + size // 2] ^= 1  # a weight: what it computes is fine
    file.write_bytes(changed)
    result = alexnet("predict", "--model", run_copy, image)
    assert result.exit_code == 3
    assert result.stderr.endswith(
        f"{file} is not what was written; delete it, and TensorFlow is used instead; or "
        f"train again\n"
    )
    (run_copy / "SHA256SUMS").unlink()  # as in runs of the first versions
    assert alexnet("predict", "--model", run_copy, image).exit_code == 0


def test_weights_that_are_not_those_that_were_written_are_not_run(run_copy, toy):
    """Where there is no LiteRT copy that would answer."""
    (run_copy / "model.tflite").unlink()
    weights = run_copy / "model.weights.h5"
    assert Classifier(run_copy)(toy / "red" / "00.jpg")[0].label == "red"
    changed = bytearray(weights.read_bytes())
    changed[-40] ^= 1
    weights.write_bytes(changed)
    with pytest.raises(RunError, match=r"weights\.h5 is not what was written; train again"):
        Classifier(run_copy)


def test_an_exported_file_that_is_another_is_not_run(exported, tmp_path, toy):
    folder = shutil.copytree(exported, tmp_path / "out")
    image = toy / "red" / "00.jpg"
    for name in ("model.tflite", "model.onnx", "model.bin", "model.keras"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data + b"x")
        model = folder / name.replace(".bin", ".xml")
        result = alexnet("predict", "--model", model, image)
        assert result.exit_code == 3, name
        assert f"{folder / name} is not what was written; export it again" in result.stderr
        (folder / name).write_bytes(data)
    assert alexnet("predict", "--model", folder / "model.onnx", image).exit_code == 0


@pytest.mark.parametrize("rows, resolution", [
    ([[0.5, 0.6, 0.1]], 0), ([[float("nan"), 0, 1]], 0), ([[1.5, -0.5, 0]], 0), ([[1, 0]], 0),
    ([[1.0, 0, 0], [1, 0, 0]], 0), ([[float("inf"), 0, 0]], 0), ([[1.1, 0, 0]], 1 / 256),
])  # fmt: skip
def test_what_is_no_probability_is_refused(rows, resolution):
    found = np.array(rows, np.float32)
    with pytest.raises(RunError, match="x answers with numbers that are not probabilities"):
        probabilities(found, (1, 3), resolution, Path("x"))


def test_probabilities_are_as_fine_as_they_are_computed():
    for rows, resolution in (([[0.3, 0.3, 0.4]], 0), ([[0.332, 0.332, 0.332]], 1 / 256)):
        found = np.array(rows, np.float32)
        assert probabilities(found, (1, 3), resolution, Path("x")) is found


def test_whatever_computes_is_asked_for_probabilities(trained, toy):
    run = Run.open(trained)
    for network in (lambda x: np.ones((len(x), 3)), lambda x: np.full((len(x), 3), np.nan)):
        with pytest.raises(RunError, match="are not probabilities"):
            Classifier(run, network=network)(toy / "red" / "00.jpg")


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_are_refused(seed):
    data = random.Random(seed).randbytes(5000)
    for text in (data, b"", b"TFL3", b"\x08\0\0\0TFL3", b"\x08\0\0\0TFL3" + data):
        with pytest.raises(Malformed):
            check(text, len(text))


def to_side(side):
    """Resizes to this side."""

    def change(model):
        target = tensors(model)[operator(model, "RESIZE_BILINEAR").inputs[1]]
        sides = np.array([side, side], np.int32)
        model.buffers[target.buffer].data = sides.view(np.uint8)

    return change


RESIZES = {
    "corners that are aligned": set_("RESIZE_BILINEAR", alignCorners=True),
    "pixels without halves": set_("RESIZE_BILINEAR", halfPixelCenters=False),
    "another side": to_side(31),
    "a side of 0": to_side(0),
    "a huge side": to_side(2**20),
}


@pytest.mark.slow
def test_only_our_resizes_are_taken(tmp_path):
    run = new_tiny_run(tmp_path / "r", tta="two-scale", size=40)
    data = litert(served_network(run, build_model(run.architecture, 3)), "float32")
    check(data, len(data))
    for what, change in RESIZES.items():
        model = flatbuffer_utils.convert_bytearray_to_object(bytearray(data))
        change(model)
        changed = bytes(flatbuffer_utils.convert_object_to_bytearray(model))
        with pytest.raises(Malformed):
            check(changed, len(changed))
            pytest.fail(what)
