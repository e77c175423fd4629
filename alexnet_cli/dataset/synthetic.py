"""A small data set of drawn images that behaves like photographs, for a first try offline.

Five shapes under changing light, scale, rotation, color and background, with blur, noise
and JPEG artifacts. As with real objects, color is a hint and shape decides.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..arrays import Doubles
from ..errors import DatasetError, printable

Points = list[tuple[float, float]]
"""Corners (x, y) of a polygon in the square -1..1."""

SIDE = 256

PHOTOS, TEST_SET = "photos", "Test_set"
"""Names of the two folders."""


def _daisy(rng: np.random.Generator) -> list[Points]:
    petals = int(rng.integers(7, 12))
    return [_ellipse(0.62, 2 * math.pi * i / petals, 0.36, 0.12) for i in range(petals)] + [
        _ellipse(0, 0, 0.24, 0.24)
    ]


def _fish(rng: np.random.Generator) -> list[Points]:
    tail = [(0.45, 0.0), (0.98, 0.42), (0.82, 0.0), (0.98, -0.42)]
    fin = [(-0.1, -0.3), (0.25, -0.62), (0.3, -0.25)]
    return [_ellipse(0.1, math.pi, 0.62, 0.36), tail, fin]


def _house(rng: np.random.Generator) -> list[Points]:
    roof = [(-0.85, -0.1), (0.0, -0.85), (0.85, -0.1)]
    wall = [(-0.65, -0.1), (0.65, -0.1), (0.65, 0.8), (-0.65, 0.8)]
    door = [(-0.15, 0.25), (0.2, 0.25), (0.2, 0.8), (-0.15, 0.8)]
    return [wall, roof, door]


def _leaf(rng: np.random.Generator) -> list[Points]:
    side = [
        (t, 0.42 * math.sin(math.pi * (t + 0.9) / 1.8) ** 1.3)
        for t in np.linspace(-0.9, 0.9, 24)
    ]
    vein = [(-0.9, -0.02), (1.0, -0.02), (1.0, 0.02), (-0.9, 0.02)]
    return [side + [(x, -y) for x, y in reversed(side)], vein]


def _star(rng: np.random.Generator) -> list[Points]:
    points = int(rng.integers(5, 7))
    ring = [
        ((0.95 if i % 2 == 0 else 0.4) * math.cos(math.pi * i / points),
         (0.95 if i % 2 == 0 else 0.4) * math.sin(math.pi * i / points))
        for i in range(2 * points)
    ]  # fmt: skip
    return [ring]


KINDS: dict[str, Callable[[np.random.Generator], list[Points]]] = {
    "daisy": _daisy, "fish": _fish, "house": _house, "leaf": _leaf, "star": _star,
}  # fmt: skip

_COLORS = {
    "daisy": (235, 225, 205), "fish": (90, 150, 200), "house": (190, 90, 75),
    "leaf": (75, 160, 65), "star": (225, 185, 60),
}  # fmt: skip

_SPREAD = 40
"""Standard deviation of a shape's color about that of its kind, levels."""


