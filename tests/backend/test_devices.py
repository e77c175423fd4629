"""Precision follows from what the processor has and what oneDNN may use of it."""

import pytest
from helpers import TINY, python

from alexnet_cli.backend.devices import cpu_precision
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
    ],
)
def test_auto_takes_bfloat16_where_it_is_multiplied_and_allowed(flags, limit, expected):
    assert cpu_precision("auto", flags, limit) == expected


def test_what_is_asked_for_is_taken_unless_forbidden():
    assert cpu_precision("float32", {"amx_bf16"}, "") == "float32"
    assert cpu_precision("mixed_bfloat16", {"avx2"}, "") == "mixed_bfloat16"
    with pytest.raises(DeviceError, match="ONEDNN_MAX_CPU_ISA=AVX2 forbids it"):
        cpu_precision("mixed_bfloat16", {"amx_bf16"}, "AVX2")


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
