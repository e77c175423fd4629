"""A recipe that is written as TOML is read back as the same recipe; wrong files are one line."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alexnet_cli.errors import RecipeError, WeightsError
from alexnet_cli.model.architecture import trace
from alexnet_cli.recipe import configs
from alexnet_cli.recipe.configs import (
    build_recipe,
    config_names,
    config_summary,
    read_config,
    to_toml,
)
from alexnet_cli.recipe.preprocessing import preprocess_of
from alexnet_cli.recipe.recipe import FIELDS, TITLES, Recipe
from alexnet_cli.recipe.validation import has_effect

FOLDER = Path(__file__).parents[2] / "configs"
CONFIGS = sorted(FOLDER.glob("*.toml"))


@pytest.fixture
def toml(tmp_path):
    """A function that writes a TOML file."""

    def write(text):
        (tmp_path / "mine.toml").write_text(text, "utf-8", newline="")
        return tmp_path / "mine.toml"

    return write


def test_the_recipes_of_the_package_are_those_of_configs():
    assert config_names() == [x.stem for x in CONFIGS]
    assert {"tutorial", "bn24", "caltech", "half", "paper", "minute", "default"} <= set(
        config_names()
    )


@pytest.mark.parametrize("file", CONFIGS, ids=lambda x: x.stem)
def test_configs_claim_and_build(file):
    head = [x for x in file.read_text("utf-8").splitlines() if x.startswith("#")]
    for part in ("Source:", "Command:", "Result:", "Machine:"):
        assert f"# {part}" in [x[: len(part) + 2] for x in head], f"its head lacks {part}"
    assert head[0].endswith("."), "docs/recipes.md shows this line"
    recipe = build_recipe(file.stem)
    assert recipe == build_recipe(file)
    preprocess = preprocess_of(recipe)
    rows = list(trace(recipe.network.architecture(), 5))
    assert rows[-1].shape == (5,) and preprocess.stored_size >= preprocess.input_size


@pytest.mark.parametrize("name", config_names())
def test_the_epochs_of_a_config_may_be_cut_short(name):
    """For a first try; only what was asked for in so many words is refused."""
    assert build_recipe(name, epochs=1).stopping.epochs == 1


def test_a_recipe_cut_short_is_read_back(toml):
    own = toml(
        'weights = "w"\nfreeze = "conv"\nunfreeze_after = 5\nunfrozen_rate = 0.5\nepochs = 10\nwarmup_epochs = 0.5\n'
    )
    short = build_recipe(own, epochs=1)
    again = build_recipe(toml(to_toml(short)))
    assert again == short.changed(unfreeze_after=0, unfrozen_rate=0.1)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda x: x.stem)
def test_every_key_of_a_config_has_an_effect(file):
    keys = tomllib.loads(file.read_text("utf-8"))
    assert read_config(file.stem) == keys
    assert all(has_effect(Recipe(**keys), x) for x in keys)


@pytest.mark.parametrize("name", config_names())
def test_the_commands_that_configs_claim_name_options_and_recipes_that_exist(name):
    head = (FOLDER / f"{name}.toml").read_text("utf-8").partition("\narch")[0]
    assert set(re.findall(r"--config (\w+)", head)) <= set(config_names())
    known = {x.flag for x in FIELDS.values()} | {
        "--config",
        "--data",
        "--classes",
        "--resume",
    }
    assert set(re.findall(r"--[a-z-]+", head)) <= known


texts = st.text(max_size=20)
finite = {"allow_nan": False, "allow_infinity": False}


@given(
    weights=texts, mean=texts, device=texts, freeze=texts,
    epochs=st.integers(1, 10**5), max_minutes=st.none() | st.floats(0.1, **finite),
    zoom=st.floats(0, 0.9), learning_rate=st.floats(1e-8, 10), vflip=st.booleans(),
)  # fmt: skip
def test_any_recipe_is_read_back(tmp_path_factory, **fields):
    recipe = Recipe(**fields)
    path = tmp_path_factory.mktemp("r") / "r.toml"
    # As `alexnet train --print-config > r.toml` writes it.
    path.write_bytes(to_toml(recipe).encode() + b"\n")
    assert Recipe(**read_config(path)) == recipe


@pytest.mark.parametrize("text", [
    "a\nb", "a\r\nb\r", 'a"b\\c', '"""', "'''", "\\u0041", "tab\t nul\0 esc\x1b del\x7f",
    "\x85\u2028", "\ufeff", "цветок \U0001f337", "#[x]=", " ", "",
])  # fmt: skip
def test_hard_text_is_read_back(toml, text):
    recipe = Recipe(weights=text, mean=text)
    assert Recipe(**read_config(toml(to_toml(recipe)))) == recipe


