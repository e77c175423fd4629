"""Train as the flowers tutorial does: ImageDataGenerator, float32, model.fit.

python tutorial.py FOLDER BATCH EPOCHS
"""

import sys

import tensorflow as tf
from network import Seconds, compiled

folder, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
generator = tf.keras.preprocessing.image.ImageDataGenerator(
    rescale=1 / 255,
    rotation_range=20,
    width_shift_range=0.1,
    height_shift_range=0.1,
    zoom_range=0.1,
    horizontal_flip=True,
)
data = generator.flow_from_directory(folder, target_size=(224, 224), batch_size=batch)
compiled(data.num_classes).fit(data, epochs=epochs, verbose=0, callbacks=[Seconds()])
