"""How fast `alexnet serve` answers, beside the server that tutorials build: FastAPI + Keras.

    python scripts/benchmarks/serving.py saved/ [--seconds 30] [--connections 50] [--rounds 3]

Both serve the same run on loopback, one after the other in alternating rounds, and get the
same multipart requests from a third process. Needs the extra `serve`, and FastAPI. Printed
are requests answered per second, the median and 99th percentile of their durations, errors,
and resident memory when the server was ready and at its end.
"""

import argparse
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from serving_load import multipart, picture

ALEXNET, TUTORIAL = "alexnet serve", "FastAPI + model.predict"
MOST = {"seconds": 120, "connections": 500, "rounds": 20}
MODE = "serve-tutorial"
LOAD = Path(__file__).with_name("serving_load.py")


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--seconds", type=float, default=30, help="at most 120")
    parser.add_argument("--connections", type=int, default=50, help="at most 500")
    parser.add_argument("--rounds", type=int, default=3, help="at most 20")
    parser.add_argument("--json", action="store_true", help="print every round as JSON")
    options = parser.parse_args()
    for name, most in MOST.items():
        setattr(options, name, min(getattr(options, name), most))
    rounds = []
    for number in range(options.rounds):
        # Whatever warms up or throttles the machine, it is not always the same one's luck.
        order = (ALEXNET, TUTORIAL) if number % 2 == 0 else (TUTORIAL, ALEXNET)
        for name in order:
            with running(name, options.run) as (process, port):
                rounds.append({"server": name, **measured(process, port, options)})
                print(
                    json.dumps(rounds[-1]) if options.json else line(rounds[-1]), flush=True
                )
    if not options.json:
        print(summary(rounds))


@contextlib.contextmanager
def running(name: str, run: Path):
    """The process and port of a server that has answered its first requests."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["-m", "alexnet_cli", "serve", "--model", run, "--port", port]
    if name == TUTORIAL:
        words = [__file__, MODE, run, port]
    process = subprocess.Popen(
        [sys.executable, *map(str, words)], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(process, port)
        yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(process: subprocess.Popen, port: int) -> None:
    """Return once a picture is answered.

    Raises:
        SystemExit: the server ended, or does not start within three minutes.
    """
    body, kind = multipart(picture(0))
    url = f"http://127.0.0.1:{port}/predict"
    for _ in range(360):
        if process.poll() is not None:
            sys.exit("a server did not start; run it by hand to see why")
        asked = urllib.request.Request(url, body, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                answer.read()
                return
        except urllib.error.HTTPError as error:
            sys.exit(f"a server answers with {error.code}; run it by hand to see why")
        except OSError:
            pass  # It is not there yet.
        time.sleep(0.5)
    sys.exit("a server did not start within three minutes")


def measured(process: psutil.Process, port: int, options: argparse.Namespace) -> dict:
    """What one load found, and the server's memory before and after, MiB."""
    before = process.memory_info().rss
    words = [LOAD, port, options.connections, options.seconds]
    done = subprocess.run(
        [sys.executable, *map(str, words)], stdout=subprocess.PIPE, check=True,
        timeout=options.seconds + 120,
    )  # fmt: skip
    after = process.memory_info().rss
    memory = {"mib_start": before >> 20, "mib_end": after >> 20}
    return {**json.loads(done.stdout), **memory}


def line(found: dict) -> str:
    """One round as a line."""
    return (
        f"{found['server']:24} {found['per_second']:8.1f} requests/s   "
        f"p50 {found['p50_ms']:7.1f} ms   p99 {found['p99_ms']:7.1f} ms   "
        f"{found['errors']} errors   {found['mib_start']} -> {found['mib_end']} MiB"
    )


def summary(rounds: list[dict]) -> str:
    """The ratio of the medians of requests per second."""
    speed = {
        name: float(np.median([x["per_second"] for x in rounds if x["server"] == name]))
        for name in (ALEXNET, TUTORIAL)
    }
    return (
        f"{ALEXNET} answers {speed[ALEXNET] / speed[TUTORIAL]:.2f} times as many requests"
    )


def serve_tutorial(run: Path, port: int) -> None:
    """The server that tutorials build: each request calls the network by itself."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import uvicorn
    from fastapi import FastAPI, UploadFile

    from alexnet_cli.dataset.standardize import views
    from alexnet_cli.inference.network import load_mean_image, load_network
    from alexnet_cli.run.run import Run

    opened = Run.open(run)
    # A saved model of a tutorial ends in a softmax.
    network = load_network(opened)
    model = keras.Model(network.input, keras.layers.Softmax()(network.output))
    mean, side = load_mean_image(opened), opened.preprocess.stored_size
    app = FastAPI()

    @app.post("/predict")
    async def predict(file: UploadFile) -> dict:
        image = (
            Image.open(io.BytesIO(await file.read())).convert("RGB").resize((side, side))
        )
        batch = np.expand_dims(np.asarray(image), 0)
        inputs = next(views(batch, opened.preprocess, mean, "none"))
        probabilities = model.predict(inputs, verbose=0)[0]
        best = int(np.argmax(probabilities))
        return {"class": opened.classes[best], "confidence": float(probabilities[best])}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    if sys.argv[1:2] == [MODE]:
        serve_tutorial(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
