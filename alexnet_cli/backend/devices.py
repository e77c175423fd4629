"""Where the network runs: `--device` to a tf.distribute strategy, TensorFlow started."""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import DeviceError

_BFLOAT16_LIMITS = (
    "ALL", "DEFAULT", "AVX512_CORE_BF16", "AVX512_CORE_FP16", "AVX512_CORE_AMX",
    "AVX512_CORE_AMX_FP16", "AVX10_1_512", "AVX10_1_512_AMX", "AVX10_1_512_AMX_FP16",
)  # fmt: skip
"""Values of ONEDNN_MAX_CPU_ISA with bfloat16. Source: oneDNN, "CPU dispatcher control"."""


def strategy(spec: str) -> Any:
    """The tf.distribute strategy for "auto", "cpu", "gpu", "gpu:1" or "gpu:0,1".

    One device: TensorFlow's default strategy, with all others hidden. Several:
    `tf.distribute.MirroredStrategy`, which splits each batch among them.

    Raises:
        DeviceError: `spec` is no device, or one that is not there.
    """
    import tensorflow as tf

    match = re.fullmatch(r"(auto|cpu|gpu)(?::(\d+(?:,\d+)*))?", spec)
    if not match or (match[1] == "auto" and match[2]):
        raise DeviceError(f"--device {spec}: not auto, cpu, gpu or a list as gpu:0,1")
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
    import tensorflow as tf

    missing = [x for x in numbers if x >= count]
    if missing or len(set(numbers)) < len(numbers):
        here = [f"gpu:{i}" for i in range(len(tf.config.list_physical_devices("GPU")))]
        here += [f"cpu:{i}" for i in range(len(tf.config.list_logical_devices("CPU")))]
        wrong = f"no {kind}:{missing[0]} here" if missing else "a device stands twice"
        raise DeviceError(f"--device {spec}: {wrong}; there is {', '.join(here)}")


def precision(name: str) -> str:
    """`name`, or for "auto" the dtype policy that is fastest where training runs.

    bfloat16 where the CPU multiplies it (AMX or AVX512-BF16); float32 elsewhere, and on a
    GPU.

    Raises:
        DeviceError: bfloat16 is asked for where oneDNN was told not to use it.
    """
    import tensorflow as tf

    if tf.config.get_visible_devices("GPU"):
        return "float32" if name == "auto" else name
    cpuinfo = Path("/proc/cpuinfo")
    flags = set(cpuinfo.read_text().split()) if cpuinfo.exists() else set()
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", os.environ.get("DNNL_MAX_CPU_ISA", ""))
    return cpu_precision(name, flags, limit.upper())


def cpu_precision(name: str, flags: Collection[str], limit: str) -> str:
    """The dtype policy on a CPU with `flags` where oneDNN may use up to `limit`.

    Raises:
        DeviceError: as `precision`.
    """
    allowed = not limit or limit in _BFLOAT16_LIMITS
    if name == "mixed_bfloat16" and not allowed:
        # oneDNN would abort the process.
        raise DeviceError(
            f"--precision {name}: ONEDNN_MAX_CPU_ISA={limit} forbids it; unset one of them"
        )
    if name != "auto":
        return name
    has = {"amx_bf16", "avx512_bf16"} & set(flags)
    return "mixed_bfloat16" if has and allowed else "float32"
