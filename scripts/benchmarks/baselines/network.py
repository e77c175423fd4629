"""alexnet-bn as a Keras user writes it: float32 in [B, 224, 224, 3], K logits out."""

import time

import keras
from keras import layers


def alexnet_bn(classes: int) -> keras.Model:
    """The 24-class tutorial's network; `alexnet models alexnet-bn` lists the same layers."""
    return keras.Sequential(
        [
            keras.Input((224, 224, 3)),
            layers.Conv2D(96, 11, strides=4, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(3, 2),
            layers.Conv2D(256, 5, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(3, 2),
            layers.Conv2D(384, 3, padding="same", activation="relu"),
            layers.Conv2D(384, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(3, 2),
            layers.Flatten(),
            layers.Dense(4096, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(4096, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(classes),
        ]
    )


def compiled(classes: int) -> keras.Model:
    """The network, compiled for one-hot labels and SGD with momentum."""
    model = alexnet_bn(classes)
    model.compile(
        optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


class Seconds(keras.callbacks.Callback):
    """Prints the seconds of each epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Print it."""
        print("epoch", epoch + 1, time.perf_counter() - self.started, flush=True)
