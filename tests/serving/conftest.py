"""`alexnet serve` in a process of its own, and small clients of it."""

import base64
import http.client
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest
from helpers import encoded, photo

if importlib.util.find_spec("uvicorn") is None:
    # The extra `serve` is not installed.
    collect_ignore_glob = ["test_*.py"]
COMMAND = "import sys; from alexnet_cli.cli.main import main; main(prog_name='alexnet')"
SLOW = """
import time
from alexnet_cli.inference.classifier import Classifier
quick = Classifier.predict
def predict(self, images, *args):
    time.sleep({seconds})
    return quick(self, images, *args)
Classifier.predict = predict
"""


class Served:
    """A server that runs: requests to it, its log, its end."""

    def __init__(self, process, log):
        self.process, self.log_file, self.connections = process, log, []
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", self.log())):
            assert process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.02)
        self.url, self.port = found.group(), int(found.group(1))

    def log(self):
        return self.log_file.read_text()

    def ask(self, method, path, body=None, headers=None, timeout=30):
        """Status, content and headers of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def json(self, method, path, body=None, headers=None):
        """Status and parsed JSON of an answer."""
        status, content, _ = self.ask(method, path, body, headers)
        return status, json.loads(content)

    def connect(self, sent=b"", timeout=20):
        """A socket on which `sent` was sent; closed at the end at the latest."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout)
        self.connections.append(connection)
        connection.sendall(sent)
        return connection

    def hear(self, connection):
        """The next answer on a socket, as bytes."""
        answer = connection.recv(65536)
        while not self.is_whole(answer):
            part = connection.recv(65536)
            assert part, answer
            answer += part
        return answer

    @staticmethod
    def is_whole(answer):
        """Whether `answer` has a whole head, and as much content as that says."""
        head, found, content = answer.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        return bool(found) and len(content) == int(length.group(1))

    def metric(self, name):
        """The value of one metric, named with its labels; 0 if there is none."""
        text = self.ask("GET", "/metrics")[1].decode()
        found = [x.rsplit(" ", 1)[1] for x in text.splitlines() if x.startswith(f"{name} ")]
        return float(found[0]) if found else 0

    def stop(self, number=signal.SIGTERM):
        """The exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def started(folder, model, *options, seconds=0, code=""):
    """A server of `model`, whose batches take that many seconds more; `code` runs before."""
    code += (SLOW.format(seconds=seconds) if seconds else "") + COMMAND
    log = folder / f"{time.monotonic_ns()}.log"
    words = ["serve", "--model", model, "--port", 0, *options]
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            stderr=out, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    try:
        server = Served(process, log)
        with ExitStack() as connections:
            yield server
            for connection in server.connections:
                connections.enter_context(connection)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def serve(tmp_path):
    """Start a server; `with serve(model, "--top", 1) as server:`."""
    return lambda *args, **kwargs: started(tmp_path, *args, **kwargs)


@pytest.fixture(scope="session")
def server(trained, tmp_path_factory):
    """A server of the trained run, called "toy", with small limits; not to be stopped."""
    options = ("--name", "toy", "--max-bytes", 300_000, "--timeout", 2, "--max-queue", 40)
    with started(tmp_path_factory.mktemp("server"), trained, *options) as found:
        yield found


@pytest.fixture(scope="session")
def pictures():
    """The bytes of 24 different pictures, JPEG and PNG by turns."""
    return [encoded(photo(seed=i), "JPEG" if i % 2 else "PNG") for i in range(24)]


@pytest.fixture(scope="session")
def b64():
    """The form in which JSON holds bytes."""
    return lambda data: {"b64": base64.b64encode(data).decode()}
