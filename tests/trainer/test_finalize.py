"""After the last epoch: the best weights are calibrated, evaluated, exported, written down."""

import dataclasses
import json
import signal

import numpy as np
import pytest
import tensorflow as tf
from helpers import new_tiny_run, toy_examples

from alexnet_cli.errors import AlexNetError, Interrupted
from alexnet_cli.evaluation.calibration import at_temperature, fit_temperature
from alexnet_cli.export.litert import save_litert
from alexnet_cli.export.saved_model import save_model
from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.network import keras_network, load_network, save_weights
from alexnet_cli.model.model import build_model
from alexnet_cli.run.checkpoints import best_file
from alexnet_cli.run.digests import seal, verify
from alexnet_cli.run.run import Run
from alexnet_cli.trainer import finalize as module
from alexnet_cli.trainer.context import TrainContext
from alexnet_cli.trainer.finalize import (
    calibrated,
    estimated_seconds,
    finalize,
    tta_view_count,
    write_predictions,
)
from alexnet_cli.trainer.history import History

VALIDATION = toy_examples(60, seed=3)


class Board:
    """Keeps the images that TensorBoard would get."""

    def __init__(self):
        self.images = []

    def show_image(self, tag, image, step):
        self.images.append((tag, image.shape, step))

    def show_result(self, scores, epoch, *, failed):
        self.result = scores.top1, epoch, failed


class Figures:
    """Draws nothing; `press` is a signal that comes meanwhile, or an error."""

    def __init__(self, press=None):
        self.calls, self.press = [], press

    def results(self, run, rows, scores):
        self.calls.append((run.metrics["epoch"], len(rows), scores.images))
        if isinstance(self.press, Exception):
            raise self.press
        if self.press:
            signal.raise_signal(self.press)
        return np.zeros((5, 7, 3), np.uint8)

    def describe(self, run):
        pass


def ended(run, record, press=None, lines=None):
    """The result of finalize; `lines` gets what it logs."""
    log = (lambda text: None) if lines is None else lines.append
    context = TrainContext(lambda x: None, Figures(press), log)
    return finalize(run, record, VALIDATION, Board(), context)


def status(run):
    return json.loads((run.path / "run.json").read_text())["status"]


def fitted_run(folder, **fields):
    """A run whose best epoch's weights are saved, and its split; not finalized."""
    run = new_tiny_run(folder, **fields)
    rows = [(f"t{i}.png", "red", "train", "0", "") for i in range(2)]
    labels = VALIDATION.labels[VALIDATION.rows]
    rows += [(f"v{i:02}.png", run.classes[y], "val", "0", "") for i, y in enumerate(labels)]
    run.write_records(rows, [])
    # Larger than initial weights are: probabilities that differ and are too sure.
    network = build_model(run.architecture, 3, seed=1)
    head = network.get_layer("dense2").kernel
    head.assign(head * 20)
    file = run.path / best_file(2)
    file.parent.mkdir()
    save_weights(network, file)
    return run


