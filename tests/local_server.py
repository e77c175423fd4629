"""A server on this machine that can cut answers short, hold them, ignore ranges, or fail."""

import contextlib
import hashlib
import http.server
import threading

from alexnet_cli.dataset.download import Download


class Running(http.server.ThreadingHTTPServer):
    """Serves while its block runs."""

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Server(Running):
    """With `hold`, the first answer waits after that many bytes until `go` is set.

    With `hold_all`, every answer does.
    """

    def __init__(
        self, content, *, cut=None, hold=None, hold_all=False, ranges=True, status=200
    ):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.cut, self.ranges, self.status = content, cut, ranges, status
        self.hold, self.hold_all, self.go = hold, hold_all, threading.Event()
        self.asked = []

    def source(self, content=None):
        digest = hashlib.sha256(content or self.content).hexdigest()
        url = f"http://127.0.0.1:{self.server_port}/flower_photos.tgz"
        return Download(
            "flower_photos.tgz", url, digest, len(content or self.content), "flower_photos"
        )


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range", "")
        server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-") or 0) if server.ranges else 0
        body = server.content[start:]
        self.send_response(206 if start and server.status == 200 else server.status)
        self.send_header("Content-Length", str(len(body)))
        if start:
            end, size = len(server.content) - 1, len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
        self.end_headers()
        body = body[: server.cut]
        if server.hold is not None and (server.hold_all or len(server.asked) == 1):
            self.wfile.write(body[: server.hold])
            self.wfile.flush()
            server.go.wait(60)
            body = body[server.hold :]
        # The client may have been killed.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class FolderServer(Running):
    """Serves the files of a folder; what was asked for is in `asked`.

    With a `password`, that is what the header Authorization has to be.
    """

    def __init__(self, folder, *, ranges=True, lengths=True, password=None):
        super().__init__(("127.0.0.1", 0), FolderHandler)
        self.password = password
        self.folder, self.ranges, self.lengths, self.asked = folder, ranges, lengths, []
        self.url = f"http://127.0.0.1:{self.server_port}/shards"


class FolderHandler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer()

    def answer(self, body=True):
        server, asked = self.server, self.headers.get("Range", "")
        name = self.path.rpartition("/")[2]
        server.asked.append((self.command, name, asked))
        file = server.folder / name
        if server.password not in (None, self.headers.get("Authorization")):
            self.send_error(401)
            return
        if not file.is_file():
            self.send_error(404)
            return
        content, status = file.read_bytes(), 200
        if asked and server.ranges:
            first, last = asked.removeprefix("bytes=").split("-")
            place = f"bytes {first}-{last}/{len(content)}"
            content, status = content[int(first) : int(last) + 1], 206
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", place)
        elif server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if server.lengths:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            with contextlib.suppress(ConnectionError):
                self.wfile.write(content)

    def log_message(self, *_):
        pass
