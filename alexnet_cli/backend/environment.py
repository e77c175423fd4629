"""What a bug report needs: versions, processor, devices. Nothing of it changes anything."""

import os
import platform
import re
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import psutil

from ..errors import AlexNetError
from ..version import __version__
from .checkout import commit_of
from .devices import cpu_flags, precision_on, usable_cores
from .startup import start_tensorflow

PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")
"""Those whose versions are written to run.json: results depend on them."""
OTHERS = (
    "scipy", "matplotlib", "h5py", "simplejpeg", "safetensors", "msgspec", "click",
    "tensorboard", "onnx", "onnxruntime", "openvino", "huggingface-hub", "jax",
)  # fmt: skip
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")
"""Extensions of a processor that make training faster; those of ARM are not known."""
_VARIABLE = re.compile(
    r"(TF_(CPP|ENABLE|XLA|NUM|GPU|FORCE|USE|CUDNN|DETERMINISTIC)|ONEDNN|DNNL|OMP|CUDA|XLA"
    r"|KERAS|ALEXNET)_\w+"
)
"""Variables that change what TensorFlow does, none of them secret."""


def source_commit() -> str:
    """`commit_of` the checkout that this package is in; "" if it is in none."""
    return commit_of(Path(__file__).parents[2])


def versions() -> dict[str, str]:
    """Versions that results depend on: this package's, Python's, and those of PACKAGES."""
    found = {"alexnet": __version__, "commit": source_commit()}
    found["python"] = platform.python_version()
    found |= _installed(PACKAGES)
    return {k: v for k, v in found.items() if v}


def hardware() -> dict[str, str]:
    """The machine: its system, processor with extensions, cores, and memory."""
    flags = [x for x in _FLAGS if x in cpu_flags()]
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": f"{_processor()} ({' '.join(flags) or 'extensions not known'})",
        "cores": f"{usable_cores()} usable of {os.cpu_count()}",
        "memory": _memory(),
    }


def environment() -> dict[str, str]:
    """All of it; TensorFlow is started."""
    own = {k: v for k, v in sorted(os.environ.items()) if _VARIABLE.fullmatch(k)}
    return {**versions(), **_installed(OTHERS), **hardware(), **_tensorflow(), **own}


def _tensorflow() -> dict[str, str]:
    """What TensorFlow sees and would do here, or why it cannot be used."""
    try:
        start_tensorflow()
    except AlexNetError as error:
        return {"devices": str(error)}
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = map(tf.config.experimental.get_device_details, gpus)
    names = [x.get("device_name", "GPU") for x in details]
    return {
        "devices": ", ".join(["CPU", *names]),
        # With --device auto, which is the first of them.
        "--precision auto": precision_on(gpus[:1], "auto"),
    }


def _installed(names: tuple[str, ...]) -> Mapping[str, str]:
    """The versions of those packages that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """The name of the processor, as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except (OSError, ValueError):
        text = ""
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return name[1] if name else platform.processor() or "unknown processor"


def _memory() -> str:
    """How much the system has; "unknown" where it does not tell."""
    try:
        return f"{psutil.virtual_memory().total / 2**30:.1f} GiB"
    except OSError:
        return "unknown"
