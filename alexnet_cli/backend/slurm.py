"""The tasks of a Slurm job step as workers."""

from collections.abc import Mapping

from ..errors import ClusterError, first_line, printable
from .cluster import Cluster, of_addresses


def slurm_cluster(environment: Mapping[str, str]) -> Cluster:
    """The tasks of this job step, by TensorFlow's resolver.

    Raises:
        ClusterError: srun has not started this process.
    """
    import tensorflow as tf

    job = environment.get("SLURM_JOB_ID", "0")
    # Two jobs may share a machine.
    base = 20000 + int(job if job.isdecimal() else 0) % 10000
    try:
        # The resolver cannot count tasks without GPUs; devices are chosen by us.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=base, gpus_per_node=2**10, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = tuple(resolver.cluster_spec().as_dict()["worker"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise ClusterError(
            f"--cluster slurm: {first_line(error)}; start the command with srun"
        ) from error
    # It sorts machines by name, and Slurm numbers tasks in another order.
    node, local = (environment.get(f"SLURM{x}", "") for x in ("D_NODENAME", "_LOCALID"))
    own = f"{node}:{base + int(local)}" if local.isdecimal() else ""
    if own not in addresses:
        raise ClusterError(
            f"--cluster slurm: {printable(own) or 'this process'} is none of the tasks "
            f"{', '.join(addresses)}; start the command with srun"
        )
    return of_addresses(addresses, addresses.index(own))
