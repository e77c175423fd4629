"""A new run in the place of the served one answers soon, and no request is lost."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import train

from alexnet_cli.errors import RunError
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.serving import served_model
from alexnet_cli.serving.served_model import ServedModel

TF = "/v1/models/toy:predict"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def other(toy, tmp_path_factory):
    """A run like the trained one, with other weights."""
    out = tmp_path_factory.mktemp("other") / "saved"
    train(toy, out, "--epochs", "2", "--seed", "7")
    return out


def probabilities(run, pictures):
    return np.array([x.probabilities for x in Classifier(run)(pictures)])


def replace(place, run):
    """Put a copy of `run` at `place`, as `alexnet train --overwrite` does."""
    new, old = place.with_name("new"), place.with_name("old")
    shutil.copytree(run, new)
    place.rename(old)
    new.rename(place)
    shutil.rmtree(old)


def test_runs_are_swapped_under_load(serve, trained, other, tmp_path, pictures, b64):
    place = shutil.copytree(trained, tmp_path / "saved")
    runs = [probabilities(x, pictures) for x in (trained, other)]
    assert abs(runs[0] - runs[1]).max(axis=1).min() > 0.01
    ends = time.monotonic() + 9
    bodies = [json.dumps({"instances": [b64(x)]}) for x in pictures]

    def load(worker):
        """Which of the runs gave each answer."""
        found = []
        while time.monotonic() < ends:
            i = (worker + len(found)) % len(pictures)
            status, answer = server.json("POST", TF, bodies[i])
            assert status == 200, answer
            row = np.float32(answer["predictions"][0]["probabilities"])
            fits = [bool(np.allclose(row, x[i], rtol=1e-3, atol=1e-5)) for x in runs]
            assert fits.count(True) == 1, (row, fits)
            found.append(fits.index(True))
        return found

    with serve(place, "--name", "toy") as server, ThreadPoolExecutor(20) as pool:
        jobs = [pool.submit(load, 3 * i) for i in range(20)]
        for run in (other, trained, other):
            time.sleep(1.8)
            replace(place, run)
        answers = [x.result() for x in jobs]
        assert server.log().count("the new run answers") == 3
        assert server.stop() == 0
    for found in answers:
        assert found[0] == 0 and found[-1] == 1
        assert np.count_nonzero(np.diff(found)) == 3


def test_an_unreadable_run_is_one_line_and_the_old_one_goes_on(
    serve, run_copy, other, pictures
):
    with serve(run_copy) as server:
        before = server.json("POST", "/predict", pictures[0])
        text = (run_copy / "run.json").read_text()
        (run_copy / "run.json").write_text("{")
        time.sleep(3.5)
        assert server.json("POST", "/predict", pictures[0]) == before
        lines = [x for x in server.log().splitlines() if "goes on" in x]
        assert len(lines) == 1 and "run.json is damaged" in lines[0]
        (run_copy / "run.json").write_text(text)
        time.sleep(5)
        assert "the new run answers" in server.log()
        assert server.json("POST", "/predict", pictures[0]) == before


def test_the_log_does_not_tell_how_to_make_a_run(run_copy):
    lines = []
    model = ServedModel(run_copy, lines.append)
    shutil.rmtree(run_copy)
    assert not model.refresh()
    [line] = lines
    assert line.startswith("the run that was loaded before goes on: ")
    assert str(run_copy) in line and "alexnet train" not in line


def test_a_loaded_run_needs_its_directory_no_more(run_copy, other, pictures):
    """Batches of another size must not come from the weights of another run."""
    own = probabilities(run_copy, pictures[:16])
    model = ServedModel(run_copy, print)
    replace(run_copy, other)
    found = np.array([x.probabilities for x in model.classifier.predict(pictures[:16])])
    np.testing.assert_allclose(found, own, rtol=1e-4, atol=1e-6)
    assert model.refresh()
    found = np.array([x.probabilities for x in model.classifier.predict(pictures[:16])])
    np.testing.assert_allclose(
        found, probabilities(other, pictures[:16]), rtol=1e-4, atol=1e-6
    )


def test_while_the_new_run_is_unreadable_the_old_one_stays(run_copy, monkeypatch):
    lines = []
    model = ServedModel(run_copy, lines.append)
    shutil.copy(run_copy / "run.json", run_copy / "copy")
    (run_copy / "copy").rename(run_copy / "run.json")

    def fails(path):
        raise RunError("it is damaged")

    with monkeypatch.context() as patch:
        patch.setattr(served_model, "ready_classifier", fails)
        old = model.classifier
        assert [model.refresh(), model.refresh()] == [False, False]
        assert model.classifier is old
    assert model.refresh() and model.classifier is not old
    assert len(lines) == 2
