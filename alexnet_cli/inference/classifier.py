"""Classifier: images -> predictions; evaluate and predict both come through here.

The network runs in float32 whatever it was trained in: as the run's LiteRT copy, which
starts at once, or in TensorFlow if there is none.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from ..arrays import Floats, Pixels
from ..dataset.images import from_pixels, load
from ..dataset.parallel import parallel_map
from ..dataset.standardize import views
from ..errors import (
    ImageError,
    OversizedImage,
    RecipeError,
    RunError,
    RunReplaced,
    printable,
)
from ..recipe.sections import TTA
from ..run.digests import Hashing
from ..run.run import Run
from .answers import probabilities
from .exported import Model, open_model
from .formats import PixelNetwork
from .litert import LiteRTNetwork
from .network import BATCH, Network, load_mean_image, verified_network
from .prediction import Prediction, StoredImage, Unread, bytes_of, digest_of, file_of

_ATTEMPTS = 20
_Computes = Callable[[Any], Floats]  # A Network, or a PixelNetwork.
Image = str | Path | bytes | Pixels | Unread | StoredImage
"""A file, the bytes of one, RGB pixels uint8 [H, W, 3], or what reads one or has failed."""


class Classifier:
    """A run's network, or an exported one, ready to predict the classes of images.

    >>> classifier = Classifier("saved")
    >>> [x.label for x in classifier(["a.jpg", "b.png"])]
    ['roses', 'tulips']
    """

    def __init__(
        self,
        run: Model | Run | Path | str,
        tta: str | None = None,
        network: Network | None = None,
        *,
        begun: Hashing | None = None,
    ) -> None:
        """Load the fastest network of a run, unless a `network` is given.

        `run` is a run, its directory, or a file that `alexnet export` wrote. `tta`,
        test-time augmentation, is "none", "flip", "two-scale" or "ten-crop"; by default the
        run's own.
        `begun` is perhaps the digest of the run's LiteRT copy.

        Raises:
            RunError: the run is damaged, its images have no margin for ten crops, or an
                exported model is to compute other views than it does.
            RecipeError: there is no such `tta`.
        """
        loaded = _loaded(run, network, begun)
        self.run, self.exported = loaded.run, loaded.exported
        self.network, self.mean_image = loaded.network, loaded.mean_image
        self.source = loaded.source
        self.tta = tta or self.run.recipe.inference.tta
        if self.tta not in TTA:
            raise RecipeError(f"--tta: {self.tta!r} is not one of {', '.join(TTA)}")
        if self.exported and self.tta != self.run.recipe.inference.tta:
            raise RunError(
                f"--tta {self.tta}: the views of an exported model are inside it, "
                f"{self.run.recipe.inference.tta}; set --tta of `alexnet train`"
            )
        preprocess = self.run.preprocess
        if self.tta == "ten-crop" and preprocess.stored_size == preprocess.input_size:
            raise RunError(
                f"--tta ten-crop needs images larger than the network's input; this run "
                f"keeps {preprocess.stored_size} pixels, all of which the network sees"
            )

    def limit(self, megapixels: float | None) -> "Classifier":
        """This one, for images of up to so many million pixels; None: the run's limit."""
        if megapixels is not None:
            limited = self.run.preprocess.with_limit(megapixels)
            self.run = replace(self.run, preprocess=limited)
        return self

    def __call__(self, images: Image | Iterable[Image]) -> list[Prediction]:
        """A prediction for each image, in order; one that cannot be read has an error.

        `images` is one image or any number of them: files, bytes, pixels, or all three.

        Raises:
            ValueError: pixels that are not uint8 [H, W, 3].
        """
        return list(self.predict(images))

    def predict(
        self, images: Image | Iterable[Image], batch_size: int = BATCH
    ) -> Iterator[Prediction]:
        """Yield what calling returns, one by one; memory does not grow with the images."""
        rest = iter(_several(images))
        few = list(islice(rest, batch_size + 1))
        if len(few) > batch_size and self._replicas.qsize() > 1:
            yield from self._predict_in_threads(chain(few, rest), batch_size)
            return
        stored = parallel_map(self._stored, chain(few, rest))
        while batch := list(islice(stored, batch_size)):
            yield from self._predictions(batch, self._own)

    def _predict_in_threads(
        self, images: Iterable[Image], batch_size: int
    ) -> Iterator[Prediction]:
        """As `predict`: a thread decodes and computes whole batches, in a replica."""
        rest, idle = iter(images), self._replicas
        batches = iter(lambda: list(islice(rest, batch_size)), [])

        def work(batch: list[Image]) -> list[Prediction]:
            network = idle.get()
            try:
                return self._predictions([self._stored(x) for x in batch], network)
            finally:
                idle.put(network)

        for batch in parallel_map(work, batches, idle.qsize(), ahead=2):
            yield from batch

    @property
    def _own(self) -> _Computes:
        """What computes one batch with all cores."""
        return self.exported or self.network

    @cached_property
    def _replicas(self) -> "SimpleQueue[LiteRTNetwork]":
        """Networks for threads of their own, those that are idle; made once."""
        idle: SimpleQueue[LiteRTNetwork] = SimpleQueue()
        if isinstance(self._own, LiteRTNetwork):
            for network in self._own.replicas():
                idle.put(network)
        return idle

    def _predictions(
        self, batch: "list[StoredImage]", network: _Computes
    ) -> list[Prediction]:
        readable = [x.pixels for x in batch if x.pixels is not None]
        rows = iter(self._computed(np.stack(readable), network) if readable else ())
        return [
            Prediction(
                image.file,
                self.run.classes,
                self.run.threshold,
                digest=image.digest,
                probabilities=None if image.pixels is None else next(rows),
                error=image.error,
                oversized=image.oversized,
                name=image.name,
            )
            for image in batch
        ]

    def probabilities(self, pixels: Pixels) -> Floats:
        """Probabilities [B, K] of stored pixels [B, R, R, 3]: the mean over the views."""
        return self._computed(pixels, self._own)

    def _computed(self, pixels: Pixels, network: _Computes) -> Floats:
        inputs = [pixels] if self.exported else self._inputs(pixels)
        found = np.mean([network(x) for x in inputs], axis=0)
        resolution = network.resolution if isinstance(network, LiteRTNetwork) else 0.0
        shape = len(pixels), len(self.run.classes)
        return probabilities(found, shape, resolution, self.source)

    def views(self, pixels: Pixels, count: int | None = None) -> list[Floats]:
        """Probabilities [B, K] of all views of stored pixels, or of the first `count`."""
        return [self.network(x) for x in islice(self._inputs(pixels), count)]

    def _inputs(self, pixels: Pixels) -> Iterator[Floats]:
        return views(pixels, self.run.preprocess, self.mean_image, self.tta)

    def _stored(self, image: Image) -> StoredImage:
        preprocess = self.run.preprocess
        if isinstance(image, StoredImage):
            return image
        if isinstance(image, np.ndarray):
            return StoredImage(Path(), pixels=from_pixels(image, preprocess))
        file = file_of(image)
        try:
            data = bytes_of(image)
            return StoredImage(file, digest_of(image, data), load(data, preprocess))
        except ImageError as error:
            return StoredImage(
                file, error=str(error), oversized=isinstance(error, OversizedImage)
            )


