"""Trainings survive faults at file operations; the library that injects them is true.

What is here is a spread selection: `scripts/experiments/faults.py` tries every operation.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import harness

pytestmark = pytest.mark.skipif(
    not harness.compiler(), reason="there is no C compiler here, or no LD_PRELOAD"
)
WRITER = """
import ctypes, errno, os, sys
folder, found = sys.argv[1], []
def attempt(call, *args):
    try:
        return call(*args)
    except OSError as error:
        found.append(errno.errorcode[error.errno])
os.mkdir(f"{folder}/new")
file = os.open(f"{folder}/a", os.O_WRONLY | os.O_CREAT)
print("written", attempt(os.write, file, b"12345678"), attempt(os.write, file, b"90"))
attempt(os.fsync, file)
attempt(os.rename, f"{folder}/a", f"{folder}/b")
attempt(os.open, f"{folder}/c", os.O_WRONLY | os.O_CREAT)
attempt(os.unlink, f"{folder}/b")
print("errors", *found)
"""
WRITES = ["mkdir", "open64", "write", "write", "fsync", "rename", "open64", "unlink"]
TRIALS = [
    # How far along the training, what, and whether an old run is to be replaced.
    (0.02, "enospc-forever", False), (0.25, "kill", False), (0.45, "short", True),
    (0.55, "enospc", True), (0.65, "kill", True), (0.75, "eio", False),
    (0.97, "enospc", False), (0.99, "kill", True),
]  # fmt: skip


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return harness.build(tmp_path_factory.mktemp("library"))


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def under(library, root, code, at=0, kind="kill"):
    """A Python process that runs `code` on `root` under a fault, and the fault."""
    fault = harness.Fault(root, at, kind)
    environment = {
        "LD_PRELOAD": library, "FAULT_ROOT": root, "FAULT_AT": at, "FAULT_KIND": kind,
        "FAULT_TRACE": fault.trace,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)], check=False, capture_output=True, text=True,
        env={**os.environ, **{k: str(v) for k, v in environment.items()}},
    )  # fmt: skip
    return done, fault


def test_operations_are_counted_in_their_order_each_time(library, tmp_path):
    traces = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        done, fault = under(library, tmp_path / name, WRITER)
        assert done.returncode == 0, done.stderr
        traces.append([(x.number, x.name) for x in harness.operations(fault.trace)])
        assert fault.trace.read_text().splitlines()[-1] == f"end {len(WRITES)}"
        assert harness.done(fault.trace) == []
    assert traces[0] == traces[1] == list(enumerate(WRITES, start=1))


@pytest.mark.parametrize("at, kind, what, printed", [
    (3, "enospc", ["ENOSPC"], "written None 2\nerrors ENOSPC\n"),
    (5, "enospc", ["ENOSPC"], "written 8 2\nerrors ENOSPC\n"),
    (8, "enospc", ["passed"], "written 8 2\nerrors\n"),
    (4, "enospc-forever", ["ENOSPC"] * 2, "written 8 None\nerrors ENOSPC ENOSPC\n"),
    (6, "eio", ["EIO"], "written 8 2\nerrors EIO ENOENT\n"),  # there is no b then
    (8, "eio", ["EIO"], "written 8 2\nerrors EIO\n"),
    (3, "short", ["halved"], "written 4 2\nerrors\n"),
    (5, "short", ["passed"], "written 8 2\nerrors\n"),
])  # fmt: skip
def test_each_kind_does_what_it_says(library, root, at, kind, what, printed):
    done, fault = under(library, root, WRITER, at, kind)
    assert (done.stdout, harness.done(fault.trace)) == (printed, what), done.stderr


@pytest.mark.parametrize("at", range(1, len(WRITES) + 1))
def test_a_kill_comes_before_the_operation(library, root, at):
    done, fault = under(library, root, WRITER, at)
    assert done.returncode == -signal.SIGKILL and harness.done(fault.trace) == ["killed"]
    assert len(harness.operations(fault.trace)) == at
    assert (root / "new").exists() == (at > 1) and (root / "a").exists() == (2 < at < 7)
    assert (root / "b").exists() == (at > 6) and (root / "c").exists() == (at > 7)


@pytest.mark.parametrize("code, names", [
    ("open('{}/../beside', 'w').write('x')", []),
    ("import os; os.chdir('{}'); open('a', 'w').write('x')", ["open64", "write"]),
    ("open('{}/../link/a', 'a+').write('x')", ["open64", "write"]),
    ("import os; a = os.open('{}/a', 65); b = os.dup(a); os.close(a); os.write(b, b'x')",
     ["open64", "write"]),
    ("open('{}/a', 'w').close(); open('{}/a').read()", ["open64"]),
    ("import os; a = os.open('{}', 0); os.mkdir('a', dir_fd=a); os.rmdir('a', dir_fd=a)",
     ["mkdirat", "unlinkat"]),
    ("import ctypes as c; open('{}/a', 'w'); l = c.CDLL(None)\n"
     "l.renameat2(-100, b'{}/a', -100, b'{}/b', 0)", ["open64", "renameat2"]),
    ("import subprocess, sys; open('{}/a', 'w')\n"
     "subprocess.run([sys.executable, '-c', 'open(\"{}/b\", \"w\")'])", ["open64"]),
    ("import os; open('{}/a', 'w')\nif not os.fork(): open('{}/b', 'w'); os._exit(0)\n"
     "os.wait()", ["open64"]),
    ("import ctypes as c; l = c.CDLL(None); l.fopen.restype = p = c.c_void_p\n"
     "f = p(l.fopen(b'{}/a', b'wb')); l.fwrite(b'xy', 1, 2, f); l.fflush(f); l.fclose(f)",
     ["fopen", "fwrite", "fflush", "fclose"]),
    ("import shutil; open('{}/a', 'w').write('x'); shutil.copyfile('{}/a', '{}/b')",
     ["open64", "write", "open64", "sendfile", "sendfile"]),
], ids=[
    "outside", "relative", "link", "dup", "reading", "descriptor of a folder", "renameat2",
    "process", "fork", "stream", "sendfile",
])  # fmt: skip
def test_what_is_counted(library, root, code, names):
    (root.parent / "link").symlink_to(root)
    done, fault = under(library, root, code.replace("{}", str(root)))
    assert done.returncode == 0, done.stderr
    found = [
        x.name.replace("sendfile64", "sendfile") for x in harness.operations(fault.trace)
    ]
    assert found == names


def test_threads_share_one_count(library, root):
    code = """
