"""POST /predict says what `alexnet predict` says, to any client."""

import json
import subprocess

import pytest
from helpers import alexnet

from alexnet_cli.inference.classifier import Classifier

RAW = {"Content-Type": "application/octet-stream"}


def test_a_raw_body_is_answered_as_the_command_answers(server, trained, pictures, tmp_path):
    file = tmp_path / "x.jpg"
    file.write_bytes(pictures[1])
    printed = json.loads(alexnet("predict", file, "--model", trained, "--json").stdout)
    for kind in ("image/jpeg", "application/octet-stream", "image/anything; q=1"):
        status, found = server.json("POST", "/predict", pictures[1], {"Content-Type": kind})
        assert status == 200
        assert found == {**printed, "file": ""}


def test_a_picture_may_come_without_a_type_and_in_chunks(server, pictures):
    sent = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    for i in range(0, len(pictures[1]), 100):
        part = pictures[1][i : i + 100]
        sent += b"%x\r\n%b\r\n" % (len(part), part)
    answer = b""
    with server.connect(sent + b"0\r\n\r\n") as connection:
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200")
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert body == server.json("POST", "/predict", pictures[1], RAW)[1]


def test_curl_sends_one_or_several_files(server, pictures, trained, tmp_path):
    names = ["a.jpg", 'ко"т.png', "b b.jpg"]
    words = []
    for name, data in zip(names, pictures, strict=False):
        (tmp_path / name).write_bytes(data)
        quoted = name.replace('"', r"\"")
        words += ["-F", f'image=@"{quoted}"']
    for count in (1, 3):
        found = curl(server, tmp_path, "-F", "note=hello", *words[: 2 * count])
        predictions = found["predictions"]
        # curl writes a quotation mark in a name as %22.
        assert [x["file"].replace("%22", '"') for x in predictions] == names[:count]
        own = [x.label for x in Classifier(trained)(pictures[:count])]
        assert [x["answer"] for x in predictions] == own


def test_curl_sends_a_raw_picture(server, pictures, tmp_path):
    (tmp_path / "x").write_bytes(pictures[0])
    found = curl(server, tmp_path, "--data-binary", "@x")
    assert found == server.json("POST", "/predict", pictures[0], RAW)[1]


def curl(server, folder, *words):
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "20", *words, f"{server.url}/predict"],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_one_unreadable_file_of_several_is_an_error_of_its_own(server, pictures, tmp_path):
    (tmp_path / "good").write_bytes(pictures[0])
    (tmp_path / "bad").write_bytes(b"hello")
    good, bad = curl(server, tmp_path, "-F", "a=@good", "-F", "b=@bad")["predictions"]
    assert good["answer"] and "error" not in good
    assert bad == {
        "file": "bad",
        "error": "is not an image in a known format",
        "classes": [],
    }
    assert curl(server, tmp_path, "-F", "b=@bad") == {
        "error": "bad is not an image in a known format",
        "predictions": [bad],
    }


@pytest.mark.slow
def test_below_the_threshold_the_answer_is_unknown(serve, run_copy, pictures):
    record = json.loads((run_copy / "run.json").read_text())
    record["threshold"] = 1.1
    (run_copy / "run.json").write_text(json.dumps(record))
    with serve(run_copy, "--top", 1) as server:
        found = server.json("POST", "/predict", pictures[0], RAW)[1]
    assert found["answer"] == "unknown" and found["rejected"] is True
    assert len(found["classes"]) == 1


def test_metrics_are_prometheus_text_and_count(server, pictures):
    from prometheus_client.parser import text_string_to_metric_families

    counted = 'alexnet_requests_total{route="/predict",status="200"}'
    before = server.metric(counted), server.metric("alexnet_batch_images_sum")
    server.ask("POST", "/predict", pictures[0], RAW)
    after = server.metric(counted), server.metric("alexnet_batch_images_sum")
    assert after == (before[0] + 1, before[1] + 1)
    status, text, headers = server.ask("GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=")
    families = {x.name: x for x in text_string_to_metric_families(text.decode())}
    assert {
        "alexnet_requests", "alexnet_request_seconds", "alexnet_batch_images",
        "alexnet_queue_images", "alexnet_images", "alexnet_model_info",
    } <= set(families)  # fmt: skip
    assert families["alexnet_model_info"].samples[0].labels["name"] == "toy"
    assert families["alexnet_model_info"].samples[0].labels["classes"] == "3"
