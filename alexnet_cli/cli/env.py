"""`alexnet env`: versions, processor and devices, as a bug report needs them."""

import json

import click

from .arguments import JSON
from .console import output, raw


@click.command("env")
@JSON
def env_command(as_json: bool) -> None:
    """Print versions, processor and devices: what a bug report needs."""
    from ..backend.environment import environment

    found = environment()
    if as_json:
        raw(json.dumps(found))
    else:
        width = max(map(len, found))
        output(f"{k:{width}}  {v}" for k, v in found.items())
