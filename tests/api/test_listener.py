"""A listener hears of every part of the work, in order; by default nothing is printed."""

import dataclasses
from contextlib import contextmanager

import pytest
from helpers import TINY, as_fields, draw_toy

from alexnet_cli import Listener, evaluate, train


class Recorder(Listener):
    """Records every call."""

    def __init__(self):
        self.calls, self.steps, self.epochs = [], [], []

    def log(self, text):
        self.calls.append(("log", text))

    def notes(self, lines):
        self.calls.append(("notes", list(lines)))

    @contextmanager
    def counting(self, what):
        counts = []
        yield lambda done, count: counts.append((done, count))
        self.calls.append(("counting", what, counts))

    def images_found(self, source):
        self.calls.append(("images_found", source.classes, len(source.samples)))

    def images_prepared(self, data):
        self.calls.append(("images_prepared", data.counts(), len(data.bad)))

    def progress(self, now):
        now = dataclasses.replace(now)
        (self.steps if now.logs is None else self.epochs).append(now)


@pytest.fixture(scope="module")
def training(toy, tmp_path_factory):
    """A recorder of two epochs, and their run."""
    recorder = Recorder()
    out = tmp_path_factory.mktemp("listener") / "saved"
    run = train(toy, out=out, listener=recorder, **{**as_fields(TINY), "epochs": 2})
    return recorder, run


def test_images_are_found_decoded_and_split_in_this_order(training):
    found, left, decoding, near, prepared = training[0].calls
    assert left == ("notes", []), "of trainings that were cut off"
    assert found == ("images_found", ("blue", "green", "red"), 36)
    assert decoding[:2] == ("counting", "decoding")
    assert decoding[2] == [(i + 1, 36) for i in range(36)]
    assert near == ("counting", "finding near duplicates", [(36 * 35 // 2, 36 * 35 // 2)])
    assert prepared == ("images_prepared", {"train": 30, "val": 6, "test": 0}, 0)


def test_every_step_and_epoch_is_reported(training):
    recorder, run = training
    assert [(x.epoch, x.epochs, x.images) for x in recorder.steps] == [
        (epoch, 2, 30) for epoch in (1, 2) for _ in range(4)
    ]
    done = [x.done for x in recorder.steps]
    assert done[:4] == done[4:] == sorted(done[:4]) and done[3] == 30
    assert [x.epoch for x in recorder.epochs] == [1, 2]
    for now, row in zip(recorder.epochs, run.history(), strict=True):
        assert now.logs == pytest.approx(row, rel=1e-5)  # history.csv has six digits
    best = [x.epoch for x in recorder.epochs if x.best]
    assert best[-1] == run.metrics["epoch"]


def test_an_evaluation_is_heard_of(trained, toy, toy_test, tmp_path):
    recorder = Recorder()
    evaluate(trained, toy, compare=trained, listener=recorder)
    assert recorder.calls == [
        ("log", f"{toy}: 36 files"),
        ("notes", []),
        ("counting", "evaluating", [(i + 1, 36) for i in range(36)]),
        ("log", "warning: the network was trained on 30 of these images"),
        ("notes", []),
        ("counting", "comparing", [(i + 1, 36) for i in range(36)]),
        ("log", f"warning: the network of {trained} was trained on 30 of them"),
    ]


def test_bad_files_are_heard_of(trained, tmp_path):
    data = draw_toy(tmp_path / "d", each=1, seed=5)
    (data / "red" / "bad.jpg").write_bytes(b"x")
    recorder = Recorder()
    evaluate(trained, data, listener=recorder)
    assert recorder.calls[-1] == (
        "notes", [f"{data / 'red' / 'bad.jpg'} is not an image in a known format"],
    )  # fmt: skip


def test_the_default_listener_does_nothing(capfd):
    listener = Listener()
    with listener.counting("decoding") as counter:
        assert counter(1, 2) is None
    for name, value in (
        ("log", "text"), ("notes", ["a"]), ("images_found", None), ("images_prepared", None), ("progress", None),
    ):  # fmt: skip
        assert getattr(listener, name)(value) is None
    assert listener.weights_matched(None, ()) is None
    assert capfd.readouterr() == ("", "")


def test_an_error_of_a_listener_ends_the_work(toy, tmp_path):
    class Full(Listener):
        def progress(self, now):
            raise RuntimeError("the disk of the listener is full")

    with pytest.raises(RuntimeError, match="the disk of the listener is full"):
        train(toy, out=tmp_path / "saved", listener=Full(), **as_fields(TINY))
    assert not (tmp_path / "saved").exists()