def test_a_written_recipe_has_the_fields_with_effect_by_section():
    text = to_toml(Recipe(optimizer="adam", schedule="step"))
    keys = tomllib.loads(text)
    assert keys["optimizer"] == "adam" and keys["step_epochs"] == 40
    assert not {"momentum", "nesterov", "warmup_epochs", "weights", "dropout"} & set(keys)
    lines = text.splitlines()
    headings = [x[2:] for x in lines if x.startswith("# ") and x[2] != " "]
    assert headings == [x for x in TITLES.values() if x != "Pretrained weights"]
    assert list(keys) == [x for x in FIELDS if x in keys]
    assert not text.endswith("\n"), "click.echo adds one"


def test_a_written_recipe_says_what_each_key_means_and_may_be():
    lines = to_toml(build_recipe()).splitlines()
    assert max(map(len, lines)) <= 92
    for key in tomllib.loads("\n".join(lines)):
        at = next(i for i, x in enumerate(lines) if x.startswith(f"{key} = "))
        comment = []
        while lines[at - 1].startswith("#   "):
            at -= 1
            comment.insert(0, lines[at].removeprefix("#   "))
        assert " ".join(comment).startswith(FIELDS[key].help)
    text = " ".join(lines)
    assert "(local | batch" not in text and "(table | batch | local | none" in text
    assert "(from 1 to 65536)" in " ".join(to_toml(Recipe(hidden=3)).split())


def test_every_recipe_says_in_one_sentence_what_it_is_for():
    for name in config_names():
        assert config_summary(name).endswith(".") and len(config_summary(name)) < 120


def test_a_written_default_reads_as_written():
    text = to_toml(build_recipe())
    assert '\narch = "alexnet-half"\n' in text and "\nhflip = true\n" in text
    assert "\nlearning_rate = 0.004\n" in text and "\nepochs = 60\n" in text


def test_fields_replace_those_of_the_config(toml):
    file = toml('epochs = 7\noptimizer = "adam"\nhflip = true\n')
    recipe = build_recipe(file, epochs="3", hflip="no")
    assert (recipe["epochs"], recipe["optimizer"], recipe["hflip"]) == (3, "adam", False)
    assert recipe == Recipe(epochs=3, optimizer="adam", hflip=False)
    assert build_recipe(str(file), epochs=3, hflip=False) == recipe


def test_the_default_recipe_unless_a_recipe_or_network_is_given():
    assert build_recipe() == build_recipe("default") != Recipe()
    assert build_recipe(epochs=3) == build_recipe("default", epochs=3)
    assert build_recipe(arch="tiny") == Recipe(arch="tiny")
    assert build_recipe("minute", arch="tiny") == build_recipe("minute").changed(
        arch="tiny"
    )


def test_a_field_may_take_the_effect_of_a_key_but_needs_one_itself(toml):
    file = toml('optimizer = "sgd"\nmomentum = 0.8\n')
    assert build_recipe(file, optimizer="adam").optimization.momentum == 0.8
    with pytest.raises(RecipeError, match="--momentum has no effect here: it needs"):
        build_recipe(file, optimizer="adam", momentum=0.8)
    with pytest.raises(RecipeError, match="--momentum has no effect here: it needs"):
        build_recipe(toml('optimizer = "adam"\nmomentum = 0.8'), optimizer="sgd")


