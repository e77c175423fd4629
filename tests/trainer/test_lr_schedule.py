"""Every schedule is its formula, and no rate exceeds the peak."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.recipe.sections import LRSchedule
from alexnet_cli.trainer.lr_schedule import learning_rate

SCHEDULES = ("constant", "step", "cosine", "plateau")


def test_constant():
    section = LRSchedule(learning_rate=0.3, schedule="constant")
    assert {learning_rate(section, x, x / 10) for x in (0, 0.5, 3, 10)} == {0.3}


def test_steps_divide_at_whole_multiples():
    section = LRSchedule(learning_rate=1.0, schedule="step", step_epochs=3, divide_by=10.0)
    rates = [learning_rate(section, x, 0.0) for x in (0, 2.999, 3, 5.9, 6, 9)]
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.001], rel=1e-12)


def test_plateau_divides_as_often_as_it_is_told():
    section = LRSchedule(learning_rate=1.0, schedule="plateau", divide_by=4.0)
    rates = [learning_rate(section, 5.0, 0.5, divisions=x) for x in range(3)]
    assert rates == [1, 0.25, 0.0625]


def test_cosine_rises_to_the_peak_and_falls_to_zero():
    section = LRSchedule(learning_rate=0.2, schedule="cosine", warmup_epochs=2.0)
    assert learning_rate(section, 0.0, 0.0) == 0
    # At half of the warm-up the rate is half of what the cosine gives.
    assert learning_rate(section, 1.0, 0.1) == pytest.approx(
        0.5 * 0.1 * (1 + math.cos(0.1 * math.pi))
    )
    assert learning_rate(section, 10.0, 0.5) == pytest.approx(0.1)
    assert learning_rate(section, 20.0, 1.0) == pytest.approx(0, abs=1e-15)
    # The share may be a rounding error above 1.
    assert learning_rate(section, 20.0, 1 + 1e-9) >= 0


def test_without_warmup_cosine_starts_at_the_peak():
    section = LRSchedule(learning_rate=0.2, schedule="cosine", warmup_epochs=0.0)
    assert learning_rate(section, 0.0, 0.0) == 0.2


@given(
    schedule=st.sampled_from(SCHEDULES),
    peak=st.floats(1e-8, 10),
    epoch=st.floats(0, 1000),
    share=st.floats(0, 1),
    divisions=st.integers(0, 20),
    factor=st.sampled_from([1.0, 0.1]),
    warmup=st.floats(0, 20),
)
def test_a_rate_is_between_zero_and_its_peak(
    schedule, peak, epoch, share, divisions, factor, warmup
):
    section = LRSchedule(learning_rate=peak, schedule=schedule, warmup_epochs=warmup)
    rate = learning_rate(section, epoch, share, divisions=divisions, factor=factor)
    assert 0 <= rate <= peak * factor * (1 + 1e-12)
    # The factor multiplies the whole schedule.
    full = learning_rate(section, epoch, share, divisions=divisions)
    assert rate == pytest.approx(full * factor, rel=1e-9)


@given(shares=st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_after_the_warmup_cosine_only_falls(shares):
    section = LRSchedule(schedule="cosine", warmup_epochs=1.0)
    rates = [learning_rate(section, 5.0, x) for x in sorted(shares)]
    assert rates == sorted(rates, reverse=True)
