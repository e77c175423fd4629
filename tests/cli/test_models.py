"""models: every network in a table, and the layers of one as they would be trained."""

from itertools import pairwise

import pytest
from helpers import alexnet, fails
from PIL import Image

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import trace
from alexnet_cli.model.layer_specs import Conv, Dense, Pool
from alexnet_cli.model.variants import with_dropout, with_norm
from alexnet_cli.recipe.configs import build_recipe
from alexnet_cli.reports.network_figure import network_figure
from alexnet_cli.run.run import Run


def lines(*args):
    result = alexnet("models", *args)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_the_list_has_the_published_counts_of_parameters():
    head, *rows = (x.split() for x in lines())
    assert head[:4] == ["name", "input", "classes", "parameters"]
    counts = {row[0]: row[3] for row in rows}
    assert list(counts) == list(ARCHITECTURES)
    # Source: Krizhevsky et al. 2012, "60 million"; torchvision's model card: 61,100,840.
    assert counts["alexnet"] == "60,965,224" and counts["alexnet-owt"] == "61,100,840"


def test_a_network_is_a_table_of_layers():
    text = lines("alexnet-bn", "--classes", "24")
    assert text[0] == f"alexnet-bn: {ARCHITECTURES['alexnet-bn'].source}"
    assert text[2].split() == ["layer", "type", "output", "parameters"]
    assert text[3].split() == ["conv1", "Conv", "54", "x", "54", "x", "96", "34,944"]
    assert text[-1] == "total 46,846,744, trainable 46,846,040"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_layers_are_those_of_the_publications_classes(name):
    arch = ARCHITECTURES[name]
    rows = [x.split() for x in lines(name)[3:-2]]
    traced = list(trace(arch, arch.classes))
    assert [(x[0], x[-1]) for x in rows] == [(x.name, f"{x.parameters:,}") for x in traced]


def test_variants_are_those_of_train():
    arch = with_dropout(with_norm(ARCHITECTURES["alexnet-owt"], "batch"), 0.0)
    kinds = [
        x.split()[1]
        for x in lines("alexnet-owt", "--norm", "batch", "--dropout", "0")[3:-2]
    ]
    assert kinds == [type(x).__name__ for x in arch.layers]
    assert "BatchNorm" in kinds and "Dropout" not in kinds


def test_any_network_that_can_be_trained_is_shown(trained):
    arch = build_recipe("default").network.architecture()
    assert f"total {total(arch, 45):,}" in lines("--config", "default")[-1]
    assert f"total {total(arch, 7):,}" in lines("-c", "default", "--classes", "7")[-1]
    small = build_recipe("quick", hidden=100).network.architecture()
    assert f"total {total(small, 45):,}" in lines("-c", "quick", "--hidden", "100")[-1]
    run = Run.read(trained)
    text = lines("--model", trained)
    assert text[0].startswith("tiny: ") and text[-3].split()[2] == str(len(run.classes))
    assert lines("-c", trained, "--classes", "3") == text
    assert lines("--arch", "tiny", "--norm", "all") == lines("tiny", "--norm", "all")


def total(arch, classes):
    return sum(x.parameters for x in trace(arch, classes))


@pytest.mark.parametrize("words, text", [
    (["tiny", "--arch", "tiny"], "give one of NETWORK, --model and --config"),
    (["tiny", "--config", "quick"], "give one of NETWORK, --model and --config"),
    (["--hidden", "3"], "--hidden has no effect here: name a NETWORK"),
    (["--plot", "a.png"], "--plot has no effect here: name a NETWORK"),
    (["--classes", "3"], "--classes has no effect here: name a NETWORK"),
    (["--model", "x", "--norm", "all"], "--norm has no effect here: --model has a network of its own"),
])  # fmt: skip
def test_options_without_effect_are_refused(words, text):
    fails(2, text, "models", *words)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_is_drawn(tmp_path, name):
    arch = ARCHITECTURES[name]
    lines(name, "--plot", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.width > 600 and len(image.convert("RGB").getcolors(10**6)) > 50
    figure = network_figure(arch, 9)
    texts = [x.get_text() for x in figure.axes[0].texts]
    drawn = [x for x in trace(arch, 9) if isinstance(x.layer, Conv | Pool | Dense)]
    assert [x.split("\n")[0] for x in texts] == ["input", *(x.name for x in drawn)]
    boxes = [x.get_window_extent() for x in figure.axes[0].texts]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    assert min(x.y0 for x in boxes) > 0 and max(x.x1 for x in boxes) < figure.bbox.width


def test_an_unknown_network_is_wrong_usage():
    result = alexnet("models", "alexnett")
    assert result.exit_code == 2 and "'alexnett' is not one of 'alexnet'," in result.stderr
