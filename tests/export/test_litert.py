"""The LiteRT file is the network: at the run's temperature, for batches of any size."""

from dataclasses import replace

import numpy as np
import pytest

from alexnet_cli.evaluation.calibration import at_temperature
from alexnet_cli.export.litert import save_litert
from alexnet_cli.inference.network import as_probabilities, load_network
from alexnet_cli.run.run import Run

INPUTS = np.random.default_rng(0).normal(0, 1, (3, 32, 32, 3)).astype(np.float32)


def interpreter(file, count):
    """The file in an interpreter of ai-edge-litert, without our own code."""
    from ai_edge_litert.interpreter import Interpreter

    found = Interpreter(str(file))
    [details] = found.get_input_details()
    found.resize_tensor_input(details["index"], (count, *details["shape"][1:]))
    found.allocate_tensors()
    return found


def outputs(file, inputs):
    found = interpreter(file, len(inputs))
    found.set_tensor(found.get_input_details()[0]["index"], inputs)
    found.invoke()
    return found.get_tensor(found.get_output_details()[0]["index"])


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_it_gives_the_probabilities_of_the_runs_temperature(run_copy, temperature):
    run = replace(Run.open(run_copy), temperature=temperature)
    network = load_network(run)
    save_litert(run, network)
    expected = at_temperature(as_probabilities(network)(INPUTS), temperature)
    np.testing.assert_allclose(outputs(run.litert, INPUTS), expected, atol=1e-4)
    alone = outputs(run.litert, INPUTS[:1])
    np.testing.assert_allclose(alone, outputs(run.litert, INPUTS)[:1], atol=1e-6)


def test_it_is_float32_from_end_to_end(trained):
    [given], [found] = (
        getattr(interpreter(trained / "model.tflite", 2), f"get_{x}_details")()
        for x in ("input", "output")
    )
    assert (given["dtype"], found["dtype"]) == (np.float32, np.float32)
    assert given["shape_signature"].tolist() == [-1, 32, 32, 3]


def test_an_old_file_is_replaced_and_nothing_is_printed(run_copy, capfd):
    run = Run.open(run_copy)
    run.litert.write_bytes(b"old")
    network = load_network(run)
    capfd.readouterr()
    save_litert(run, network)
    assert capfd.readouterr() == ("", "")
    assert outputs(run.litert, INPUTS).shape == (3, 3)
    assert not list(run_copy.glob(".part*"))


def test_the_network_is_left_as_it_was(run_copy):
    run = Run.open(run_copy)
    network = load_network(run)
    before, layers = np.asarray(network(INPUTS)), len(network.layers)
    save_litert(run, network)
    np.testing.assert_array_equal(np.asarray(network(INPUTS)), before)
    assert len(network.layers) == layers
