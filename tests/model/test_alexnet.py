"""The tables give the published parameter counts, sides and initial biases."""

import pytest

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import trace
from alexnet_cli.model.layer_specs import KINDS, Conv, Dense, Dropout, LocalNorm, Pool, ReLU

# Published: Caffe's bvlc_alexnet and torchvision's alexnet; the others from the tutorials.
COUNTS = {
    "alexnet": (1000, 227, 60_965_224, 60_965_224),
    "alexnet-bvlc": (1000, 227, 60_965_224, 60_965_224),
    "alexnet-owt": (1000, 224, 61_100_840, 61_100_840),
    "alexnet-bn": (24, 224, 46_846_744, 46_846_040),
    "alexnet-flowers": (5, 227, 200_127_237, 200_124_485),
    "alexnet-half": (45, 227, 14_674_221, 14_673_869),
}
SIDES = {
    "alexnet": [55, 27, 27, 13, 13, 13, 13, 6],
    "alexnet-owt": [55, 27, 27, 13, 13, 13, 13, 6],
    "alexnet-bn": [54, 26, 26, 12, 12, 12, 12, 5],
    "alexnet-flowers": [55, 27, 27, 27, 27, 27, 13],
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_the_published_ones(name):
    classes, size, total, trainable = COUNTS[name]
    arch = ARCHITECTURES[name]
    rows = list(trace(arch, classes))
    assert (arch.classes, arch.input_size) == (classes, size)
    assert sum(x.parameters for x in rows) == total
    assert sum(x.trainable for x in rows) == trainable


@pytest.mark.parametrize("name", SIDES)
def test_sides_of_convolutions_and_pools(name):
    arch = ARCHITECTURES[name]
    rows = trace(arch, arch.classes)
    assert [x.shape[0] for x in rows if isinstance(x.layer, Conv | Pool)] == SIDES[name]


def test_every_network_but_the_one_for_tests_has_a_published_count():
    assert set(COUNTS) == set(ARCHITECTURES) - {"tiny"}
    assert all(x.name == name for name, x in ARCHITECTURES.items())


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=lambda x: x.name)
def test_a_network_ends_in_one_unit_per_class_and_hidden_layers_in_relu(arch):
    assert arch.layers[-1] == Dense(None)
    assert [x for x in arch.layers if isinstance(x, Dense) and x.units is None] == [
        arch.layers[-1]
    ]
    weighted = [x for x in arch.layers if isinstance(x, Conv | Dense)]
    assert sum(isinstance(x, ReLU) for x in arch.layers) == len(weighted) - 1
    assert [x.shape for x in trace(arch, 7)][-1] == (7,)


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=lambda x: x.name)
def test_a_network_says_where_it_comes_from_in_one_line(arch):
    assert 10 < len(arch.source) < 100 and arch.source.isprintable()


def test_the_network_for_tests_has_every_kind_of_layer():
    assert {type(x) for x in ARCHITECTURES["tiny"].layers} == set(KINDS.values())


@pytest.mark.parametrize("name, bias", [("alexnet", 1.0), ("alexnet-bvlc", 0.1)])
def test_biases_are_the_papers(name, bias):
    """Section 5: one in conv 2, 4, 5 and the hidden dense layers, else zero; Caffe: 0.1."""
    biases = [x.bias for x in ARCHITECTURES[name].layers if isinstance(x, Conv | Dense)]
    assert biases == [0, bias, 0, bias, bias, bias, bias, 0]


def test_the_two_towers_meet_in_the_third_convolution():
    """Section 3.2: layers 2, 4 and 5 see only the maps of their own GPU."""
    for name in ("alexnet", "alexnet-bvlc"):
        groups = [x.groups for x in ARCHITECTURES[name].layers if isinstance(x, Conv)]
        assert groups == [1, 2, 1, 2, 2]


def test_caffe_divides_alpha_by_n():
    norms = {x for x in ARCHITECTURES["alexnet-bvlc"].layers if isinstance(x, LocalNorm)}
    assert norms == {LocalNorm(n=5, k=1.0, alpha=1e-4 / 5, beta=0.75)}
    norms = {x for x in ARCHITECTURES["alexnet"].layers if isinstance(x, LocalNorm)}
    assert norms == {LocalNorm(n=5, k=2.0, alpha=1e-4, beta=0.75)}


def test_torchvisions_dropout_comes_before_dense_layers():
    layers = ARCHITECTURES["alexnet-owt"].layers
    after = [type(layers[i + 1]) for i, x in enumerate(layers) if isinstance(x, Dropout)]
    assert after == [Dense, Dense]


def test_half_is_one_tower_of_the_paper():
    paper, half = (
        [x.filters for x in ARCHITECTURES[name].layers if isinstance(x, Conv)]
        for name in ("alexnet", "alexnet-half")
    )
    assert [2 * x for x in half] == paper
