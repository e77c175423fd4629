"""Where and how training computes: cores, and the options --device and --precision.

For the two options TensorFlow has to be started before.
"""

import os
import re
from collections.abc import Collection, Mapping
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
        DeviceError: `spec` is not a device, or the machine does not have it.
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
        tf.config.set_visible_devices([gpus[x] for x in numbers], "GPU")
        names = [f"GPU:{i}" for i in range(len(numbers))]
    else:
        tf.config.set_visible_devices([], "GPU")
        _require(spec, "cpu", numbers, len(tf.config.list_logical_devices("CPU")))
        names = [f"CPU:{x}" for x in numbers]
    return (
        tf.distribute.MirroredStrategy(names) if names[1:] else tf.distribute.get_strategy()
    )


def _require(spec: str, kind: str, numbers: list[int], count: int) -> None:
    """Refuse numbers of that kind of device that are repeated, or not below `count`."""
    import tensorflow as tf

    missing = [x for x in numbers if x >= count]
    if not missing and len(set(numbers)) == len(numbers):
        return
    problem = f"{kind}:{missing[0]} does not exist" if missing else "one is listed twice"
    gpus = len(tf.config.list_physical_devices("GPU"))
    cpus = len(tf.config.list_logical_devices("CPU"))
    available = [f"gpu:{i}" for i in range(gpus)] + [f"cpu:{i}" for i in range(cpus)]
    raise DeviceError(f"--device {spec}: {problem}; available: {', '.join(available)}")


def precision(name: str) -> str:
    """Keras' dtype policy `name`, or for "auto" the fastest one where training runs.

    That is mixed_bfloat16 on a CPU that multiplies bfloat16 (AMX or AVX512-BF16) if oneDNN
    may use that, and float32 on other CPUs and on GPUs.

    Raises:
        DeviceError: `name` is mixed_bfloat16 and ONEDNN_MAX_CPU_ISA rules bfloat16 out.
    """
    import tensorflow as tf

    if tf.config.get_visible_devices("GPU"):
        return "float32" if name == "auto" else name
    return cpu_precision(name, cpu_flags(), onednn_limit(os.environ))


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
