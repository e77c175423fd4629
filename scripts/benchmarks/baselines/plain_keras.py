"""Train with Keras' own tools: image_dataset_from_directory and preprocessing layers.

python plain_keras.py FOLDER BATCH EPOCHS
"""

import sys

import keras
import tensorflow as tf
from keras import layers
from network import Seconds, compiled

folder, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
data = keras.utils.image_dataset_from_directory(
    folder, label_mode="categorical", image_size=(224, 224), batch_size=batch
)
classes = len(data.class_names)
augment = keras.Sequential(
    [
        layers.Rescaling(1 / 255),
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(20 / 360),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomZoom(0.1),
    ]
)
data = data.cache().map(
    lambda x, y: (augment(x, training=True), y), num_parallel_calls=tf.data.AUTOTUNE
)
data = data.prefetch(tf.data.AUTOTUNE)
compiled(classes).fit(data, epochs=epochs, verbose=0, callbacks=[Seconds()])
