"""Start and end: one line each, every accepted request answered, the exit codes."""

import json
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import alexnet, fails

from alexnet_cli.cli.serve import _default_name

STUCK = """
import asyncio
from alexnet_cli.serving import server, service
server._MARGIN = 0
async def predict(self, request, images, deadline):
    await asyncio.sleep(60)
service.Service.predict = predict
"""
BROKEN = STUCK.replace("await asyncio.sleep(60)", "raise KeyError('a\\\\nb')")
RAW = {"Content-Type": "application/octet-stream"}
REQUEST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


def test_a_missing_extra_is_one_line(trained, monkeypatch):
    for name in ("starlette", "uvicorn", "python_multipart", "prometheus_client"):
        with monkeypatch.context() as hidden:
            hidden.setitem(sys.modules, name, None)
            fails(2, "alexnet serve needs Starlette and uvicorn: pip install 'alexnet[serve]'", "serve", "--model", trained)  # fmt: skip


def test_no_run_a_taken_port_and_no_such_host_are_one_line(trained, tmp_path):
    fails(3, "is not a run directory", "serve", "--model", tmp_path, "--port", 0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = fails(3, "--port 0 takes any free one", "serve", "--model", trained, "--port", port)  # fmt: skip
        assert len(result.stderr.splitlines()) == 1
    fails(3, "--host no.such.host.invalid", "serve", "--model", trained, "--host", "no.such.host.invalid")  # fmt: skip
    for value in (0, "nan", "inf", "-inf"):
        fails(2, "--timeout", "serve", "--timeout", value)


@pytest.mark.parametrize("name", ["", "/", "x:predict", "a/b", ":"])
def test_a_name_that_no_address_reaches_is_wrong_usage(name):
    fails(2, "cannot stand in /v1/models/NAME:predict", "serve", "--name", name)


def test_the_default_name_is_that_of_the_folder(tmp_path):
    for place in ("run/run.json", "run/model.tflite", "exported/export.json",
                  "exported/model.onnx", "exported/saved_model/x", "exported/model.tflite",
                  "elsewhere/flowers.onnx", "a:b/run.json"):  # fmt: skip
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    named = {
        "run": "run", "run/model.tflite": "run", "exported": "exported", "a:b": "a_b",
        "exported/model.onnx": "exported", "exported/saved_model": "exported",
        "elsewhere/flowers.onnx": "flowers", "none": "none",
    }  # fmt: skip
    assert {x: _default_name(tmp_path / x) for x in named} == named
    assert _default_name(Path("/")) == "model"


def test_help_says_what_the_signals_do():
    text = " ".join(alexnet("serve", "--help").stdout.split())
    assert "SIGTERM, SIGINT and SIGHUP answer what was accepted and end with 0" in text
    assert "exported model" in text


def test_only_this_machine_is_let_in_by_default(server):
    """127.0.0.2 is this machine too, and what 0.0.0.0 would also listen on."""
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", server.port), 5)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_server_once_all_is_answered(serve, trained, pictures, number):
    """Requests in flight: some computed, some waiting, one with half its body sent."""
    with serve(trained, seconds=0.5) as server:
        half = server.connect(REQUEST % len(pictures[0]) + pictures[0][:100])
        idle = server.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 OK" in server.hear(idle)
        with ThreadPoolExecutor(50) as pool:
            jobs = [pool.submit(server.ask, "POST", "/predict", pictures[i % 24], RAW) for i in range(50)]  # fmt: skip
            while server.metric("alexnet_queue_images") < 20:
                time.sleep(0.01)
            server.process.send_signal(number)
            time.sleep(0.3)
            idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = server.hear(idle)
            assert answer.startswith(b"HTTP/1.1 503") and b"draining" in answer
            assert b"connection: close" in answer.lower()
            with pytest.raises(OSError):
                server.connect()
            time.sleep(0.5)
            half.sendall(pictures[0][100:])
            assert server.hear(half).startswith(b"HTTP/1.1 200")
            assert [x.result()[0] for x in jobs] == [200] * 50
        assert server.process.wait(20) == 0
        lines = server.log().splitlines()
        assert len(lines) == 2 and lines[1].startswith(
            "stopped; every request was answered"
        )


@pytest.mark.slow
def test_no_accepted_request_is_lost_under_load(serve, trained, pictures):
    """Only connections that could not be made at all count as not accepted."""

    def load(_):
        count = 0
        while True:
            try:
                connection = server.connect()
            except ConnectionRefusedError:
                return count
            with connection:
                connection.sendall(REQUEST % len(pictures[1]) + pictures[1])
                assert server.hear(connection).startswith(b"HTTP/1.1 200")
                count += 1

    with serve(trained) as server:
        with ThreadPoolExecutor(20) as pool:
            jobs = [pool.submit(load, i) for i in range(20)]
            time.sleep(1.5)
            assert server.stop() == 0
            assert min(x.result() for x in jobs) > 0


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(serve, trained, pictures):
    with serve(trained, seconds=20) as server:
        with server.connect(REQUEST % len(pictures[0]) + pictures[0]):
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            began = time.monotonic()
            assert server.stop(signal.SIGTERM) == 143
            assert time.monotonic() - began < 2
        assert server.log().splitlines()[-1] == "alexnet: interrupted"


@pytest.mark.slow
def test_a_client_that_leaves_does_not_hold_up_the_end(serve, trained, pictures):
    with serve(trained, "--timeout", 60) as server:
        server.connect(REQUEST % 1000 + b"x").close()
        open_ = [server.connect(), server.connect(b"POST /pre")]
        time.sleep(0.2)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 3
        for connection in open_:
            connection.close()


@pytest.mark.slow
def test_the_access_log_has_a_line_for_each_request(serve, trained, pictures):
    with serve(trained, "--access-log", "--name", "a\nb") as server:
        server.ask("POST", "/predict?secret", pictures[0], RAW)
        server.ask("GET", "/%0aforged")
        assert server.stop() == 0
        lines = server.log().splitlines()
    assert len(lines) == 4, lines
    assert lines[1].startswith("127.0.0.1 POST /predict 200 ") and lines[1].endswith(" ms")
    assert lines[2].startswith("127.0.0.1 GET /\\nforged 404 ")


@pytest.mark.slow
def test_the_model_is_named_after_its_directory(serve, run_copy):
    with serve(run_copy) as server:
        assert server.ask("GET", "/v1/models/saved")[0] == 200
        error = json.loads(server.ask("GET", "/v1/models/other")[1])["error"]
        assert error == "there is no model other; there is saved"


@pytest.mark.slow
def test_an_end_with_requests_unanswered_is_not_a_success(serve, trained, pictures):
    with serve(trained, "--timeout", 1, code=STUCK) as server:
        server.connect(REQUEST % len(pictures[0]) + pictures[0])
        time.sleep(0.5)
        assert server.stop(signal.SIGTERM) == 143
        last = server.log().splitlines()[-1]
        assert last == "alexnet: stopped; 1 request(s) were not answered in time"


@pytest.mark.slow
def test_an_unexpected_error_is_a_line_in_the_log_and_says_nothing_outside(
    serve, trained, pictures
):
    with serve(trained, code=BROKEN) as server:
        status, found = server.json("POST", "/predict", pictures[0], RAW)
        assert (status, found) == (500, {"error": "the server failed; its log says why"})
        assert server.ask("GET", "/healthz")[0] == 200
        assert server.stop() == 0
        lines = server.log().splitlines()
    assert len(lines) == 3 and "KeyError" in lines[1], lines
