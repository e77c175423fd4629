"""The notation of --device is checked at once, as `backend.devices` will read it."""

import pytest

from alexnet_cli.errors import RecipeError
from alexnet_cli.recipe.device import device_count


@pytest.mark.parametrize("spec, count", [
    ("auto", 1), ("cpu", 1), ("gpu", 1), ("cpu:0", 1), ("cpu:7", 1), ("gpu:1", 1), ("gpu:0,1", 2), ("gpu:2,0,11", 3),
])  # fmt: skip
def test_devices_are_counted(spec, count):
    assert device_count(spec) == count


@pytest.mark.parametrize("spec, meant", [
    ("cuda", "gpu"), ("cuda:1", "gpu:1"), ("cuda:0,cuda:1", "gpu:0,1"), ("mps", "gpu"), ("rocm:0", "gpu:0"), ("CUDA", "gpu"),
    ("GPU", "gpu"), ("CPU:0", "cpu:0"), ("/GPU:0", "gpu:0"), ("/device:GPU:1", "gpu:1"), ("gpu:", "gpu"), ("gpu:0,", "gpu:0"),
    ("gpu0", "gpu:0"), ("gpu 1", "gpu:1"), ("cpu 0", "cpu:0"), ("gpu:0, 1", "gpu:0,1"), ("0", "gpu:0"), ("0,1", "gpu:0,1"),
    ("gpu:0,gpu:1", "gpu:0,1"), ("Auto", "auto"),
    *((x, None) for x in ("", "tpu", "gpu:x", "auto:0", "gpu:-1", "gpu:1.5", "gpu;0", "xpu", "all", "npu:0")),
])  # fmt: skip
def test_what_is_no_device_is_one_line_and_often_clear(spec, meant):
    with pytest.raises(RecipeError) as error:
        device_count(spec)
    hint = f"; did you mean {meant}?" if meant else ""
    assert (
        str(error.value)
        == f"--device {spec} is not auto, cpu, gpu or a list such as gpu:0,1{hint}"
    )


@pytest.mark.parametrize("spec", ["gpu:0,0", "cpu:1,0,1", "gpu:0,00"])
def test_a_device_is_listed_once(spec):
    with pytest.raises(
        RecipeError, match=f"^--device {spec}: one is listed twice; leave it out$"
    ):
        device_count(spec)


def test_the_message_is_printable():
    with pytest.raises(RecipeError) as error:
        device_count("cpu\n\x1b[31m")
    assert str(error.value).isprintable()
