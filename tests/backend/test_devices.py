"""A device is used or refused; precision follows from what the processor has and may use."""

import os

import pytest
import tensorflow as tf
from helpers import TINY, python

from alexnet_cli.backend import devices
from alexnet_cli.backend.devices import (
    cpu_precision,
    onednn_limit,
    precision,
    strategy,
    usable_cores,
)
from alexnet_cli.errors import DeviceError


@pytest.mark.parametrize(
    "flags,limit,expected",
    [
        ({"avx2"}, "", "float32"),
        ({"avx2", "avx512f"}, "", "float32"),
        ({"avx512f", "avx512_bf16"}, "", "mixed_bfloat16"),
        ({"avx512f", "avx512_bf16", "amx_bf16"}, "", "mixed_bfloat16"),
        ({"amx_bf16"}, "AVX512_CORE", "float32"),
        ({"amx_bf16"}, "AVX2", "float32"),
        ({"amx_bf16"}, "AVX512_CORE_AMX", "mixed_bfloat16"),
        ({"amx_bf16", "avx512_bf16"}, "AVX512_CORE_BF16", "mixed_bfloat16"),
        ({"avx512f"}, "ALL", "float32"),
        ({"amx_bf16", "avx512_bf16"}, "OFF", "float32"),
    ],
)
def test_auto_takes_bfloat16_where_it_is_multiplied_and_allowed(flags, limit, expected):
    assert cpu_precision("auto", flags, limit) == expected


def test_a_precision_given_by_name_is_used_unless_forbidden():
    assert cpu_precision("float32", {"amx_bf16"}, "") == "float32"
    assert cpu_precision("mixed_float16", {"avx2"}, "AVX2") == "mixed_float16"
    assert cpu_precision("mixed_bfloat16", {"avx2"}, "") == "mixed_bfloat16"
    assert cpu_precision("mixed_bfloat16", {"avx2"}, "OFF") == "mixed_bfloat16"
    with pytest.raises(DeviceError) as error:
        cpu_precision("mixed_bfloat16", {"amx_bf16"}, "AVX2")
    assert str(error.value) == (
        "--precision mixed_bfloat16: ONEDNN_MAX_CPU_ISA=AVX2 forbids it; "
        "unset the variable or use float32"
    )


@pytest.mark.parametrize("environment, expected", [
    ({}, ""),
    ({"ONEDNN_MAX_CPU_ISA": "avx2", "DNNL_MAX_CPU_ISA": "ALL"}, "AVX2"),
    ({"DNNL_MAX_CPU_ISA": "avx512_core"}, "AVX512_CORE"),
    ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "OFF"),
    ({"TF_ENABLE_ONEDNN_OPTS": "False", "ONEDNN_MAX_CPU_ISA": "ALL"}, "OFF"),
    ({"TF_ENABLE_ONEDNN_OPTS": "1"}, ""),
    ({"TF_ENABLE_ONEDNN_OPTS": ""}, ""),
])  # fmt: skip
def test_what_onednn_may_use_is_read_from_the_environment(environment, expected):
    assert onednn_limit(environment) == expected


def test_without_onednn_auto_is_float32(monkeypatch):
    monkeypatch.setattr(devices, "cpu_flags", lambda: {"amx_bf16"})
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS"):
        monkeypatch.delenv(name, raising=False)
    assert precision("auto") == "mixed_bfloat16"
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert precision("auto") == "float32"


def test_a_processor_that_tells_nothing_computes_in_float32(monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "Path", lambda path: tmp_path / "none")
    assert precision("auto") == "float32"


def test_cores_that_the_process_may_not_use_do_not_count(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5}, raising=False)
    assert usable_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_the_limit_is_read_from_the_environment(monkeypatch, variable):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    assert precision("auto") in ("float32", "mixed_bfloat16")
    assert precision("mixed_bfloat16") == "mixed_bfloat16"
    monkeypatch.setenv(variable, "avx2")
    assert precision("auto") == "float32"
    with pytest.raises(DeviceError, match="ONEDNN_MAX_CPU_ISA=AVX2 forbids it"):
        precision("mixed_bfloat16")


A100, T4, V100, P100, H100 = (8, 0), (7, 5), (7, 0), (6, 0), (9, 0)


