"""Whether two images that look alike when small are the same in detail and in color.

The third look at near-identical images (docs/data.md): of two products of one shape, the
colors differ or a label does. Both images are laid over each other, one's exposure is
fitted to the other's, and the largest difference of any small block decides.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from ..arrays import Flags, Floats, Pixels
from .margins import content_box, reduced
from .registration import Overlay, register

SIDE = 128

EDGE = 0.08
"""Of half a side, at the edges: a margin's JPEG blocks reach into what is within it."""

DETAIL, LEVEL, COLOR, TINT = 2.0, 14.0, 24.0, 6.0
"""The largest differences of the same image.

In a block of 16 x 16: what of its variance is not the same in both, and the difference of
the means, levels; of color in a block of 8 x 8; and of the median color, levels.
Source: scripts/experiments/near_duplicates.py.
"""

NOISE = 8.0
"""Standard deviation, levels, of what saving again and resizing change anyway."""

GAIN, SHIFT = 1.6, 64.0
"""The most that exposure changes: contrast, and middle gray, levels."""

CLIPPED = 8
"""Levels from black or white within which an exposure cannot be measured."""

COLORLESS = 12
"""Difference of channels, levels, of nearly all pixels of a gray image."""

TEXTURED = 6.0
"""Standard deviation, levels, of a block with something in it to be compared."""

RICH = 0.75
"""Share of textured blocks in an image whose gray copy is told by its detail alone."""

STILL = 0.99
"""Correlation at 16 x 16 of images that may need not be moved."""

SYMMETRIC = 0.2
"""By how much less the worse of two mirrors may correlate that is tried as well."""

ROUGH = 2.0
"""How many times the differences may be at a quarter of the size."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class Difference:
    """By how much two images that were laid over each other differ."""

    detail: float
    level: float
    color: float
    tint: float
    gain: float
    shift: float
    textured: float
    """Share of blocks with texture in both."""
    recolored: bool = False
    """One is gray and the other is not: only their luma was compared."""

    def is_small(self, times: float = 1.0) -> bool:
        """Whether they are the same image, or nearly with `times` the differences."""
        alike = (
            self.detail <= DETAIL * times
            and self.level <= LEVEL * times
            and self.color <= COLOR * times
            and self.tint <= TINT * times
            and self.gain <= 1 + (GAIN - 1) * times
            and abs(self.shift) <= SHIFT * times
        )
        if not self.recolored:
            return alike
        # Gray is of no color: that it is not a product of another one, detail must tell.
        exposure = self.gain <= 1 + 0.2 * times and abs(self.shift) <= LEVEL * times
        return alike and exposure and self.textured >= RICH


def closeup(image: Image.Image, whole: bool = True) -> Pixels:
    """uint8 [128, 128, 3] of an RGB image, or of what its margins leave, a bit blurred."""
    few = reduced(image, 2 * SIDE)
    box = None if whole else content_box(few)
    small = few.resize((SIDE, SIDE), Image.Resampling.BOX, box=box)
    return np.asarray(small.filter(ImageFilter.GaussianBlur(0.7)))


def is_same(one: Pixels, two: Pixels) -> bool:
    """Whether two closeups are of one image, perhaps mirrored."""
    recolored = _is_gray(one) != _is_gray(two)
    planes, other = _planes(one, recolored), _planes(two, recolored)
    views = (other, np.ascontiguousarray(other[:, :, ::-1]))
    coarse = _sizes(planes)[0]
    scores = [_correlation(coarse, _sizes(x)[0]) for x in views]
    # What is symmetric but for a label may fit better the wrong way round.
    likely = [i for i in (0, 1) if scores[i] > max(scores) - SYMMETRIC]
    likely.sort(key=lambda i: -scores[i])
    differences = (difference(planes, views[i], recolored) for i in likely)
    return any(x is not None and x.is_small() for x in differences)


def difference(one: Floats, two: Floats, recolored: bool) -> Difference | None:
    """Of planes [C, 128, 128], `two` laid over `one`; None if it cannot be.

    Of images that differ at a quarter of the size, the difference there.
    """
    sizes, others = _sizes(one), _sizes(two)
    if _correlation(sizes[0], others[0]) > STILL:
        # Most frames of a clip need not be moved.
        everywhere = Overlay().common(SIDE, EDGE)
        found = _difference(one, two, everywhere, recolored)
        if found.is_small():
            return found
    overlay = register(sizes[:2], others[:2], Overlay())
    if overlay is None:
        return None
    few, other_few = _halved(_halved(one)), _halved(_halved(two))
    rough = _difference(few, overlay.lay(other_few), overlay.common(32, EDGE), recolored)
    if not rough.is_small(ROUGH):
        return rough
    overlay = register(sizes[2:], others[2:], overlay)
    if overlay is None:
        return None
    return _difference(one, overlay.lay(two), overlay.common(SIDE, EDGE), recolored)


def _is_gray(pixels: Pixels) -> bool:
    red, green, blue = pixels[::2, ::2].transpose(2, 0, 1)
    most = np.maximum(np.maximum(red, green), blue)
    least = np.minimum(np.minimum(red, green), blue)
    return bool((most - least > COLORLESS).mean() <= 0.01)


def _planes(pixels: Pixels, recolored: bool) -> Floats:
    """float32 [C, n, n]: red, green and blue, or luma alone."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)
    return _luma(planes)[None] if recolored else planes


