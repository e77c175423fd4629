"""Batcher: images of many requests become batches, which one thread classifies."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from ..arrays import Pixels
from ..errors import first_line
from ..inference.network import BATCH
from ..inference.prediction import Prediction
from .refusals import Refused

Image = bytes | Pixels
"""An encoded image, or RGB pixels uint8 [H, W, 3]."""
Classify = Callable[[Sequence[Image]], list[Prediction]]
_SMOOTHING = 0.1
"""Weight of the newest batch in the mean duration of one image."""


@dataclass(frozen=True)
class _Job:
    """An image that waits."""

    image: Image
    future: Future[Prediction] = field(default_factory=Future)


class Batcher:
    """Classifies what waits, at most BATCH images at once, in one thread of its own.

    `seen` is called with the predictions of each batch, `log` with a line for one that
    failed. All methods are called from one thread.
    """

    def __init__(
        self,
        classify: Classify,
        max_queue: int,
        seen: Callable[[list[Prediction]], None],
        log: Callable[[str], None],
    ) -> None:
        self.classify, self.max_queue, self.seen, self.log = classify, max_queue, seen, log
        self._waiting: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batcher")
        self._seconds = 0.0

    def waiting(self) -> int:
        """The number of images that wait."""
        return len(self._waiting)

    def require_room(self, count: int = 1) -> None:
        """Check that `count` more images may wait.

        Raises:
            Refused: 429, with the seconds after which to try again.
        """
        if self.waiting() + count > self.max_queue:
            seconds = math.ceil(self.waiting() * self._seconds)
            raise Refused(
                429,
                f"{self.waiting()} images are waiting, and at most {self.max_queue} may; "
                f"try again later",
                {"Retry-After": str(min(max(seconds, 1), 60))},
            )

    def submit(self, images: Sequence[Image]) -> list[Future[Prediction]]:
        """The future prediction of each image; one that is canceled is not computed.

        Raises:
            Refused: too many are waiting; then none of them is taken.
        """
        self.require_room(len(images))
        jobs = [_Job(x) for x in images]
        self._waiting.extend(jobs)
        for _ in jobs:
            # One call for each image: most find that a call before took theirs too.
            self._thread.submit(self._batch).add_done_callback(self._report)
        return [x.future for x in jobs]

    def close(self) -> None:
        """End the thread; what waits is not computed."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _batch(self) -> None:
        """Classify what waits, and give each future its prediction."""
        jobs = self._taken()
        if not jobs:
            return
        began = time.monotonic()
        try:
            predictions = self.classify([x.image for x in jobs])
            # Counted before they are answered, so that no answer is ahead of its count.
            self.seen(predictions)
            for job, prediction in zip(jobs, predictions, strict=True):
                job.future.set_result(prediction)
        finally:
            for job in jobs:
                if not job.future.done():
                    job.future.set_exception(Refused(500, "the prediction failed"))
        each = (time.monotonic() - began) / len(jobs)
        self._seconds += _SMOOTHING * (each - self._seconds) if self._seconds else each

    def _taken(self) -> list[_Job]:
        """The next batch: at most BATCH images that are still wanted."""
        jobs: list[_Job] = []
        while self._waiting and len(jobs) < BATCH:
            job = self._waiting.popleft()
            if job.future.set_running_or_notify_cancel():
                jobs.append(job)
        return jobs

    def _report(self, call: Future[None]) -> None:
        if not call.cancelled() and (error := call.exception()):
            self.log(f"a batch failed: {type(error).__name__}: {first_line(error)}")
