"""Devices are chosen before anything computes on others; what workers cannot do is refused."""

from pathlib import Path

import pytest

from alexnet_cli.api import planned
from alexnet_cli.api.listener import Listener
from alexnet_cli.api.training_images import TrainOptions
from alexnet_cli.errors import RecipeError
from alexnet_cli.recipe.recipe import Recipe


class Stop(Exception):
    """Ends planning where images are opened."""


@pytest.mark.parametrize("options, chosen", [
    ({"data": "tfds:beans"}, ["gpu:1"]), ({"data": "photos", "against": "tfds:beans"}, ["gpu:1"]),
    ({"train": "a", "val": "tfds:beans"}, ["gpu:1"]), ({"data": "photos"}, []), ({"train": "a", "val": "b"}, []),
])  # fmt: skip
@pytest.mark.parametrize("workers", [None, "some"])
def test_devices_are_chosen_before_tfds_computes(monkeypatch, options, chosen, workers):
    """Workers have chosen theirs when they joined."""
    calls = []

    def stop(options, listener):
        raise Stop

    monkeypatch.setattr(planned, "use_devices", calls.append)
    monkeypatch.setattr(planned, "training_images", stop)
    found = TrainOptions(**{k: Path(v) for k, v in options.items()})
    with pytest.raises(Stop):
        planned.planned(found, Recipe(device="gpu:1"), Listener(), workers)
    assert calls == ([] if workers else chosen)


def test_several_workers_compile_nothing_with_xla():
    with pytest.raises(RecipeError) as error:
        planned.planned(TrainOptions(Path("x")), Recipe(xla=True), Listener(), "some")
    assert str(error.value) == "--xla works with one worker; leave it out with --cluster"
