"""`alexnet models`: the networks, or the layers of one."""

import click

from ..model.alexnet import ARCHITECTURES
from ..model.architecture import Architecture, trace
from ..model.variants import NORMS, with_dropout, with_norm
from ..reports.text import table
from .arguments import NumberRange
from .console import output


@click.command("models")
@click.argument(
    "name", required=False, metavar="[NETWORK]", type=click.Choice(list(ARCHITECTURES))
)
@click.option(
    "--classes",
    type=click.IntRange(1),
    help="Number of classes. [default: the publication's]",
)
@click.option(
    "--norm", default="table", type=click.Choice(NORMS), help="As in `alexnet train`."
)
@click.option("--dropout", type=NumberRange(0, 0.95), help="As in `alexnet train`.")
def models_command(
    name: str | None, classes: int | None, norm: str, dropout: float | None
) -> None:
    """List the networks, or the layers of NETWORK."""
    if name is None:
        _print_networks()
    else:
        arch = with_dropout(with_norm(ARCHITECTURES[name], norm), dropout)
        _print_layers(arch, classes or arch.classes)


def _print_networks() -> None:
    rows = [("name", "input", "classes", "parameters", "what it is")]
    for arch in ARCHITECTURES.values():
        total = sum(x.parameters for x in trace(arch, arch.classes))
        numbers = (str(arch.input_size), str(arch.classes), f"{total:,}")
        rows.append((arch.name, *numbers, arch.source))
    # The last column is prose: keep it left.
    lines = zip(table([x[:-1] for x in rows]), rows, strict=True)
    output(f"{line}  {row[-1]}" for line, row in lines)


def _print_layers(arch: Architecture, classes: int) -> None:
    layers = list(trace(arch, classes))
    rows = [("layer", "type", "output", "parameters")]
    rows += [
        (x.name, type(x.layer).__name__, " x ".join(map(str, x.shape)), f"{x.parameters:,}")
        for x in layers
    ]
    total, trained = (
        sum(getattr(x, k) for x in layers) for k in ("parameters", "trainable")
    )
    output([f"{arch.name}: {arch.source}", "", *table(rows, left=3)])
    output(["", f"total {total:,}, trainable {trained:,}"])
