"""Keras is given no .keras file but those that an export may have written."""

import json
import warnings
import zipfile

import keras
import pytest

from alexnet_cli.errors import WeightsError
from alexnet_cli.inference.keras_check import check_keras


@pytest.fixture
def saved(tmp_path):
    """A small .keras file, and a function that changes its configuration."""
    file = tmp_path / "model.keras"
    inputs = keras.Input((4, 4, 3), name="pixels")
    keras.Model(inputs, keras.layers.Conv2D(2, 3)(inputs)).save(file)

    def change(work):
        with zipfile.ZipFile(file) as archive:
            members = {x: archive.read(x) for x in archive.namelist()}
        config = json.loads(members["config.json"])
        config = work(config) or config
        members["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return file

    return change


def test_what_keras_saved_passes(saved):
    check_keras(saved(lambda config: None))


@pytest.mark.parametrize("how", [
    {"module": "keras.layers", "class_name": "Lambda", "registered_name": None},
    {"module": "builtins", "class_name": "function", "registered_name": "function"},
    {"module": "keras.src.ops.core", "class_name": "Map", "registered_name": "Map"},
    # Without a module, Keras looks the name up by itself.
    {"class_name": "GaussianNoise", "name": "g"}, {"class_name": "TFSMLayer"},
    {"registered_name": "package>Layer"},
])  # fmt: skip
def test_any_other_class_is_refused(saved, how):
    file = saved(lambda config: config["config"]["layers"][1].update(extra=how))
    with pytest.raises(WeightsError, match="which no export writes"):
        check_keras(file)


def test_the_model_itself_is_one_of_layers(saved):
    file = saved(lambda config: config["config"]["layers"][1])
    with pytest.raises(WeightsError, match="is no functional model"):
        check_keras(file)


@pytest.mark.parametrize("name", ["assets/x", "../evil", "\x1b[31m.py", "config.json"])
def test_any_other_member_is_refused(saved, name):
    """Keras unpacks all of them, and warns of those that lead elsewhere."""
    file = saved(lambda config: None)
    with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as archive:
        warnings.simplefilter("ignore")  # One name is there twice.
        archive.writestr(name, b"{}")
    with pytest.raises(WeightsError, match="a member that no export writes|in it twice"):
        check_keras(file)


def test_damage_is_one_error(saved):
    file = saved(lambda config: None)
    data = file.read_bytes()
    for i in range(0, len(data), 97):
        file.write_bytes(data[:i] + b"\xff" * 40 + data[i + 40 :])
        try:
            check_keras(file)
        except WeightsError as error:
            assert str(error)
