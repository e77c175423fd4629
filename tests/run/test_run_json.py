"""run.json keeps its keys whatever fields are called, and reads back to equal fields."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.preprocess import Preprocess
from alexnet_cli.recipe.recipe import FIELDS, Recipe
from alexnet_cli.run.provenance import Provenance
from alexnet_cli.run.run_json import FORMAT, from_json, to_json

DEFAULTS = {
    "data": "", "status": "training", "reason": "", "weights_file": "model.weights.h5",
    "created": "", "metrics": {}, "versions": {}, "provenance": Provenance(),
}  # fmt: skip
CHANNELS = st.tuples(*[st.floats(0.5, 255)] * 3)


def fields(**changes):
    return {
        "architecture": ARCHITECTURES["tiny"],
        "preprocess": Preprocess("pad", 40, 32, None, (1.0, 2.0, 3.0), 10**6),
        "classes": ("a", "b"),
        "recipe": Recipe(arch="tiny", epochs=3),
        "temperature": 1.5,
        "threshold": 0.5,
        **DEFAULTS,
        **changes,
    }


@given(
    st.sampled_from(sorted(ARCHITECTURES)),
    st.builds(
        Preprocess,
        resize_mode=st.sampled_from(("squash", "crop", "pad")),
        stored_size=st.integers(300, 999),
        input_size=st.just(0),
        mean=st.none() | CHANNELS,
        std=CHANNELS,
        max_pixels=st.integers(1, 10**9),
        white_level=st.none() | st.integers(1, 2**32 - 1),
        samplewise_center=st.booleans(),
        samplewise_std_normalization=st.booleans(),
    ),
)
def test_fields_survive_json(arch, preprocess):
    arch = ARCHITECTURES[arch]
    preprocess = dataclasses.replace(preprocess, input_size=arch.input_size)
    before = fields(architecture=arch, preprocess=preprocess)
    data = json.loads(json.dumps(to_json(before)))
    assert data.pop("format") == FORMAT == 1
    assert from_json(data) == before


def test_keys_of_preprocessing_are_those_of_format_1():
    data = to_json(fields())
    assert data["preprocess"] == {
        "resize": "pad", "size": 40, "crop": 32, "mean": None, "std": (1.0, 2.0, 3.0),
        "max_pixels": 10**6, "white_level": None, "samplewise_center": False,
        "samplewise_std_normalization": False,
    }  # fmt: skip
    names = {x.name for x in dataclasses.fields(Preprocess)}
    assert len(data["preprocess"]) == len(names)


def test_the_recipe_is_flat():
    data = to_json(fields())
    assert list(data["recipe"]) == list(FIELDS)
    assert data["recipe"]["epochs"] == 3 and "stopping" not in data["recipe"]


def test_the_first_runs_had_no_temperature_no_threshold_and_no_limit():
    data = json.loads(json.dumps(to_json(fields())))
    del data["format"], data["temperature"], data["threshold"]
    del data["preprocess"]["max_pixels"], data["preprocess"]["white_level"]
    found = from_json(data)
    assert (found["temperature"], found["threshold"]) == (1.0, 0.0)
    assert found["preprocess"].max_pixels == 100_000_000
    assert found["preprocess"].white_level is None


def test_reading_leaves_the_data_as_it_was():
    data = json.loads(json.dumps(to_json(fields())))
    before = json.dumps(data)
    from_json(data)
    assert json.dumps(data) == before


@pytest.mark.parametrize("mean", [[1, 2], [1, 2, 3, 4], "x", [None] * 3])
def test_channels_are_three_numbers(mean):
    data = json.loads(json.dumps(to_json(fields())))
    data["preprocess"]["mean"] = mean
    with pytest.raises((ValueError, TypeError)):
        from_json(data)