def _luma(planes: Floats) -> Floats:
    """[n, n] of [3, n, n] or of [1, n, n]."""
    if len(planes) == 1:
        return planes[0]
    luma: Floats = planes[0] * _LUMA[0] + planes[1] * _LUMA[1] + planes[2] * _LUMA[2]
    return luma


def _halved(planes: Floats) -> Floats:
    left: Floats = planes[..., ::2, :] + planes[..., 1::2, :]
    return (left[..., ::2] + left[..., 1::2]) * np.float32(0.25)


def _sizes(planes: Floats) -> list[Floats]:
    """Gray at 16, 32 and 64 pixels."""
    half = _halved(_luma(planes))
    quarter = _halved(half)
    return [_halved(quarter), quarter, half]


def _correlation(one: Floats, two: Floats) -> float:
    a, b = (x - x.mean(0) - x.mean(1, keepdims=True) + x.mean() for x in (one, two))
    return float(np.vdot(a, b) / max(np.sqrt(np.vdot(a, a) * np.vdot(b, b)), 1e-6))


def _exposure(dark: Floats, light: Floats) -> tuple[float, float]:
    """Gain and bias that make `dark` like `light`, whatever a part of them does."""
    inner = (np.minimum(dark, light) > CLIPPED) & (np.maximum(dark, light) < 255 - CLIPPED)
    x, y = dark[inner].astype(np.float64), light[inner].astype(np.float64)
    if len(x) < 50:
        return 1.0, 0.0
    weight, gain, bias = np.ones_like(x), 1.0, 0.0
    for _ in range(5):
        total = weight.sum()
        mx, my = weight @ x / total, weight @ y / total
        dx = weight * (x - mx)
        # Of one color there is no contrast to be measured.
        gain = (dx @ (y - my) + 25 * total) / (dx @ (x - mx) + 25 * total)
        bias = my - gain * mx
        rest = y - gain * x - bias
        size = max(2.0, 1.5 * float(np.median(np.abs(rest))))
        weight = 1 / (1 + (rest / size) ** 2)
    return float(gain), float(bias)


def _difference(one: Floats, two: Floats, common: Flags, recolored: bool) -> Difference:
    """Of planes [C, n, n] laid over each other, where they have pixels in `common`."""
    step = max(1, len(common) // 32)
    kept = common[::step, ::step]
    gain, bias = _exposure(*(x[:, ::step, ::step][:, kept] for x in (two, one)))
    if gain < 1:
        # What is clipped is known from what is not, so from the image of less contrast.
        gain = max(gain, 0.1)
        one, two, gain, bias = two, one, 1 / gain, -bias / gain
    fitted = np.clip(np.float32(gain) * two + np.float32(bias), 0, 255)
    rest = one - fitted
    luma, seen, expected = (_luma(x) for x in (rest, one, fitted))
    blocks = _Blocks(common, len(common) // 8)
    means = blocks.means(np.stack([luma, luma**2, seen, seen**2, expected, expected**2]))
    variances = np.maximum(means[3::2] - means[2::2] ** 2, 0)
    textured = blocks.used & (variances.min(axis=0) > TEXTURED**2)
    color = tint = 0.0
    if len(one) > 1:
        small = _Blocks(common, len(common) // 16)
        color = small.largest(np.sqrt((small.means(rest - luma) ** 2).sum(axis=0)))
        tint = float(np.ptp(np.median(rest[:, ::step, ::step][:, kept], axis=1)))
    return Difference(
        detail=blocks.largest(means[1] / (variances.mean(axis=0) / 2 + NOISE**2)),
        level=blocks.largest(np.abs(means[0])),
        color=color,
        tint=tint,
        gain=gain,
        shift=gain * 128 + bias - 128,
        textured=float(textured.sum() / max(1, blocks.used.sum())),
        recolored=recolored,
    )


class _Blocks:
    """Square blocks of an image, half over each other, of which half or more is common."""

    def __init__(self, common: Flags, side: int) -> None:
        starts = np.arange(0, len(common) - side + 1, side // 2)[:, None]
        pixels = np.arange(len(common))
        self.rows = ((pixels >= starts) & (pixels < starts + side)).astype(np.float32)
        self.weight = common.astype(np.float32)
        self.count = self.rows @ self.weight @ self.rows.T
        self.used = self.count >= side * side / 2

    def means(self, planes: Floats) -> Floats:
        """[C, m, m]: of each block of planes [C, n, n], what is common."""
        sums = self.rows @ (planes * self.weight) @ self.rows.T
        means: Floats = sums / np.maximum(self.count, 1)
        return means

    def largest(self, values: Floats) -> float:
        """Of [m, m], one for each block."""
        return float(values[self.used].max(initial=0))
