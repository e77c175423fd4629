"""A history continues from its state as if it had never stopped."""

import json

import pytest

from alexnet_cli.trainer.history import History


def row(epoch, loss):
    return {"epoch": epoch, "loss": loss, "val_loss": loss / 3, "side": 32}


@pytest.fixture
def half():
    """Two epochs, of which the first is the best."""
    history = History()
    history.rows += [row(1, 0.1), row(2, 0.7)]
    history.best = history.latest = history.rows[0]
    return history


def test_the_state_is_plain_and_survives_json(half):
    state = half.state()
    assert json.loads(json.dumps(state)) == state


def test_the_second_half_is_that_of_an_uninterrupted_history(half):
    other = History()
    other.restore(json.loads(json.dumps(half.state())))
    for history in (half, other):
        history.rows.append(row(3, 0.05))
        history.best, history.reason = history.rows[-1], "reached loss=0.1 in epoch 3"
    assert other.state() == half.state()
    assert other.best is other.rows[-1]


def test_the_best_row_is_again_one_of_the_rows(half):
    """`latest is best` tells whether an epoch was the best."""
    other = History()
    other.restore(half.state())
    assert other.best is other.rows[0] and other.best == row(1, 0.1)


def test_a_state_does_not_change_with_the_history(half):
    state = half.state()
    before = json.dumps(state)
    half.rows.append(row(3, 0.05))
    half.rows[0]["loss"] = 9.0
    other = History()
    other.restore(state)
    other.rows[1]["loss"] = 8.0
    assert json.dumps(state) == before


def test_a_new_history_has_a_state_too():
    other = History()
    other.restore(json.loads(json.dumps(History().state())))
    assert other == History()


def test_why_training_ended_is_part_of_the_state(half):
    half.reason = "reached loss=0.1 in epoch 2"
    other = History()
    other.restore(half.state())
    assert other.reason == half.reason


def test_a_signal_or_a_loss_that_was_nan_is_of_one_sitting(half):
    half.signal, half.failed = 15, True
    other = History(signal=2, failed=True)
    other.restore(half.state())
    assert (other.signal, other.failed) == (0, False)
