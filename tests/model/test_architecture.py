"""Tables give the published parameter counts, and `trace` never disagrees with Keras."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet_cli.errors import RecipeError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import Architecture, trace
from alexnet_cli.model.layer_specs import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    LocalNorm,
    Pool,
    ReLU,
)
from alexnet_cli.model.variants import with_dropout, with_norm

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


def _agrees_with_keras(arch, classes):
    from alexnet_cli.model.model import build_model

    rows = {x.name: x for x in trace(arch, classes)}
    model = build_model(arch, classes)
    assert model.count_params() == sum(x.parameters for x in rows.values())
    trainable = sum(w.value.shape.num_elements() for w in model.trainable_weights)
    assert trainable == sum(x.trainable for x in rows.values())
    for name, row in rows.items():
        layer = [x for x in model.layers if x.name in (name, f"{name}_join")][-1]
        assert tuple(layer.output.shape[1:]) == row.shape, name
    return model


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
def test_keras_agrees_on_the_named_networks(name):
    model = _agrees_with_keras(ARCHITECTURES[name], COUNTS[name][0])
    assert model.count_params() == COUNTS[name][2]


blocks = st.lists(
    st.one_of(
        st.builds(
            Conv,
            filters=st.sampled_from((4, 8)),
            kernel=st.integers(1, 5),
            stride=st.integers(1, 2),
            padding=st.sampled_from(("same", "valid", 0, 1, 2)),
            groups=st.sampled_from((1, 2, 4)),
            use_bias=st.booleans(),
        ),
        st.builds(Pool, size=st.integers(1, 3), stride=st.integers(1, 3)),
        st.sampled_from((ReLU(), LocalNorm(), BatchNorm(), Dropout(0.3))),
    ),
    max_size=6,
)


@given(blocks, st.integers(8, 40), st.integers(2, 6))
@settings(max_examples=20)
def test_keras_agrees_on_any_table(layers, size, classes):
    table = (Conv(4, 3), *layers, Flatten(), Dense(7), Dense(None))
    arch = Architecture("any", "hypothesis", size, classes, table)
    try:
        list(trace(arch, classes))
    except RecipeError:
        return
    _agrees_with_keras(arch, classes)


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=lambda x: x.name)
def test_survives_json(arch):
    assert Architecture.from_dict(json.loads(json.dumps(arch.to_dict()))) == arch


def test_norms_are_replaced_removed_and_added():
    norms = lambda arch: [x for x in arch.layers if isinstance(x, BatchNorm | LocalNorm)]  # noqa: E731
    paper, plain = ARCHITECTURES["alexnet"], ARCHITECTURES["alexnet-owt"]
    assert norms(with_norm(paper, "batch")) == [BatchNorm(), BatchNorm()]
    assert norms(with_norm(paper, "none")) == []
    assert with_norm(paper, "table") == paper
    added = with_norm(plain, "local").layers
    kinds = [type(x) for x in added[:8]]
    assert kinds == [Conv, ReLU, LocalNorm, Pool, Conv, ReLU, LocalNorm, Pool]
    assert len(norms(with_norm(plain, "local"))) == 2
    assert with_norm(with_norm(plain, "batch"), "none") == plain


def test_dropout_is_replaced_removed_and_added():
    rates = lambda arch: [x.rate for x in arch.layers if isinstance(x, Dropout)]  # noqa: E731
    flowers = ARCHITECTURES["alexnet-flowers"]
    assert rates(with_dropout(ARCHITECTURES["alexnet"], 0.3)) == [0.3, 0.3]
    assert rates(with_dropout(ARCHITECTURES["alexnet"], 0.0)) == []
    assert with_dropout(flowers, None) == flowers
    tail = [type(x) for x in with_dropout(flowers, 0.2).layers[-7:]]
    assert tail == [Dense, ReLU, Dropout, Dense, ReLU, Dropout, Dense]


def test_an_image_too_small_is_refused():
    arch = Architecture("small", "", 8, 2, (Conv(4, 11, padding="valid"), Flatten()))
    with pytest.raises(RecipeError, match="too small"):
        list(trace(arch, 2))


def test_channels_that_do_not_split_are_refused():
    arch = Architecture("odd", "", 8, 2, (Conv(4, 3, groups=2), Flatten()))
    with pytest.raises(RecipeError, match="3 channels do not split into 2"):
        list(trace(arch, 2))