def best(epoch=2):
    rows = [{"epoch": i, "loss": 1.0, "val_accuracy": 0.5} for i in (1, 2, 3)]
    return History(rows=rows, best=rows[epoch - 1])


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(run, the result of finalize, its board and its figures); with flips."""
    run = fitted_run(tmp_path_factory.mktemp("f") / "r", tta="flip", reject=0.5)
    board, figures = Board(), Figures()
    before = signal.getsignal(signal.SIGINT)
    context = TrainContext(lambda x: None, figures)
    result = finalize(run, best(), VALIDATION, board, context)
    assert signal.getsignal(signal.SIGINT) is before
    return run, result, board, figures


def test_the_run_is_finished_and_can_be_opened(finished):
    run, result, board, figures = finished
    opened = Run.open(run.path)
    assert opened == dataclasses.replace(result.run, versions=opened.versions)
    assert opened.status == "finished" and opened.metrics["epoch"] == 2
    assert result.reason == "" and result.scores.images == 60
    assert figures.calls == [(2, 3, 60)]
    assert board.images == [("confusion matrix", (5, 7, 3), 2)]
    for name in ("saved_model.pb", "variables", "model.tflite", "validation.csv"):
        assert (run.path / name).exists(), name
    verify(run.path)
    # One file, and no copy of it.
    assert opened.weights.samefile(run.path / best_file(2))


def test_the_temperature_is_fitted_on_the_mean_of_views(finished):
    run, result, _, _ = finished
    classifier = Classifier(run, "flip", keras_network(run))
    views = np.stack(classifier.views(VALIDATION.pixels(VALIDATION.rows)))
    expected = fit_temperature(views, VALIDATION.labels)
    assert result.run.temperature == pytest.approx(expected, rel=1e-3)
    assert expected > 1.5


def test_validation_csv_has_the_predictions_of_the_finished_run(finished):
    run, _, _, _ = finished
    opened = Run.open(run.path)
    classifier = Classifier(opened, network=keras_network(opened))
    probabilities = classifier.probabilities(VALIDATION.pixels(VALIDATION.rows))
    lines = (run.path / "validation.csv").read_text().splitlines()
    assert lines[0] == "file,class,predicted,probability"
    for i, (line, row) in enumerate(zip(lines[1:], probabilities, strict=True)):
        file, name, predicted, confidence = line.split(",")
        assert (file, name) == (f"v{i:02}.png", run.classes[VALIDATION.labels[i]])
        assert predicted == run.classes[row.argmax()]
        assert float(confidence) == pytest.approx(row.max(), abs=2e-6)


def test_the_scores_are_those_of_validation_csv(finished):
    run, result, _, _ = finished
    correct = [right for _, right in Run.open(run.path).confidences()]
    assert result.scores.top1 == pytest.approx(np.mean(correct))


@pytest.fixture
def no_exports(monkeypatch):
    """Leave out what takes long."""
    monkeypatch.setattr(module, "save_model", lambda run, network: None)
    monkeypatch.setattr(module, "keep_litert", lambda run, network, rows, expected: True)


def test_a_training_that_ctrl_c_ended_says_so(no_exports, tmp_path):
    run = fitted_run(tmp_path / "r")
    record = dataclasses.replace(best(), signal=signal.SIGINT, reason="interrupted")
    result = ended(run, record)
    assert (result.reason, result.signal) == ("interrupted", signal.SIGINT)
    assert status(run) == "interrupted" and result.scores.images == 60
    assert Run.open(run.path).exported and run.validation.exists()


def test_a_training_that_another_signal_ended_has_its_best_weights_at_once(tmp_path):
    """As a process that is about to be killed has no time for more."""
    run = fitted_run(tmp_path / "r")
    for name in ("model.tflite", "saved_model.pb"):
        (run.path / name).write_text("of an earlier epoch")
    record = dataclasses.replace(best(), signal=signal.SIGTERM, reason="interrupted")
    result = ended(run, record)
    assert (result.scores, result.signal) == (None, signal.SIGTERM)
    opened = Run.open(run.path)
    assert (opened.status, opened.reason) == ("interrupted", "interrupted")
    assert opened.metrics["epoch"] == 2 and opened.weights.name == "model.weights.h5"
    assert not (run.path / "model.tflite").exists()
    assert not (run.path / "saved_model.pb").exists()
    verify(run.path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_rest_out(no_exports, tmp_path, number):
    before = signal.getsignal(number)
    run = fitted_run(tmp_path / "r")
    result = ended(run, best(), press=number)
    assert (result.scores, result.signal) == (None, number)
    assert signal.getsignal(number) is before
    opened = Run.open(run.path)
    assert opened.status == "interrupted" and opened.metrics["epoch"] == 2
    load_network(opened)


def test_a_training_that_failed_has_its_best_epoch(no_exports, tmp_path):
    run = fitted_run(tmp_path / "r")
    record = dataclasses.replace(best(), failed=True, reason="loss is NaN")
    result = ended(run, record)
    assert (result.reason, result.signal, result.scores.images) == ("loss is NaN", 0, 60)
    assert (status(run), Run.open(run.path).reason) == ("failed", "loss is NaN")


def test_without_an_epoch_there_is_nothing_to_use(tmp_path):
    run = fitted_run(tmp_path / "r")
    with pytest.raises(Interrupted) as caught:
        ended(run, History(signal=signal.SIGTERM, reason="interrupted"))
    assert caught.value.exit_code == 143 and status(run) == "interrupted"
    assert not run.weights.exists()


@pytest.mark.parametrize("part", ["plots", "the SavedModel", "model.tflite"])
def test_what_training_can_do_without_is_one_line(no_exports, tmp_path, monkeypatch, part):
    def broken(*_):
        raise full

    full = OSError(28, "No space left on device")
    name = {"the SavedModel": "save_model", "model.tflite": "keep_litert"}.get(part)
    if name:
        monkeypatch.setattr(module, name, broken)
    run, lines = fitted_run(tmp_path / "r"), []
    before = signal.getsignal(signal.SIGINT)
    result = ended(run, best(), press=None if name else full, lines=lines)
    assert lines == [
        f"warning: {part} could not be written: No space left on device; "
        f"`alexnet train --resume` makes it later"
    ]
    assert (result.reason, status(run)) == ("", "finished")
    assert Run.open(run.path).metrics["epoch"] == 2 and run.validation.exists()
    assert not (run.path / "saved_model.pb").exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_network_that_answers_nan_is_not_kept(no_exports, tmp_path):
    run = fitted_run(tmp_path / "r")
    network = build_model(run.architecture, 3)
    network.get_layer("dense2").bias.assign([np.nan] * 3)
    save_weights(network, run.path / best_file(2))
    with pytest.raises(AlexNetError, match="the network of epoch 2 answers NaN"):
        ended(run, best())
    assert status(run) == "failed" and not run.weights.exists()


def views_of(confidence, right):
    """Two equal views [2, N, 2] with the confidences given; class 0 is true where right."""
    first = np.where(right, confidence, 1 - np.asarray(confidence))
    one = np.stack([first, 1 - first], axis=1)
    return np.stack([one, one]).astype(np.float64)


def test_without_reject_there_is_no_threshold(tmp_path):
    run = new_tiny_run(tmp_path / "r")
    views = views_of([0.9, 0.8], [True, False])
    # Two images are too few for a temperature.
    assert calibrated(run, views, np.zeros(2, int)) == run


def test_the_threshold_is_where_predictions_are_precise_enough(tmp_path):
    run = new_tiny_run(tmp_path / "r", reject=0.75)
    confidence, right = [0.95, 0.9, 0.8, 0.7, 0.6], [True, True, False, True, False]
    found = calibrated(run, views_of(confidence, right), np.zeros(5, int))
    # Of the four above 0.7 three are right; of all five only three.
    assert found.threshold == pytest.approx(0.7)
    strict = calibrated(
        new_tiny_run(tmp_path / "s", reject=1.0),
        views_of(confidence, right),
        np.zeros(5, int),
    )
    assert strict.threshold == pytest.approx(0.9)


def test_where_no_threshold_will_do_everything_is_unknown(tmp_path):
    run = new_tiny_run(tmp_path / "r", reject=0.9)
    found = calibrated(run, views_of([0.9, 0.8], [False, False]), np.zeros(2, int))
    assert found.threshold > 1


def test_the_threshold_is_of_confidences_at_the_temperature(tmp_path):
    rng = np.random.default_rng(0)
    right = rng.random(200) < 0.7
    confidence = rng.uniform(0.9, 0.999, 200)
    views, labels = views_of(confidence, right), np.zeros(200, int)
    found = calibrated(new_tiny_run(tmp_path / "r", reject=0.7), views, labels)
    assert found.temperature == pytest.approx(fit_temperature(views, labels))
    warm = at_temperature(views, found.temperature).mean(axis=0)
    chosen = warm.max(axis=1) >= found.threshold - 1e-12
    assert (warm.argmax(axis=1) == labels)[chosen].mean() >= 0.7
    assert found.threshold < 0.9 < confidence.min() + 0.01


def test_names_of_any_bytes_are_in_validation_csv(tmp_path):
    run = new_tiny_run(tmp_path / "r")
    names = ["red/a,b.jpg", "red/bad\udcff.jpg"]
    run.write_records([(x, "red", "val", "0", "") for x in names], [])
    write_predictions(run, np.array([[0, 0.25, 0.75], [1, 0, 0]]), np.array([2, 2]))
    assert (run.path / "validation.csv").read_bytes() == (
        b"file,class,predicted,probability\n"
        b'"red/a,b.jpg",red,red,0.750000\nred/bad\xff.jpg,red,blue,1.000000\n'
    )


@pytest.mark.parametrize(
    "tta,views", [("none", 1), ("flip", 2), ("two-scale", 4), ("ten-crop", 10)]
)
def test_the_planner_counts_the_views_that_are_predicted(tmp_path, tta, views):
    run = new_tiny_run(tmp_path / "r")
    network = lambda x: np.full((len(x), 3), 1 / 3, np.float32)  # noqa: E731
    few = dataclasses.replace(VALIDATION, rows=np.arange(4))
    found = Classifier(run, tta, network).views(few.pixels(few.rows))
    assert len(found) == views
    # And the LiteRT copy's.
    assert tta_view_count(tta) == views + 1


def test_larger_networks_are_expected_to_take_longer(tmp_path):
    seconds = [
        estimated_seconds(new_tiny_run(tmp_path / x, arch=x, size=None))
        for x in ("tiny", "alexnet-half", "alexnet")
    ]
    assert seconds == sorted(seconds)
    # docs/recipes.md: 62 million parameters.
    assert seconds[-1] == pytest.approx(20, abs=1)


@pytest.mark.slow
def test_views_are_averaged_in_the_run_and_its_exports(finished):
    run = Run.open(finished[0].path)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 36, 36, 3), np.uint8)
    both = Classifier(run).probabilities(pixels)
    each = [Classifier(run, "none").probabilities(x) for x in (pixels, pixels[:, :, ::-1])]
    np.testing.assert_allclose(both, np.mean(each, axis=0), atol=1e-6)
    assert np.abs(each[0] - each[1]).max() > 1e-4
    served = tf.saved_model.load(str(run.path)).signatures["pixels"]
    found = served(pixels=tf.constant(pixels))["probabilities"]
    np.testing.assert_allclose(found, both, atol=1e-3)


@pytest.mark.slow
def test_temperature_is_in_every_way_to_predict(run_copy):
    run = Run.open(run_copy)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 36, 36, 3), np.uint8)
    expected = at_temperature(Classifier(run).probabilities(pixels), 3.0)
    warm = dataclasses.replace(run, temperature=3.0)
    network = load_network(warm)
    save_litert(warm, network)
    save_model(warm, network)
    seal(warm.path, warm.text())
    warm.write()
    again = Run.open(run_copy)
    assert again.temperature == 3.0
    np.testing.assert_allclose(Classifier(again).probabilities(pixels), expected, atol=1e-3)
    slow = Classifier(again, network=keras_network(again))
    np.testing.assert_allclose(slow.probabilities(pixels), expected, atol=1e-3)
    served = tf.saved_model.load(str(run_copy)).signatures["pixels"]
    np.testing.assert_allclose(
        served(pixels=tf.constant(pixels))["probabilities"], expected, atol=1e-3
    )
