"""Service: images in, predictions out, within the limits that were asked for."""

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request

from ..inference.prediction import Prediction
from .batcher import Batcher, Image
from .bodies import Bodies
from .metrics import Metrics
from .refusals import Refused
from .served_model import Log, ServedModel
from .settings import Settings


class Service:
    """What all requests share."""

    def __init__(self, settings: Settings, model: ServedModel, log: Log) -> None:
        self.settings, self.model, self.log = settings, model, log
        self.metrics = Metrics(lambda: self.batcher.waiting())
        self.batcher = Batcher(
            self._classify, settings.max_queue, self.metrics.saw_batch, log
        )
        self.bodies = Bodies(settings.max_bytes)
        self.draining = False
        self.answered = 0
        self.unanswered = 0
        """Requests that were cut off because draining took too long."""

    def deadline(self) -> float:
        """When a request that has come now must be answered, in the loop's time."""
        return asyncio.get_running_loop().time() + self.settings.timeout

    async def predict(
        self, request: Request, images: Sequence[Image], deadline: float
    ) -> list[Prediction]:
        """The prediction of each image.

        Raises:
            Refused: 429, too many are waiting; 504, it takes too long.
            ClientDisconnect: nobody waits for them any more.
        """
        futures = map(asyncio.wrap_future, self.batcher.submit(images))
        found = asyncio.gather(*futures)
        found.add_done_callback(_retrieve)
        gone = asyncio.ensure_future(_gone(request))
        both: set[asyncio.Future[Any]] = {found, gone}
        left = deadline - asyncio.get_running_loop().time()
        try:
            done, _ = await asyncio.wait(
                both, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if found in done:
                return found.result()
        finally:
            gone.cancel()
            # What still waits is not computed.
            found.cancel()
        if gone in done:
            raise ClientDisconnect
        raise Refused(504, f"no prediction within {self.settings.timeout:g} seconds")

    def _classify(self, images: Sequence[Image]) -> list[Prediction]:
        return list(self.model.classifier.predict(images))


def _retrieve(found: asyncio.Future[Any]) -> None:
    """Ask for what it ended with, which asyncio would complain that nobody did."""
    if not found.cancelled():
        found.exception()


async def _gone(request: Request) -> None:
    """Return when the client is gone, whose body is read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
