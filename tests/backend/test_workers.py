"""A worker has one device, and one that is alone is none."""

import numpy as np
import pytest
import tensorflow as tf

from alexnet_cli.backend.cluster import of_addresses
from alexnet_cli.backend.workers import _use_device, is_lost, join
from alexnet_cli.errors import DeviceError


def test_a_single_worker_trains_alone():
    config = '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}'
    assert join("tf-config", "auto", {"TF_CONFIG": config}) is None


@pytest.mark.parametrize(
    ("device", "seen"),
    [("auto", "gpu-1"), ("gpu", "gpu-1"), ("gpu:0", "gpu-0"), ("cpu", None)],
)
def test_a_worker_sees_one_device(monkeypatch, device, seen):
    """The second worker on its machine takes the second GPU."""
    chosen = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu-0", "gpu-1"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda x, kind: chosen.extend(x))
    _use_device(device, of_addresses(("a:1", "b:1", "a:2"), 2))
    assert chosen == ([seen] if seen else [])


@pytest.mark.parametrize(
    ("device", "text"),
    [("gpu:0,1", "start a worker for each GPU"), ("gpu:7", "has no gpu:7")],
)
def test_a_device_that_a_worker_cannot_have(device, text):
    with pytest.raises(DeviceError, match=text):
        _use_device(device, of_addresses(("a:1", "a:2"), 1))


def test_only_what_collectives_say_is_a_lost_worker():
    assert is_lost(tf.errors.UnavailableError(None, None, "Connection reset by peer"))
    text = "Collective ops is aborted by: Socket closed"
    assert is_lost(tf.errors.InternalError(None, None, text))
    assert not is_lost(tf.errors.ResourceExhaustedError(None, None, "no memory"))
    assert not is_lost(ValueError(np.zeros(2)))
