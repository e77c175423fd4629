"""What Ray's workers are started with; Ray itself is not among the tests' packages."""

import sys

import pytest

from alexnet_cli.api.ray_training import train_with_ray, without_ray
from alexnet_cli.errors import ClusterError


@pytest.mark.parametrize("options", [
    ["--cluster", "ray"], ["--cluster=ray"], ["--cluster", "ray", "--workers", "4"],
    ["--workers=4", "--cluster=ray"],
])  # fmt: skip
def test_workers_get_the_command_without_its_options(options):
    words = ["train", "--data", "photos", "--out", "--workers-of-the-world"]
    for place in range(1, len(words), 2):
        given = [*words[:place], *options, *words[place:]]
        assert without_ray(given) == words


def test_without_ray_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterError, match=r"pip install 'alexnet\[ray\]'$"):
        train_with_ray(["train"], None)
