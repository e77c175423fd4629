"""`alexnet models`: the networks, or the layers of one."""

from pathlib import Path
from typing import Any

import click

from ..model.alexnet import ARCHITECTURES
from ..model.architecture import Architecture, trace
from ..model.variants import NORMS
from ..reports.text import table
from .arguments import FOLDER, NumberRange
from .completion import configs
from .console import output


@click.command("models")
@click.argument(
    "name", required=False, metavar="[NETWORK]", type=click.Choice(list(ARCHITECTURES))
)
@click.option("--arch", type=click.Choice(list(ARCHITECTURES)), help="The same as NETWORK.")
@click.option("--model", type=FOLDER, help="The network of this run directory.")
@click.option(
    "-c",
    "--config",
    metavar="NAME|FILE",
    shell_complete=configs,
    help="The network of a recipe of `train`.",
)
@click.option(
    "--classes",
    type=click.IntRange(1),
    help="Number of classes. [default: the run's, or the publication's]",
)
@click.option("--norm", type=click.Choice(NORMS), help="As in `alexnet train`.")
@click.option("--dropout", type=NumberRange(0, 0.95), help="As in `alexnet train`.")
@click.option("--hidden", type=click.IntRange(1, 65536), help="As in `alexnet train`.")
@click.option("--plot", type=FOLDER, help="Draw the network into this .png or .svg file.")
def models_command(
    name: str | None,
    model: Path | None,
    config: str | None,
    classes: int | None,
    plot: Path | None,
    **variant: Any,
) -> None:
    """List the networks, or the layers of NETWORK."""
    arch = variant.pop("arch")
    changes = {k: v for k, v in variant.items() if v is not None}
    if sum(x is not None for x in (name, arch, model, config)) > 1:
        raise click.UsageError("give one of NETWORK, --model and --config")
    name = name or arch
    if model is not None:
        _refuse(changes, "--model has a network of its own")
        from ..run.run import Run

        run = Run.read(model)
        _show(run.architecture, classes or len(run.classes), plot)
    elif name is not None or config is not None:
        from ..api.config import config_values
        from ..recipe.configs import build_recipe

        values = {"arch": name} if config is None else config_values(config)
        network = build_recipe(values, **changes).network.architecture()
        _show(network, classes or network.classes, plot)
    else:
        given = {"--classes": classes, "--plot": plot, **changes}
        _refuse({k: v for k, v in given.items() if v is not None}, "name a NETWORK")
        _print_networks()


def _refuse(given: dict[str, Any], why: str) -> None:
    """Refuse options that have no effect.

    Raises:
        UsageError: there are some.
    """
    if given:
        flag = "--" + next(iter(given)).removeprefix("--")
        raise click.UsageError(f"{flag} has no effect here: {why}")


def _print_networks() -> None:
    rows = [("name", "input", "classes", "parameters", "what it is")]
    for arch in ARCHITECTURES.values():
        total = sum(x.parameters for x in trace(arch, arch.classes))
        numbers = (str(arch.input_size), str(arch.classes), f"{total:,}")
        rows.append((arch.name, *numbers, arch.source))
    # The last column is prose: keep it left.
    lines = zip(table([x[:-1] for x in rows]), rows, strict=True)
    output(f"{line}  {row[-1]}" for line, row in lines)


def _show(arch: Architecture, classes: int, plot: Path | None) -> None:
    """Print the layers, and draw them into the file `plot` if there is one."""
    _print_layers(arch, classes)
    if plot:
        from ..reports.network_figure import network_figure
        from ..reports.plots import save

        save(network_figure(arch, classes), plot)


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
