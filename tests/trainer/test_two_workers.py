"""Two workers give the losses of one, to rounding; when one ends, so does the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import free_addresses
from two_workers import (
    AUGMENTED,
    DYING,
    STEP,
    STOPPED,
    WHOLE,
    interrupt,
    trained,
    without_exports,
)  # fmt: skip

from alexnet_cli.run.checkpoints import Resume, newest
from alexnet_cli.run.run import Run
from alexnet_cli.trainer import finalize

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[1]


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
    addresses = free_addresses(2)
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


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    """Those of one worker that nothing disturbs."""
    return trained(tmp_path_factory.mktemp("whole"), {}).losses


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_two_workers_give_the_losses_and_the_history_of_one(pair, tmp_path):
    two, one = pair[0][WHOLE], trained(tmp_path, AUGMENTED)
    close(two["losses"], one.losses)
    assert len(set(np.round(one.losses, 4))) > 20
    for row, expected in zip(two["rows"], one.rows, strict=True):
        for name in expected.keys() - {"images_per_second"}:
            assert row[name] == pytest.approx(expected[name], abs=1e-4), name


def test_only_the_chief_writes(pair):
    _, folder, _ = pair
    chief, other = (
        {x.name for x in (folder / f"worker-{i}" / WHOLE).rglob("*")} for i in (0, 1)
    )
    assert {"model.weights.h5", "history.csv", "logs", "checkpoints"} <= chief
    assert other <= {"run.json", "split.csv", "bad_images.csv", "mean_image.npy"}


def test_a_signal_to_one_worker_stops_both_and_one_goes_on(pair, losses, tmp_path):
    found, folder, _ = pair
    close(found[STOPPED]["losses"], losses[: STEP + 1])
    place = newest(folder / "worker-0" / STOPPED)
    assert (place.epoch, place.step) == (STEP // 4, STEP % 4 + 1)
    close(trained(tmp_path, {}, resume=Resume(place)).losses, losses[STEP + 1 :])


def test_two_go_on_where_one_was_stopped_until_one_of_them_ends(pair, losses):
    found, folder, codes = pair
    assert codes == [0, 9]
    assert found[DYING]["error"] == "another worker has ended or cannot be reached"
    close(found[DYING]["losses"], losses[STEP + 1 :][:STEP])
    run = Run.read(folder / "worker-0" / DYING)
    assert run.reason == found[DYING]["error"]
    assert newest(run.path).epoch == (2 * STEP + 1) // 4
