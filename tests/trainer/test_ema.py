"""The average follows its formula, is in the network only from validation to epoch."""

import json

import keras
import numpy as np
import pytest

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.model import build_model
from alexnet_cli.model.variants import with_norm
from alexnet_cli.trainer.ema import ExponentialMovingAverage


@pytest.fixture
def network():
    return build_model(ARCHITECTURES["tiny"], 3)


def test_the_average_is_validated_and_the_own_weights_go_on(network):
    average = ExponentialMovingAverage(network, decay=0.5)
    kernel = network.get_layer("dense2").kernel
    first = np.array(kernel)
    expected, values = first, []
    for step in range(1, 5):
        kernel.assign(first + step)
        values.append(np.array(kernel))
        average.on_train_batch_end(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * values[-1]
    np.testing.assert_array_equal(kernel, values[-1])
    average.on_test_begin()
    np.testing.assert_allclose(kernel, expected, rtol=1e-6)
    average.on_epoch_begin(1)
    np.testing.assert_array_equal(kernel, values[-1])
    # Only once: what an epoch has trained is not replaced.
    kernel.assign(first)
    average.on_epoch_begin(2)
    np.testing.assert_array_equal(kernel, first)


def test_a_long_trainings_average_is_that_of_every_step(network):
    """Where weights stand still, updates for eight steps at once differ by nothing."""
    average = ExponentialMovingAverage(network, decay=0.9)
    kernel = network.get_layer("dense2").kernel
    first = np.array(kernel)
    for step in range(1, 65):
        average.on_train_batch_end(step)
    kernel.assign(first + 1)
    for step in range(65, 89):
        average.on_train_batch_end(step)
    average.on_test_begin()
    # Three updates of eight steps each; 64 of 74 steps bound the decay no more.
    decays = [min(0.9, (1 + x) / (10 + x)) ** 8 for x in (72, 80, 88)]
    np.testing.assert_allclose(kernel, first + 1 - np.prod(decays), rtol=1e-4, atol=1e-5)


def test_the_first_steps_have_an_update_each(network):
    average = ExponentialMovingAverage(network, decay=0.999)
    bias = network.get_layer("dense2").bias
    seen = []
    for step in range(1, 81):
        before = np.array(average.average[-1])
        bias.assign(bias + 1)
        average.on_train_batch_end(step)
        if not np.array_equal(before, average.average[-1]):
            seen.append(step)
    assert seen == [*range(1, 65), 72, 80]


def test_statistics_of_batchnorm_are_averaged_too():
    network = build_model(with_norm(ARCHITECTURES["tiny"], "all"), 3)
    average = ExponentialMovingAverage(network, decay=0.5)
    moving = next(x for x in network.weights if "variance" in x.path)
    before = np.array(moving)
    moving.assign(before + 1)
    average.on_train_batch_end(0)
    average.on_test_begin()
    decay = 2 / 11
    np.testing.assert_allclose(moving, before + 1 - decay, rtol=1e-6)


def train(network, average, steps, start):
    """Steps of noise that depend on the step alone."""
    for step in range(start, start + steps):
        rng = np.random.default_rng(step)
        for weight in network.weights:
            weight.assign(weight + rng.normal(0, 0.1, weight.shape))
        average.on_train_batch_end(step)


@pytest.mark.parametrize("half,validated", [(0, False), (5, False), (5, True), (66, True)])
def test_the_second_half_is_that_of_an_uninterrupted_average(network, half, validated):
    average = ExponentialMovingAverage(network, decay=0.99)
    train(network, average, half, 0)
    if validated:
        # As between two epochs: the average is in the network, its own weights are not.
        average.on_test_begin()
    weights, state = [np.array(x) for x in network.weights], average.state()
    assert [len(state[x]) for x in ("average", "own")] == [
        len(weights),
        len(weights) if validated else 0,
    ]

    def second_half(network, average):
        average.on_epoch_begin(1)
        train(network, average, 20, half)
        own = [np.array(x) for x in network.weights]
        average.on_test_begin()
        return own, [np.array(x) for x in network.weights]

    expected = second_half(network, average)
    other_network = build_model(ARCHITECTURES["tiny"], 3, seed=7)
    other = ExponentialMovingAverage(other_network, decay=0.99)
    other_network.set_weights(weights)
    other.restore(state)
    for ours, theirs in zip(second_half(other_network, other), expected, strict=True):
        for one, two in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, two)


def test_the_state_is_arrays_and_a_number(network):
    average = ExponentialMovingAverage(network, decay=0.5)
    train(network, average, 3, 0)
    average.on_test_begin()
    state = average.state()
    arrays = [*state.pop("average"), *state.pop("own")]
    assert {type(x) for x in arrays} == {np.ndarray}
    assert json.loads(json.dumps(state)) == state == {"steps": 3}


def test_a_state_does_not_change_with_the_average(network):
    average = ExponentialMovingAverage(network, decay=0.5)
    average.on_test_begin()
    state = average.state()
    before = [x.copy() for x in (*state["average"], *state["own"])]
    average.restore(state)
    average.on_epoch_begin(1)
    train(network, average, 3, 0)
    average.on_test_begin()
    for one, two in zip((*state["average"], *state["own"]), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_keras_calls_it_between_training_and_validation(network):
    """`fit` validates with the average, and leaves it in the network."""
    average = ExponentialMovingAverage(network, decay=0.9)
    network.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    x = np.random.default_rng(0).random((8, *network.input_shape[1:]), np.float32)
    y = np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    result = network.fit(x, y, validation_data=(x, y), callbacks=[average], verbose=0)
    left = [np.array(x) for x in network.weights]
    for one, two in zip(left, average.average, strict=True):
        np.testing.assert_array_equal(one, two)
    loss = network.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(result.history["val_loss"][0], rel=1e-5)
