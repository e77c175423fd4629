"""NumPy array types, and the shape letters that all docstrings use.

B  images of a batch          S  side of the network's input, pixels
N  images in all              R  side of a stored image, pixels (S and a margin)
K  classes                    H, W, C  height, width, channels
V  views of an image (test-time augmentation)
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Pixels = npt.NDArray[np.uint8]
"""Images, 0 to 255, RGB."""
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.floating]
"""[..., K], 0 to 1; the last axis sums to 1."""
Labels = npt.NDArray[np.int64]
"""[N]: the class index of each image."""
Rows = npt.NDArray[np.int64]
"""Indices of images."""
Flags = npt.NDArray[np.bool_]
Fingerprints = npt.NDArray[np.uint8]
"""[N, 2, 32, 32]: gray miniatures, each pixel the mean of a block of the image."""
