"""Predict the images of a folder: python keras_folder.py MODEL.keras FOLDER SIDE."""

import sys

import keras

model = keras.models.load_model(sys.argv[1])
side = int(sys.argv[3])
data = keras.utils.image_dataset_from_directory(
    sys.argv[2], labels=None, image_size=(side, side), batch_size=32, shuffle=False
)
for name, row in zip(data.file_paths, model.predict(data, verbose=0), strict=True):
    print(name, row.argmax(), row.max())
