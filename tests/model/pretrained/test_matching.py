"""What of somebody's weights match_layers is taken over, frozen_layers where asked, and told."""

import pickle

import numpy as np
import pytest
from helpers import TINY, alexnet, npy

from alexnet_cli.errors import WeightsError
from alexnet_cli.inference.network import load_network
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.pretrained.layouts import read_pretrained
from alexnet_cli.model.pretrained.matching import LayerMatch, frozen_layers, match_layers
from alexnet_cli.run.run import Run


def test_freeze_counts_layers_with_kernels():
    half = ARCHITECTURES["alexnet-half"]
    assert frozen_layers(half, "2") == ["conv1", "batchnorm1", "conv2", "batchnorm2"]
    assert (
        frozen_layers(half, "conv")[-1] == "conv5"
        and frozen_layers(half, "all-but-head")[-1] == "dense2"
    )
    assert frozen_layers(half, None) == []
    for wrong in ("0", "8", "-1", "dense", "1.5"):
        with pytest.raises(WeightsError, match="not conv, all-but-head, or 1 to 7"):
            frozen_layers(half, wrong)


def kernels(path):
    network = load_network(Run.open(path))
    return {x.path: np.asarray(x) for x in network.weights}


def test_a_run_is_taken_over_frozen_and_then_all_learns(toy, trained, tmp_path):
    before = kernels(trained)
    options = (
        *TINY[:-10],
        "--size",
        "36",
        "--weights",
        trained,
        "--freeze",
        "conv",
        "--epochs",
        "2",
    )
    result = alexnet("train", "--data", toy, "--out", tmp_path / "f", *options)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("loaded") == 4 and "new, for these classes" in result.stderr
    after = kernels(tmp_path / "f")
    for name, value in before.items():
        same = np.array_equal(value, after[name])
        assert same == ("conv" in name or "batchnorm" in name), name
    result = alexnet("train", "--data", toy, "--out", tmp_path / "u", *options, "--epochs", "4",
                     "--unfreeze-after", "2", "--watch", "val_loss")  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = (tmp_path / "u" / "history.csv").read_text().splitlines()
    assert len(rows) == 5
    rates = [
        float(x.split(",")[rows[0].split(",").index("learning_rate")]) for x in rows[1:]
    ]
    assert rates[2] == pytest.approx(rates[1] / 10)
    if Run.open(tmp_path / "u").metrics["epoch"] > 2:
        after = kernels(tmp_path / "u")
        assert not any(
            np.array_equal(v, after[k]) for k, v in before.items() if "kernel" in k
        )


def test_weights_that_fit_nothing_and_wrong_options(toy, tmp_path, trained):
    path = tmp_path / "w.npy"
    table = {"conv1": [np.ones((11, 11, 3, 64), np.float32), np.ones(64, np.float32)]}
    path.write_bytes(npy(pickle.dumps(np.array(table), 4)))
    for words, message in (
        (
            ("--weights", path, "--arch", "alexnet-half"),
            "nothing in the file match_layers alexnet-half",
        ),
        (
            ("--weights", path, "--arch", "alexnet-owt", "--mean", "0"),
            "were trained with imagenet",
        ),
        (("--weights", tmp_path / "none.pth"), "No such file"),
        (("--weights", trained, "--freeze", "99"), "not conv, all-but-head"),
        (("--freeze", "conv"), "--freeze has no effect here: it needs --weights"),
    ):
        result = alexnet("train", "--data", toy, "--out", tmp_path / "o", *words)
        assert result.exit_code in (2, 3), result.output
        assert message in result.stderr.splitlines()[-1], result.stderr


def test_fit_rows_name_arrays_that_nothing_takes(tmp_path):
    table = {"conv1": [np.ones((11, 11, 3, 64), np.float32), np.ones(64, np.float32)],
             "extra": [np.ones(3, np.float32)]}  # fmt: skip
    path = tmp_path / "w.npy"
    path.write_bytes(npy(pickle.dumps(np.array(table), 4)))
    owt = ARCHITECTURES["alexnet-owt"]
    assert match_layers(read_pretrained(path, owt), owt, 5)[-1] == LayerMatch(
        "extra/0", "", "left out, no such layer here"
    )
