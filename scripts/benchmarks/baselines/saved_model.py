"""Predict one image with a TensorFlow SavedModel: python saved_model.py FOLDER IMAGE."""

import sys
from pathlib import Path

import tensorflow as tf

served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
outputs = served(images=tf.constant([Path(sys.argv[2]).read_bytes()]))
best = int(tf.argmax(outputs["probabilities"][0]))
print(
    outputs["classes"][0][best].numpy().decode(), float(outputs["probabilities"][0][best])
)
