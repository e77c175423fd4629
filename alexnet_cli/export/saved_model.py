"""A Run's network as a TensorFlow SavedModel that needs nothing of this package."""

import os
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..dataset.images import PAD_GRAY
from ..dataset.standardize import views
from ..errors import AlexNetError
from ..inference.network import load_mean_image
from ..preprocess import Preprocess
from ..run.run import Run


def save_model(run: Run, network: keras.Model) -> None:
    """Write `run` as a SavedModel into its own folder.

    `serving_default` takes `images`, encoded images [B], `pixels` uint8 [B, R, R, 3];
    both give `probabilities` float32 [B, K] and `classes`, their names, [B, K].

    Raises:
        AlexNetError: it could not be written.
    """
    module = _Served(run, network)
    signatures = {"serving_default": module.encoded, "pixels": module.pixels}
    try:
        tf.saved_model.save(module, str(run.path), signatures=signatures)
    except (tf.errors.OpError, OSError) as error:
        raise AlexNetError(f"the SavedModel could not be written: {error}") from error


class _Served(tf.Module):
    def __init__(self, run: Run, network: keras.Model) -> None:
        super().__init__()
        self.network = network
        preprocess, mean, side = (
            run.preprocess,
            load_mean_image(run),
            run.preprocess.stored_size,
        )
        names = tf.constant([os.fsencode(x) for x in run.classes])

        def answer(pixels: Any) -> dict[str, Any]:
            numbers = tf.cast(pixels, tf.float32)
            seen = views(numbers, preprocess, mean, run.recipe.inference.tta)
            logits = [self.network(x, training=False) for x in seen]
            each = [tf.nn.softmax(x / run.temperature) for x in logits]
            probabilities = tf.add_n(each) / len(each)
            return {
                "probabilities": probabilities,
                "classes": tf.broadcast_to(names, tf.shape(probabilities)),
            }

        @tf.function(
            input_signature=[tf.TensorSpec((None, side, side, 3), tf.uint8, "pixels")]
        )
        def pixels(pixels: Any) -> dict[str, Any]:
            return answer(pixels)

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "images")])
        def encoded(images: Any) -> dict[str, Any]:
            spec = tf.TensorSpec((side, side, 3), tf.uint8)
            return answer(
                tf.map_fn(
                    lambda x: _square(_decoded(x), preprocess),
                    images,
                    fn_output_signature=spec,
                )
            )

        self.pixels, self.encoded = pixels, encoded


def _decoded(data: Any) -> Any:
    """uint8 [H, W, 3] of one encoded image, as `images.decode` has it.

    True for upright 8-bit JPEG, PNG, GIF and BMP; see README for what differs.
    """

    def jpeg() -> Any:
        return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")

    def png() -> Any:
        rgba = tf.cast(tf.io.decode_png(data, channels=4), tf.float32)
        alpha = rgba[..., 3:] / 255
        return tf.cast(tf.round(rgba[..., :3] * alpha + 255 * (1 - alpha)), tf.uint8)

    def other() -> Any:
        return tf.io.decode_image(data, channels=3, expand_animations=False)

    cases = [
        (tf.io.is_jpeg(data), jpeg),
        (tf.strings.substr(data, 0, 4) == b"\x89PNG", png),
    ]
    image = tf.case(cases, default=other)
    return tf.ensure_shape(image, (None, None, 3))


def _square(image: Any, preprocess: Preprocess) -> Any:
    """`images.square` in TensorFlow: uint8 [R, R, 3]."""
    size = preprocess.stored_size
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    if preprocess.resize_mode == "crop":
        side = tf.minimum(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        image = image[top : top + side, left : left + side]
    new = (tf.constant(size), tf.constant(size))
    if preprocess.resize_mode == "pad":
        longest = tf.maximum(height, width)
        new = tuple(
            tf.maximum(1, (x * size + longest // 2) // longest) for x in (height, width)
        )
    resized = tf.image.resize(image, tf.stack(new), antialias=True)
    pixels = tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
    if preprocess.resize_mode == "pad":
        top, left = (size - new[0]) // 2, (size - new[1]) // 2
        margins = [[top, size - new[0] - top], [left, size - new[1] - left], [0, 0]]
        pixels = tf.pad(pixels, margins, constant_values=np.uint8(PAD_GRAY))
    return tf.ensure_shape(pixels, (size, size, 3))
