"""Command line over TOML over defaults; what is printed is what would be read."""

import tomllib
from importlib import resources

import pytest
from helpers import alexnet

from alexnet_cli.recipe.configs import FIELDS, config_names, read_config, to_toml
from alexnet_cli.recipe.recipe import Recipe


def printed(*args):
    result = alexnet("train", "--data", "x", "--print-config", *args)
    assert result.exit_code == 0, result.output
    return tomllib.loads(result.stdout)


def test_order_of_precedence(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('epochs = 7\noptimizer = "adam"\nhflip = true\n')
    keys = printed("--config", file, "--epochs", "3", "--no-hflip")
    assert (keys["epochs"], keys["optimizer"], keys["hflip"]) == (3, "adam", False)
    assert keys["batch_size"] == Recipe().optimization.batch_size
    assert "momentum" not in keys


@pytest.mark.parametrize("name", [None, *config_names()])
def test_what_is_printed_is_a_config(tmp_path, name):
    args = ("--config", name) if name else ()
    first = alexnet("train", "--data", "x", "--print-config", *args).stdout
    (tmp_path / "again.toml").write_text(first)
    again = alexnet(
        "train", "--data", "x", "--print-config", "--config", tmp_path / "again.toml"
    )
    assert again.stdout == first


def test_quotes_survive(tmp_path):
    text = to_toml(Recipe(metrics='a"b\\c'))
    assert tomllib.loads(text)["metrics"] == 'a"b\\c'


@pytest.mark.parametrize(
    "text,message",
    [
        ("epoch = 3", "unknown key 'epoch'; did you mean epochs?"),
        ("epochs = 5.5", "5.5"),
        ("epochs = true", "True"),
        ("hflip = 3", "hflip"),
        ("epochs = [3]", "epochs must be one value"),
        ("[train]\nepochs = 3", "unknown key 'train'"),
        ("epochs = ", "no TOML"),
        ('optimizer = "adam"\nmomentum = 0.5', "--momentum has no effect"),
        ("learning_rate = nan", "number"),
    ],
)
def test_a_wrong_file_is_a_usage_error(tmp_path, text, message):
    (tmp_path / "bad.toml").write_text(text)
    result = alexnet("train", "--data", "x", "--config", tmp_path / "bad.toml")
    assert result.exit_code == 2
    assert message in result.stderr


def test_an_option_may_take_the_effect_of_a_key(tmp_path):
    (tmp_path / "sgd.toml").write_text('optimizer = "sgd"\nmomentum = 0.8')
    assert "momentum" not in printed(
        "--config", tmp_path / "sgd.toml", "--optimizer", "adam"
    )


def test_a_name_almost_right():
    result = alexnet("train", "--data", "x", "--config", "tutorail")
    assert result.exit_code == 2 and "did you mean tutorial?" in result.stderr


@pytest.mark.parametrize("name", config_names())
def test_configs_claim_and_parse(name):
    text = (resources.files("alexnet_cli") / "configs" / f"{name}.toml").read_text("utf-8")
    assert set(read_config(name)) <= set(FIELDS)
    head = "".join(x for x in text.splitlines(keepends=True) if x.startswith("#"))
    for part in ("Source:", "Command:", "Result:", "Machine:"):
        assert part in head, f"{name}: its head lacks {part}"
    printed("--config", name)


def test_the_promised_configs_are_there():
    assert {"tutorial", "bn24", "half", "paper", "minute"} <= set(config_names())


def test_the_usual_recipe_unless_a_network_or_recipe_is_chosen():
    usual = alexnet("train", "--data", "x", "--print-config").stdout
    assert (
        usual
        == alexnet("train", "--data", "x", "--config", "default", "--print-config").stdout
    )
    assert 'norm = "all"' in usual
    for words in (("--arch", "alexnet"), ("--arch=alexnet",), ("--config", "paper")):
        table = alexnet("train", "--data", "x", *words, "--print-config").stdout
        assert 'norm = "table"' in table and 'arch = "alexnet"' in table
