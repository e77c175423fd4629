"""What is random about each image of a batch, and the one place that packs it in a row."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ...arrays import Floats


@dataclass(frozen=True)
class AugmentationParameters:
    """Arrays or tensors [B, n] of one batch; n is the width of each field.

    Boxes are left, top, right, bottom, fractions (0..1) of the sides; empty ones are
    zeros. An image's partner in mixing is the one before it; the first one's is the last.
    """

    affine: Any = field(metadata={"width": 6})
    """Map from output x, y (0..S-1) to input x, y (0..R-1): two rows of three."""
    color_matrix: Any = field(metadata={"width": 9})
    """What RGB is multiplied by, 3 x 3 row by row."""
    color_offset: Any = field(metadata={"width": 3})
    """What is then added to RGB."""
    pivot: Any = field(metadata={"width": 1})
    """Multiple of the image's mean gray that is added too."""
    own_share: Any = field(metadata={"width": 1})
    """Mixup: the image's share of the blend with its partner."""
    pasted_box: Any = field(metadata={"width": 4})
    """CutMix: where the partner covers the image."""
    erased_box: Any = field(metadata={"width": 4})
    """Random erasing: where the image is blanked."""

    def pack(self) -> Floats:
        """float32 [B, WIDTH]."""
        columns = [np.asarray(getattr(self, x.name)) for x in fields(self)]
        return np.concatenate(columns, axis=1, dtype=np.float32)

    @classmethod
    def unpack(cls, rows: Any) -> "AugmentationParameters":
        """The parameters in rows [B, WIDTH] of NumPy or of any backend of Keras."""
        found, start = {}, 0
        for x in fields(cls):
            end = start + x.metadata["width"]
            found[x.name], start = rows[:, start:end], end
        return cls(**found)


WIDTH = sum(x.metadata["width"] for x in fields(AugmentationParameters))
"""Numbers per image."""
