"""What tests of run directories share: small runs, and what they say."""

import os
from dataclasses import replace

import numpy as np
import pytest
from helpers import new_tiny_run, tree

from alexnet_cli.errors import RunError
from alexnet_cli.run.checkpoints import write_checkpoint
from alexnet_cli.run.destination import check_destination
from alexnet_cli.run.digests import seal, verify
from alexnet_cli.run.run import FINISHED, Run
from alexnet_cli.run.staging import staged


def names(folder):
    return sorted(os.listdir(folder))


def write_run(folder, text="old", status=FINISHED):
    """A small run directory that says `text`."""
    run = replace(new_tiny_run(folder), status=status, reason=text)
    run.write()
    run.weights.write_text(text)
    seal(folder, run.text())
    return run


def said(folder):
    """What `write_run` has written there, all of it."""
    verify(folder)
    run = Run.open(folder)
    assert run.weights.read_text() == run.reason
    return run.reason


def record(folder, step=1):
    """A checkpoint of the training in `folder`."""
    write_checkpoint(folder, (0, step), {}, {"x": np.zeros(2)})


def refused(out, overwrite, text):
    """Nothing can be written to `out`, as `text` says, and nothing is."""
    before = tree(out.parent) if not os.path.ismount(out) else None
    for check in (
        lambda: check_destination(out, overwrite),
        lambda: staged(out, overwrite).__enter__(),
    ):
        with pytest.raises(RunError) as caught:
            check()
        assert str(caught.value) == text
    assert before is None or tree(out.parent) == before
