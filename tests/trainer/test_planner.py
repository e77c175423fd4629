"""Epochs are planned to end in time, and images grow by share of training."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alexnet_cli.recipe.recipe import Recipe
from alexnet_cli.trainer.planner import GROWTH, JUDGING, EpochPlanner


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
            pace, step = self.jitter[len(sides) % len(self.jitter)], 0
            while step < plan.last:
                shares.append(plan.advance(step))
                slow = 10 if step < 2 else 1
                self.now += slow * pace * self.second * (plan.current / 100) ** 2
                step += 1
            self.now += JUDGING * plan.validated * pace * self.second * plan.steps
            plan.finish()
        self.now += plan.views * plan.validated * pace * self.second * plan.steps
        return sides, shares


def test_without_a_limit_the_recipe_is_followed():
    machine = Machine()
    plan = EpochPlanner(Recipe(epochs=4), 100, 5, clock=machine)
    sides, shares = machine.run(plan)
    assert sides == [100] * 4
    assert shares == pytest.approx([(i + 0.5) / 20 for i in range(20)])
    assert plan.share == pytest.approx(1)


def test_images_grow():
    machine = Machine()
    sides, _ = machine.run(
        EpochPlanner(Recipe(epochs=10, start_size=50), 100, 5, clock=machine)
    )
    assert sides == [50] * 5 + [75] * 3 + [100] * 2
    assert [end for end, _ in GROWTH] == sorted(end for end, _ in GROWTH)


@given(
    seconds=st.floats(5, 500),
    steps=st.integers(1, 300),
    start=st.sampled_from([None, 50]),
    jitter=st.lists(st.floats(0.8, 1.25), min_size=1, max_size=7),
    validated=st.sampled_from([0, 0.25]),
    views=st.sampled_from([0, 3]),
)
# Epochs so short that their first steps are most of them.
@example(seconds=13.0, steps=4, start=50, jitter=[1.0], validated=0, views=0)
def test_training_ends_in_time(seconds, steps, start, jitter, validated, views):
    machine = Machine(jitter=jitter)
    recipe = Recipe(epochs=10_000, start_size=start)
    deadline = 1000.0 + seconds
    plan = EpochPlanner(
        recipe, 100, steps,
        validated=validated, views=views, deadline=deadline, clock=machine,
    )  # fmt: skip
    sides, shares = machine.run(plan)
    judging = (JUDGING + views) * validated * steps * 0.125
    epoch, least = steps * 0.125 + judging, 5 * 0.125 + judging
    # Some steps are always run; the last of several epochs may be slower than all before.
    slower = 0.4 * epoch if len(sides) > 1 else 0
    assert machine.now <= 1000 + max(seconds, least) + slower + 18 * 0.125
    if len(sides) > 20:
        assert machine.now >= 1000 + 0.75 * seconds
        assert shares[-1] > 0.9
    assert all(0 <= x <= 1 for x in shares)
    assert shares == sorted(shares)
    assert sides == sorted(sides)


@pytest.mark.parametrize("seconds", [30, 60, 90])
def test_an_epoch_too_long_is_cut_short(seconds):
    machine = Machine()
    plan = EpochPlanner(
        Recipe(epochs=5), 100, 1000, validated=0.2, deadline=1000.0 + seconds, clock=machine
    )
    _, shares = machine.run(plan)
    assert 0.9 * seconds < machine.now - 1000 <= seconds
    assert len(shares) == plan.last < 1000
    assert shares[-1] == pytest.approx(1, abs=0.01)


def test_the_limit_does_not_add_epochs():
    machine = Machine()
    plan = EpochPlanner(Recipe(epochs=3), 100, 5, deadline=1e9, clock=machine)
    assert len(machine.run(plan)[0]) == 3


def test_time_left_is_what_the_rest_takes():
    machine = Machine()
    plan = EpochPlanner(Recipe(epochs=10, start_size=50), 100, 20, clock=machine)
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
