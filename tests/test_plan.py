"""Epochs are planned to end in time, and pictures grow by share of training."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.plan import GROWTH, Plan
from alexnet_cli.recipe import Recipe


class Machine:
    """A clock that moves by what steps cost: `second` seconds at 100 pixels, by area."""

    def __init__(self, second=0.1, jitter=(1.0,)):
        self.now, self.second, self.jitter = 1000.0, second, jitter

    def __call__(self):
        return self.now

    def run(self, plan):
        """All epochs of `plan`; the sides they ran at and the shares of their steps."""
        sides, shares = [], []
        while not plan.over:
            plan.begin()
            sides.append(plan.current)
            for step in range(plan.steps):
                shares.append(plan.advance(step))
                slow = 10 if step < 2 else 1
                pace = self.jitter[len(sides) % len(self.jitter)]
                self.now += slow * pace * self.second * (plan.current / 100) ** 2
            plan.finish()
        return sides, shares


def test_without_a_limit_the_recipe_is_followed():
    machine = Machine()
    plan = Plan(Recipe(epochs=4), 100, 5, clock=machine)
    sides, shares = machine.run(plan)
    assert sides == [100] * 4
    assert shares == pytest.approx([(i + 0.5) / 20 for i in range(20)])
    assert plan.share == pytest.approx(1)


def test_pictures_grow():
    machine = Machine()
    sides, _ = machine.run(Plan(Recipe(epochs=10, start_size=50), 100, 5, clock=machine))
    assert sides == [50] * 5 + [75] * 3 + [100] * 2
    assert [end for end, _ in GROWTH] == sorted(end for end, _ in GROWTH)


@given(
    seconds=st.floats(5, 500),
    steps=st.integers(1, 300),
    start=st.sampled_from([None, 50]),
    jitter=st.lists(st.floats(0.8, 1.25), min_size=1, max_size=7),
)
def test_training_ends_in_time(seconds, steps, start, jitter):
    machine = Machine(jitter=jitter)
    recipe = Recipe(epochs=10_000, start_size=start)
    plan = Plan(recipe, 100, steps, deadline=1000.0 + seconds, clock=machine)
    sides, shares = machine.run(plan)
    epoch = (steps + 18) * 0.1 * 1.25
    # One epoch is always run; the last one may be slower than all before.
    assert machine.now <= 1000 + max(seconds, epoch) + 0.4 * epoch + 18 * 0.125
    if len(sides) > 20:
        assert machine.now >= 1000 + 0.75 * seconds
        assert shares[-1] > 0.9
    assert all(0 <= x <= 1 for x in shares)
    assert shares == sorted(shares)
    assert sides == sorted(sides)


def test_the_limit_does_not_add_epochs():
    machine = Machine()
    plan = Plan(Recipe(epochs=3), 100, 5, deadline=1e9, clock=machine)
    assert len(machine.run(plan)[0]) == 3


def test_time_left_is_what_the_rest_takes():
    machine = Machine()
    plan = Plan(Recipe(epochs=10, start_size=50), 100, 20, clock=machine)
    assert plan.seconds_left() is None
    told = []
    while not plan.over:
        plan.begin()
        for step in range(20):
            plan.advance(step)
            machine.now += 0.1 * (plan.current / 100) ** 2
        plan.finish()
        told.append((machine.now, plan.seconds_left()))
    end = told[-1][0]
    assert told[-1][1] == 0
    for now, left in told:
        assert left == pytest.approx(end - now, abs=2)
