"""models: every network in a table, and the layers of one as they would be trained."""

import pytest
from helpers import alexnet

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import trace
from alexnet_cli.model.variants import with_dropout, with_norm


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


def test_an_unknown_network_is_wrong_usage():
    result = alexnet("models", "alexnett")
    assert result.exit_code == 2 and "'alexnett' is not one of 'alexnet'," in result.stderr
