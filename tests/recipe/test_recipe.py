"""A recipe is built from flat fields and read by section; equal fields are equal recipes."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.recipe.recipe import FIELDS, SECTIONS, TITLES, Recipe
from alexnet_cli.recipe.sections import Augmentation, Stopping
from alexnet_cli.recipe.validation import check


def test_defaults_are_a_recipe():
    check(Recipe(), ())


def test_no_two_sections_share_a_field():
    names = [x.name for kind in SECTIONS.values() for x in dataclasses.fields(kind)]
    assert len(names) == len(set(names)) == len(FIELDS)
    assert set(SECTIONS) == set(TITLES) and not set(SECTIONS) & set(FIELDS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_read_by_section_and_by_name(name):
    recipe, section = Recipe(), FIELDS[name].section
    assert recipe[name] == getattr(getattr(recipe, section), name) == FIELDS[name].default


@given(epochs=st.integers(1, 1000), zoom=st.floats(0, 0.9), weights=st.none() | st.text())
def test_flat_fields_survive_a_round_trip(epochs, zoom, weights):
    recipe = Recipe(epochs=epochs, zoom=zoom, weights=weights)
    assert Recipe(**recipe.flat()) == recipe
    assert hash(Recipe(**recipe.flat())) == hash(recipe)
    assert recipe.changed(epochs=epochs) == recipe
    assert recipe.changed(epochs=epochs + 1) != recipe


def test_whole_sections_and_fields_can_be_given():
    section = Stopping(epochs=3, patience=2)
    recipe = Recipe(stopping=section, augmentation=Augmentation(zoom=0.2), patience=5)
    assert recipe.stopping == Stopping(epochs=3, patience=5)
    assert recipe.augmentation.zoom == 0.2
    assert dataclasses.replace(recipe, zoom=0.3)["zoom"] == 0.3


def test_a_field_that_does_not_exist_is_named():
    with pytest.raises(TypeError, match="no field 'epoch'"):
        Recipe(epoch=3)
    with pytest.raises(KeyError):
        Recipe()["epoch"]


def test_a_recipe_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().stopping.epochs = 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().stopping = Stopping()


def test_flags_are_names_with_dashes():
    assert FIELDS["val_fraction"].flag == "--val-fraction"
