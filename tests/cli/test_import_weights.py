"""import: a run of a whole network that others trained, or one line that says why not."""

from pathlib import Path

import numpy as np
import pytest
from helpers import alexnet, fails

from alexnet_cli.api import pretrained
from alexnet_cli.run.run import Run


def test_a_part_of_a_network_is_refused(tmp_path):
    conv = [np.zeros((11, 11, 3, 64)), np.zeros(64)]
    np.save(tmp_path / "part.npy", {"conv1": conv}, allow_pickle=True)
    out = tmp_path / "run"
    result = fails(
        3,
        "conv2, conv3, conv4, conv5, dense1",
        "import",
        tmp_path / "part.npy",
        "--out",
        out,
    )
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"alexnet: {tmp_path / 'part.npy'} ")
    assert "`alexnet train --weights` starts from part of a network" in last
    assert not out.exists()


def test_a_file_that_does_not_exist(tmp_path):
    text = "alexnet: none.pth: No such file or directory"
    fails(3, text, "import", "none.pth", "--out", tmp_path / "run")


def test_a_name_that_is_listed_twice_is_refused_before_the_file_is_read(tmp_path):
    text = "alexnet: --classes: 'a' is listed twice"
    fails(3, text, "import", "none.pth", "--out", tmp_path / "run", "--classes", "a,a")


def test_out_has_no_default():
    result = alexnet("import", "imagenet")
    assert result.exit_code == 2 and "Missing option '--out'" in result.stderr


@pytest.mark.parametrize("litert", [True, False])
def test_every_option_reaches_the_import(run_copy, monkeypatch, litert):
    seen = {}

    def import_weights(weights, out, *, classes, overwrite, listener):
        seen.update(weights=weights, out=out, classes=classes, overwrite=overwrite)
        return Run.open(run_copy)

    monkeypatch.setattr(pretrained, "import_weights", import_weights)
    if not litert:
        (run_copy / "model.tflite").unlink()
    result = alexnet("import", "a.pth", "--out", "o", "--classes", "x,y", "--overwrite")
    assert (result.exit_code, result.stdout) == (0, "o: tiny with 3 classes\n")
    assert seen == {
        "weights": "a.pth",
        "out": Path("o"),
        "classes": ("x", "y"),
        "overwrite": True,
    }
    assert ("no model.tflite" in result.stderr) is not litert


def test_a_network_without_a_litert_copy_is_a_warning(run_copy, monkeypatch):
    monkeypatch.setattr(pretrained, "import_weights", lambda *_, **__: Run.open(run_copy))
    text = "warning: no model.tflite, because its predictions differed"
    assert text not in alexnet("import", "x.pth", "--out", run_copy).stderr
    (run_copy / "model.tflite").unlink()
    assert text in alexnet("import", "x.pth", "--out", run_copy).stderr
