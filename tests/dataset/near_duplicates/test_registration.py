"""An image is laid over the part of it that another one shows."""

import numpy as np
import pytest
from PIL import Image

from alexnet_cli.dataset.near_duplicates.differences import halved
from alexnet_cli.dataset.near_duplicates.registration import Overlay, register


@pytest.fixture(scope="module")
def scene():
    levels = np.random.default_rng(3).integers(0, 256, (12, 12)).astype(np.uint8)
    return Image.fromarray(levels).resize((512, 512), Image.Resampling.BICUBIC)


def sizes(image):
    half = np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR), np.float32)
    return [halved(half, 2), halved(half), half]


BOXES = [
    (0, 0, 512, 512), (10, 20, 500, 490), (0, 0, 470, 512), (30, 30, 482, 482),
    (40, 0, 512, 480), (25, 10, 512, 512),
]  # fmt: skip


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("gain", [1, 0.7])
def test_a_part_is_found(scene, box, gain):
    part = scene.crop(box).point(lambda x: x * gain + 20)
    found = register(sizes(scene), sizes(part), Overlay())
    left, top, right, bottom = (2 * x / 512 - 1 for x in box)
    # A point x of the whole is at scale * x + shift of the part.
    scale_x, scale_y = 2 / (right - left), 2 / (bottom - top)
    assert found.scale_x == pytest.approx(scale_x, abs=0.01)
    assert found.scale_y == pytest.approx(scale_y, abs=0.01)
    assert found.shift_x == pytest.approx(-scale_x * (left + right) / 2, abs=0.01)
    assert found.shift_y == pytest.approx(-scale_y * (top + bottom) / 2, abs=0.01)


def test_flat_images_stay_where_they_are():
    flat = [np.full((n, n), 80, np.float32) for n in (16, 32, 64)]
    assert register(flat, flat, Overlay()) == Overlay()


def test_laying_an_image_over_itself_changes_nothing(scene):
    planes = np.asarray(scene.resize((64, 64)), np.float32)[None]
    np.testing.assert_allclose(Overlay().lay(planes), planes, atol=0.5)
    assert Overlay().common(64, 0).all()
    inner = Overlay().common(64, 0.25)
    assert inner.sum() == 48 * 48 and inner[8:56, 8:56].all()


def test_only_what_both_have_is_common():
    common = Overlay(1, 0.5, 1, 0).common(8, 0)
    # Shifted by a quarter of the side: the last two columns are beyond the other's edge.
    assert common[:, :6].all() and not common[:, 6:].any()
