"""A run's network as a TensorFlow SavedModel that needs nothing of this package."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ..backend.paths import utf8_path
from ..dataset.images import PAD_GRAY
from ..dataset.standardize import views
from ..errors import AlexNetError, first_line
from ..inference.network import load_mean_image
from ..preprocess import Preprocess
from ..run.run import Run

FILES = ("saved_model.pb", "fingerprint.pb", "assets", "variables")
"""What a SavedModel consists of."""


def write_saved_model(run: Run, network: keras.Model, folder: Path) -> None:
    """Write `run` as a SavedModel into `folder`.

    `serving_default` takes `images`, encoded images [B]; `pixels` takes `pixels`, uint8
    [B, R, R, 3]. Both give `probabilities`, float32 [B, K], and `classes`, their names,
    [B, K].
    """
    module = _ServedModel(run, network)
    signatures = {"serving_default": module.encoded, "pixels": module.pixels}
    tf.saved_model.save(module, str(folder), signatures=signatures)


def save_model(run: Run, network: keras.Model) -> None:
    """Write the SavedModel of `run` into its own directory, whole or not at all.

    Raises:
        AlexNetError: it could not be written.
    """
    part = run.path / ".part.saved_model"
    try:
        # A killed process may have left one.
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        with utf8_path(part) as folder:
            write_saved_model(run, network, folder)
        remove_saved_model(run.path)
        # Without the first of its files there is none, so that comes last.
        for name in reversed(FILES):
            if (part / name).exists():
                (part / name).rename(run.path / name)
    except (tf.errors.OpError, OSError) as error:
        with suppress(OSError):
            remove_saved_model(run.path)
        reason = first_line(error)
        raise AlexNetError(f"the SavedModel could not be written: {reason}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_saved_model(folder: Path) -> None:
    """Remove the SavedModel in a run directory, if there is one."""
    for name in FILES:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


class _ServedModel(tf.Module):
    """The functions of the SavedModel, and the variables of the network they call."""

    def __init__(self, run: Run, network: keras.Model) -> None:
        super().__init__()
        self.run = run
        # Not the network itself: what Keras gives a SavedModel besides its variables are
        # second ones, which then are what is restored, except in Python.
        self.weights = [x.value for x in network.variables]
        self.logits: Any = lambda inputs: network(inputs, training=False)
        self.mean_image = load_mean_image(run)
        self.classes = tf.constant([os.fsencode(x) for x in run.classes])  # [K]
        side = run.preprocess.stored_size
        pixels = tf.TensorSpec((None, side, side, 3), tf.uint8, "pixels")
        images = tf.TensorSpec((None,), tf.string, "images")
        self.pixels = tf.function(self._predict, input_signature=[pixels])
        self.encoded = tf.function(self._predict_encoded, input_signature=[images])

    def _predict(self, pixels: Any) -> dict[str, Any]:
        """Probabilities and class names, each [B, K], of pixels uint8 [B, R, R, 3]."""
        run, count = self.run, tf.shape(pixels)[0]
        # Kernels that TensorFlow fuses fail on a batch of none.
        one = tf.cast(count == 0, tf.int32)
        values = tf.cast(tf.pad(pixels, [[0, one], [0, 0], [0, 0], [0, 0]]), tf.float32)
        inputs = views(values, run.preprocess, self.mean_image, run.recipe.inference.tta)
        logits = [self.logits(x) for x in inputs]  # V times [B, K]
        each = [tf.nn.softmax(x / run.temperature) for x in logits]
        probabilities = (tf.add_n(each) / len(each))[:count]
        names = tf.broadcast_to(self.classes, tf.shape(probabilities))
        return {"probabilities": probabilities, "classes": names}

    def _predict_encoded(self, images: Any) -> dict[str, Any]:
        """As `_predict`, of encoded images [B]."""
        side = self.run.preprocess.stored_size
        stored = tf.TensorSpec((side, side, 3), tf.uint8)
        return self._predict(tf.map_fn(self._stored, images, fn_output_signature=stored))

    def _stored(self, data: Any) -> Any:
        """`images.load` in TensorFlow: one encoded image [] to pixels uint8 [R, R, 3]."""
        preprocess = self.run.preprocess
        return _square(_decoded(data, preprocess.white_level), preprocess)


def _decoded(data: Any, white_level: int | None = None) -> Any:
    """`images.decode` in TensorFlow: one encoded image [] to pixels uint8 [H, W, 3].

    The same for upright 8-bit JPEG, PNG, GIF and BMP, and for PNG of 16 bits if there is a
    `white_level`; docs/run-directory.md has the rest.
    """
    is_png = tf.strings.substr(data, 0, 4) == b"\x89PNG"
    cases = [
        (tf.io.is_jpeg(data), lambda: _decoded_jpeg(data)),
        (is_png, lambda: _decoded_png(data, white_level)),
    ]
    pixels = tf.case(cases, default=lambda: _decoded_other(data))
    return tf.ensure_shape(pixels, (None, None, 3))


def _decoded_jpeg(data: Any) -> Any:
    # The method of Pillow; TensorFlow's default differs from it by up to 7 levels.
    return tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE")


def _decoded_png(data: Any, white_level: int | None) -> Any:
    """uint8 [H, W, 3]; transparent pixels are blended with white."""
    rgba = tf.cast(tf.io.decode_png(data, channels=4), tf.float32)  # [H, W, 4]
    alpha, color = rgba[..., 3:] / 255, rgba[..., :3]  # [H, W, 1], [H, W, 3]
    if white_level:
        has_16_bits = tf.strings.substr(data, 24, 1) == b"\x10"
        own = color
        color = tf.cond(has_16_bits, lambda: _wide_color(data, white_level), lambda: own)
    return tf.cast(tf.round(color * alpha + 255 * (1 - alpha)), tf.uint8)


def _wide_color(data: Any, white_level: int) -> Any:
    """float32 [H, W, 3], 0 to 255, of a PNG of 16 bits."""
    values = tf.io.decode_png(data, channels=3, dtype=tf.uint16)
    return tf.round(tf.minimum(tf.cast(values, tf.float32) / white_level, 1.0) * 255)


def _decoded_other(data: Any) -> Any:
    return tf.io.decode_image(data, channels=3, expand_animations=False)


def _square(image: Any, preprocess: Preprocess) -> Any:
    """`images.square` in TensorFlow: pixels uint8 [H, W, 3] to uint8 [R, R, 3]."""
    size = preprocess.stored_size
    if preprocess.resize_mode == "pad":
        pixels = _padded(image, size)
    elif preprocess.resize_mode == "crop":
        pixels = _resized(_center(image), size, size)
    else:
        pixels = _resized(image, size, size)
    return tf.ensure_shape(pixels, (size, size, 3))


def _center(image: Any) -> Any:
    """The largest square in the center of pixels [H, W, 3]."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    side = tf.minimum(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _padded(image: Any, size: int) -> Any:
    """Pixels uint8 [H, W, 3] as uint8 [R, R, 3], R being `size`, with gray bars."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    longest = tf.maximum(height, width)
    # Rounded to the nearest pixel in whole numbers, as `images.square` does.
    new_height = tf.maximum(1, (height * size + longest // 2) // longest)
    new_width = tf.maximum(1, (width * size + longest // 2) // longest)
    top, left = (size - new_height) // 2, (size - new_width) // 2
    bottom, right = size - new_height - top, size - new_width - left
    pixels = _resized(image, new_height, new_width)
    margins = [[top, bottom], [left, right], [0, 0]]
    return tf.pad(pixels, margins, constant_values=np.uint8(PAD_GRAY))


def _resized(image: Any, height: Any, width: Any) -> Any:
    """Pixels uint8 [H, W, 3] as uint8 [height, width, 3]: bilinear with antialiasing."""
    resized = tf.image.resize(image, tf.stack([height, width]), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)
