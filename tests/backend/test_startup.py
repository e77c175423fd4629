"""TensorFlow starts without a word, and what it had to say is printed where it fails."""

import os
import sys

import pytest
from helpers import python

from alexnet_cli.backend.startup import quiet, start_tensorflow
from alexnet_cli.errors import AlexNetError


@pytest.mark.slow
def test_tensorflow_starts_silently():
    done = python(
        "from alexnet_cli.backend.startup import start_tensorflow; start_tensorflow(); "
        "import sys, tensorflow; print(tensorflow.constant(3).numpy(), 'keras' in sys.modules)"
    )
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "3", "")


def test_a_tensorflow_that_cannot_be_imported_is_one_line(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(AlexNetError, match="^TensorFlow cannot be imported: ") as error:
        start_tensorflow()
    assert error.value.exit_code == 3 and "\n" not in str(error.value)


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
