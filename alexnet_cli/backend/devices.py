"""Where and how training computes: cores, and the options --device and --precision.

For the two options TensorFlow has to be started before.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import DeviceError, printable

_BFLOAT16_LIMITS = (
    "ALL", "DEFAULT", "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX512_CORE_AMX",
    "AVX512_CORE_AMX_FP16", "AVX10_1_512", "AVX10_1_512_AMX", "AVX10_1_512_AMX_FP16",
)  # fmt: skip
"""Values of ONEDNN_MAX_CPU_ISA with bfloat16. Source: oneDNN, "CPU dispatcher control"."""
OFF = "OFF"
"""The limit where TensorFlow does without oneDNN."""


def usable_cores() -> int:
    """How many cores this process may use, at least 1; the system may have more."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def strategy(spec: str) -> Any:
    """The tf.distribute strategy for "auto", "cpu", "gpu", "gpu:1" or "gpu:0,1".

    For one device, TensorFlow's default strategy, with all other GPUs hidden; for several,
    `tf.distribute.MirroredStrategy`, which splits each batch among them.

    Raises:
        DeviceError: `spec` is not a device, the machine does not have it, or TensorFlow
            already computes on others in this process.
    """
    import tensorflow as tf

    match = re.fullmatch(r"(auto|cpu|gpu)(?::(\d+(?:,\d+)*))?", spec)
    if not match or (match[1] == "auto" and match[2]):
        raise DeviceError(
            f"--device {printable(spec)} is not auto, cpu, gpu or a list such as gpu:0,1"
        )
    gpus = tf.config.list_physical_devices("GPU")
    numbers = [int(x) for x in (match[2] or "0").split(",")]
    if match[1] == "gpu" or (match[1] == "auto" and gpus):
        _require(spec, "gpu", numbers, len(gpus))
        use_gpus([gpus[x] for x in numbers], spec)
        names = [f"GPU:{i}" for i in range(len(numbers))]
    else:
        use_gpus([], spec)
        _require(spec, "cpu", numbers, len(tf.config.list_logical_devices("CPU")))
        names = [f"CPU:{x}" for x in numbers]
    return (
        tf.distribute.MirroredStrategy(names) if names[1:] else tf.distribute.get_strategy()
    )


def use_gpus(gpus: list[Any], spec: str) -> None:
    """Hide all GPUs but `gpus`, whose memory is taken bit by bit instead of all at once.

    `spec` is the option that asks for it. To be called before anything is computed.

    Raises:
        DeviceError: TensorFlow already computes on others in this process.
    """
    import tensorflow as tf

    try:
        tf.config.set_visible_devices(gpus, "GPU")
    except RuntimeError as error:
        now = len(tf.config.get_visible_devices("GPU"))
        raise DeviceError(
            f"--device {spec}: TensorFlow has already started in this process, with "
            f"{now or 'no'} GPU(s); train in a new process, or before anything else"
        ) from error
    for gpu in gpus:
        # If they were started before, how they take memory was the caller's choice.
        with suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)


def _require(spec: str, kind: str, numbers: list[int], count: int) -> None:
    """Refuse numbers of that kind of device that are repeated, or not below `count`."""
    import tensorflow as tf

    missing = [x for x in numbers if x >= count]
    if not missing and len(set(numbers)) == len(numbers):
        return
    problem = f"{kind}:{missing[0]} does not exist" if missing else "one is listed twice"
    gpus = len(tf.config.list_physical_devices("GPU"))
    # Logical devices would start all GPUs.
    cpus = sum(
        len(tf.config.get_logical_device_configuration(x) or [x])
        for x in tf.config.list_physical_devices("CPU")
    )
    available = [f"gpu:{i}" for i in range(gpus)] + [f"cpu:{i}" for i in range(cpus)]
    raise DeviceError(f"--device {spec}: {problem}; available: {', '.join(available)}")


def precision(name: str) -> str:
    """Keras' dtype policy `name`, or for "auto" the fastest one where training runs.

    That is mixed_bfloat16 on a CPU that multiplies bfloat16 (AMX or AVX512-BF16) if oneDNN
    may use that, and float32 on other CPUs. Of GPUs see `gpu_precision`.

    Raises:
        DeviceError: `name` is mixed_bfloat16 and ONEDNN_MAX_CPU_ISA rules bfloat16 out.
    """
    import tensorflow as tf

    return precision_on(tf.config.get_visible_devices("GPU"), name)


def precision_on(gpus: Sequence[Any], name: str) -> str:
    """As `precision`, on those of `tf.config.list_physical_devices`; none is the CPU."""
    import tensorflow as tf

    if not gpus:
        return cpu_precision(name, cpu_flags(), onednn_limit(os.environ))
    if name != "auto":
        return name
    details = map(tf.config.experimental.get_device_details, gpus)
    return gpu_precision([x.get("compute_capability", (0, 0)) for x in details])


def gpu_precision(capabilities: Collection[tuple[int, int]]) -> str:
    """The dtype policy that is fast on GPUs of all of those compute capabilities.

    TensorFlow tells none, here (0, 0), of what is not made by NVIDIA. Source: NVIDIA, "CUDA
    C++ Programming Guide", compute capabilities: tensor cores multiply float16 from 7.0
    (Volta) and bfloat16 from 8.0 (Ampere).
    """
    least = min(capabilities)
    if least >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if least >= (7, 0) else "float32"


def cpu_flags() -> Collection[str]:
    """The processor's extensions among other words; none where they are not known."""
    try:
        return set(Path("/proc/cpuinfo").read_text().split())
    except (OSError, ValueError):
        return set()


def onednn_limit(environment: Mapping[str, str]) -> str:
    """The extension up to which oneDNN may use the processor, "" for all, or "OFF".

    Source: oneDNN, "CPU dispatcher control"; TensorFlow, `IsMKLEnabled` in util/util.cc.
    """
    if environment.get("TF_ENABLE_ONEDNN_OPTS", "").lower() in ("0", "false"):
        return OFF
    limit = environment.get("ONEDNN_MAX_CPU_ISA", environment.get("DNNL_MAX_CPU_ISA", ""))
    return limit.upper()


def cpu_precision(name: str, flags: Collection[str], limit: str) -> str:
    """As `precision`, on a CPU with `flags` and the result `limit` of `onednn_limit`.

    Raises:
        DeviceError: as `precision`.
    """
    allowed = not limit or limit in _BFLOAT16_LIMITS
    if name == "mixed_bfloat16" and not allowed and limit != OFF:
        # oneDNN would abort the process.
        raise DeviceError(
            f"--precision {name}: ONEDNN_MAX_CPU_ISA={limit} forbids it; "
            f"unset the variable or use float32"
        )
    if name != "auto":
        return name
    # Without oneDNN TensorFlow computes bfloat16 in float32, which is slower than float32.
    has = {"amx_bf16", "avx512_bf16"} & set(flags)
    return "mixed_bfloat16" if has and allowed else "float32"


def make_deterministic(deterministic: bool, seed: int) -> None:
    """Have TensorFlow compute the same again, if that is asked for."""
    import tensorflow as tf

    if deterministic:
        tf.config.experimental.enable_op_determinism()
        tf.random.set_seed(seed)
