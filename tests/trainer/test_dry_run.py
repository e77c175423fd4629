"""A dry run plans as training does, and writes nothing."""

import pytest
from helpers import TINY, alexnet, fails, tree

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import trace
from alexnet_cli.trainer.planner import EpochPlanner, Workload

WORDS = ("--dry-run", *TINY)


def values(result):
    assert result.exit_code == 0, result.output + repr(result.exception)
    pairs = (x.split(None, 1) for x in result.stdout.splitlines()[:-1])
    return dict(pairs)


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A current folder without anything in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_it_says_what_training_would_take(toy, empty, trained):
    before = tree(toy)
    found = values(alexnet("train", toy, *WORDS))
    assert found["epochs"] == "6" and found["network"] == "tiny, 3 classes"
    assert found["images"] == "30 for training, 6 for validation"
    assert found["steps"] == "4 per epoch, 24 in all, of up to 8 images"
    layers = list(trace(ARCHITECTURES["tiny"], 3))
    total, kept = (sum(getattr(x, k) for x in layers) for k in ("parameters", "trainable"))
    assert found["parameters"] == f"{total:,}, {kept:,} of them trained"
    assert 0.1 < float(found["memory"].split()[0]) < 100
    assert float(found["minutes"].split(",")[0]) > 0
    assert tree(empty) == {} and tree(toy) == before


@pytest.mark.slow
@pytest.mark.parametrize("more", [
    ("--mean", "pixel"), ("--cache", "disk"), ("--pca-lighting", "0.1"), ("--max-minutes", "0.5"),
    ("--ema", "0.9"), ("--class-weights", "balanced"), ("--mixup", "0.2"), ("--fraction", "0.5"),
])  # fmt: skip
def test_recipes_of_all_kinds(toy, empty, more):
    values(alexnet("train", toy, *WORDS, *more))
    assert tree(empty) == {}


def test_a_short_time_plans_fewer_epochs():
    def planner(deadline):
        work = Workload(100, 0, 36, steps=4, validated=0.25, views=2)
        return EpochPlanner(work, deadline, clock=lambda: 0.0)

    free, short, shortest = planner(None), planner(100.0), planner(2.0)
    for x in (free, short, shortest):
        x.time(1.0)
    # 4 seconds per epoch, an eighth more for its validation.
    assert (free.epochs, free.seconds_left()) == (100, pytest.approx(450))
    assert 15 < short.epochs < 25 and short.seconds_left() <= 100
    assert (shortest.epochs, shortest.epoch_steps) == (1, 1)
    assert free.seconds_predicting() == pytest.approx(2 * 0.25 * 4.5)


def test_what_training_would_refuse_is_refused(toy, empty, trained):
    fails(3, "already exists", "train", toy, *WORDS, "--out", trained)
    fails(2, "has no effect", "train", toy, *WORDS, "--allow-overlap")
    fails(3, "only one class", "train", toy, *WORDS, "--classes", "red")
    fails(
        2,
        "--dry-run cannot be given with --resume",
        "train",
        "--resume",
        trained,
        "--dry-run",
    )
    assert tree(empty) == {}


def test_weights_are_not_fetched(toy, empty, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(empty))
    words = ("--config", "finetune", "--weights", "imagenet", "--arch", "alexnet-owt")
    monkeypatch.setattr("alexnet_cli.trainer.dry_run.dry_run", lambda run, *_: stop())

    class Stop(Exception):
        pass

    def stop():
        raise Stop

    result = alexnet("train", toy, "--dry-run", *words)
    assert "unexpected Stop" in result.stderr
    assert "--weights imagenet: not fetched in a dry run" in result.stderr
    assert tree(empty) == {}
