"""A variant changes what it is named after, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.architecture import trace
from alexnet_cli.model.layer_specs import (
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    LocalNorm,
    Pool,
    ReLU,
)
from alexnet_cli.model.variants import (
    INITIALIZERS,
    NORMS,
    with_dropout,
    with_hidden,
    with_initializer,
    with_input_size,
    with_local_norm,
    with_norm,
)

FAST = BatchNorm(momentum=0.9)
names = st.sampled_from(list(ARCHITECTURES))


def kinds(arch):
    return [type(x) for x in arch.layers]


def without(arch, kind):
    return [x for x in arch.layers if not isinstance(x, kind)]


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


@given(names, st.sampled_from(NORMS), st.sampled_from(NORMS))
def test_a_norm_touches_only_norms(name, norm, other):
    arch = ARCHITECTURES[name]
    changed = with_norm(arch, norm)
    assert without(changed, BatchNorm | LocalNorm) == without(arch, BatchNorm | LocalNorm)
    assert replace(changed, layers=arch.layers) == arch
    if not {"table", "dense"} & {norm, other}:
        assert with_norm(with_norm(arch, other), "all") == with_norm(arch, "all")
    list(trace(changed, 3))


@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=lambda x: x.name)
def test_norm_all_follows_every_layer_with_a_kernel_but_the_last(arch):
    layers = with_norm(arch, "all").layers
    after = [
        y
        for x, y in zip(layers, (*layers[1:], None), strict=True)
        if isinstance(x, Conv | Dense)
    ]
    assert after == [FAST] * (len(after) - 1) + [None]
    assert sum(isinstance(x, BatchNorm | LocalNorm) for x in layers) == len(after) - 1


@pytest.mark.parametrize("name", ["alexnet-owt", "alexnet-half", "alexnet"])
def test_norm_dense_follows_hidden_dense_layers_and_keeps_the_tables(name):
    arch = ARCHITECTURES[name]
    layers = with_norm(arch, "dense").layers
    after = [layers[i + 1] for i, x in enumerate(layers[:-1]) if isinstance(x, Dense)]
    assert after == [FAST, FAST]
    assert tuple(x for x in layers if x != FAST) == arch.layers


def test_norms_of_the_table_are_replaced_in_place():
    paper = ARCHITECTURES["alexnet"]
    batch = with_norm(paper, "batch")
    assert kinds(batch) == [BatchNorm if x is LocalNorm else x for x in kinds(paper)]
    assert with_norm(batch, "local") == paper
    with pytest.raises(KeyError):
        with_norm(paper, "group")


@given(names, st.floats(0.01, 0.95))
def test_dropout_touches_only_dropout(name, rate):
    arch = ARCHITECTURES[name]
    changed = with_dropout(arch, rate)
    assert without(changed, Dropout) == without(arch, Dropout)
    assert {x.rate for x in changed.layers if isinstance(x, Dropout)} == {rate}
    assert without(arch, Dropout) == list(with_dropout(changed, 0.0).layers)
    assert with_dropout(arch, None) == arch
    hidden = sum(isinstance(x, Dense) for x in arch.layers) - 1
    if not any(isinstance(x, Dropout) for x in arch.layers):
        assert sum(isinstance(x, Dropout) for x in changed.layers) == hidden


@given(names, st.integers(1, 10_000))
def test_hidden_units(name, units):
    arch = ARCHITECTURES[name]
    changed = with_hidden(arch, units)
    dense = [x.units for x in changed.layers if isinstance(x, Dense)]
    assert dense == [units] * (len(dense) - 1) + [None]
    assert without(changed, Dense) == without(arch, Dense)
    assert with_hidden(arch, None) == arch


@given(names, st.sampled_from(sorted(INITIALIZERS)))
def test_an_initializer_draws_all_weights_and_leaves_biases(name, kind):
    arch = ARCHITECTURES[name]
    changed = with_initializer(arch, kind)
    assert changed.initializer == INITIALIZERS[kind]
    weighted = [x for x in changed.layers if isinstance(x, Conv | Dense)]
    assert all(x.std is None for x in weighted)
    assert [x.bias for x in weighted] == [
        x.bias for x in arch.layers if isinstance(x, Conv | Dense)
    ]
    assert with_initializer(arch, "table") == arch


@given(names, st.integers(150, 300))
def test_an_input_size_is_the_side_of_the_first_layers_input(name, side):
    arch = with_input_size(ARCHITECTURES[name], side)
    assert replace(arch, input_size=ARCHITECTURES[name].input_size) == ARCHITECTURES[name]
    conv = arch.layers[0]
    pad = {"valid": 0, "same": None}.get(conv.padding, conv.padding)
    first = next(trace(arch, 2)).shape[0]
    expected = (
        -(-side // conv.stride)
        if pad is None
        else (side + 2 * pad - conv.kernel) // conv.stride + 1
    )
    assert first == expected


@given(
    names,
    st.fixed_dictionaries(
        {},
        optional={
            "n": st.sampled_from((1, 3, 9)), "k": st.floats(0.5, 9),
            "alpha": st.floats(0, 1), "beta": st.floats(0, 2),
        },
    ),
)  # fmt: skip
def test_a_local_norm_gets_the_values_that_are_given(name, values):
    arch = with_norm(ARCHITECTURES[name], "local")
    new = with_local_norm(arch, values)
    assert without(new, LocalNorm) == without(arch, LocalNorm) and kinds(new) == kinds(arch)
    before, after = ([x for x in y.layers if isinstance(x, LocalNorm)] for y in (arch, new))
    assert after == [replace(x, **values) for x in before] and after
    bare = with_norm(ARCHITECTURES[name], "none")
    assert with_local_norm(bare, values) == bare
