"""The `alexnet` command: parse, call one function, print."""

import sys
from pathlib import Path
from typing import Any

import click

from . import __version__, show
from .architecture import ARCHITECTURES, trace, with_dropout, with_norm
from .errors import AlexNetError, AnswerIsNo, Interrupted, RecipeError, shown
from .options import GroupedCommand, recipe_of, recipe_options, to_toml

FOLDER = click.Path(path_type=Path)
MODEL = click.option(
    "--model", default="saved", show_default=True, type=FOLDER, help="Run directory to use."
)


class Main(click.Group):
    """A group that ends on one line and a documented exit code, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; see `errors` for the codes."""
        try:
            return super().invoke(ctx)
        except AlexNetError as error:
            message, code = str(error), error.exit_code
        except KeyboardInterrupt:
            message, code = "interrupted", Interrupted.exit_code
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            where = f"{shown(error.filename)}: " if error.filename else ""
            message, code = f"{where}{error.strerror or error}", AlexNetError.exit_code
        show.say(f"alexnet: {message}")
        ctx.exit(code)


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="alexnet")
def main() -> None:
    """Train, judge and use AlexNet image classifiers.

    Exit codes: 0 yes; 1 the answer is no; 2 usage; 3 could not do the work;
    130 interrupted.
    """


@main.command(cls=GroupedCommand)
@click.option(
    "--data",
    required=True,
    type=FOLDER,
    help="Folder of class folders, or of train/ and val/.",
)
@click.option(
    "--classes", help="Take only these class folders, in this order: a,b,c or @FILE."
)
@click.option(
    "--out", default="saved", show_default=True, type=FOLDER, help="Run directory to write."
)
@click.option("--overwrite", is_flag=True, help="Replace a Run that is at --out.")
@click.option("--run-name", default="", help="Name of the run in TensorBoard.")
@click.option("--strict", is_flag=True, help="Refuse to train when a file cannot be used.")
@click.option(
    "--against", type=FOLDER, help="Refuse to train on pictures of this (test) folder."
)
@click.option("--allow-overlap", is_flag=True, help="Train all the same.")
@click.option("--print-config", is_flag=True, help="Print the recipe as TOML and stop.")
@recipe_options
@click.pass_context
def train_command(ctx: click.Context, print_config: bool, **options: Any) -> None:
    """Train a network on the class folders of DATA."""
    recipe = recipe_of(ctx)
    if print_config:
        click.echo(to_toml(recipe))
        return
    name = options["run_name"]
    if Path(name).name != name:
        raise RecipeError(f"--run-name {name!r} must be a plain name")
    if options["allow_overlap"] and not options["against"]:
        raise RecipeError("--allow-overlap has no effect without --against")
    from .commands import Training, train

    train(Training(**{x: options[x] for x in Training.__annotations__}), recipe)


@main.command()
@MODEL
@click.option(
    "--data",
    type=FOLDER,
    help="Folder of class folders; without it the Run's own held-out pictures.",
)
@click.option(
    "--ignore-unknown",
    is_flag=True,
    help="Leave out class folders that the network does not know.",
)
@click.option(
    "--tta",
    default="none",
    show_default=True,
    type=click.Choice(["none", "flip", "ten-crop"]),
    help="Average over mirrored pictures, or over corners, centre and mirrors.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--csv", "csv_file", type=FOLDER, help="Write one row a picture to this file."
)
@click.option(
    "--plot", "plot_file", type=FOLDER, help="Draw the confusion matrix into this file."
)
@click.option(
    "--assert-accuracy",
    type=click.FloatRange(0, 1),
    help="Exit with 1 if top-1 accuracy is below this.",
)
def evaluate_command(
    *,
    model: Path,
    data: Path | None,
    ignore_unknown: bool,
    tta: str,
    as_json: bool,
    csv_file: Path | None,
    plot_file: Path | None,
    assert_accuracy: float | None,
) -> None:
    """Judge a trained network on pictures of known classes."""
    from . import commands

    verdict = commands.evaluate(model, data, ignore_unknown, tta)
    scores, unreadable = verdict.evaluation.scores, verdict.evaluation.unreadable
    if as_json:
        click.echo(show.scores_json(verdict.evaluation))
    else:
        click.echo("\n".join(show.scores(scores)))
    if csv_file:
        commands.write_per_image(csv_file, verdict)
    if plot_file:
        commands.write_plot(plot_file, verdict)
    if assert_accuracy is not None and scores.top1 < assert_accuracy:
        raise AnswerIsNo(f"top-1 accuracy {scores.top1:.4f} is below {assert_accuracy:g}")
    if unreadable:
        raise AnswerIsNo(
            f"{len(unreadable)} picture(s) cannot be read and are not in these numbers"
        )


