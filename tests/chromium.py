"""A headless Chromium, driven by its DevTools protocol over a pipe: no driver, no package."""

import base64
import contextlib
import functools
import http.server
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
    "--force-color-profile=srgb", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip

# Chromium reads commands from descriptor 3 and writes answers to 4.
LAUNCHER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(x), fcntl.F_DUPFD, 10) for x in sys.argv[1:3]]
for end, number in zip(ends, (3, 4)):
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""


def chromium():
    """The path of an installed Chromium; None if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def in_page(data):
    """An expression of JavaScript: a Uint8Array of `data`."""
    encoded = base64.b64encode(data).decode()
    return f"Uint8Array.from(atob('{encoded}'), (x) => x.charCodeAt(0))"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder):
    """The address of a server of the files in `folder`."""
    handler = functools.partial(_Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Browser:
    """One page of a browser of its own; `events` holds all that its protocol told."""

    def __enter__(self):
        self.folder, self.rest, self.count, self.events = tempfile.mkdtemp(), b"", 0, []
        read, self.write = os.pipe()
        self.read, write = os.pipe()
        command = [chromium(), *FLAGS, f"--user-data-dir={self.folder}", "about:blank"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(read), str(write), *command], pass_fds=(read, write),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(read)
        os.close(write)
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self.session = None
        self.call("Browser.close")
        self.process.wait(30)
        os.close(self.read)
        os.close(self.write)
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, timeout=120, **params):
        """The result of one command of the protocol."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data) :]
        end = time.monotonic() + timeout
        while (answer := self._next(end)).get("id") != self.count:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _next(self, end):
        parts = [self.rest]
        while b"\0" not in parts[-1]:
            ready, _, _ = select.select([self.read], [], [], max(0, end - time.monotonic()))
            assert ready, "Chromium does not answer"
            parts.append(os.read(self.read, 1 << 20))
            assert parts[-1], "Chromium ended"
        message, _, self.rest = b"".join(parts).partition(b"\0")
        return json.loads(message)

    def evaluate(self, expression):
        """The value of an expression of JavaScript in the page; of what a promise gives."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, address):
        """Open a page that `alexnet export` wrote, and wait until it has its network."""
        self.call("Page.navigate", url=address)
        self.until("window.alexnet?.ready && document.readyState === 'complete'")
        self.evaluate("alexnet.ready.then(() => true)")

    def until(self, expression):
        """Wait until an expression is true."""
        end = time.monotonic() + 60
        while not self.evaluate(f"Boolean({expression})"):
            assert time.monotonic() < end, expression
            time.sleep(0.05)

    def drop(self, data):
        """Drop a file on the page; what its status then says."""
        self.evaluate(
            f"""(() => {{
              const dataTransfer = new DataTransfer();
              dataTransfer.items.add(new File([{in_page(data)}], "x.png"));
              dispatchEvent(new DragEvent("drop", {{ dataTransfer, cancelable: true }}));
            }})()"""
        )
        self.until("document.getElementById('status').textContent !== 'Looking …'")
        return self.evaluate("document.getElementById('status').textContent")

    def pixels(self, data):
        """uint8 [R, R, 3]: what the page makes of the bytes of a picture."""
        flat = self.evaluate(f"alexnet.pixels({in_page(data)}).then((x) => Array.from(x))")
        side = round((len(flat) / 3) ** 0.5)
        return np.array(flat, np.uint8).reshape(side, side, 3)

    def told(self, method):
        """The parameters of all events of that name."""
        return [x["params"] for x in self.events if x.get("method") == method]
