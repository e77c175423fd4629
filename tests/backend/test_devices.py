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


@pytest.mark.parametrize(
    "name, expected", [("auto", "float32"), ("mixed_bfloat16", "mixed_bfloat16")]
)
def test_a_gpu_computes_in_float32_and_ignores_the_cpus_limit(monkeypatch, name, expected):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["a gpu"])
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert precision(name) == expected


class Machine:
    """`tf.config` and `tf.distribute` of a machine with GPUs, which this one need not have."""

    def __init__(self, monkeypatch, gpus, cpus=1):
        self.visible = None
        monkeypatch.setattr(
            tf.config,
            "list_physical_devices",
            lambda kind: [f"{kind}{i}" for i in range(gpus)],
        )
        monkeypatch.setattr(
            tf.config,
            "list_logical_devices",
            lambda kind: [f"{kind}{i}" for i in range(cpus)],
        )
        monkeypatch.setattr(tf.config, "set_visible_devices", self._show)
        monkeypatch.setattr(tf.distribute, "MirroredStrategy", tuple)
        monkeypatch.setattr(tf.distribute, "get_strategy", lambda: "one device")

    def _show(self, devices, kind):
        assert kind == "GPU"
        self.visible = devices


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
    assert machine.visible == visible


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
