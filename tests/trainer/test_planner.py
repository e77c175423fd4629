"""Epochs are planned to end in time, and images grow by share of training."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alexnet_cli.trainer.planner import GROWTH, VALIDATION_COST, EpochPlanner, Workload


class Machine:
    """A clock that moves by what steps cost: `second` seconds at 100 pixels, by area."""

    def __init__(self, second=0.1, jitter=(1.0,), slow=10):
        self.now, self.second, self.jitter, self.slow = 1000.0, second, jitter, slow

    def __call__(self):
        return self.now

    def run_epoch(self, planner, number=0):
        """One epoch; the shares of its steps."""
        work, shares, step = planner.work, [], 0
        pace = self.jitter[number % len(self.jitter)] * self.second
        planner.begin()
        while step < planner.epoch_steps:
            shares.append(planner.advance(step))
            slow = self.slow if step < 2 else 1
            self.now += slow * pace * (planner.current_side / 100) ** 2
            step += 1
        self.now += VALIDATION_COST * work.validated * pace * work.steps
        planner.finish()
        return shares

    def run(self, planner):
        """All epochs of `planner`; the sides they ran at and the shares of their steps."""
        sides, shares = [], []
        while not planner.over:
            shares += self.run_epoch(planner, len(sides) + 1)
            sides.append(planner.current_side)
        pace = self.jitter[len(sides) % len(self.jitter)] * self.second
        work = planner.work
        self.now += work.views * work.validated * pace * work.steps
        return sides, shares


def test_without_a_limit_the_recipe_is_followed():
    machine = Machine()
    planner = EpochPlanner(Workload(4, 0, 100, 5), clock=machine)
    sides, shares = machine.run(planner)
    assert sides == [100] * 4
    assert shares == pytest.approx([(i + 0.5) / 20 for i in range(20)])
    assert planner.share == pytest.approx(1)


def test_images_grow():
    machine = Machine()
    sides, _ = machine.run(EpochPlanner(Workload(10, 50, 100, 5), clock=machine))
    assert sides == [50] * 5 + [75] * 3 + [100] * 2
    assert [end for end, _ in GROWTH] == sorted(end for end, _ in GROWTH)


def test_the_last_epochs_have_the_networks_own_side():
    """However few epochs there are; the best epoch has to be one of these."""
    for epochs in range(1, 30):
        machine = Machine()
        planner = EpochPlanner(Workload(epochs, 50, 100, 2), clock=machine)
        sides, _ = machine.run(planner)
        assert sides == sorted(sides)
        if epochs >= 5:
            assert sides[-1] == 100


@given(
    seconds=st.floats(5, 500),
    steps=st.integers(1, 300),
    start=st.sampled_from([0, 50]),
    jitter=st.lists(st.floats(0.8, 1.25), min_size=1, max_size=7),
    validated=st.sampled_from([0, 0.25]),
    views=st.sampled_from([0, 3]),
)
# Epochs so short that their first steps are most of them.
@example(seconds=13.0, steps=4, start=50, jitter=[1.0], validated=0, views=0)
def test_training_ends_in_time(seconds, steps, start, jitter, validated, views):
    machine = Machine(jitter=jitter)
    work = Workload(10_000, start, 100, steps, validated=validated, views=views)
    planner = EpochPlanner(work, deadline=1000.0 + seconds, clock=machine)
    sides, shares = machine.run(planner)
    after = (VALIDATION_COST + views) * validated * steps * 0.125
    epoch, least = steps * 0.125 + after, 5 * 0.125 + after
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
    work = Workload(5, 0, 100, 1000, validated=0.2)
    planner = EpochPlanner(work, deadline=1000.0 + seconds, clock=machine)
    _, shares = machine.run(planner)
    assert 0.9 * seconds < machine.now - 1000 <= seconds
    assert len(shares) == planner.epoch_steps < 1000
    assert shares[-1] == pytest.approx(1, abs=0.01)


def test_the_limit_does_not_add_epochs():
    machine = Machine()
    planner = EpochPlanner(Workload(3, 0, 100, 5), deadline=1e9, clock=machine)
    assert len(machine.run(planner)[0]) == 3


def test_a_deadline_in_the_past_still_runs_one_epoch():
    machine = Machine()
    planner = EpochPlanner(Workload(9, 0, 100, 100), deadline=0.0, clock=machine)
    sides, shares = machine.run(planner)
    # Cut short as soon as its pace is known.
    assert len(sides) == 1 and len(shares) < 20


def test_time_left_is_what_the_rest_takes():
    machine = Machine()
    planner = EpochPlanner(Workload(10, 50, 100, 20), clock=machine)
    assert planner.seconds_left() is None
    estimates = []
    while not planner.over:
        planner.begin()
        for step in range(20):
            planner.advance(step)
            machine.now += 0.1 * (planner.current_side / 100) ** 2
        planner.finish()
        estimates.append((machine.now, planner.seconds_left()))
    end = estimates[-1][0]
    assert estimates[-1][1] == 0
    for now, left in estimates:
        assert left == pytest.approx(end - now, abs=2)


def even_machine():
    """Of which every time is a sum of powers of two: float arithmetic is exact."""
    return Machine(second=0.125, slow=1)


@pytest.mark.parametrize("deadline", [None, 1000.0 + 6.0])
@pytest.mark.parametrize("half", range(1, 9))
def test_the_second_half_is_that_of_an_uninterrupted_plan(deadline, half):
    # Without validation, whose time counts more where the first steps are left out.
    work = Workload(16, 50, 100, 8)
    machine = even_machine()
    whole = EpochPlanner(work, deadline, machine)
    for _ in range(half):
        machine.run_epoch(whole)
    state = json.loads(json.dumps(whole.state()))
    other_machine = even_machine()
    other_machine.now = machine.now
    other = EpochPlanner(work, deadline, other_machine)
    other.restore(state)
    assert other.state() == state
    assert other.side() == whole.side() and other.seconds_left() == whole.seconds_left()
    assert other_machine.run(other) == machine.run(whole)
    assert other.state() == whole.state()
    assert (other.epochs < 16) == (deadline is not None)


@pytest.mark.parametrize("step", [1, 4, 7, 8])
@pytest.mark.parametrize("half", [0, 7, 12])
def test_the_rest_of_an_epoch_is_that_of_an_uninterrupted_plan(half, step):
    """Its side is that of its first step, though the share has moved on since."""
    work = Workload(16, 50, 100, 8)
    whole, machine = EpochPlanner(work), even_machine()
    for _ in range(half):
        machine.run_epoch(whole)
    whole.begin()
    for i in range(step):
        whole.advance(i)
        whole.step = i + 1
    side, state = whole.current_side, json.loads(json.dumps(whole.state()))
    assert (state["step"], state["side"]) == (step, side)
    other = EpochPlanner(work)
    other.restore(state)
    # Also where nothing was done in between: two restarts in a row.
    assert other.state() == state
    assert (other.first, other.side()) == (step, side)
    other.begin()
    assert other.current_side == side
    for i in range(step, 8):
        assert other.advance(i) == whole.advance(i)
    for planner in (whole, other):
        planner.finish()
    assert (other.share, other.epoch, other.first) == (whole.share, half + 1, 0)
    assert other.side() == whole.side()


def test_an_epoch_that_begins_anew_has_its_share_again():
    planner, machine = EpochPlanner(Workload(4, 0, 100, 8)), even_machine()
    machine.run_epoch(planner)
    before = planner.share
    planner.begin()
    for i in range(5):
        planner.advance(i)
        planner.step = i + 1
    planner.restart_epoch()
    assert planner.share == pytest.approx(before)
    assert (planner.step, planner.first, planner.done) == (0, 0, 0.0)
    shares = machine.run_epoch(planner)
    assert shares == pytest.approx([(i + 0.5) / 32 for i in range(8, 16)])


def test_more_epochs_can_be_added():
    machine = even_machine()
    planner = EpochPlanner(Workload(4, 0, 100, 8))
    machine.run(planner)
    other = EpochPlanner(Workload(8, 0, 100, 8), clock=machine)
    other.restore(json.loads(json.dumps(planner.state())))
    assert other.over
    other.extend()
    assert not other.over and other.share == pytest.approx(0.5)
    _, shares = machine.run(other)
    assert shares == pytest.approx([(i + 0.5) / 64 for i in range(32, 64)])


@pytest.mark.parametrize("deadline, epochs", [(1e6, 8), (1003.6, 5)])
def test_more_epochs_are_planned_by_the_deadline(deadline, epochs):
    """After the last epoch the share is 1, and the pace of what is left was 0."""
    machine = even_machine()
    planner = EpochPlanner(Workload(4, 0, 100, 8), 1e6, machine)
    machine.run(planner)
    other = EpochPlanner(Workload(8, 0, 100, 8), deadline, machine)
    other.restore(planner.state())
    machine.now = 1002.5
    other.extend()
    assert (other.epochs, other.share) == (epochs, pytest.approx(4 / epochs))


def test_the_state_of_a_plan_is_plain():
    machine = even_machine()
    planner = EpochPlanner(Workload(4, 50, 100, 8), 1e6, machine)
    new = planner.state()
    machine.run_epoch(planner)
    for state in (new, planner.state()):
        assert json.loads(json.dumps(state)) == state
    assert new["paces"] == {} and planner.state()["paces"] == {"50": 0.25}


def test_a_restored_plan_does_not_time_the_steps_that_compile():
    """A new process compiles again, which says nothing about the pace."""
    work = Workload(10, 0, 100, 20)
    machine = Machine(slow=50)
    first = EpochPlanner(work, 1e6, machine)
    machine.run_epoch(first)
    other = EpochPlanner(work, 1e6, machine)
    other.restore(first.state())
    machine.run_epoch(other)
    assert other.paces[100] == pytest.approx(20 * 0.1)
