"""Name one image with a TensorFlow SavedModel: python saved_model.py FOLDER PICTURE."""

import sys
from pathlib import Path

import tensorflow as tf

served = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answer = served(images=tf.constant([Path(sys.argv[2]).read_bytes()]))
best = int(tf.argmax(answer["probabilities"][0]))
print(answer["classes"][0][best].numpy().decode(), float(answer["probabilities"][0][best]))
