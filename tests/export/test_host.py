"""predict.py, as it is shipped, answers as `alexnet predict` does; so does the portable file."""

import io
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers import SRGB, alexnet, encoded, photo, python, swapped
from PIL import Image

pytestmark = pytest.mark.slow
ALONE = """
import runpy, sys
allowed = {"numpy", "PIL", "ai_edge_litert", "flatbuffers", "google", "tqdm", "typing_extensions",
           "backports", "ml_dtypes", "cython_runtime"}
class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in allowed or name.startswith("_"):
            return None
        # Our own package is in the file itself.
        if top == "alexnet_cli" and path is None or top == "alexnet_cli" and ".pyz" in path[0]:
            return None
        raise ImportError(f"{name} is not installed")
sys.path[:] = [x for x in sys.path if not x.endswith("main")]
sys.meta_path.insert(0, Only())
sys.meta_path = [x for x in sys.meta_path if "editable" not in repr(x).lower()]
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def turned(image):
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image, "JPEG", exif=exif)


def with_profile(image):
    """Red and green change places for who applies the profile."""
    return encoded(image, "PNG", icc_profile=swapped(SRGB))


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Images of many kinds, which both have to decode alike."""
    folder = tmp_path_factory.mktemp("odd")
    image, clear = photo((211, 97)), photo((90, 140), seed=1).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    deep = Image.fromarray((np.arange(80 * 60, dtype=np.uint16) * 13).reshape(60, 80))
    files = {
        "a.png": encoded(image), "b.jpg": encoded(image, "JPEG"), "turned.jpg": turned(image),
        "gray.jpg": encoded(image.convert("L"), "JPEG"), "clear.png": encoded(clear),
        "palette.gif": encoded(image.quantize(16), "GIF"), "c.bmp": encoded(image, "BMP"),
        "cmyk.jpg": encoded(image.convert("CMYK"), "JPEG"), "deep.png": encoded(deep),
        "profile.png": with_profile(image), "clear_profile.png": with_profile(clear), "d.webp": encoded(image, "WEBP", lossless=True),
        "one.png": encoded(Image.new("RGB", (1, 1), "red")),
    }  # fmt: skip
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return sorted(folder.iterdir())


def ours(model, files):
    result = alexnet("predict", "--model", model, *files)
    assert result.exit_code == 0, result.output
    return result.stdout


def numbers(text):
    return [float(x) for x in re.findall(r"([\d.]+)%", text)]


@pytest.mark.parametrize("name", ["model.onnx", "model.tflite", "model.xml", "model.keras"])
def test_the_program_beside_the_models(trained, exported, odd, toy, tmp_path, name):
    folder = shutil.copytree(exported, tmp_path / "elsewhere")
    code = "import sys; sys.modules['alexnet_cli'] = None; sys.argv = sys.argv[1:]\n"
    code += "import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
    files = [*odd, *sorted(toy.glob("*/00*"))]
    done = python(
        code, folder / "predict.py", folder / name, *files, TF_CPP_MIN_LOG_LEVEL="3"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = ours(trained, files)
    for one, other in zip(done.stdout.splitlines(), expected.splitlines(), strict=True):
        assert one.split(":")[0] == other.split(":")[0]
        np.testing.assert_allclose(numbers(one), numbers(other), atol=0.3)


@pytest.mark.parametrize(
    "form", [(), ("--json",), ("--csv",), ("--csv", "--raw-csv"), ("--top", "1")]
)
def test_the_portable_file_prints_what_predict_prints(
    trained, exported, odd, tmp_path, form
):
    file = shutil.copy(exported / "model.pyz", tmp_path / "flowers.pyz")
    done = python(ALONE, file, *form, *odd)
    assert done.returncode == 0, done.stderr[-2000:]
    result = alexnet("predict", "--model", trained, *form, *odd)
    assert done.stdout == result.stdout


def run_portable(file, *words, **kwargs):
    return subprocess.run(
        [sys.executable, str(file), *map(str, words)], capture_output=True, check=False, timeout=120, **kwargs
    )  # fmt: skip


def test_the_portable_file_says_what_is_wrong(exported, odd, tmp_path):
    file = shutil.copy(exported / "model.pyz", tmp_path / "flowers.pyz")
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    done = run_portable(file, tmp_path / "broken.jpg", odd[0])
    assert done.returncode == 1
    assert done.stderr.decode() == "flowers.pyz: 1 image(s) cannot be read\n"
    assert done.stdout.count(b"\n") == 2
    done = run_portable(file, tmp_path / "nothing*.jpg")
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)
    done = run_portable(file, "--top", "0", odd[0])
    assert done.returncode == 2 and b"Traceback" not in done.stderr
    done = run_portable(file, "--to\x1b[31m", odd[0])
    text = "flowers.pyz: unrecognized arguments: --to\\x1b[31m (see flowers.pyz --help)\n"
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", text)
    listed = os.fsencode(odd[0]) + b"\n" + os.fsencode(odd[1]) + b"\n"
    done = run_portable(file, "-", input=listed)
    assert done.returncode == 0 and done.stdout.count(b"\n") == 2


def test_the_portable_file_stops_when_nobody_reads(exported, odd, tmp_path):
    file = shutil.copy(exported / "model.pyz", tmp_path / "flowers.pyz")
    many = [str(x) for x in odd] * 20
    command = " ".join([sys.executable, str(file), *many, "| head -1"])
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, check=False, timeout=120
    )
    assert done.stdout.count(b"\n") == 1 and done.stderr == b""


def test_names_that_are_not_utf_8(exported, odd, tmp_path):
    name = tmp_path / os.fsdecode(b"bad\xff.png")
    shutil.copy(odd[0], name)
    done = run_portable(exported / "model.pyz", "--json", name)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["file"] == os.fsdecode(os.fsencode(name))


def test_equal_runs_give_equal_portable_files(trained, exported, tmp_path):
    out = tmp_path / "again"
    assert (
        alexnet(
            "export", "--model", trained, "--format", "portable", "--out", out
        ).exit_code
        == 0
    )
    assert (out / "model.pyz").read_bytes() == (exported / "model.pyz").read_bytes()
    assert io.BytesIO((out / "model.pyz").read_bytes()).read(2) == b"#!"
