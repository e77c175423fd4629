"""Each limit answers with its status, and what was refused holds nothing up."""

import json
import shutil
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

RAW = {"Content-Type": "application/octet-stream"}
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


def test_a_body_that_grows_too_large_is_cut_off(server):
    sent = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.connect(sent) as connection:
        for _ in range(20):
            connection.sendall(b"%x\r\n%b\r\n" % (20_000, bytes(20_000)))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


def test_a_client_that_goes_on_sending_hears_that_it_is_too_much(server):
    """Closing at once would take the answer away with it."""
    body = bytes(30_000_000)
    status, content, _ = server.ask("POST", "/predict", body, RAW)
    assert (status, json.loads(content)["error"]) == (
        413, "the body is larger than 300000 bytes",
    )  # fmt: skip


@pytest.mark.slow
def test_a_slow_body_and_a_slow_head_are_given_up(server, pictures):
    slow = [server.connect(HEAD % 1000 + b"x") for _ in range(20)]
    heads = [server.connect(x) for x in (b"", b"POST /pre")]
    began = time.monotonic()
    assert server.json("POST", "/predict", pictures[1], RAW)[0] == 200
    assert time.monotonic() - began < 1.5
    for connection in slow:
        connection.sendall(b"y")
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
        connection.close()
    for connection in heads:
        assert connection.recv(65536) == b""
        connection.close()
    assert time.monotonic() - began < 10
    assert server.process.poll() is None


@pytest.mark.slow
def test_a_head_that_trickles_on_an_open_connection_is_given_up(server):
    with server.connect(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 15:
                connection.sendall(b"G" if time.monotonic() - began < 0.1 else b"E")
                time.sleep(0.3)
        assert time.monotonic() - began < 8


@pytest.mark.slow
def test_a_full_queue_and_a_late_prediction(serve, trained, pictures):
    def ask(i):
        return server.ask("POST", "/predict", pictures[i % 24], RAW)

    options = ("--max-queue", 8, "--timeout", 1.5)
    with serve(trained, *options, seconds=1) as server:
        with ThreadPoolExecutor(60) as pool:
            answers = list(pool.map(ask, range(60)))
        statuses = {x[0] for x in answers}
        assert statuses <= {200, 429, 504} and {200, 429} <= statuses
        for status, content, headers in answers:
            assert status == 200 or len(json.loads(content)["error"].splitlines()) == 1
            assert status != 429 or int(headers["Retry-After"]) >= 1
        time.sleep(2)
        assert server.metric("alexnet_queue_images") == 0
        assert ask(0)[0] == 200


@pytest.mark.slow
def test_a_prediction_that_takes_too_long_is_a_504(serve, trained, pictures):
    with serve(trained, "--timeout", 0.5, seconds=1) as server:
        status, found = server.json("POST", "/predict", pictures[0], RAW)
        assert (status, found) == (504, {"error": "no prediction within 0.5 seconds"})


@pytest.mark.slow
def test_clients_that_leave_and_late_answers_are_no_news(serve, trained, pictures):
    sent = HEAD % len(pictures[0]) + pictures[0]
    with serve(trained, "--timeout", 0.3, seconds=0.2) as server:
        for _ in range(50):
            server.connect(sent).close()
            reset = server.connect(sent)
            reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reset.close()
        with ThreadPoolExecutor(60) as pool:
            asked = [pool.submit(server.ask, "POST", "/predict", pictures[0], RAW) for _ in range(60)]  # fmt: skip
            assert 504 in {x.result()[0] for x in asked}
        assert server.stop() == 0
        lines = server.log().splitlines()
    assert len(lines) == 2 and lines[1].startswith("stopped"), lines


@pytest.mark.slow
def test_bodies_that_fit_alone_but_not_together(serve, trained):
    """Memory is for 32 of the largest bodies; the rest are told to come again."""
    part = bytes(49_000)
    with serve(trained, "--max-bytes", 50_000, "--timeout", 10) as server:
        open_ = [server.connect(HEAD % 50_000 + part) for _ in range(40)]
        answers = []
        for connection in open_:
            connection.settimeout(0.2)
            try:
                answers.append(connection.recv(65536).split(b" ")[1])
            except TimeoutError:
                answers.append(b"waits")
        assert answers.count(b"waits") == 32 and set(answers) == {b"waits", b"429"}
        for connection in open_:
            connection.close()
        time.sleep(0.3)
        status, _, _ = server.ask("POST", "/predict", bytes(50_000), RAW)
        assert status == 422


@pytest.mark.slow
def test_the_runs_own_limit_on_pixels_is_kept(serve, trained, pictures, tmp_path):
    copy = shutil.copytree(trained, tmp_path / "saved")
    record = json.loads((copy / "run.json").read_text())
    record["preprocess"]["max_pixels"] = 1000
    (copy / "run.json").write_text(json.dumps(record))
    with serve(copy) as server:
        status, found = server.json("POST", "/predict", pictures[0], RAW)
        assert (status, found) == (
            413, {"error": "the file has 96 x 64 pixels, more than 0.001 million (--max-megapixels)"},
        )  # fmt: skip
