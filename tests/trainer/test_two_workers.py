"""Two workers give the losses of one, to rounding; when one ends, so does the other."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from two_workers import (
    CASES,
    DYING,
    GOING_ON,
    STEP,
    STOPPED,
    interrupt,
    trained,
    without_exports,
)  # fmt: skip

from alexnet_cli.run.checkpoints import Resume, newest
from alexnet_cli.run.run import Run
from alexnet_cli.trainer import finalize

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[1]


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for x in sockets:
        x.bind(("127.0.0.1", 0))
    ports = [x.getsockname()[1] for x in sockets]
    for x in sockets:
        x.close()
    return ports


@pytest.fixture(scope="module", autouse=True)
def only_epochs():
    """What follows the epochs is not compared."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finalize, "save_model", finalize.save_model)
        patch.setattr(finalize, "keep_litert", finalize.keep_litert)
        without_exports()
        yield


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """What the chief of two workers found, its folder, and the exit codes."""
    folder = tmp_path_factory.mktemp("pair")
    trained(folder / "alone", {}, event=interrupt)
    addresses = [f"127.0.0.1:{x}" for x in free_ports(2)]
    path = os.pathsep.join([str(TESTS), *sys.path])
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": addresses}, "task": task}
        processes.append(
            subprocess.Popen(
                [sys.executable, TESTS / "two_workers.py", folder],
                env={**os.environ, "PYTHONPATH": path, "TF_CONFIG": json.dumps(config)},
            )
        )
    codes = [x.wait(300) for x in processes]
    return json.loads((folder / "found.json").read_text()), folder, codes


@pytest.fixture
def alone(tmp_path):
    return lambda fields, **more: trained(tmp_path / "alone", fields, **more)


@pytest.mark.parametrize("case", CASES)
def test_two_workers_give_the_losses_of_one(pair, alone, case):
    two, one = pair[0][case], alone(CASES[case])
    assert len(one.losses) >= 20 or "epochs" in CASES[case]
    np.testing.assert_allclose(two["losses"], one.losses, rtol=0, atol=1e-4)
    assert len(set(np.round(one.losses, 4))) > 2
    for row, expected in zip(two["rows"], one.rows, strict=True):
        for name in expected.keys() - {"images_per_second"}:
            assert row[name] == pytest.approx(expected[name], abs=1e-4), name


def test_only_the_chief_writes(pair):
    _, folder, _ = pair
    chief, other = (
        {x.name for x in (folder / f"worker-{i}/sgd").rglob("*")} for i in (0, 1)
    )
    assert {"model.weights.h5", "history.csv", "logs", "checkpoints"} <= chief
    assert other <= {"run.json", "split.csv", "bad_images.csv"}


def test_a_signal_to_one_worker_stops_both_after_the_same_step(pair):
    found, folder, _ = pair
    assert len(found[STOPPED]["losses"]) == STEP + 1
    place = newest(folder / "worker-0" / STOPPED)
    assert (place.epoch, place.step) == (STEP // 4, STEP % 4 + 1)


def test_one_worker_goes_on_where_two_have_stopped_and_the_other_way_round(pair, alone):
    found, folder, _ = pair
    whole = alone({}).losses
    place = newest(folder / "worker-0" / STOPPED)
    rest = alone({"seed": 0}, resume=Resume(place)).losses
    for losses in (rest, found[GOING_ON]["losses"]):
        np.testing.assert_allclose(losses, whole[STEP + 1 :], rtol=0, atol=1e-4)


def test_when_a_worker_ends_the_other_says_so_and_its_checkpoint_stands(pair):
    found, folder, codes = pair
    assert codes == [0, 9]
    assert found[DYING]["error"] == "another worker has ended or cannot be reached"
    assert len(found[DYING]["losses"]) == STEP
    run = Run.read(folder / "worker-0" / DYING)
    assert run.reason == found[DYING]["error"]
    assert newest(run.path).epoch == STEP // 4
