"""A recipe says how images become the network's input; what it leaves open, the network says."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.errors import RecipeError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.preprocess import MAX_PIXELS, Preprocess
from alexnet_cli.recipe.preprocessing import IMAGENET_MEAN, IMAGENET_STD, preprocess_of
from alexnet_cli.recipe.recipe import Recipe


def test_the_preprocessing_of_publications():
    paper = preprocess_of(Recipe(arch="alexnet", size=256, resize="crop"))
    assert paper == Preprocess("crop", 256, 227, None, (1.0, 1.0, 1.0))
    flowers = preprocess_of(Recipe(arch="alexnet-flowers", size=227, resize="squash"))
    assert flowers == Preprocess("squash", 227, 227, (0.0,) * 3, (255.0,) * 3)
    caffe = preprocess_of(Recipe(arch="alexnet-bvlc"))
    assert (caffe.mean, caffe.std) == ((124.0, 117.0, 104.0), (1.0, 1.0, 1.0))
    own = preprocess_of(Recipe(arch="tiny", size=40, mean="1,2,3", std="imagenet"))
    assert (own.mean, own.std) == ((1.0, 2.0, 3.0), (58.395, 57.12, 57.375))


def test_imagenets_mean_and_std_are_torchvisions():
    np.testing.assert_allclose(np.divide(IMAGENET_MEAN, 255), (0.485, 0.456, 0.406))
    np.testing.assert_allclose(np.divide(IMAGENET_STD, 255), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=lambda x: x.name)
def test_without_a_size_images_have_a_margin_of_an_eighth(arch):
    preprocess = preprocess_of(Recipe(arch=arch.name))
    assert preprocess.input_size == arch.input_size
    assert preprocess.stored_size == int(arch.input_size / 7 * 8)
    assert preprocess_of(Recipe(arch="alexnet-owt")).stored_size == 256


@pytest.mark.parametrize("name", ["mean", "std"])
@pytest.mark.parametrize("text, channels", [
    ("7", (7.0,) * 3), ("1,2.5,3e1", (1.0, 2.5, 30.0)), (" 1, 2 ,3 ", (1.0, 2.0, 3.0)),
    ("imagenet", {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}),
])  # fmt: skip
def test_mean_and_std_are_one_number_or_three_or_imagenets(name, text, channels):
    preprocess = preprocess_of(Recipe(arch="tiny", **{name: text}))
    expected = channels[name] if isinstance(channels, dict) else channels
    assert getattr(preprocess, name) == expected


@pytest.mark.parametrize("name, text", [
    *((x, y) for x in ("mean", "std") for y in ("1,2", "1,2,3,4", "red", "1,2,x", ",", "1;2;3", "Imagenet")),
    ("std", "0"), ("std", "1,0,1"), ("std", "-1"), ("std", "pixel"),
])  # fmt: skip
def test_what_is_not_a_number_per_channel_is_refused(name, text):
    with pytest.raises(RecipeError) as error:
        preprocess_of(Recipe(arch="tiny", **{name: text}))
    message = f"--{name}: {text!r} is neither R,G,B nor a number nor imagenet"
    assert str(error.value) == message


def test_an_empty_mean_or_std_is_the_networks():
    networks = preprocess_of(Recipe(arch="alexnet-owt"))
    assert preprocess_of(Recipe(arch="alexnet-owt", mean="", std="")) == networks


def test_what_each_image_has_itself_replaces_what_the_network_has():
    by_mean = preprocess_of(Recipe(arch="alexnet", samplewise_center=True))
    assert (by_mean.mean, by_mean.std) == ((0.0,) * 3, (1.0,) * 3)
    by_std = preprocess_of(Recipe(arch="alexnet-owt", samplewise_std_normalization=True))
    assert (by_std.mean, by_std.std) == ((0.0,) * 3, (1.0,) * 3)
    assert by_mean.samplewise_center and not by_mean.samplewise_std_normalization
    assert by_std.samplewise_std_normalization and by_std.samplewise_center


def test_only_pixel_means_the_mean_image():
    assert preprocess_of(Recipe(arch="tiny", mean="pixel")).mean is None
    assert preprocess_of(Recipe(arch="alexnet", mean="0")).mean == (0.0, 0.0, 0.0)


def test_a_size_below_the_networks_input_is_refused():
    text = "--size 226 is smaller than the 227 pixels of alexnet-half's input"
    with pytest.raises(RecipeError, match=f"^{re.escape(text)}$"):
        preprocess_of(Recipe(size=226))
    assert preprocess_of(Recipe(size=227)).stored_size == 227


@given(st.floats(0.01, 2000))
def test_pixels_are_limited_by_megapixels(megapixels):
    limit = preprocess_of(Recipe(max_megapixels=megapixels)).max_pixels
    assert isinstance(limit, int) and abs(limit - megapixels * 1e6) <= 0.5
    assert preprocess_of(Recipe()).max_pixels == MAX_PIXELS


@pytest.mark.parametrize(
    "text,expected", [("auto", None), ("1", 1), ("4095", 4095), ("4294967295", 2**32 - 1)]
)
def test_the_white_level_is_a_number_or_auto(text, expected):
    assert preprocess_of(Recipe(white_level=text)).white_level == expected
    assert preprocess_of(Recipe()).white_level is None


@pytest.mark.parametrize(
    "text",
    ["0", "-1", "4095.0", "", "Auto", "1e3", "4294967296", "nan", "\u00b2", "9" * 5000],
)
def test_other_white_levels_are_refused(text):
    with pytest.raises(RecipeError, match="^--white-level: .* is neither auto nor a whole"):
        preprocess_of(Recipe(white_level=text))


def test_the_steps_say_the_white_level():
    steps = preprocess_of(Recipe(white_level="4095")).steps()
    assert steps.startswith(
        "RGB, 0 to 255 (of more than 8 bits, 4095 and above become 255)."
    )
    assert "more than 8 bits" not in preprocess_of(Recipe()).steps()
