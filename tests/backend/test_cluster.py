"""TF_CONFIG is understood as TensorFlow does, or refused in a line; auto looks around."""

import json

import pytest

from alexnet_cli.backend.cluster import found_kind, of_addresses, tf_config_cluster
from alexnet_cli.errors import ClusterError

TWO = {"worker": ["a:1", "b:2"]}
FIRST = {"type": "worker", "index": 0}


def read(cluster=TWO, task=FIRST):
    return tf_config_cluster({"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})})


def test_workers_are_in_their_order():
    assert read().addresses == ("a:1", "b:2") and read().index == 0
    assert read(task={"type": "worker", "index": 1}).index == 1
    # As some platforms write it.
    assert read(task={"type": "worker", "index": "1"}).index == 1


def test_a_chief_comes_first():
    cluster = {"worker": ["a:1", "b:2"], "chief": ["c:3"]}
    assert read(cluster, {"type": "chief", "index": 0}).index == 0
    found = read(cluster, {"type": "worker", "index": 1})
    assert found.addresses == ("c:3", "a:1", "b:2") and found.index == 2


@pytest.mark.parametrize(
    "task", [{"type": "chief", "index": 0}, {"type": "worker", "index": 1}]
)
def test_what_is_handed_on_says_the_same_to_tensorflow(monkeypatch, task):
    tf = pytest.importorskip("tensorflow")
    found = read({"worker": ["a:1", "b:2"], "chief": ["c:3"], "ps": []}, task)
    monkeypatch.setenv("TF_CONFIG", json.dumps(found.config))
    theirs = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    assert theirs.task_type == task["type"] and theirs.task_id == task["index"]
    assert theirs.cluster_spec().as_dict() == {"chief": ["c:3"], "worker": ["a:1", "b:2"]}


def test_workers_of_one_machine_are_numbered():
    addresses = ("a:1", "b:1", "a:2", "b:2", "a:3")
    found = [of_addresses(addresses, i).local_index for i in range(5)]
    assert found == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "TF_CONFIG is not set"),
        ("{", "TF_CONFIG is not JSON"),
        ("[]", 'TF_CONFIG has no "cluster"'),
        ('{"task": {}}', 'TF_CONFIG has no "cluster"'),
        ('{"cluster": {}}', 'TF_CONFIG has no "task"'),
        ('{"cluster": {}, "task": {}}', "TF_CONFIG names no workers"),
        (
            '{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}',
            "TF_CONFIG names no workers",
        ),
        ('{"cluster": {"worker": "a:1"}, "task": {}}', '"worker" is not a list'),
        ('{"cluster": {"worker": [1]}, "task": {}}', '"worker" is not a list'),
    ],
)
def test_no_list_of_workers(text, message):
    with pytest.raises(ClusterError, match=message) as caught:
        tf_config_cluster({"TF_CONFIG": text})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cluster", "task", "message"),
    [
        ({"worker": ["a:1", "b:1", "a:1"]}, FIRST, "a:1 twice"),
        ({"chief": ["a:1"], "worker": ["a:1"]}, FIRST, "a:1 twice"),
        ({"chief": ["a:1", "b:1"]}, {"type": "chief", "index": 0}, "2 chiefs"),
        ({"worker": ["a"]}, FIRST, '"a" is not an address'),
        ({"worker": ["a:port"]}, FIRST, '"a:port" is not an address'),
        ({"worker": ["a:70000"]}, FIRST, '"a:70000" is not an address'),
        ({"worker": [":80"]}, FIRST, '":80" is not an address'),
        ({**TWO, "ps": ["c:1"]}, FIRST, "without parameter servers"),
        ({**TWO, "evaluator": ["c:1"]}, FIRST, "the chief evaluates"),
        (TWO, {"type": "evaluator", "index": 0}, "the chief evaluates"),
        ({**TWO, "tpu": ["c:1"]}, FIRST, 'use "chief" and "worker"'),
        (TWO, {"type": "chief", "index": 0}, '"type" is "chief", not "worker"'),
        (TWO, {"type": "worker", "index": 2}, "use 0 to 1"),
        (TWO, {"type": "worker", "index": -1}, "use 0 to 1"),
        (TWO, {"type": "worker"}, '"index" is missing'),
        (TWO, {"index": 0}, '"type" is ""'),
    ],
)
def test_workers_that_cannot_be(cluster, task, message):
    with pytest.raises(ClusterError, match=message) as caught:
        read(cluster, task)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, ""),
        ({"TF_CONFIG": "{}"}, "tf-config"),
        ({"TF_CONFIG": ""}, ""),
        ({"SLURM_STEP_NUM_TASKS": "2"}, "slurm"),
        ({"SLURM_STEP_NUM_TASKS": "1"}, ""),
        ({"RAY_ADDRESS": "auto"}, "ray"),
        ({"RAY_ADDRESS": "auto", "TF_CONFIG": "{}"}, "tf-config"),
    ],
)
def test_auto_takes_what_the_environment_says(environment, kind):
    assert found_kind("auto", environment) == kind
    # What is named is taken in any case.
    assert found_kind("slurm", environment) == "slurm"
