"""Numbers about the server, in Prometheus' text form."""

from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from ..errors import printable
from ..inference.classifier import Classifier
from ..inference.network import BATCH
from ..inference.prediction import Prediction

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = tuple(range(1, BATCH + 1))


class Metrics:
    """What GET /metrics answers, and where it is counted."""

    def __init__(self, waiting: Callable[[], float]) -> None:
        """`waiting` says how many images wait."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "alexnet_requests", "Requests, by route and status.", ("route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "alexnet_request_seconds", "From a request's head to its answer.", ("route",),
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.sizes = Histogram(
            "alexnet_batch_images", "Images in a batch.", buckets=_SIZES,
            registry=self.registry,
        )  # fmt: skip
        self.images = Counter(
            "alexnet_images", "Images, by whether they could be read.", ("outcome",),
            registry=self.registry,
        )  # fmt: skip
        self.queue = Gauge(
            "alexnet_queue_images", "Images that wait for the network.",
            registry=self.registry,
        )  # fmt: skip
        self.queue.set_function(waiting)
        self.model = Info("alexnet_model", "The run that answers.", registry=self.registry)

    def saw_batch(self, predictions: Sequence[Prediction]) -> None:
        """Count a batch."""
        self.sizes.observe(len(predictions))
        for prediction in predictions:
            self.images.labels("unreadable" if prediction.error else "predicted").inc()

    def saw_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self, name: str, classifier: Classifier) -> bytes:
        """All of them; `classifier` is what answers now as `name`."""
        run = classifier.run
        self.model.info(
            {
                "name": printable(name),
                "classes": str(len(run.classes)),
                "threshold": f"{run.threshold:g}",
                "stored_size": str(run.preprocess.stored_size),
            }
        )
        return generate_latest(self.registry)
