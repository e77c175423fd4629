"""Which workers train together: what --cluster and the environment say. No TensorFlow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ClusterError, printable

KINDS = ("auto", "tf-config", "slurm", "ray")
_EXAMPLE = (
    '{"cluster": {"worker": ["host1:8888", "host2:8888"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_TRAINING = ("chief", "worker")
_ROLES = {
    "ps": "training is synchronous, without parameter servers",
    "evaluator": "the chief evaluates after every epoch",
}
"""Tasks that TF_CONFIG may name and that there is no work for."""


@dataclass(frozen=True)
class Cluster:
    """The addresses of all workers, the chief's first, and which of them is this one."""

    addresses: tuple[str, ...]
    index: int
    config: Mapping[str, Any]
    """What TF_CONFIG has to say so."""

    @property
    def local_index(self) -> int:
        """How many of the workers before this one are on the same machine."""
        hosts = [x.rpartition(":")[0] for x in self.addresses]
        return hosts[: self.index].count(hosts[self.index])


def found_kind(kind: str, environment: Mapping[str, str]) -> str:
    """`kind`, or for "auto" what the environment says; "" where it says nothing."""
    if kind != "auto":
        return kind
    if environment.get("TF_CONFIG"):
        return "tf-config"
    # In the batch step of a job, where srun was not called, it is 1.
    if environment.get("SLURM_STEP_NUM_TASKS", "1") not in ("", "1"):
        return "slurm"
    return "ray" if environment.get("RAY_ADDRESS") else ""


def tf_config_cluster(environment: Mapping[str, str]) -> Cluster:
    """The workers that TF_CONFIG names.

    Raises:
        ClusterError: it is not set, or does not say which workers there are.
    """
    text = environment.get("TF_CONFIG", "")
    if not text:
        raise ClusterError(f"TF_CONFIG is not set; it has to be like {_EXAMPLE}")
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ClusterError(f"TF_CONFIG is not JSON ({error}), like {_EXAMPLE}") from None
    return parsed(config)


def parsed(config: Any) -> Cluster:
    """The workers of a TF_CONFIG that was read.

    Raises:
        ClusterError: as `tf_config_cluster`.
    """
    cluster = _part(config, "cluster")
    task = _part(config, "task")
    _refuse_roles(cluster, str(task.get("type", "")))
    workers = {x: _addresses(cluster, x) for x in _TRAINING if cluster.get(x)}
    if not workers:
        raise ClusterError(f"TF_CONFIG names no workers; it has to be like {_EXAMPLE}")
    if len(workers.get("chief", ())) > 1:
        raise ClusterError(f"TF_CONFIG names {len(workers['chief'])} chiefs; name one")
    addresses = tuple(x for name in _TRAINING for x in workers.get(name, ()))
    double = next((x for x in addresses if addresses.count(x) > 1), None)
    if double:
        raise ClusterError(f"TF_CONFIG names {printable(double)} twice")
    kind, index = _task(task, workers)
    before = len(workers.get("chief", ())) if kind == "worker" else 0
    plain = {"cluster": workers, "task": {"type": kind, "index": index}}
    return Cluster(addresses, before + index, plain)


def of_addresses(addresses: tuple[str, ...], index: int) -> Cluster:
    """The workers at `addresses`, of which the first is the chief."""
    task = {"type": "worker", "index": index}
    return parsed({"cluster": {"worker": list(addresses)}, "task": task})


def _part(config: Any, name: str) -> Mapping[str, Any]:
    """The object `name` of TF_CONFIG."""
    found = config.get(name) if isinstance(config, dict) else None
    if not isinstance(found, dict):
        raise ClusterError(f'TF_CONFIG has no "{name}"; it has to be like {_EXAMPLE}')
    return found


def _refuse_roles(cluster: Mapping[str, Any], kind: str) -> None:
    """Refuse tasks that have nothing to do with this kind of training."""
    for role, why in _ROLES.items():
        if cluster.get(role) or kind == role:
            raise ClusterError(
                f'TF_CONFIG has a task "{role}", for which there is no work: {why}; '
                f"leave it out"
            )
    others = [x for x in cluster if x not in (*_TRAINING, *_ROLES)]
    if others:
        raise ClusterError(
            f'TF_CONFIG has tasks "{printable(others[0])}"; use "chief" and "worker"'
        )


def _addresses(cluster: Mapping[str, Any], name: str) -> list[str]:
    """The addresses of the tasks `name`."""
    found = cluster[name]
    if not isinstance(found, list) or not all(isinstance(x, str) for x in found):
        raise ClusterError(
            f'TF_CONFIG: "{name}" is not a list of addresses such as "host1:8888"'
        )
    for address in found:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ClusterError(
                f'TF_CONFIG: "{printable(address)}" is not an address such as "host1:8888"'
            )
    return found


def _task(task: Mapping[str, Any], workers: Mapping[str, list[str]]) -> tuple[str, int]:
    """The kind of this task, and its number among those of its kind."""
    kind, text = str(task.get("type", "")), str(task.get("index", ""))
    if kind not in workers:
        names = " or ".join(f'"{x}"' for x in workers)
        raise ClusterError(
            f'TF_CONFIG: the task\'s "type" is "{printable(kind)}", not {names}'
        )
    count = len(workers[kind])
    if not text.isdecimal() or int(text) >= count:
        raise ClusterError(
            f'TF_CONFIG: the task\'s "index" is {printable(text) or "missing"}, and there '
            f"are {count} of its type; use 0 to {count - 1}"
        )
    return kind, int(text)
