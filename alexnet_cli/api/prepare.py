"""prepare(): a data set in, a folder of shards out, which training reads from then on."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RecipeError, printable
from ..recipe.configs import build_recipe
from .config import config_values
from .listener import Listener

if TYPE_CHECKING:
    from ..dataset.shards.finishing import Written
    from ..recipe.recipe import Recipe
    from .ray_cluster import Machines

ENCODINGS = ("jpeg", "raw")
QUALITY, IMAGES_PER_SHARD = 95, 2000


def prepare(
    data: Path | str,
    out: Path | str,
    *,
    config: Path | str | None = None,
    encoding: str = "jpeg",
    quality: int = QUALITY,
    images_per_shard: int = IMAGES_PER_SHARD,
    listener: Listener | None = None,
    **fields: Any,
) -> "Written":
    """Write the images of `data`, of any kind, as shards into the folder `out`.

    `config` and `fields` are as those of `train`; what counts of them is the size and the
    form in which images are kept, and `group_near`. `encoding` is "jpeg", of `quality` 1 to
    100, or "raw". A folder that is not complete is completed.

    Raises:
        AlexNetError: the work cannot be done; see `alexnet_cli.errors`.
    """
    if encoding not in ENCODINGS:
        raise RecipeError(f"encoding {encoding!r} is none of {', '.join(ENCODINGS)}")
    if not 1 <= quality <= 100 or images_per_shard < 1:
        raise RecipeError("quality is 1 to 100, and images_per_shard at least 1")
    recipe = build_recipe(None if config is None else config_values(config), **fields)
    form = encoding, quality, images_per_shard
    return prepare_recipe(Path(data), Path(out), recipe, form, listener or Listener())


def prepare_recipe(
    data: Path,
    out: Path,
    recipe: "Recipe",
    form: tuple[str, int, int],
    listener: Listener,
    *,
    machines: "AbstractContextManager[Machines] | None" = None,
) -> "Written":
    """As `prepare`; `form` is encoding, quality and images per shard.

    With `machines`, those write the shards.

    Raises:
        DatasetError, RecipeError: the work cannot be done.
        ClusterError: the machines of Ray cannot be reached, or fail.
    """
    from ..dataset.shards.plan import Plan, PrepareOptions
    from ..dataset.shards.writing import write_shards
    from ..dataset.sources.kinds import is_shards
    from ..dataset.sources.open import open_source
    from ..recipe.preprocessing import preprocess_of
    from .training_images import check_place

    check_place(out, data)
    if is_shards(data):
        raise RecipeError(f"{printable(data)} is a folder of shards already")
    source = open_source(data)
    listener.images_found(source)
    options = PrepareOptions(out, preprocess_of(recipe), *form, recipe.split.group_near)
    plan = Plan(source, options)
    if machines is None:
        return write_shards(plan, listener.counting)
    from .ray_prepare import writing_by

    return write_shards(plan, listener.counting, writing_by(machines, data))
