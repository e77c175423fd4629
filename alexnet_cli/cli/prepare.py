"""`alexnet prepare`: a data set written once as shards, which training reads."""

from pathlib import Path
from typing import Any

import click

from ..api.lines import too_many
from ..api.prepare import ENCODINGS, IMAGES_PER_SHARD, QUALITY
from ..errors import printable
from .arguments import FOLDER, machines_of, ray_options
from .console import log, notes, result
from .progress import ConsoleListener
from .recipe_options import RecipeCommand, given_options, options_of, recipe_of

KEPT = ("arch", "resize", "size", "max_megapixels", "white_level", "group_near")
"""The fields of a recipe that say how images are kept."""


@click.command("prepare", cls=RecipeCommand)
@click.argument("data", type=FOLDER)
@click.option(
    "-o", "--out", required=True, type=FOLDER, help="Folder to write shards into."
)
@click.option(
    "--encoding",
    type=click.Choice(ENCODINGS),
    default=ENCODINGS[0],
    show_default=True,
    help="What images are stored as: jpeg, or raw, the exact pixels in five times the "
    "space.",
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=QUALITY,
    show_default=True,
    help="Of --encoding jpeg, whose colors are kept at full size.",
)
@click.option(
    "--images-per-shard",
    type=click.IntRange(1),
    default=IMAGES_PER_SHARD,
    show_default=True,
    help="Images in one tar file.",
)
@ray_options
@options_of(KEPT)
@click.pass_context
def prepare_command(ctx: click.Context, /, data: Path, out: Path, **values: Any) -> None:
    """Write the images of DATA once, resized, as shards for `alexnet train`.

    \b
    alexnet prepare flower_photos --out shards
    alexnet train shards

    DATA is whatever `alexnet train` takes. A folder that is not complete is completed.
    """
    from ..api.prepare import prepare_recipe

    if values["encoding"] == "raw" and "quality" in given_options(ctx):
        raise click.UsageError("--quality has no effect with --encoding raw")
    form = values["encoding"], values["quality"], values["images_per_shard"]
    recipe, listener = recipe_of(ctx), ConsoleListener()
    machines = machines_of(values["cluster"], values["workers"])
    written = prepare_recipe(data, out, recipe, form, listener, machines=machines)
    if written.bad:
        log(f"{len(written.bad)} file(s) cannot be used ({printable(out)}/samples.csv):")
        notes([f"{name} {reason}" for name, reason in written.bad])
    if recipe.split.group_near and not written.near.compared and written.images > 1:
        log(f"warning: {too_many(written.images)}")
    result(
        f"{out}: {written.images} images in {written.shards} shard(s), "
        f"{written.bytes / 2**20:,.0f} MiB"
    )
