"""Every field of a recipe is an option; options win over --config, which wins over defaults."""

import re
import tomllib

import click
import pytest
from helpers import alexnet, fails

from alexnet_cli.cli.train import train_command
from alexnet_cli.recipe.configs import (
    build_recipe,
    config_names,
    config_summary,
    effective,
    read_config,
    to_toml,
)
from alexnet_cli.recipe.recipe import FIELDS, TITLES, Recipe
from alexnet_cli.run.run import Run


def text(*args):
    result = alexnet("train", "--print-config", *args)
    assert result.exit_code == 0, result.output
    return result.stdout


def printed(*args):
    return tomllib.loads(text(*args))


def test_every_field_is_an_option_of_its_type():
    options = {x.name: x for x in train_command.params}
    for name, field in FIELDS.items():
        option = options[name]
        short = {"epochs": ["-e"], "batch_size": ["-b"]}.get(name, [])
        assert option.opts == [*short, field.flag] and option.help == field.help
        assert option.is_flag == (field.type is bool)
        if field.choices:
            assert tuple(option.type.choices) == field.choices
        if isinstance(option.type, click.IntRange | click.FloatRange):
            assert (option.type.min, option.type.max) == (field.low, field.high)


def test_help_lists_options_by_section():
    lines = alexnet("train", "--help").stdout.splitlines()
    headings = [x[:-1] for x in lines if x.endswith(":") and not x.startswith(" ")]
    assert headings == ["Recipes (--config)", "Options", *TITLES.values()]
    under = {}
    for line in lines:
        if line[:-1] in headings:
            heading = line[:-1]
        elif line.startswith("  -"):
            flag = next(x for x in line.split() if x.startswith("--"))
            under[flag.rstrip(",").partition("/")[0]] = heading
    assert {x.flag: TITLES[x.section] for x in FIELDS.values()}.items() <= under.items()
    assert under["--data"] == under["--config"] == "Options"


def test_help_says_what_each_recipe_is_for_and_begins_with_an_example():
    lines = [" ".join(x.split()) for x in alexnet("train", "--help").stdout.splitlines()]
    assert lines[4] == "alexnet train flower_photos"
    text = " ".join(lines)
    for name in config_names():
        assert f"{name} {config_summary(name)}" in text


def test_the_five_that_people_type_have_a_letter():
    keys = printed("-d", "x", "-o", "y", "-c", "quick", "-e", "3", "-b", "7")
    assert (keys["epochs"], keys["batch_size"], keys["start_size"]) == (3, 7, 128)
    assert printed("-cquick") == printed("--config=quick") == printed("--config", "quick")


def test_the_recipe_of_a_run_is_a_config(trained, tmp_path, monkeypatch):
    own = Run.read(trained).recipe
    recipe = build_recipe(effective(own))
    assert effective(recipe) == effective(own)
    assert Recipe(**printed("--config", trained)) == Recipe(**effective(own))
    changed = printed("--config", trained, "--epochs", "9")
    assert changed == {**effective(own), "epochs": 9}
    fails(3, "is not a run directory (it has no run.json)", "train", "-c", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick").mkdir()
    assert printed("-c", "quick") == effective(build_recipe("quick"))


def test_order_of_precedence(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('epochs = 7\noptimizer = "adam"\nhflip = true\n')
    keys = printed("--config", file, "--epochs", "3", "--no-hflip")
    assert (keys["epochs"], keys["optimizer"], keys["hflip"]) == (3, "adam", False)
    assert keys["batch_size"] == Recipe().optimization.batch_size
    assert "momentum" not in keys


@pytest.mark.parametrize("name", [None, *config_names()])
def test_what_is_printed_is_a_config(tmp_path, name):
    first = text("--config", name) if name else text()
    assert first == to_toml(build_recipe(name)) + "\n"
    (tmp_path / "again.toml").write_text(first)
    assert text("--config", tmp_path / "again.toml") == first


@pytest.mark.parametrize("name", config_names())
def test_help_shows_the_values_of_a_config_as_defaults(name):
    shown = " ".join(alexnet("train", "--config", name, "--help").stdout.split())
    for key, value in read_config(name).items():
        if FIELDS[key].type in (int, float) and not FIELDS[key].optional:
            row = rf" {FIELDS[key].flag} (INTEGER|FLOAT).*?\[default: ([^;\]]*)"
            assert re.search(row, shown)[2] == str(value), key


@pytest.mark.parametrize("toml, message", [
    ("epoch = 3", "unknown key 'epoch'; did you mean epochs?"),
    ("epochs = 5.5", "--epochs: 5.5 is not a whole number"),
    ("hflip = 3", "--hflip: 3 is not true or false"),
    ("epochs = [3]", "epochs must be a single value"),
    ("epochs = ", "is not valid TOML"),
    ('optimizer = "adam"\nmomentum = 0.5', "--momentum has no effect here: it needs"),
    ("learning_rate = nan", "--learning-rate: nan is not a number"),
])  # fmt: skip
def test_a_wrong_file_is_a_usage_error(tmp_path, toml, message):
    (tmp_path / "bad.toml").write_text(toml)
    fails(2, message, "train", "--data", "x", "--config", tmp_path / "bad.toml")


@pytest.mark.parametrize("args, message", [
    (("--epochs", "5.5"), "'5.5' is not a whole number"),
    (("--learning-rate", "nan"), "--learning-rate: nan is not a number"),
    (("--zoom", "1"), "1.0 is not in the range 0.0<=x<=0.9"),
    (("--optimizer", "lion"), "'lion' is not one of 'sgd', 'adam', 'adamw', 'muon', 'rmsprop'"),
    (("--optimizer", "adam", "--momentum", "0.5"), "--momentum has no effect here: it needs"),
    (("--config", "tutorail"), "did you mean tutorial?"),
])  # fmt: skip
def test_a_wrong_option_is_a_usage_error(args, message):
    fails(2, message, "train", "--data", "x", *args)


def test_an_option_may_take_the_effect_of_a_key(tmp_path):
    (tmp_path / "sgd.toml").write_text('optimizer = "sgd"\nmomentum = 0.8')
    keys = printed("--config", tmp_path / "sgd.toml", "--optimizer", "adam")
    assert "momentum" not in keys


def test_the_default_recipe_unless_a_network_or_recipe_is_chosen():
    default = text()
    assert default == text("--config", "default") and 'norm = "all"' in default
    for words in (("--arch", "alexnet"), ("--arch=alexnet",), ("--config", "paper")):
        table = text(*words)
        assert 'norm = "table"' in table and 'arch = "alexnet"' in table
