"""The mean of the training images, which --mean pixel subtracts."""

import numpy as np

from ..arrays import Doubles
from ..dataset.pixel_cache import Examples
from ..run.files import replacing
from ..run.run import Run
from .context import TrainContext
from .shared_pipeline import own_part


def write_mean_image(run: Run, training: Examples, context: TrainContext) -> None:
    """Write it, unless training goes on with one; each worker writes its own copy."""
    workers, resumes = context.workers, context.resume is not None
    if workers is None:
        if not resumes:
            _write(run, _sum(training) / len(training))
        return
    sent = workers.from_chief(run.mean_image.read_bytes() if resumes else b"")
    if sent and not workers.is_chief:
        run.mean_image.write_bytes(sent)
    if not sent:
        total = _sum(own_part(training))
        _write(run, workers.total(total.ravel()).reshape(total.shape) / len(training))


def _write(run: Run, image: Doubles) -> None:
    with replacing(run.mean_image) as part, part.open("wb") as file:
        np.save(file, np.asarray(image, np.float32))


def _sum(examples: Examples) -> Doubles:
    """The sum of the images, float64 [R, R, 3]."""
    images = examples.cache.images(examples.rows)
    return np.asarray(sum(x.astype(np.float64) for x in images))
