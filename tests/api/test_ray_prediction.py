"""Pieces of images that workers predict are the rows of one process, in their order."""

from dataclasses import replace

import pytest
from helpers import alexnet
from ray_here import Here

from alexnet_cli.api import ray_prediction
from alexnet_cli.api.prediction_file import Output, write_predictions
from alexnet_cli.api.ray_prediction import RayClassifier
from alexnet_cli.errors import DatasetError, RunReplaced
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.exported import open_model
from alexnet_cli.inference.prediction import StoredImage, Unread


@pytest.fixture
def images(toy_test, tmp_path):
    (tmp_path / "bad\udcff.jpg").write_bytes(b"no image")
    files = sorted(toy_test.glob("*/*"))
    return [*files[:5], tmp_path / "bad\udcff.jpg", tmp_path / "none.jpg",
            StoredImage(tmp_path, error="matches no file", name="*.x"), *files]  # fmt: skip


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_the_file_is_that_of_one_process(trained, images, tmp_path, monkeypatch, piece):
    monkeypatch.setattr(ray_prediction, "PIECE", piece)
    one = Classifier(trained)
    ways = {"one.csv": one, "ray.csv": RayClassifier(Here(), one.run, trained)}
    for name, way in ways.items():
        output = Output(tmp_path / name, 3, spreadsheet=True, resume=False)
        done = write_predictions(way, open_model(trained), images, output, lambda _: None)
        assert (done.images, done.unreadable) == (20, 3)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "ray.csv").read_bytes()


def test_either_goes_on_with_the_rows_of_the_other(trained, images, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_prediction, "PIECE", 2)
    one = Classifier(trained)
    ray = RayClassifier(Here(), one.run, trained)
    whole = Output(tmp_path / "whole.csv", 3, spreadsheet=True, resume=False)
    write_predictions(one, open_model(trained), images, whole, lambda _: None)

    def ends(count):
        if count in (5, 9):
            raise KeyboardInterrupt

    output = Output(tmp_path / "p.csv", 3, spreadsheet=True, resume=True)
    for way in (one, ray):
        with pytest.raises(KeyboardInterrupt):
            write_predictions(way, open_model(trained), images, output, ends)
    done = write_predictions(one, open_model(trained), images, output, ends)
    assert done.kept == 9 and output.file.read_bytes() == whole.file.read_bytes()


def test_members_of_archives_are_refused(trained, tmp_path):
    ray = RayClassifier(Here(), Classifier(trained).run, trained)
    with pytest.raises(DatasetError, match=r"a.zip/1.jpg: .* unpack it, or leave out"):
        list(ray.predict([Unread(tmp_path / "a.zip" / "1.jpg", bytes)]))


def test_another_model_on_a_machine_is_noticed(trained, images, monkeypatch):
    digests = iter(("one", "another"))
    monkeypatch.setattr(ray_prediction, "model_digest", lambda model: next(digests))
    ray = RayClassifier(Here(), Classifier(trained).run, trained)
    with pytest.raises(RunReplaced, match="is not the same on all machines of Ray"):
        list(ray.predict(images))


def test_the_limit_and_the_threshold_of_the_command_count(trained, toy_test):
    files = sorted(toy_test.glob("*/*"))
    run = replace(Classifier(trained).limit(0.0025).run, threshold=1.01)
    here = Classifier(trained).limit(0.0025)
    here.run = run
    found = list(RayClassifier(Here(), run, trained).predict(files))
    for x, expected in zip(found, here.predict(files), strict=True):
        assert (x.error, x.rejected, x.label) == (
            expected.error, expected.rejected, expected.label,
        )  # fmt: skip
    assert any(x.oversized for x in found) and any(x.rejected for x in found)


def test_it_needs_a_file(trained, toy_test):
    result = alexnet("predict", "--model", trained, toy_test, "--cluster", "ray")
    assert (
        result.exit_code == 2 and "--cluster has no effect without --out" in result.stderr
    )
    result = alexnet("predict", "--model", trained, toy_test, "--workers", 2)
    assert result.exit_code == 2 and "without --cluster ray" in result.stderr
