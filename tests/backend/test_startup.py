"""TensorFlow starts without a word, and what it had to say is printed where it fails."""

import os
import platform
import sys
import tempfile

import pytest
from helpers import python

from alexnet_cli.backend.startup import quiet, standard_keras, start_tensorflow
from alexnet_cli.errors import AlexNetError


@pytest.mark.slow
def test_tensorflow_starts_silently():
    done = python(
        "from alexnet_cli.backend.startup import start_tensorflow; start_tensorflow(); "
        "import sys, tensorflow; print(tensorflow.constant(3).numpy(), 'keras' in sys.modules)"
    )
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "3", "")


TENSORFLOW = """
calls = []
class config:
    def list_physical_devices(): calls.append("look")
    def set_visible_devices(gpus, kind): calls.append((gpus, kind))
class get_logger:
    def setLevel(self, level): pass
"""


def test_only_training_sees_a_gpu(monkeypatch, tmp_path):
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    import keras  # noqa: F401

    monkeypatch.delitem(sys.modules, "tensorflow")
    monkeypatch.syspath_prepend(tmp_path)
    start_tensorflow()
    calls = sys.modules["tensorflow"].calls
    assert calls == ["look", ([], "GPU")]
    # Once another has begun, as `devices.strategy`, it is left as it is.
    start_tensorflow()
    assert calls == ["look", ([], "GPU"), "look"]


CONVOLUTION = """
from alexnet_cli.backend.startup import start_tensorflow
start_tensorflow()
import tensorflow as tf
import os
print("asked for:", os.environ["TF_ENABLE_ONEDNN_OPTS"])
tf.function(tf.nn.conv2d)(tf.ones((8, 32, 32, 16)), tf.ones((3, 3, 16, 16)), 1, "SAME")
"""


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="not an x86 processor"
)
def test_onednn_computes_convolutions_unless_the_user_says_no(monkeypatch):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    on = python(CONVOLUTION, ONEDNN_VERBOSE="1")
    # Newer processors compute with it unasked; then only the first shows that it is asked for.
    assert "asked for: 1" in on.stdout and ",convolution," in on.stdout
    off = python(CONVOLUTION, ONEDNN_VERBOSE="1", TF_ENABLE_ONEDNN_OPTS="0")
    assert (off.returncode, ",convolution," in off.stdout) == (0, False)


@pytest.mark.slow
def test_starting_tensorflow_starts_no_device():
    """TensorFlow refuses to change its threads once it has."""
    done = python("""
from alexnet_cli.backend.startup import start_tensorflow
start_tensorflow()
import tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.constant(1)
try:
    tf.config.threading.set_intra_op_parallelism_threads(2)
except RuntimeError:
    print("started now")
""")
    assert done.stdout == "started now\n", done.stderr


def test_a_tensorflow_that_cannot_be_imported_is_one_line(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(AlexNetError, match="^TensorFlow cannot be imported: ") as error:
        start_tensorflow()
    assert error.value.exit_code == 3 and "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("environment", [
    # Each start of TensorFlow takes seconds, so each tries several things.
    # XLA ends the process when it reads the second one, which without --xla it does not.
    {"KERAS_BACKEND": "jax", "TF_XLA_FLAGS": "--no_such_flag=1", "XLA_FLAGS": "--no_such_flag=1"},
    {"KERAS_BACKEND": "torch", "TF_XLA_FLAGS": "--tf_xla_auto_jit=2", "TF_USE_LEGACY_KERAS": "1"},
    {"KERAS_BACKEND": ""},
], ids=lambda x: x["KERAS_BACKEND"])  # fmt: skip
def test_keras_runs_on_tensorflow_whatever_the_user_set(tmp_path, environment):
    """KERAS_BACKEND is left as it was: the user's other processes may need it."""
    (tmp_path / "keras.json").write_text(
        '{"backend": "torch", "floatx": "float16", "epsilon": 0.5, "image_data_format": "channels_first"}'
    )
    done = python(
        """
import os
from alexnet_cli.backend.startup import standard_keras, start_tensorflow
start_tensorflow()
import keras, tensorflow as tf
config = keras.config
print(config.backend(), os.environ["KERAS_BACKEND"], os.environ.get("TF_XLA_FLAGS"))
print(float(tf.function(lambda x: x + 1)(tf.constant(1.0))))
state = lambda: (config.floatx(), config.epsilon(), config.image_data_format())
with standard_keras():
    print(*state())
print(*state())
""",
        KERAS_HOME=str(tmp_path),
        **environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"tensorflow {environment['KERAS_BACKEND']} None", "2.0",
        "float32 1e-07 channels_last", "float16 0.5 channels_first",
    ]  # fmt: skip