@pytest.mark.parametrize("capabilities, expected", [
    ([A100], "mixed_bfloat16"), ([H100], "mixed_bfloat16"), ([(8, 9)], "mixed_bfloat16"), ([(12, 0)], "mixed_bfloat16"),
    ([T4], "mixed_float16"), ([V100], "mixed_float16"), ([(7, 9)], "mixed_float16"),
    ([P100], "float32"), ([(3, 7)], "float32"), ([None], "float32"),
    ([H100, A100], "mixed_bfloat16"), ([H100, V100], "mixed_float16"), ([T4, P100, H100], "float32"), ([A100, None], "float32"),
])  # fmt: skip
def test_auto_is_what_the_least_of_the_gpus_multiplies_fast(
    monkeypatch, capabilities, expected
):
    Machine(monkeypatch, len(capabilities), capabilities=capabilities)
    strategy(f"gpu:{','.join(str(i) for i in range(len(capabilities)))}")
    assert precision("auto") == expected


def test_a_gpu_that_is_not_used_has_no_say(monkeypatch):
    Machine(monkeypatch, 3, capabilities=[P100, T4, A100])
    monkeypatch.setattr(devices, "cpu_flags", lambda: {"amx_bf16"})
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    expected = {
        "auto": "float32", "gpu:1": "mixed_float16", "gpu:2": "mixed_bfloat16",
        "gpu:1,2": "mixed_float16", "cpu": "mixed_bfloat16",
    }  # fmt: skip
    for spec, policy in expected.items():
        strategy(spec)
        assert precision("auto") == policy, spec


