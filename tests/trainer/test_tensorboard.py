"""TensorBoard gets what history.csv has, the graph, images, and histograms if wanted."""

import os

import numpy as np
import pytest
import tensorflow as tf
from helpers import history, new_tiny_run, train
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import Status

from alexnet_cli.evaluation.scores import score
from alexnet_cli.model.model import build_model
from alexnet_cli.run.run import Run
from alexnet_cli.trainer.tensorboard import HistogramLogger, TensorBoardWriter

ROW = {"epoch": 3, "loss": 0.5, "val_loss": 0.75, "accuracy": 0.25, "val_accuracy": 1.0, "side": 32}  # fmt: skip


def scalars(folder):
    """The events under `folder`, and the values of every scalar."""
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events, {
        tag: [float(tf.make_ndarray(x.tensor_proto)) for x in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
        if tf.make_ndarray(events.Tensors(tag)[0].tensor_proto).dtype == np.float32
        and not tf.make_ndarray(events.Tensors(tag)[0].tensor_proto).shape
    }


def written_image(events, tag):
    """The image of `tag`, uint8 [H, W, 3], and its step."""
    (event,) = events.Tensors(tag)
    data = tf.make_ndarray(event.tensor_proto)[2]
    return tf.io.decode_png(data).numpy(), event.step


@pytest.fixture
def run(tmp_path):
    return new_tiny_run(tmp_path / "r")


def test_training_and_validation_share_their_tags(run):
    board = TensorBoardWriter(run)
    board.show_scalars(ROW)
    # Without `close`: the epoch can be seen at once.
    events, training = scalars(run.path / "logs" / "train")
    assert training == {"loss": [0.5], "accuracy": [0.25], "side": [32]}
    assert events.Tensors("loss")[0].step == 3
    _, validation = scalars(run.path / "logs" / "validation")
    assert validation == {"loss": [0.75], "accuracy": [1.0]}
    board.close()


def test_a_name_sets_runs_apart(run):
    board = TensorBoardWriter(run, "first")
    board.show_scalars(ROW)
    board.close()
    assert [x.name for x in (run.path / "logs").iterdir()] == ["first"]
    assert scalars(run.path / "logs" / "first" / "train")[1]["loss"] == [0.5]


def test_a_folder_need_not_be_utf8(tmp_path):
    run = new_tiny_run(tmp_path / os.fsdecode(b"run\xff"))
    board = TensorBoardWriter(run, os.fsdecode(b"first\xfe"))
    board.show_scalars(ROW)
    board.close()
    for part in ("train", "validation"):
        (file,) = (run.path / "logs" / os.fsdecode(b"first\xfe") / part).iterdir()
        assert file.stat().st_size > 50


def test_images_are_written_as_they_are(run):
    image = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    board = TensorBoardWriter(run)
    board.show_image("sheet", image, step=5)
    board.close()
    events, _ = scalars(run.path / "logs" / "validation")
    found, step = written_image(events, "sheet")
    np.testing.assert_array_equal(found, image)
    assert step == 5


def test_graph_and_histograms_name_every_layer(run):
    network = build_model(run.architecture, 3)
    board = TensorBoardWriter(run)
    board.show_graph(network, 32)
    HistogramLogger(board, network).on_epoch_end(epoch=1)
    board.close()
    events, _ = scalars(run.path / "logs" / "train")
    graph = events.Graph()
    assert any("dense2" in x.name for x in graph.node)
    assert {x.path for x in network.weights} <= set(events.Tags()["tensors"])
    (event,) = events.Tensors(network.weights[0].path)
    assert event.step == 2
    # Rows of left edge, right edge and count.
    counts = tf.make_ndarray(event.tensor_proto)[:, 2]
    assert counts.sum() == np.prod(network.weights[0].shape)


def test_tensorboard_has_what_history_has(trained):
    rows = history(trained)
    events, found = scalars(trained / "logs" / "train")
    assert events.Tags()["graph"]
    for name in ("loss", "accuracy", "learning_rate", "images_per_second"):
        assert found[name] == pytest.approx([x[name] for x in rows], rel=1e-5), name
    events, found = scalars(trained / "logs" / "validation")
    for name in ("loss", "accuracy"):
        expected = [x[f"val_{name}"] for x in rows]
        assert found[name] == pytest.approx(expected, rel=1e-5), name
    for tag in ("augmented training images", "confusion matrix"):
        image, _ = written_image(events, tag)
        assert image.shape[0] > 200


@pytest.mark.slow
def test_run_name_histograms_and_metrics_of_a_training(toy, tmp_path):
    train(toy, tmp_path / "r", "--run-name", "first", "--histograms", "--epochs", "2",
          "--metrics", "accuracy,top2,mse,mae", "--watch", "val_mse")  # fmt: skip
    logs = tmp_path / "r" / "logs" / "first"
    events, found = scalars(logs / "train")
    assert {"top2", "mse", "mae"} <= set(found)
    assert any("conv" in x and "kernel" in x for x in events.Tags()["tensors"])
    rows = history(tmp_path / "r")
    assert all(0 <= x["mse"] <= x["mae"] <= 1 for x in rows)
    assert all(x["accuracy"] <= x["top2"] <= 1 for x in rows)
    assert Run.open(tmp_path / "r").metrics["val_mse"] == pytest.approx(
        min(x["val_mse"] for x in rows), rel=1e-5
    )


def hparams_of(folder):
    """Start and end of the session in the event files of `folder`, as the plugin reads them."""
    events, _ = scalars(folder)
    content = events.PluginTagToContent(metadata.PLUGIN_NAME)
    return (
        metadata.parse_session_start_info_plugin_data(
            content[metadata.SESSION_START_INFO_TAG]
        ),
        metadata.parse_session_end_info_plugin_data(content[metadata.SESSION_END_INFO_TAG]),
    )


def value(found):
    return getattr(found, found.WhichOneof("kind"))


def test_recipe_and_result_are_the_plugins_hyper_parameters(trained):
    run = Run.open(trained)
    start, end = hparams_of(trained / "logs")
    found = {k: value(v) for k, v in start.hparams.items()}
    expected = {k: v for k, v in run.recipe.flat().items() if v is not None}
    expected["precision"] = run.recipe.machine.precision
    data = run.provenance.data_digest[:12]
    assert found == {**expected, "classes": 3, "data": data}
    assert end.status == Status.STATUS_SUCCESS
    _, results = scalars(trained / "logs")
    accuracy = np.mean([right for _, right in run.confidences()])
    assert results["result/accuracy"] == [pytest.approx(accuracy)]
    assert set(results) == {"result/accuracy", "result/loss", "result/macro_f1"}


def test_tensorboard_itself_makes_a_row_of_each_run(trained, tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).symlink_to(trained)
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(tmp_path / "one" / "logs"), "one")
    multiplexer.AddRunsFromDirectory(str(tmp_path / "other" / "logs"), "other")
    multiplexer.Reload()
    found = multiplexer.PluginRunToTagToContent(metadata.PLUGIN_NAME)
    assert set(found) == {"one/.", "other/."} or set(found) == {"one", "other"}, (
        found.keys()
    )


def test_a_training_that_failed_says_so(run):
    board = TensorBoardWriter(run)
    board.show_recipe()
    scores = score(np.eye(3, dtype=np.float32), np.arange(3), run.classes)
    board.show_result(scores, 4, failed=True)
    board.close()
    assert hparams_of(run.path / "logs")[1].status == Status.STATUS_FAILURE
