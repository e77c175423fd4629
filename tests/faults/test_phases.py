"""A signal in each phase of a training that replaces a run: one of the two is whole after it."""

import importlib
import os
import shutil
import signal

import pytest
from helpers import TINY, alexnet, tree

from alexnet_cli.run.digests import verify
from alexnet_cli.run.run import Run

PHASES = {
    "the weights of the best epoch": ("trainer.callbacks", "save_weights"),
    "an epoch's checkpoint": ("trainer.checkpointing", "write_history"),
    "the start of the exports": ("trainer.finalize", "link_or_copy"),
    "plots": ("reports.training_figures", "results"),
    "the SavedModel": ("trainer.finalize", "save_model"),
    "LiteRT": ("trainer.finalize", "keep_litert"),
    "the digests": ("trainer.finalize", "seal"),
    "the check before the swap": ("run.digests", "verify"),
    "the swap": ("run.staging", "_exchange"),
    "the end of the swap": ("run.staging", "sync"),
}


def unlocked(folder):
    return {k: v for k, v in tree(folder).items() if k != ".lock"}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    "phase, number",
    [(x, (signal.SIGTERM, signal.SIGINT)[i % 2]) for i, x in enumerate(PHASES)],
)
def test_a_signal_leaves_the_old_run_or_a_new_one(
    trained, toy, tmp_path, monkeypatch, phase, number
):
    out = shutil.copytree(trained, tmp_path / "saved")
    before = unlocked(out)
    room, name = PHASES[phase]
    module = importlib.import_module(f"alexnet_cli.{room}")
    real, sent = getattr(module, name), []

    def interrupted(*args, **kwargs):
        if not sent:
            sent.append(number)
            os.kill(os.getpid(), number)
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, interrupted)
    words = ("train", "--data", toy, "--out", out, *TINY, "--epochs", "2", "--overwrite")
    result = alexnet(*words)
    assert sent and result.exit_code == 128 + number, result.output
    assert "Traceback" not in result.output
    assert result.stderr.splitlines()[-1].startswith("alexnet: interrupted")
    if unlocked(out) != before:
        verify(out)
        assert Run.open(out).recipe.stopping.epochs == 2
    else:
        [staged] = tmp_path.glob(".saved.new-*")
        assert Run.open(staged).history(), "what was recorded can be used"
    monkeypatch.setattr(module, name, real)
    again = alexnet(*words)
    assert again.exit_code == 0, again.output
    assert Run.open(out).status == "finished"
