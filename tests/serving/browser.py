"""A headless Chromium, driven through the pipe that it offers for that: no other package."""

import json
import os
import select
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def binary():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page of a Chromium. Source: https://chromedevtools.github.io/devtools-protocol"""

    def __init__(self, profile):
        child_in, self.out = os.pipe()
        self.into, child_out = os.pipe()
        words = [
            binary(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--disable-background-networking", "--no-first-run", "--remote-debugging-pipe",
            f"--user-data-dir={profile}", "about:blank",
        ]  # fmt: skip
        # It reads from descriptor 3 and writes to 4.
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{child_in} 4>&{child_out}', "bash", *words],
            pass_fds=(child_in, child_out), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(child_in)
        os.close(child_out)
        self.read, self.session, self.number, self.events = b"", None, 0, []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM"):
            self(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.into)
        os.close(self.out)

    def __call__(self, method, **parameters):
        """The result of a command."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self.number:
                assert "error" not in found, (method, found)
                return found["result"]
            self.events.append(found)

    def _next(self):
        deadline = time.monotonic() + 60
        while b"\0" not in self.read:
            ready, _, _ = select.select([self.into], [], [], deadline - time.monotonic())
            part = os.read(self.into, 1 << 20) if ready else b""
            assert part, "the browser does not answer"
            self.read += part
        message, _, self.read = self.read.partition(b"\0")
        return json.loads(message)

    def run(self, code):
        """The value of a JavaScript expression, awaited."""
        found = self(
            "Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, code):
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + 30
        while not self.run(code):
            assert time.monotonic() < deadline, self.run("document.body.innerText")
            time.sleep(0.05)

    def open(self, url):
        """Open a page."""
        self("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
