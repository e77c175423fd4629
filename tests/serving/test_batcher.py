"""Images of many requests share a batch, and each gets its own prediction."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from alexnet_cli.inference.classifier import Classifier
from alexnet_cli.inference.prediction import Prediction
from alexnet_cli.serving.batcher import Batcher
from alexnet_cli.serving.refusals import Refused

TF = "/v1/models/toy:predict"


class Held:
    """A batcher whose classifier waits until it may go on; predictions name their image."""

    def __init__(self, max_queue=100):
        self.go, self.batches, self.lines = threading.Event(), [], []
        self.batcher = Batcher(self.classify, max_queue, lambda _: None, self.lines.append)

    def classify(self, images):
        self.batches.append(list(images))
        assert self.go.wait(30)
        if b"bad" in images:
            raise RuntimeError("the network\nbroke")
        return [Prediction(Path(), ("a",), digest=x.decode()) for x in images]


@pytest.fixture
def held():
    found = Held()
    yield found
    found.go.set()
    found.batcher.close()


def wait_for(condition):
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not come true")


def test_what_waits_becomes_one_batch_of_at_most_sixteen(held):
    first = held.batcher.submit([b"first"])
    wait_for(lambda: held.batches)
    rest = [held.batcher.submit([b"%d" % i])[0] for i in range(20)]
    assert held.batcher.waiting() == 20
    held.go.set()
    assert first[0].result(10).digest == "first"
    assert [x.result(10).digest for x in rest] == [str(i) for i in range(20)]
    assert [len(x) for x in held.batches] == [1, 16, 4]


def test_nobody_computes_what_nobody_waits_for(held):
    held.batcher.submit([b"first"])
    wait_for(lambda: held.batches)
    one, two = held.batcher.submit([b"one", b"two"])
    one.cancel()
    held.go.set()
    assert two.result(10).digest == "two"
    assert held.batches == [[b"first"], [b"two"]]


def test_a_batch_that_fails_is_an_error_for_its_own_images(held):
    held.go.set()
    with pytest.raises(Refused, match="failed") as error:
        held.batcher.submit([b"bad"])[0].result(10)
    assert error.value.status == 500
    assert held.batcher.submit([b"good"])[0].result(10).digest == "good"
    wait_for(lambda: held.lines)
    assert held.lines == ["a batch failed: RuntimeError: the network"]


def test_a_full_queue_takes_all_of_a_request_or_nothing():
    held = Held(max_queue=3)
    held.batcher.submit([b"first"])
    wait_for(lambda: held.batches)
    held.batcher.submit([b"1", b"2"])
    with pytest.raises(Refused) as error:
        held.batcher.submit([b"3", b"4"])
    assert error.value.status == 429 and int(error.value.headers["Retry-After"]) >= 1
    assert held.batcher.waiting() == 2
    held.batcher.submit([b"3"])
    held.go.set()
    held.batcher.close()


@pytest.mark.slow
def test_the_batch_does_not_change_a_prediction(serve, trained, pictures, b64):
    """48 requests at once, some of several images, against the classifier itself."""
    own = np.array([x.probabilities for x in Classifier(trained)(pictures)])
    wanted = [
        [i % 24] if i % 3 else [i % 24, (i + 5) % 24, (i + 7) % 24] for i in range(48)
    ]

    def ask(indices):
        body = json.dumps({"instances": [b64(pictures[i]) for i in indices]})
        status, found = server.json("POST", TF, body)
        assert status == 200, found
        return np.array([x["probabilities"] for x in found["predictions"]], np.float32)

    with serve(trained, "--name", "toy", seconds=0.2) as server:
        with ThreadPoolExecutor(48) as pool:
            answers = list(pool.map(ask, wanted))
        batches = server.metric("alexnet_batch_images_count")
        images = server.metric("alexnet_batch_images_sum")
        full = batches - server.metric('alexnet_batch_images_bucket{le="15.0"}')
    for indices, found in zip(wanted, answers, strict=True):
        np.testing.assert_allclose(found, own[indices], rtol=1e-4, atol=1e-6)
    assert images == sum(map(len, wanted))
    assert batches <= images / 4 and full >= 1