@pytest.mark.parametrize("name", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_on_a_gpu_a_given_precision_is_used_and_the_cpus_limit_ignored(monkeypatch, name):
    Machine(monkeypatch, 1, capabilities=[P100])
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    strategy("gpu")
    assert precision(name) == name


class Machine:
    """`tf.config` and `tf.distribute` of a machine with GPUs, which this one need not have."""

    def __init__(self, monkeypatch, gpus, cpus=1, capabilities=()):
        self.visible, self.growing, self.calls = None, [], []
        self.gpus = [f"GPU{i}" for i in range(gpus)]
        self.capabilities = dict(zip(self.gpus, capabilities, strict=False))
        own = {
            "list_physical_devices": lambda kind: self.gpus if kind == "GPU" else ["CPU0"],
            "get_visible_devices": lambda kind: self.visible,
            "get_logical_device_configuration": lambda cpu: (
                [0] * cpus if cpus > 1 else None
            ),
            "list_logical_devices": self._start,
            "set_visible_devices": self._show,
        }
        for name, function in own.items():
            monkeypatch.setattr(tf.config, name, function)
        monkeypatch.setattr(tf.config.experimental, "set_memory_growth", self._grow)
        monkeypatch.setattr(tf.config.experimental, "get_device_details", self._details)
        monkeypatch.setattr(tf.distribute, "MirroredStrategy", self._mirrored)
        monkeypatch.setattr(tf.distribute, "get_strategy", lambda: "one device")
        self.cpus = cpus

    def _details(self, gpu):
        found = {"device_name": gpu, "compute_capability": self.capabilities[gpu]}
        return {k: v for k, v in found.items() if v}

    def _start(self, kind):
        self.calls.append("start")
        return [f"{kind}{i}" for i in range(self.cpus)]

    def _mirrored(self, names):
        self.calls.append("start")
        return tuple(names)

    def _show(self, gpus, kind):
        assert kind == "GPU"
        self.visible = gpus
        self.calls.append("show")

    def _grow(self, gpu, enable):
        assert enable
        self.growing.append(gpu)
        self.calls.append("grow")


@pytest.mark.parametrize("spec, gpus, cpus, visible, names", [
    ("auto", 0, 1, [], "one device"),
    ("auto", 2, 1, ["GPU0"], "one device"),
    ("cpu", 2, 1, [], "one device"),
    ("cpu:0,1", 1, 2, [], ("CPU:0", "CPU:1")),
    ("gpu", 2, 1, ["GPU0"], "one device"),
    ("gpu:1", 2, 1, ["GPU1"], "one device"),
    ("gpu:2,0", 3, 1, ["GPU2", "GPU0"], ("GPU:0", "GPU:1")),
])  # fmt: skip
def test_devices(monkeypatch, spec, gpus, cpus, visible, names):
    machine = Machine(monkeypatch, gpus, cpus)
    assert strategy(spec) == names
    # Those that are used, and they alone, grow; before anything starts a GPU.
    assert machine.visible == machine.growing == visible
    several = ["start"] if not visible or len(visible) > 1 else []
    assert machine.calls == ["show", *["grow"] * len(visible), *several * (1 + (cpus > 1))]


@pytest.mark.parametrize("spec", ["gpu:5", "gpu:0,0", "cuda"])
def test_a_refused_device_starts_none(monkeypatch, spec):
    machine = Machine(monkeypatch, gpus=2)
    with pytest.raises(DeviceError):
        strategy(spec)
    assert machine.calls == []


@pytest.mark.parametrize("spec, seen, message", [
    ("gpu:1", ["GPU0", "GPU1"], "with 2 GPU(s)"), ("cpu", ["GPU0"], "with 1 GPU(s)"), ("auto", [], "with no GPU(s)"),
])  # fmt: skip
def test_a_process_that_has_started_other_devices_is_one_line(
    monkeypatch, spec, seen, message
):
    machine = Machine(monkeypatch, gpus=2)
    machine.visible = seen

    def started(gpus, kind):
        # As TensorFlow's own.
        if gpus != machine.visible:
            raise RuntimeError("Visible devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "set_visible_devices", started)
    with pytest.raises(DeviceError) as error:
        strategy(spec)
    assert str(error.value) == (
        f"--device {spec}: TensorFlow has already started in this process, {message}; "
        f"train in a new process, or before anything else"
    )


def test_a_process_that_has_started_the_same_device_goes_on(monkeypatch):
    machine = Machine(monkeypatch, gpus=1)

    def started(gpu, enable):
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", started)
    assert strategy("gpu") == "one device" and machine.visible == ["GPU0"]


@pytest.mark.parametrize("spec, message", [
    ("gpu:2", "--device gpu:2: gpu:2 does not exist; available: gpu:0, gpu:1, cpu:0"),
    ("gpu:0,7,8", "--device gpu:0,7,8: gpu:7 does not exist; available: gpu:0, gpu:1, cpu:0"),
    ("cpu:1", "--device cpu:1: cpu:1 does not exist; available: gpu:0, gpu:1, cpu:0"),
    ("gpu:1,1", "--device gpu:1,1: one is listed twice; available: gpu:0, gpu:1, cpu:0"),
    *((x, f"--device {x} is not auto, cpu, gpu or a list such as gpu:0,1")
      for x in ("", "tpu", "gpu:", "gpu:x", "gpu:0,", "auto:0", "GPU", "gpu:-1", "cpu 0")),
    ("cpu\n", r"--device cpu\n is not auto, cpu, gpu or a list such as gpu:0,1"),
])  # fmt: skip
def test_a_device_that_does_not_exist_is_one_line(monkeypatch, spec, message):
    Machine(monkeypatch, gpus=2)
    with pytest.raises(DeviceError) as error:
        strategy(spec)
    assert str(error.value) == message


def test_a_machine_without_a_gpu_says_so(monkeypatch):
    Machine(monkeypatch, gpus=0)
    with pytest.raises(
        DeviceError, match="^--device gpu: gpu:0 does not exist; available: cpu:0$"
    ):
        strategy("gpu")


@pytest.mark.slow
def test_a_limited_machine_trains_in_float32(toy, tmp_path):
    code = "import sys; from alexnet_cli.cli.main import main; main(sys.argv[1:])"
    words = ("train", "--data", toy, *TINY, "--epochs", "1", "--out", tmp_path / "o")
    done = python(code, *words, ONEDNN_MAX_CPU_ISA="AVX512_CORE")
    assert done.returncode == 0, done.stderr
    assert '"precision": "float32"' in (tmp_path / "o" / "run.json").read_text()
    done = python(
        code,
        *words,
        "--overwrite",
        "--precision",
        "mixed_bfloat16",
        ONEDNN_MAX_CPU_ISA="AVX2",
    )
    assert done.returncode == 3 and done.stderr.count("Traceback") == 0
    assert "ONEDNN_MAX_CPU_ISA=AVX2 forbids it" in done.stderr.splitlines()[-1]