@dataclass(frozen=True)
class _Loaded:
    """A run, and what answers for it: an exported network, or its own on each view."""

    run: Run
    exported: PixelNetwork | None
    network: Network
    mean_image: Floats | None
    source: Path


def _loaded(
    given: Model | Run | Path | str, network: Network | None, begun: Hashing | None
) -> _Loaded:
    """A run, its network and its mean image, all three of one and the same training.

    If another one takes its place meanwhile, that is read instead, if `given` is a path.
    """
    by_path = isinstance(given, Path | str)
    for _ in range(_ATTEMPTS):
        model = open_model(given)
        run = model.run
        try:
            exported = model.network()
            found = network or (_no_network if exported else verified_network(run, begun))
            mean_image = None if exported else load_mean_image(run)
            run.require_unchanged()
            return _Loaded(run, exported, found, mean_image, model.source)
        except RunError:
            if not by_path or run.is_unchanged():
                raise
    raise RunReplaced(f"{printable(run.path)} is replaced again and again; try later")


def _no_network(inputs: Floats) -> Floats:
    raise TypeError("an exported model takes stored pixels, not single views")


def _several(images: Image | Iterable[Image]) -> Iterable[Image]:
    """`images`; a single one becomes a list of one."""
    # Four dimensions are a batch, and iterating over it gives its images.
    one = isinstance(images, np.ndarray) and images.ndim < 4
    one = one or isinstance(images, str | Path | bytes | Unread | StoredImage)
    return [images] if one else images  # type: ignore[list-item, return-value]