@pytest.mark.parametrize("text, message", [
    ("epoch = 3", "unknown key 'epoch'; did you mean epochs?"),
    ("zzz = 3", "unknown key 'zzz'"),
    ("epochs = 5.5", "--epochs: 5.5 is not a whole number"),
    ("epochs = true", "--epochs: True is not a whole number"),
    ("hflip = 3", "--hflip: 3 is not true or false"),
    ("learning_rate = nan", "--learning-rate: nan is not a number"),
    ("epochs = 0", "--epochs: 0 is not in the range 1 to 100000"),
    ('norm = "half"', "--norm: 'half' is not one of table, batch, local, none, all, dense"),
    ("epochs = [3]", "epochs must be a single value"),
    ("epochs.most = 3", "epochs must be a single value"),
    ("[train]\nepochs = 3", "unknown key 'train'; did you mean saturation?"),
    ("[zzz]\nepochs = 3", "unknown key 'zzz'"),
])  # fmt: skip
def test_a_wrong_key_or_value_is_one_line(toml, text, message):
    file = toml(text)
    with pytest.raises(RecipeError) as error:
        read_config(file)
    assert str(error.value) == f"--config {file}: {message}"


@pytest.mark.parametrize("text", ["epochs = ", "epochs 3", "epochs = 3\nepochs = 4", "\0"])
def test_what_is_not_toml_is_one_line(toml, text):
    file = toml(text)
    with pytest.raises(RecipeError) as error:
        read_config(file)
    assert str(error.value).startswith(f"--config {file} is not valid TOML: ")
    assert "\n" not in str(error.value)


def test_a_config_that_does_not_exist_has_a_hint(tmp_path):
    with pytest.raises(RecipeError) as error:
        read_config("tutorail")
    assert str(error.value) == (
        "--config tutorail: no such recipe or file; did you mean tutorial?"
    )
    listed = f"no such recipe or file; choose from {', '.join(config_names())}"
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name in (tmp_path, tmp_path / "none.toml", tmp_path / "bytes"):
        with pytest.raises(RecipeError, match=re.escape(f"--config {name}: {listed}")):
            build_recipe(name)
    with pytest.raises(RecipeError, match=re.escape(r"--config a\nb: ")):
        read_config("a\nb")


def test_a_field_that_does_not_exist_has_a_hint():
    with pytest.raises(
        RecipeError, match=r"^no such option: epoch; did you mean epochs\?$"
    ):
        build_recipe(epoch=3)
    with pytest.raises(RecipeError, match="^no such option: zzz$"):
        build_recipe("minute", zzz=3)


@given(
    st.dictionaries(
        st.sampled_from(list(FIELDS)),
        st.text("ab\n,=\x1b", max_size=4)
        | st.integers()
        | st.floats()
        | st.booleans()
        | st.none(),
        max_size=4,
    )
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_fields_build_a_recipe_or_are_one_line(fields):
    try:
        recipe = build_recipe(**fields)
    except (RecipeError, WeightsError) as error:
        assert "\n" not in str(error)
    else:
        assert tomllib.loads(to_toml(recipe))["epochs"] == recipe.stopping.epochs


def test_configs_are_found_in_an_installed_package(tmp_path, monkeypatch):
    """A wheel has configs/ inside of the package."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "own.toml").write_text("epochs = 9")
    (tmp_path / "configs" / "README.md").write_text("not a recipe")
    monkeypatch.setattr(configs.resources, "files", lambda package: tmp_path)
    assert config_names() == ["own"]
    assert read_config("own") == {"epochs": 9}


def test_the_caltech_tutorial_is_as_it_was():
    recipe = build_recipe("caltech")
    assert recipe.network.arch == "alexnet-half"
    optimization, stopping = recipe.optimization, recipe.stopping
    assert (optimization.optimizer, optimization.batch_size) == ("adam", 128)
    assert (stopping.epochs, stopping.metric_names()) == (30, ("accuracy", "mse"))
    changes = recipe.augmentation
    assert not (changes.warps or changes.recolors or changes.mixes or changes.hflip)
    assert not (changes.crop_area or changes.random_crop or changes.vflip)