@main.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@MODEL
@click.option(
    "--top", default=3, show_default=True, type=click.IntRange(1), help="Classes to name."
)
@click.option("--json", "form", flag_value="json", help="Print one JSON object a picture.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option(
    "--draw", type=FOLDER, help="Write each picture with its class on it into this folder."
)
def predict_command(
    *, images: tuple[str, ...], model: Path, top: int, form: str | None, draw: Path | None
) -> None:
    """Name what is on IMAGE: files, folders, globs, or - for a list on stdin."""
    from .commands import predict

    bad = predict(images, model, top, form or "text", draw, sys.stdin.buffer)
    if bad:
        raise AnswerIsNo(f"{bad} picture(s) cannot be read")


@main.command()
@click.argument("name", required=False, type=click.Choice(list(ARCHITECTURES)))
@click.option(
    "--classes", type=click.IntRange(1), help="Class count. [default: the publication's]"
)
@click.option(
    "--norm",
    default="table",
    type=click.Choice(["table", "batch", "local", "none"]),
    help="As in train.",
)
@click.option("--dropout", type=click.FloatRange(0, 0.95), help="As in train.")
def models_command(
    name: str | None, classes: int | None, norm: str, dropout: float | None
) -> None:
    """List the networks, or the layers of one."""
    if name is None:
        rows = [("name", "input", "classes", "parameters", "what it is")]
        for arch in ARCHITECTURES.values():
            total = sum(x.parameters for x in trace(arch, arch.classes))
            numbers = (str(arch.input_size), str(arch.classes), f"{total:,}")
            rows.append((arch.name, *numbers, arch.source))
        # The last column is prose: keep it left.
        width = len(rows[0])
        for line, row in zip(show.table([x[: width - 1] for x in rows]), rows, strict=True):
            click.echo(f"{line}  {row[-1]}")
        return
    arch = with_dropout(with_norm(ARCHITECTURES[name], norm), dropout)
    layers = list(trace(arch, classes or arch.classes))
    click.echo(f"{name}: {arch.source}\n")
    rows = [("layer", "type", "output", "parameters")]
    rows += [
        (x.name, type(x.layer).__name__, " x ".join(map(str, x.shape)), f"{x.parameters:,}")
        for x in layers
    ]
    click.echo("\n".join(show.table(rows, left=3)))
    total, trained = (
        sum(getattr(x, k) for x in layers) for k in ("parameters", "trainable")
    )
    click.echo(f"\ntotal {total:,}, trainable {trained:,}")


@main.command()
@click.argument("what", type=click.Choice(["flowers"]))
@click.option(
    "--to", default="data", show_default=True, type=FOLDER, help="Folder to unpack into."
)
@click.option("--mirror", metavar="URL", help="Fetch the same file from another address.")
def fetch_command(what: str, to: Path, mirror: str | None) -> None:
    """Download a data set: the five flowers, 229 MB."""
    import dataclasses

    from .fetch import FLOWERS, fetch

    source = dataclasses.replace(FLOWERS, url=mirror) if mirror else FLOWERS
    with show.counting("fetching") as progress:
        folder = fetch(source, to, progress)
    click.echo(shown(folder))


@main.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--photos",
    default=100,
    show_default=True,
    type=click.IntRange(2),
    help="Pictures a class.",
)
@click.option(
    "--tests",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    help="Test pictures a class.",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Of what is drawn."
)
def sample_command(folder: Path, photos: int, tests: int, seed: int) -> None:
    """Draw a small data set into FOLDER, to try things out without any photos."""
    from .sample import draw_sample

    for path in draw_sample(folder, photos, tests, seed).values():
        click.echo(shown(path))


@main.command()
@click.argument("data", type=FOLDER)
@click.option("--against", type=FOLDER, help="Also find pictures of this folder in DATA.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--report", type=FOLDER, help="Write a page with thumbnails to this HTML file."
)
def doctor_command(
    data: Path, against: Path | None, as_json: bool, report: Path | None
) -> None:
    """Find what is wrong with a folder of pictures; exit with 1 if something is."""
    from . import doctor, doctor_report

    with show.counting("examining") as progress:
        found = doctor.examine(data, against, progress)
    if as_json:
        click.echo(doctor_report.to_json(found))
    else:
        click.echo("\n".join(doctor_report.text(found)))
    if report:
        report.write_text(doctor_report.page(found, against), "utf-8")
    if found.wrong:
        raise AnswerIsNo(f"{shown(data)} needs a look")
