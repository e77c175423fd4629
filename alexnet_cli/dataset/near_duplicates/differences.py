"""By how much two images differ that were laid over each other: in detail and in color.

One's exposure is fitted to the other's first. Of two products of one shape a label differs
or the colors do, so the largest difference of any small block counts, not the mean.
"""

from dataclasses import dataclass

import numpy as np

from ...arrays import Doubles, Flags, Floats

DETAIL, LEVEL, COLOR, TINT = 2.0, 14.0, 24.0, 6.0
"""The largest differences of the same image.

Of blocks of an eighth of a side: what of the variance is not the same in both, and the
difference of the means, levels; of color, in blocks of a sixteenth; and of the median
color, levels. Source: scripts/experiments/near_duplicates.py.
"""

NOISE = 8.0
"""Standard deviation, levels, of what saving again and resizing change anyway."""

GAIN, SHIFT = 1.6, 64.0
"""The most that exposure changes: contrast, and middle gray, levels."""

CLIPPED = 8
"""Levels from black or white within which an exposure cannot be measured."""

TEXTURE, FITTING, EVERYWHERE = 4.0, 0.7, 0.9
"""Standard deviation, levels, of a block with detail; correlation of the same detail; and
the share of blocks that have it in a photograph, which no two products have in common."""

SAMPLES = 16
"""Pixels of a row that an exposure is measured on."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Difference:
    """By how much two images differ; see DETAIL."""

    detail: float
    level: float
    color: float
    tint: float
    gain: float
    shift: float
    coarse: float
    """Share of blocks of an eighth with the same detail, whatever their colors."""
    fine: float
    """Of blocks of a sixteenth."""

    def is_small(self, times: float = 1.0) -> bool:
        """Whether they agree in detail and in color, or with `times` the differences."""
        return (
            self.detail <= DETAIL * times
            and self.level <= LEVEL * times
            and self.color <= COLOR * times
            and self.tint <= TINT * times
            and self.gain <= 1 + (GAIN - 1) * times
            and abs(self.shift) <= SHIFT * times
        )


@dataclass(frozen=True)
class Matched:
    """Two images laid over each other, at the exposure of that with more contrast."""

    one: Floats
    """[3, n, n], 0 to 255."""
    two: Floats
    common: Flags
    """[n, n]: where both have pixels."""
    gain: float
    """Of the image with less contrast, to be like the other: at least 1."""
    bias: float
    """Levels."""

    @classmethod
    def of(cls, one: Floats, two: Floats, common: Flags) -> "Matched":
        """Of planes [3, n, n], 0 to 255, where they have pixels in `common`."""
        few = [_sampled(x, common) for x in (one, two)]
        gain, bias = _exposure(few[1], few[0])
        if gain < 1:
            # What is clipped is known from what is not: from the image of less contrast.
            gain = max(gain, 0.1)
            one, two, gain, bias = two, one, 1 / gain, -bias / gain
        fitted = two * np.float32(gain)
        fitted += np.float32(bias)
        return cls(one, np.clip(fitted, 0, 255, out=fitted), common, gain, bias)


def difference(pair: Matched) -> Difference:
    """Where both have pixels."""
    one, fitted = pair.one, pair.two
    weight = pair.common.astype(np.float32)
    seen, expected = luma(one), luma(fitted)
    products = np.stack([seen, expected, seen**2, expected**2, seen * expected])
    times = int(np.log2(len(weight) // 32))
    pooled, share = halved(products * weight, times), halved(weight, times)
    small = _Blocks.of(pooled, share)
    large = _Blocks.of(halved(pooled, 1), halved(share, 1))
    rest = halved((one - fitted) * weight, times)
    color = _length(means(rest - luma(rest), share))
    few = _sampled(one - fitted, pair.common)
    noise = large.variances.mean(axis=0) / 2 + NOISE**2
    return Difference(
        detail=large.largest(large.error / noise),
        level=large.largest(np.abs(large.level)),
        color=small.largest(color),
        tint=float(np.ptp(np.median(few, axis=1))) if few.size else 0.0,
        gain=pair.gain,
        shift=pair.gain * 128 + pair.bias - 128,
        coarse=large.agreeing(),
        fine=small.agreeing(),
    )


@dataclass(frozen=True)
class _Blocks:
    """What two images have in blocks that lie half over each other, [m, m]."""

    used: Flags
    """Whether half of the block or more is common."""
    level: Floats
    """Difference of the means."""
    error: Floats
    """Mean square difference."""
    variances: Floats
    """[2, m, m]."""
    correlation: Floats

    @classmethod
    def of(cls, products: Floats, share: Floats) -> "_Blocks":
        """Of the means of x, y, x * x, y * y and x * y in halves of blocks, [5, 2m, 2m]."""
        x, y, xx, yy, xy = means(products, share)
        variances = np.maximum(np.stack([xx - x * x, yy - y * y]), 0)
        length = np.sqrt(variances[0] * variances[1])
        return cls(
            used=overlapping(share) >= 0.5,
            level=x - y,
            error=np.maximum(xx - 2 * xy + yy, 0),
            variances=variances,
            correlation=(xy - x * y) / np.maximum(length, 1e-3),
        )

    def agreeing(self) -> float:
        """Share of blocks with the same detail in both."""
        detail = self.variances.min(axis=0) > TEXTURE**2
        same = self.used & detail & (self.correlation > FITTING)
        return float(same.sum() / max(1, self.used.sum()))

    def largest(self, values: Floats) -> float:
        """Of [m, m], one for each block."""
        return float(values[self.used].max(initial=0))


def luma(planes: Floats) -> Floats:
    """[n, n] of [3, n, n]."""
    gray: Floats = planes[0] * _LUMA[0] + planes[1] * _LUMA[1] + planes[2] * _LUMA[2]
    return gray


def halved(planes: Floats, times: int = 1) -> Floats:
    """[..., n / 2, n / 2], each the mean of four, that many `times`."""
    for _ in range(times):
        rows = planes[..., ::2, :] + planes[..., 1::2, :]
        planes = (rows[..., ::2] + rows[..., 1::2]) * np.float32(0.25)
    return planes


def _length(planes: Floats) -> Floats:
    """[n, n] of [C, n, n]."""
    length: Floats = np.sqrt((planes * planes).sum(axis=0))
    return length


def overlapping(cells: Floats) -> Floats:
    """[..., n - 1, n - 1]: means of four neighbors."""
    rows = cells[..., 1:, :] + cells[..., :-1, :]
    cells = (rows[..., 1:] + rows[..., :-1]) * np.float32(0.25)
    return cells


def means(cells: Floats, share: Floats) -> Floats:
    """[C, n - 1, n - 1]: of four neighbors, of which `share` [n, n] counts."""
    found = overlapping(cells)
    found /= np.maximum(overlapping(share), np.float32(1e-3))
    return found


def _sampled(planes: Floats, common: Flags) -> Floats:
    """[3, K]: some pixels in `common` of planes [3, n, n]."""
    step = len(common) // SAMPLES
    some: Floats = planes[:, ::step, ::step][:, common[::step, ::step]]
    return some


def _exposure(dark: Floats, light: Floats) -> tuple[float, float]:
    """Gain and bias that make `dark` like `light`, whatever a part of them does."""
    inner = (np.minimum(dark, light) > CLIPPED) & (np.maximum(dark, light) < 255 - CLIPPED)
    x, y = dark[inner].astype(np.float64), light[inner].astype(np.float64)
    gain, bias = 1.0, 0.0
    if len(x) < SAMPLES:
        return gain, bias
    weight = np.ones_like(x)
    for _ in range(4):
        total = weight.sum()
        mean, other = weight @ x / total, weight @ y / total
        dx = weight * (x - mean)
        # Of one color there is no contrast to be measured.
        gain = float((dx @ (y - other) + 25 * total) / (dx @ (x - mean) + 25 * total))
        bias = float(other - gain * mean)
        rest = np.abs(y - gain * x - bias)
        weight = 1 / (1 + (rest / max(2.0, 1.5 * _median(rest))) ** 2)
    return gain, bias


def _median(values: Doubles) -> float:
    """Of [n], n > 0; `np.median` takes five times as long for so few."""
    half = len(values) // 2
    low, high = len(values) - 1 - half, half
    parted = np.partition(values, (low, high))
    return float(parted[low] + parted[high]) / 2
