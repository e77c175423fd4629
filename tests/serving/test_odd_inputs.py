"""Whatever is sent is answered with one line of JSON, and the server goes on."""

import json
import socket

import pytest
from helpers import encoded, photo

JPEG = encoded(photo(), "JPEG")
RAW = {"Content-Type": "application/octet-stream"}
FORM = {"Content-Type": "multipart/form-data; boundary=xx"}
TF = "/v1/models/toy:predict"


def part(content, disposition='form-data; name="f"; filename="f.jpg"'):
    head = f"--xx\r\nContent-Disposition: {disposition}\r\n\r\n".encode()
    return head + content + b"\r\n--xx--\r\n"


ODD = {
    "empty body": ("POST", "/predict", b"", RAW, 422, "is empty"),
    "not an image": ("POST", "/predict", b"hello", RAW, 422, "not an image"),
    "cut JPEG": ("POST", "/predict", JPEG[: len(JPEG) // 2], RAW, 422, "image data is missing"),
    "cut PNG": ("POST", "/predict", encoded(photo())[:500], RAW, 422, "damaged"),
    "text": ("POST", "/predict", b"x", {"Content-Type": "text/html"}, 415, "text/html"),
    "json": ("POST", "/predict", b"{}", {"Content-Type": "application/json"}, 415, "json"),
    "gzip": ("POST", "/predict", JPEG, {**RAW, "Content-Encoding": "gzip"}, 415, "gzip"),
    "no boundary": ("POST", "/predict", b"x", {"Content-Type": "multipart/form-data"}, 400, "boundary"),
    "empty form": ("POST", "/predict", b"", FORM, 400, "no file"),
    "wrong form": ("POST", "/predict", b"hello", FORM, 400, "malformed"),
    "field only": ("POST", "/predict", part(b"x", 'form-data; name="f"'), FORM, 400, "no file"),
    "part without a name": ("POST", "/predict", part(b"x", "form-data"), FORM, 400, "name"),
    "empty file": ("POST", "/predict", part(b""), FORM, 422, "f.jpg is empty"),
    "too many files": ("POST", "/predict", (part(b"x")[:-8] + b"\r\n") * 50, FORM, 413, "more than 40 files"),
    "large body": ("POST", "/predict", bytes(300_001), RAW, 413, "300000 bytes"),
    "many pixels": ("POST", "/predict", encoded(photo().convert("1").resize((20_000, 10_000))), RAW, 413, "million"),
    "unknown path": ("GET", "/predict/x", None, {}, 404, "Not Found"),
    "strange path": ("GET", "/%00%ff%0a<b>", None, {}, 404, "Not Found"),
    "path above": ("GET", "/../../etc/passwd", None, {}, 404, "Not Found"),
    "GET": ("GET", "/predict", None, {}, 405, "GET /predict: needs POST"),
    "OPTIONS": ("OPTIONS", "/predict", None, {}, 405, "needs POST"),
    "DELETE": ("DELETE", "/v1/models/toy", None, {}, 405, "needs GET or POST"),
    "unknown method": ("BREW", "/", None, {}, 405, "BREW /: needs GET"),
    "body nobody wants": ("POST", "/nothing", bytes(200_000), RAW, 404, "Not Found"),
    "not JSON": ("POST", TF, b"{", {}, 400, "not JSON"),
    "not UTF-8": ("POST", TF, b'{"instances": "\xff"}', {}, 400, "not JSON"),
    "a list": ("POST", TF, b"[1]", {}, 400, "not a JSON object"),
    "deep JSON": ("POST", TF, b"[" * 200_000, {}, 400, "too deeply"),
    "long number": ("POST", TF, b'{"instances": [' + b"9" * 9000 + b"]}", {}, 400, "not JSON"),
    "wrong base64": ("POST", TF, b'{"instances": [{"b64": "a*b"}]}', {}, 400, "not base64"),
    "b64 of no text": ("POST", TF, b'{"instances": [{"b64": 1}]}', {}, 400, "b64"),
    "a string": ("POST", TF, b'{"instances": ["abc"]}', {}, 400, "b64"),
    "no image in it": ("POST", TF, b'{"instances": [{"b64": "aGVsbG8="}]}', {}, 400, "image 0 is not an image"),
    "no instance": ("POST", TF, b'{"instances": []}', {}, 400, "at least one"),
    "neither": ("POST", TF, b"{}", {}, 400, "either"),
    "both": ("POST", TF, b'{"instances": [1], "inputs": [1]}', {}, 400, "either"),
    "scalar inputs": ("POST", TF, b'{"inputs": {"b64": "aGVsbG8="}}', {}, 400, "no list"),
    "unknown input": ("POST", TF, b'{"instances": [{"x": {"b64": ""}}]}', {}, 400, "'images'"),
    "unknown signature": ("POST", TF, b'{"signature_name": "x", "instances": [1]}', {}, 400, "no signature 'x'"),
    "signature of no text": ("POST", TF, b'{"signature_name": [1], "instances": [1]}', {}, 400, "no signature"),
    "ragged pixels": ("POST", TF, b'{"signature_name": "pixels", "instances": [[[1], [1, 2]]]}', {}, 400, "36 x 36"),
    "unknown name": ("POST", "/v1/models/other:predict", b"{}", {}, 404, "there is toy"),
    "unknown version": ("GET", "/v1/models/toy/versions/7", None, {}, 404, "there is no version 7 of toy; there is 1"),
    "unknown version's verb": ("POST", "/v1/models/toy/versions/2:predict", b"{}", {}, 404, "no version 2 of toy"),
    "no version": ("GET", "/v1/models/toy/versions/", None, {}, 404, "toy/versions/ is not served; toy, "),
    "classify": ("POST", "/v1/models/toy:classify", b"{}", {}, 404, "toy:classify is not served; :predict is"),
    "regress": ("POST", "/v1/models/toy/versions/1:regress", b"{}", {}, 404, "1:regress is not served; :predict is"),
    "label": ("GET", "/v1/models/toy/labels/stable", None, {}, 404, "toy/labels/stable is not served; toy, "),
    "metadata twice": ("GET", "/v1/models/toy/metadata/metadata", None, {}, 404, "is not served"),
    "model with a slash": ("GET", "/v1/models/toy/", None, {}, 404, "toy/ is not served; toy, "),
    "no name": ("GET", "/v1/models/", None, {}, 404, "no model is named; there is toy"),
    "no models": ("GET", "/v1/models", None, {}, 404, "GET /v1/models: Not Found"),
    "predict with a slash": ("POST", "/predict/", JPEG, RAW, 404, "POST /predict/: Not Found"),
    "form without its end": ("POST", "/predict", part(JPEG)[:-10], FORM, 400, "the multipart body is malformed: its end is missing"),
    "form whose last file has no end": ("POST", "/predict", part(JPEG)[:-8] + part(JPEG)[:-10], FORM, 400, "its end is missing"),
    "GET of predict": ("GET", TF, None, {}, 405, "POST"),
    "POST of status": ("POST", "/v1/models/toy", b"{}", {}, 405, "GET"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_an_odd_request_gets_one_line(server, name):
    method, path, body, headers, code, text = ODD[name]
    status, content, answered = server.ask(method, path, body, headers)
    assert status == code, content
    error = json.loads(content)["error"]
    assert text in error and len(error.splitlines()) == 1
    assert answered["Content-Type"] == "application/json"
    assert answered["Access-Control-Allow-Origin"] is None
    assert server.json("GET", "/healthz") == (200, {"status": "ok"})
    assert len(server.log().splitlines()) == 1


RAW_BYTES = {
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01", b"400"),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    "length that is no number": (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n", b"400"),
    "two lengths": (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
    "huge length": (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n", b"413"),
    "huge length, asked first": (b"POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 999999999\r\n\r\n", b"413"),
    "long head": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 100_000, b"400"),
    "length of many digits": (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"400"),
    "host and type that are no text": (b"POST /predict HTTP/1.1\r\nHost: \xff\r\nContent-Type: \xff\r\nContent-Length: 1\r\n\r\nx", b"415"),
    "boundary that is no text": (b"POST /predict HTTP/1.1\r\nHost: [\r\nContent-Type: multipart/form-data; boundary=\xff\r\nContent-Length: 1\r\n\r\nx", b"400"),
    "address of another host": (b"GET http://example.org/ HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
    "wrong chunk": (b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    "websocket": (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"200"),
    "HEAD": (b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", b"200"),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW_BYTES)
def test_odd_bytes_get_a_status(server, name):
    sent, status = RAW_BYTES[name]
    with server.connect(sent) as connection:
        assert connection.recv(65536).split(b" ")[1] == status
    assert server.json("GET", "/healthz") == (200, {"status": "ok"})


def test_no_picture_is_kept_of_a_client_that_leaves(server):
    """A cut-off body is given up, at whatever point."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
    for sent in (head[:30], head, head + b"\r\n", head + b"\r\n" + JPEG):
        server.connect(sent).close()
    assert server.json("POST", "/predict", JPEG, RAW)[0] == 200
    assert server.metric("alexnet_queue_images") == 0
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("name", ["not HTTP", "wrong chunk", "no host"])
def test_what_is_not_http_is_told_so_in_json(server, name):
    with server.connect(RAW_BYTES[name][0]) as connection:
        head, _, content = server.hear(connection).partition(b"\r\n\r\n")
        assert connection.recv(65536) == b""
    assert json.loads(content) == {"error": "the request is not valid HTTP/1.1"}
    assert b"nosniff" in head and b"content-type: application/json" in head.lower()
    assert len(server.log().splitlines()) == 1


@pytest.mark.parametrize("disposition, kind, file", [
    ('form-data; name="f"', "image/jpeg", ""), ('form-data; name="f"', "IMAGE/png", ""),
    ("form-data; name=\"f\"; filename*=UTF-8''b%20%D1%86.jpg", "", "b ц.jpg"),
    ("form-data; name=\"f\"; filename*=utf-8''a%22%5Cb.jpg; x=y", "", 'a"\\b.jpg'),
])  # fmt: skip
def test_a_part_of_an_image_is_a_file(server, disposition, kind, file):
    kind = f"\r\nContent-Type: {kind}" if kind else ""
    body = part(JPEG, disposition + kind)
    status, found = server.json("POST", "/predict", body, FORM)
    assert status == 200, found
    assert [x["file"] for x in found["predictions"]] == [file]


def test_identity_is_no_encoding_however_it_is_written(server):
    headers = {**RAW, "Content-Encoding": "Identity"}
    assert server.json("POST", "/predict", JPEG, headers)[0] == 200


def test_of_files_that_are_all_unreadable_each_reason_is_told(server):
    large = encoded(photo().convert("1").resize((20_000, 10_000)))
    for contents, code in (
        ((b"x", large), 422),
        ((large, b"x"), 422),
        ((large, large), 413),
    ):
        body = part(contents[0])[:-8] + part(contents[1])
        status, found = server.json("POST", "/predict", body, FORM)
        assert status == code
        errors = [x["error"] for x in found["predictions"]]
        assert found["error"] == f"f.jpg {errors[0]}" and len(errors) == 2
        assert ["known format" in x for x in errors] == [x == b"x" for x in contents]


def test_a_client_that_ends_its_half_of_the_connection_gets_its_answers(server):
    request = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(JPEG)
    for count in (1, 3):
        with server.connect((request + JPEG) * count) as connection:
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while data := connection.recv(65536):
                answer += data
        assert answer.count(b"HTTP/1.1 200") == count
        assert answer.count(b'"answer"') == count
