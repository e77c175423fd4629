"""What reads a run while others take its place reads one of them, whole."""

import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from alexnet_cli import Classifier, Run, RunReplaced
from alexnet_cli.inference import classifier as module
from alexnet_cli.inference.network import load_mean_image
from alexnet_cli.run.digests import seal
from alexnet_cli.run.staging import replace as put_in_place

VALUES = (1.0, 2.0)
"""Of the mean image and of the temperature, which belong together."""


@pytest.fixture
def two(trained, tmp_path):
    """A run, and another of other weights, each with a mean image that says which it is."""
    folders = [tmp_path / "saved", tmp_path / "other"]
    for folder, value in zip(folders, VALUES, strict=True):
        shutil.copytree(
            trained, folder, ignore=shutil.ignore_patterns("logs", "checkpoints")
        )
        run = Run.open(folder)
        np.save(folder / "mean_image.npy", np.full((36, 36, 3), value, np.float32))
        preprocess = replace(run.preprocess, mean=None)
        run = replace(run, preprocess=preprocess, temperature=value)
        run.write()
        seal(folder, run.text())
    return folders


@contextmanager
def replacing_in_a_loop(one, other):
    """Put now the one, now the other run in the place of the first, as often as possible."""
    over, done, errors = threading.Event(), [0], []
    pristine = [shutil.copytree(x, x.with_name(f"kept-{x.name}")) for x in (one, other)]

    def work():
        try:
            while not over.is_set():
                done[0] += 1
                new = one.with_name(f".saved.new-{done[0]:08x}")
                put_in_place(shutil.copytree(pristine[done[0] % 2], new), one)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()
    assert not errors


def test_a_reader_that_checks_never_mixes(two):
    seen, refused = set(), 0
    with replacing_in_a_loop(*two) as done:
        while done[0] < 40:
            run = Run.open(two[0])
            mean = load_mean_image(run)
            try:
                run.require_unchanged()
            except RunReplaced:
                refused += 1
                continue
            assert mean[0, 0, 0] == run.temperature
            seen.add(run.temperature)
    assert seen == set(VALUES)


@pytest.mark.slow
def test_a_classifier_is_of_one_run(two):
    with replacing_in_a_loop(*two) as done:
        found = []
        while done[0] < 40:
            found.append(Classifier(two[0]))
    for one in found:
        assert one.mean_image[0, 0, 0] == one.run.temperature


def test_another_run_that_comes_while_one_is_read_is_read_instead(two, monkeypatch):
    real, reads = module.load_mean_image, []

    def slow(run):
        reads.append(run.temperature)
        if len(reads) == 1:
            put_in_place(two[1], two[0])
        return real(run)

    monkeypatch.setattr(module, "load_mean_image", slow)
    found = Classifier(two[0])
    assert reads == list(VALUES)
    assert (found.run.temperature, found.mean_image[0, 0, 0]) == (2, 2)


def test_a_run_that_was_opened_before_is_refused(two):
    run = Run.open(two[0])
    put_in_place(two[1], two[0])
    with pytest.raises(RunReplaced, match="was replaced while being read; read it again$"):
        Classifier(run)


def test_replaced_again_and_again_ends_in_one_line(two, monkeypatch):
    monkeypatch.setattr(Run, "is_unchanged", lambda run: False)
    with pytest.raises(RunReplaced) as caught:
        Classifier(two[0])
    assert str(caught.value) == f"{two[0]} is replaced again and again; try later"