import os, sys, threading
def write(name):
    file = os.open(f"{sys.argv[1]}/{name}", os.O_WRONLY | os.O_CREAT)
    for _ in range(50):
        os.write(file, b"x")
threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
[x.start() for x in threads], [x.join() for x in threads]
"""
    done, fault = under(library, root, code, 200, "enospc")
    assert "No space left" in done.stderr and harness.done(fault.trace) == ["ENOSPC"]
    numbers = [x.number for x in harness.operations(fault.trace)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 350


def test_streams_end_short_when_the_disk_is_full(library, root):
    code = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"{root}/a", b"wb"))
print(libc.fwrite(b"xy", 1, 2, file), ctypes.get_errno(), libc.fclose(file))
"""
    for at, printed in ((2, "0 28 0\n"), (3, "2 0 -1\n")):
        done, _ = under(library, root, code, at, "enospc")
        assert done.stdout == printed, done.stderr


@pytest.fixture(scope="module")
def bench(library, tmp_path_factory):
    """What runs trainings, with the operations of one that replaces nothing."""
    with harness.Forks(library) as runner:
        made = harness.Bench(tmp_path_factory.mktemp("bench"), runner)
        yield made, len(made.count(overwrite=False))


@pytest.mark.slow
@pytest.mark.parametrize("along, kind, overwrite", TRIALS)
def test_a_training_survives_a_fault(bench, along, kind, overwrite):
    made, count = bench
    assert not made.trial(max(1, round(along * count)), kind, overwrite)
