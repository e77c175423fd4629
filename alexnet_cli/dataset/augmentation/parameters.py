"""The random numbers of each image of a batch, and the columns in which they are packed."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ...arrays import Floats


@dataclass(frozen=True)
class AugmentationParameters:
    """Arrays or tensors [B, n] of one batch, n being the width of the field.

    Boxes are left, top, right, bottom, fractions (0..1) of the sides; empty ones are
    zeros. An image is mixed with the one before it in the batch, the first with the last.
    """

    affine: Any = field(metadata={"width": 6})
    """Map from output x, y (0..S-1) to input x, y (0..R-1): two rows of three."""
    color_matrix: Any = field(metadata={"width": 9})
    """Multiplied with RGB: 3 x 3, row by row."""
    color_offset: Any = field(metadata={"width": 3})
    """Then added to RGB, levels."""
    pivot: Any = field(metadata={"width": 1})
    """The multiple of the image's mean gray that is added too."""
    own_share: Any = field(metadata={"width": 1})
    """Mixup: the image's own share (0..1) of the blend with the other."""
    pasted_box: Any = field(metadata={"width": 4})
    """CutMix: where the other image covers this one."""
    erased_box: Any = field(metadata={"width": 4})
    """Random erasing: where the image is blanked."""

    def pack(self) -> Floats:
        """float32 [B, WIDTH]."""
        columns = [np.asarray(getattr(self, x.name)) for x in fields(self)]
        return np.concatenate(columns, axis=1, dtype=np.float32)

    @classmethod
    def unpack(cls, rows: Any) -> "AugmentationParameters":
        """The parameters in rows [B, WIDTH], an array or a tensor of any Keras backend."""
        columns, start = {}, 0
        for x in fields(cls):
            end = start + x.metadata["width"]
            columns[x.name], start = rows[:, start:end], end
        return cls(**columns)


WIDTH = sum(x.metadata["width"] for x in fields(AugmentationParameters))
"""Numbers per image."""
