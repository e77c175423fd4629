"""Workers that train together: TensorFlow's collectives between their processes."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..arrays import Doubles
from ..errors import ClusterError, DeviceError, first_line, printable
from .cluster import Cluster, tf_config_cluster
from .devices import use_gpus
from .slurm import slurm_cluster
from .startup import quiet, start_tensorflow

BYTES_PER_PACK = 2**22
"""Gradients that are summed in one message, sent while others are computed; a hint."""
HEARTBEAT = 15
"""Seconds without a sign of life after which a worker counts as lost."""
REGISTRATION = 600
"""Seconds in which all workers have to have come."""
_CHUNK = 2**24
"""Words of 4 bytes that `gather` sends at once."""


class Workers:
    """The workers of one training, of which this process is number `index` of `count`."""

    def __init__(self, strategy: Any, index: int, count: int) -> None:
        """`strategy` is TensorFlow's MultiWorkerMirroredStrategy."""
        import tensorflow as tf

        self.strategy, self.index, self.count = strategy, index, count
        # With fixed signatures: who traces anew would wait for messages of another name.
        doubles, words = (tf.TensorSpec([None], x) for x in (tf.float64, tf.int32))
        self._total = tf.function(lambda x: self.sum([x])[0], input_signature=[doubles])
        self._gathered = tf.function(self._all_gather, input_signature=[words])

    @property
    def is_chief(self) -> bool:
        """Whether this one writes the run directory."""
        return self.index == 0

    def sum(self, tensors: Sequence[Any]) -> list[Any]:
        """Each of `tensors` summed over the workers, differentiably; within a tf.function.

        All workers have to call it with tensors of the same shapes and types.
        """
        import tensorflow as tf

        def all_reduce(*values: Any) -> Any:
            context = tf.distribute.get_replica_context()
            totals = list(values)
            # TensorFlow packs what it is given, which has to be of one type.
            for kind in sorted({x.dtype.name for x in values}):
                places = [i for i, x in enumerate(values) if x.dtype == kind]
                found = context.all_reduce("sum", [tf.identity(values[i]) for i in places])
                for i, total in zip(places, found, strict=True):
                    totals[i] = total
            return totals

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def summed(*values: Any) -> Any:
            # The strategy has a thread of its own, which no gradient tape follows.
            totals = self.strategy.run(all_reduce, args=values)
            return totals, lambda *gradients: self.sum(gradients)

        found: list[Any] = summed(*tensors)
        return found

    def total(self, values: Doubles) -> Doubles:
        """`values` [n] summed over the workers."""
        import tensorflow as tf

        totals: Doubles = self._total(tf.constant(values, tf.float64)).numpy()
        return totals

    def _all_gather(self, words: Any) -> Any:
        """The `words` [n] of all workers, [count, n]."""
        import tensorflow as tf

        def gather(values: Any) -> Any:
            context = tf.distribute.get_replica_context()
            return context.all_gather(tf.identity(values)[None], axis=0)

        return self.strategy.run(gather, args=(words,))

    def gather(self, data: bytes) -> list[bytes]:
        """What each worker has given as `data`, in their order."""
        lengths = np.zeros(self.count)
        lengths[self.index] = len(data)
        sizes = self.total(lengths).astype(int)
        padded = np.zeros(-(-max(sizes) // 4) * 4, np.uint8)
        padded[: len(data)] = np.frombuffer(data, np.uint8)
        words = padded.view(np.int32)
        parts = [
            self._gathered(words[i : i + _CHUNK]).numpy().reshape(self.count, -1)
            for i in range(0, len(words), _CHUNK)
        ]
        if not parts:
            return [b""] * self.count
        rows = np.concatenate(parts, axis=1)
        return [row.tobytes()[:n] for row, n in zip(rows, sizes, strict=True)]

    def from_chief(self, data: bytes) -> bytes:
        """What the chief has given as `data`; that of the others is ignored."""
        return self.gather(data if self.is_chief else b"")[0]


def join(kind: str, device: str, environment: Mapping[str, str]) -> Workers | None:
    """Start TensorFlow as one of the workers of `kind`, "tf-config" or "slurm".

    None where there is only one. To be called before anything else of TensorFlow starts.

    Raises:
        ClusterError: the environment does not say which workers there are, or they have
            not come.
        DeviceError: there is no such device, or there are several of it.
    """
    cluster = tf_config_cluster(environment) if kind == "tf-config" else None
    # Its errors in C++ are told by exceptions, and would be pages.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    start_tensorflow()
    cluster = cluster or slurm_cluster(environment)
    if len(cluster.addresses) == 1:
        return None
    _use_device(device, cluster)
    os.environ["TF_CONFIG"] = json.dumps(cluster.config)
    return Workers(_strategy(cluster), cluster.index, len(cluster.addresses))


def _use_device(spec: str, cluster: Cluster) -> None:
    """Let TensorFlow see the one device that this worker trains on.

    Raises:
        DeviceError: as `join`.
    """
    import tensorflow as tf

    kind, _, number = spec.partition(":")
    if kind not in ("auto", "cpu", "gpu") or (number and not number.isdecimal()):
        raise DeviceError(
            f"--device {printable(spec)}: with --cluster a worker has one device; "
            f"start a worker for each GPU"
        )
    gpus = tf.config.list_physical_devices("GPU")
    if kind == "cpu" or (kind == "auto" and not gpus):
        use_gpus([], spec)
        return
    chosen = int(number) if number else cluster.local_index
    if chosen >= len(gpus):
        raise DeviceError(f"--device {spec}: worker {cluster.index} has no gpu:{chosen}")
    use_gpus([gpus[chosen]], spec)


def _strategy(cluster: Cluster) -> Any:
    """TensorFlow's strategy, which waits until all workers have come.

    Raises:
        ClusterError: they have not.
    """
    import tensorflow as tf
    from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
    from tensorflow.python.eager import context

    jobs = [
        coordination_config_pb2.CoordinatedJob(name=name, num_tasks=len(tasks))
        for name, tasks in cluster.config["cluster"].items()
    ]
    chief = "chief" if "chief" in cluster.config["cluster"] else "worker"
    # The strategy does so too if it is not done, with time limits that are not told.
    context.context().configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{chief}/replica:0/task:0",
        cluster_register_timeout_in_ms=1000 * REGISTRATION,
        heartbeat_timeout_in_ms=1000 * HEARTBEAT,
        coordinated_jobs=jobs,
    )
    options = tf.distribute.experimental.CommunicationOptions(bytes_per_pack=BYTES_PER_PACK)
    problem: Exception
    with quiet():
        try:
            return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
        except (tf.errors.OpError, RuntimeError) as error:
            # Raised in here, it would print what TensorFlow has written.
            problem = error
    own, count = cluster.addresses[cluster.index], len(cluster.addresses)
    raise ClusterError(
        f"worker {cluster.index} of {count} at {own} could not join the others "
        f"({first_line(problem)}); check that all of them were started, and that {own} is "
        f"free and can be reached"
    ) from problem


@contextmanager
def lost_workers() -> Iterator[None]:
    """In the block, say in a line that another worker has ended.

    Raises:
        ClusterError: one has.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        if is_lost(error):
            raise ClusterError(LOST) from error
        raise


LOST = "another worker has ended or cannot be reached"


def is_lost(error: BaseException) -> bool:
    """Whether TensorFlow says with `error` that a worker does not answer."""
    import tensorflow as tf

    errors = tf.errors
    kinds = (errors.UnavailableError, errors.AbortedError, errors.DeadlineExceededError)
    return isinstance(error, kinds) or "Collective ops is aborted" in str(error)
