"""A Keras model whose training step can take its batch in parts.

To need less memory, or since several devices have a part each.
"""

from typing import Any

import keras
import tensorflow as tf


class AccumulatingModel(keras.Model):
    """A functional model with `parts`: how many parts a device computes its images in.

    Gradients are summed over the parts, so that an update is that of the whole batch up to
    rounding, also where devices have unequal numbers of images. Dropout draws for each part
    anew, and BatchNorm's statistics are the parts'.
    With `xla` XLA compiles what computes a part; whole batches are left to `compile`.
    """

    parts = 1
    xla = False

    def train_step(self, data: Any) -> Any:
        """One update with `data`, a batch (inputs, targets [B, K], weights [B])."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if self.parts == replicas == 1:
            return super().train_step(data)
        _, targets, _ = data
        count = tf.shape(targets)[0]
        whole = tf.cast(count, tf.float32)
        if replicas > 1:
            # Keras would count every device the same, whatever number of images it has.
            whole = tf.distribute.get_replica_context().all_reduce("mean", whole)
        size = -(-count // self.parts)
        compute = self._gradients
        if self.xla:
            compute = tf.function(compute, jit_compile=True)

        def add(start: Any, sums: Any) -> Any:
            part = tf.nest.map_structure(lambda x: x[start : start + size], data)
            gradients = compute(part, whole)
            sums = [
                a + tf.convert_to_tensor(b) for a, b in zip(sums, gradients, strict=True)
            ]
            return start + size, sums

        _, gradients = tf.while_loop(
            lambda start, sums: start < count,
            add,
            (0, [tf.zeros(x.shape, x.dtype) for x in self.trainable_weights]),
            parallel_iterations=1,  # else the parts would be in memory at once
        )
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return self.get_metrics_result()

    def _gradients(self, part: Any, count: Any) -> Any:
        """The gradients of a part's share in the loss of `count` images on each device."""
        inputs, targets, weights = part
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        size = tf.shape(targets)[0]
        with tf.GradientTape() as tape:
            outputs = self(inputs, training=True)
            loss = self.compute_loss(
                x=inputs, y=targets, y_pred=outputs, sample_weight=weights, training=True
            )
            # The first metric of a compiled model is its loss.
            self.metrics[0].update_state(loss * replicas, sample_weight=size)
            share = tf.cast(size, loss.dtype) / tf.cast(count, loss.dtype)
            loss = self.optimizer.scale_loss(loss * share)
        self.compute_metrics(inputs, targets, outputs, sample_weight=weights)
        return tape.gradient(loss, self.trainable_weights)
