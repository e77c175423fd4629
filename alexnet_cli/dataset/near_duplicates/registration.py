"""One image laid over another: the scale and shift of each axis that fit best.

Gauss-Newton on gray levels, from coarse to fine, as Lucas and Kanade (1981) have it.
Source: Baker and Matthews, "Lucas-Kanade 20 Years On" (2004), with gain and bias.
"""

from dataclasses import dataclass

import numpy as np

from ...arrays import Doubles, Flags, Floats

ROUNDS = {16: 8, 32: 5, 64: 4}
"""Most steps at each size, pixels."""

ENOUGH = 0.05
"""Pixels; no further step is made after one that moves nothing by more."""

FARTHEST = 0.3
"""Scale and shift, of half a side, beyond which nothing is laid over anything."""


@dataclass(frozen=True)
class Overlay:
    """Where the points of one image lie in another; both sides go from -1 to 1."""

    scale_x: float = 1.0
    shift_x: float = 0.0
    scale_y: float = 1.0
    shift_y: float = 0.0

    def moved(self, step: Doubles) -> "Overlay":
        """This, with `step` [4] added."""
        return Overlay(
            self.scale_x + float(step[0]),
            self.shift_x + float(step[1]),
            self.scale_y + float(step[2]),
            self.shift_y + float(step[3]),
        )

    @property
    def is_near(self) -> bool:
        """Whether it moves nothing too far."""
        moves = (self.scale_x - 1, self.shift_x, self.scale_y - 1, self.shift_y)
        return max(map(abs, moves)) <= FARTHEST

    def lay(self, planes: Floats) -> Floats:
        """[C, n, n] seen where the other image's pixels are; edges go on outside."""
        if self == Overlay():
            return planes
        side = planes.shape[-1]
        low, share = _between(self.scale_y, self.shift_y, side)
        rows = planes[:, low] + (planes[:, low + 1] - planes[:, low]) * share[:, None]
        low, share = _between(self.scale_x, self.shift_x, side)
        left = rows[:, :, low]
        laid: Floats = left + (rows[:, :, low + 1] - left) * share
        return laid

    def common(self, side: int, edge: float) -> Flags:
        """bool [n, n]: pixels of the other image that are this one's too.

        Less the share `edge` of half a side at the edges of both.
        """
        at = _places(side)
        across, down = (
            (abs(at) <= 1 - edge) & (abs(scale * at + shift) <= 1 - edge)
            for scale, shift in ((self.scale_x, self.shift_x), (self.scale_y, self.shift_y))
        )
        both: Flags = down[:, None] & across
        return both


def register(one: list[Floats], two: list[Floats], start: Overlay) -> Overlay | None:
    """How `two` is laid over `one`, or None if it cannot be.

    Both are gray [n, n] at rising sizes, of ROUNDS.
    """
    found = start
    for fixed, moving in zip(one, two, strict=True):
        slopes = _slopes(fixed)
        for _ in range(ROUNDS[len(fixed)]):
            step = _step(fixed, slopes, moving, found)
            found = found.moved(step)
            if not found.is_near:
                return None
            if np.abs(step).max() < ENOUGH * 2 / len(fixed):
                break
    return found


def _step(
    fixed: Floats, slopes: tuple[Floats, Floats], moving: Floats, overlay: Overlay
) -> Doubles:
    """[4]: what to add to an overlay, by the difference that it leaves."""
    at = _places(len(fixed))
    laid = overlay.lay(moving[None])[0]
    weight = overlay.common(len(fixed), 2 / len(fixed)).astype(np.float32)
    count = max(1.0, float(weight.sum()))
    fixed = (fixed - np.vdot(fixed, weight) / count) * weight
    centered = (laid - np.vdot(laid, weight) / count) * weight
    gain = np.vdot(fixed, centered) / max(float(np.vdot(centered, centered)), 1e-6)
    gain = max(float(gain), 0.05)
    # The mean of both images' slopes: few steps are enough.
    x, y = (
        weight * (mine + gain * other) / (2 * scale)
        for mine, other, scale in zip(
            slopes, _slopes(laid), (overlay.scale_x, overlay.scale_y), strict=True
        )
    )
    columns = np.stack([x * at, x, y * at[:, None], y, centered, weight])
    # So few numbers at once are computed in one thread; see `near_duplicates.BLOCK`.
    parts = columns.reshape(6, -1, 256).transpose(1, 0, 2)
    rest = (fixed - gain * centered).reshape(-1, 256, 1)
    products = (parts @ parts.transpose(0, 2, 1)).sum(axis=0).astype(np.float64)
    products[np.diag_indices(6)] += 1e-3 * np.diag(products) + 1e-3
    sums = (parts @ rest).sum(axis=0)[:, 0]
    step: Doubles = np.linalg.solve(products, sums)[:4]
    return step


def _slopes(gray: Floats) -> tuple[Floats, Floats]:
    """[n, n] each: change across and down, per half a side."""
    x, y = np.zeros_like(gray), np.zeros_like(gray)
    half = np.float32(len(gray) / 4)
    x[:, 1:-1] = (gray[:, 2:] - gray[:, :-2]) * half
    y[1:-1] = (gray[2:] - gray[:-2]) * half
    return x, y


def _places(side: int) -> Floats:
    """[n]: middles of pixels, from -1 to 1."""
    return (np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / side) - 1


def _between(scale: float, shift: float, side: int) -> tuple[Doubles, Floats]:
    """[n] each: the lower of the two pixels between which each lies, and how far."""
    at = (scale * _places(side) + shift + 1) * (side / 2) - 0.5
    at = np.clip(at, 0, side - 1.001)
    low = at.astype(np.int64)
    return low, (at - low).astype(np.float32)
