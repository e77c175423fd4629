"""Only the chief of several workers is heard, and records; a lost one is told in a line."""

import json
from types import SimpleNamespace

import pytest
from threads_as_workers import by_workers

from alexnet_cli.api.cluster import joined, noticing_lost, require_same
from alexnet_cli.api.listener import Listener
from alexnet_cli.backend import workers
from alexnet_cli.backend.workers import LOST
from alexnet_cli.errors import ClusterError
from alexnet_cli.recipe.recipe import Recipe


class Heard(Listener):
    def __init__(self):
        self.lines = []

    def log(self, text):
        self.lines.append(text)


@pytest.fixture
def found(monkeypatch):
    """Has `joined` find two workers, of which this is `index`."""

    def as_worker(index):
        cluster = {"worker": ["a:1", "b:2"]}
        task = {"type": "worker", "index": index}
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": task}))
        pair = SimpleNamespace(index=index, count=2, is_chief=index == 0)
        monkeypatch.setattr(workers, "join", lambda kind, device, environment: pair)
        return pair

    return as_worker


@pytest.mark.parametrize(
    ("index", "lines"),
    [(0, ["2 workers train together; this is the chief", "an image"]), (1, [])],
)
def test_only_the_chief_is_heard(found, tmp_path, index, lines):
    pair, heard = found(index), Heard()
    with joined("auto", "cpu", heard) as (together, recorder):
        assert together is pair
        with recorder.writing(tmp_path, "alexnet train"):
            recorder.log("an image")
    assert heard.lines == lines
    if lines:
        assert (tmp_path / "train.log").read_text().splitlines()[1:] == lines


@pytest.mark.parametrize("kind", [None, "auto"])
def test_one_worker_is_heard(monkeypatch, kind):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    heard = Heard()
    with joined(kind, "cpu", heard) as (together, recorder):
        recorder.log("an image")
    assert together is None and heard.lines[-1] == "an image"
    assert len(heard.lines) == (2 if kind else 1)


def test_the_log_says_in_a_line_that_a_worker_was_lost(found, tmp_path):
    tf = pytest.importorskip("tensorflow")
    pair = found(0)
    with (
        pytest.raises(ClusterError, match=LOST),
        joined("tf-config", "cpu", Listener()) as (_, recorder),
        recorder.writing(tmp_path, "alexnet train"),
        noticing_lost(pair),
    ):
        raise tf.errors.UnavailableError(None, None, "failed to connect\nto all addresses")
    assert (tmp_path / "train.log").read_text().splitlines()[-1] == f"ended: {LOST}"


@pytest.mark.parametrize(
    ("chief", "other", "text"),
    [
        ({"batch_size": 8}, {"batch_size": 4}, "has --batch-size 4, and worker 0 has --batch-size 8"),
        ({}, {"xla": True}, "has --xla on, and worker 0 has --xla off"),
        ({"clip_norm": 1.0}, {}, "has --clip-norm unset, and worker 0 has --clip-norm 1.0"),
        ({}, None, "has --resume on, and worker 0 has --resume off"),
        (None, {}, "has --resume off, and worker 0 has --resume on"),
    ],
)  # fmt: skip
def test_workers_with_other_options_are_refused_by_all(chief, other, text):
    def told(worker):
        fields = other if worker.index == 2 else chief
        with pytest.raises(ClusterError) as caught:
            require_same(worker, None if fields is None else Recipe(**fields))
        return str(caught.value)

    expected = f"worker 2 {text}; start all workers with the same command"
    assert by_workers(3, told) == [expected] * 3


def test_workers_may_have_other_devices():
    def told(worker):
        require_same(worker, Recipe(device=f"gpu:{worker.index}", cache="none"))

    by_workers(2, told)