def draw_sample(
    folder: Path, photos: int = 100, tests: int = 20, seed: int = 0
) -> dict[str, Path]:
    """Write `photos` and `tests` images per class; the two folders, by name.

    Equal arguments draw equal images.

    Raises:
        DatasetError: `folder` already exists and is not an empty folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DatasetError(f"{printable(folder)} already exists; name a new folder")
    for label, name in enumerate(KINDS):
        for part, count in ((PHOTOS, photos), (TEST_SET, tests)):
            class_folder = folder / part / name
            class_folder.mkdir(parents=True)
            for i in range(count):
                rng = np.random.default_rng((seed, label, part == TEST_SET, i))
                file = class_folder / f"{name}_{i:03}.jpg"
                draw_image(name, rng).save(file, quality=88)
    return {x: folder / x for x in (PHOTOS, TEST_SET)}


def draw_image(kind: str, rng: np.random.Generator) -> Image.Image:
    """One RGB image, SIDE x SIDE, of a shape of `kind`, a key of KINDS."""
    scene = _background(rng)
    for _ in range(int(rng.integers(0, 3))):
        blob, size = _blob(rng), float(rng.uniform(0.06, 0.2))
        _paint(scene, [blob], rng, size, rng.uniform(20, 235, 3))
    color = rng.normal(_COLORS[kind], _SPREAD).clip(0, 255)
    _paint(scene, KINDS[kind](rng), rng, float(rng.uniform(0.3, 0.46)), color)
    scene = scene.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.6))))
    pixels = np.asarray(scene, np.float64)
    ramp = np.linspace(-1, 1, SIDE)
    light = 1 + rng.uniform(-0.3, 0.3) * ramp[:, None, None]
    light = light + rng.uniform(-0.3, 0.3) * ramp[None, :, None]
    pixels = pixels * light * rng.uniform(0.7, 1.2)
    pixels = pixels + rng.normal(0, rng.uniform(2, 10), pixels.shape)
    return Image.fromarray(np.rint(pixels.clip(0, 255)).astype(np.uint8))


def _background(rng: np.random.Generator) -> Image.Image:
    """Clouds of two colors: noise at three scales, summed."""
    noise = np.zeros((SIDE, SIDE))
    for cells, weight in ((4, 1.0), (12, 0.5), (48, 0.3)):
        coarse = Image.fromarray(rng.uniform(0, 255, (cells, cells)).astype(np.uint8))
        noise += weight * np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    share = ((noise - noise.min()) / np.ptp(noise))[..., None]
    one, two = rng.uniform(20, 235, (2, 3))
    return Image.fromarray((share * one + (1 - share) * two).astype(np.uint8))


def _paint(
    scene: Image.Image,
    shapes: list[Points],
    rng: np.random.Generator,
    size: float,
    color: Doubles,
) -> None:
    """Draw shapes of the square -1..1 onto the scene: rotated, squeezed, with a shadow."""
    angle, squeeze = rng.uniform(-0.6, 0.6), rng.uniform(0.75, 1.0)
    radius = size * SIDE
    center = rng.uniform(0.8 * radius, SIDE - 0.8 * radius, 2)
    cos, sin = math.cos(angle) * radius, math.sin(angle) * radius
    draw = ImageDraw.Draw(scene)
    shadow = rng.uniform(-8, 8, 2)

    def placed(points: Points, offset: Doubles) -> Points:
        return [
            (center[0] + offset[0] + cos * x - sin * y * squeeze,
             center[1] + offset[1] + sin * x + cos * y * squeeze)
            for x, y in points
        ]  # fmt: skip

    for points in shapes:
        draw.polygon(placed(points, shadow), fill=(25, 25, 30))
    for points in shapes:
        fill = tuple(int(c) for c in np.clip(color + rng.uniform(-45, 45), 0, 255))
        draw.polygon(placed(points, np.zeros(2)), fill=fill)


def _ellipse(distance: float, angle: float, along: float, across: float) -> Points:
    """An ellipse whose center is `distance` away in direction `angle`, pointing there."""
    cos, sin = math.cos(angle), math.sin(angle)
    points = []
    for t in np.linspace(0, 2 * math.pi, 28):
        x, y = distance + along * math.cos(t), across * math.sin(t)
        points.append((cos * x - sin * y, sin * x + cos * y))
    return points


def _blob(rng: np.random.Generator) -> Points:
    """A random rounded shape that belongs to no class."""
    radii = rng.uniform(0.5, 1.0, 9)
    return [
        (r * math.cos(a), r * math.sin(a))
        for r, a in zip(radii, np.linspace(0, 5.6, 9), strict=True)
    ]


def smooth_images(count: int, side: int) -> Iterator[Image.Image]:
    """Random smooth images of `side` pixels, the same whenever they are drawn."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        small = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
        yield small.resize((side, side), Image.Resampling.BILINEAR)