def test_keras_on_something_else_is_one_line():
    done = python(
        """
import keras
from alexnet_cli.backend.startup import start_tensorflow
from alexnet_cli.errors import AlexNetError
try:
    start_tensorflow()
except AlexNetError as error:
    print(error)
import sys
print("tensorflow" in sys.modules)
""",
        KERAS_BACKEND="jax",
    )
    assert done.stdout.splitlines() == [
        "Keras runs on jax in this process; set KERAS_BACKEND=tensorflow before keras is imported",
        "False",
    ]


@pytest.mark.slow
def test_tensorflow_starts_where_nothing_can_be_written():
    code = """
import os, tempfile
def nowhere():
    raise FileNotFoundError(2, "No usable temporary directory found")
tempfile._get_default_tempdir = nowhere
from alexnet_cli.backend.startup import start_tensorflow
start_tensorflow()
import tensorflow as tf
print(float(tf.constant(3.0)), "TEST_TMPDIR" in os.environ)
"""
    done = python(code, TEST_TMPDIR="", HOME="/nonexistent")
    assert (done.stdout, done.stderr) == ("3.0 True\n", "")


@pytest.mark.slow
def test_a_keras_json_that_keras_refuses_is_one_line(tmp_path):
    (tmp_path / "keras.json").write_text('{"floatx": "float8"}')
    code = "from alexnet_cli.backend.startup import start_tensorflow; start_tensorflow()"
    done = python(code, KERAS_HOME=str(tmp_path))
    assert done.stderr.splitlines()[-1] == (
        "alexnet_cli.errors.AlexNetError: TensorFlow cannot be imported: "
        "a value in keras.json is not allowed"
    )


def test_the_users_own_defaults_come_back_after_an_error():
    import keras

    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        with pytest.raises(ZeroDivisionError), standard_keras():
            assert keras.config.floatx() == "float32"
            raise ZeroDivisionError
        assert keras.config.floatx() == "float64"
    finally:
        keras.config.set_floatx(before)


def test_the_users_own_log_level_is_kept(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    start_tensorflow()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_what_native_code_writes_is_held_back(capfd):
    with quiet():
        os.write(2, b"native\n")
        print("result")
    assert capfd.readouterr() == ("result\n", "")
    os.write(2, b"later\n")
    assert capfd.readouterr().err == "later\n"


def test_what_was_held_back_is_printed_if_the_block_raises(capfd):
    with pytest.raises(ZeroDivisionError), quiet():
        os.write(2, b"native \xff\n")
        raise ZeroDivisionError
    assert capfd.readouterr().err == "native \ufffd\n"


def test_what_was_written_before_comes_first(capfd):
    sys.stderr.write("before\n")
    with pytest.raises(ZeroDivisionError), quiet():
        os.write(2, b"within\n")
        raise ZeroDivisionError
    assert capfd.readouterr().err == "before\nwithin\n"


def test_blocks_within_blocks_leak_no_file_descriptors(capfd):
    count = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ZeroDivisionError), quiet():
        with quiet():
            os.write(2, b"inner\n")
        os.write(2, b"outer\n")
        raise ZeroDivisionError
    assert capfd.readouterr().err == "outer\n"
    assert len(os.listdir("/proc/self/fd")) == count


def test_what_is_held_needs_no_folder(capfd, monkeypatch):
    if not hasattr(os, "memfd_create"):
        pytest.skip("the system has no files in memory")

    def nowhere():
        raise FileNotFoundError

    monkeypatch.setattr(tempfile, "TemporaryFile", nowhere)
    with quiet():
        os.write(2, b"native\n")
    assert capfd.readouterr().err == ""
    monkeypatch.delattr(os, "memfd_create")
    descriptors = len(os.listdir("/proc/self/fd"))
    with quiet():
        os.write(2, b"not held\n")
    assert capfd.readouterr().err == "not held\n"
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_systems_without_files_in_memory_hold_it_on_disk(capfd, monkeypatch):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    with pytest.raises(ZeroDivisionError), quiet():
        os.write(2, b"native\n")
        raise ZeroDivisionError
    assert capfd.readouterr().err == "native\n"


@pytest.mark.parametrize(
    "close", ["os.close(2)", "sys.stderr.close()", "os.close(2); sys.stderr = None"]
)
def test_a_closed_standard_error_needs_no_quiet(close):
    done = python(
        f"""
import os, sys
from alexnet_cli.backend.startup import quiet
{close}
with quiet():
    print("inside")
try:
    with quiet():
        raise ZeroDivisionError
except ZeroDivisionError:
    print("after", flush=True)
os._exit(0)
"""
    )
    assert (done.returncode, done.stdout) == (0, "inside\nafter\n")
