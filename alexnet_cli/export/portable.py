"""A run as one Python file: a zip application with the part of this package that predicts.

It needs NumPy, Pillow and ai-edge-litert, and decodes images as `alexnet predict` does.
"""

import ast
import zipfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from ..errors import ExportError
from .litert import litert
from .litert_metadata import with_metadata
from .source import ExportSource

_PACKAGE = "alexnet_cli"
_ROOTS = (
    "cli.portable", "cli.image_arguments", "inference.classifier", "inference.litert",
    "dataset.layout.folders", "reports.predictions",
)  # fmt: skip
"""What it runs; some of it is imported late, where `_imported` does not look."""
_MAIN = """import sys
from pathlib import Path

from alexnet_cli.cli.portable import main

if __name__ == "__main__":
    sys.exit(main(Path(__file__).parent, sys.argv[1:]))
"""
_SHEBANG = b"#!/usr/bin/env python3\n"


def write_portable(source: ExportSource, file: Path) -> None:
    """Write `source` as a zip application that predicts with float32 weights."""
    data = with_metadata(litert(source.served, "float32"), source)
    with file.open("wb") as out:
        out.write(_SHEBANG)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in sorted(_sources().items()):
                archive.writestr(_entry(name), text)
            archive.writestr(_entry("__main__.py"), _MAIN)
            archive.writestr(_entry("run.json"), source.record)
            archive.writestr(_entry("model.tflite"), data)
    file.chmod(0o755)


def _entry(name: str) -> zipfile.ZipInfo:
    # The same bytes whenever it is written.
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _sources() -> dict[str, str]:
    """The modules that the application needs, by their names in the archive."""
    found: dict[str, str] = {}
    waiting = [_PACKAGE, *(f"{_PACKAGE}.{x}" for x in _ROOTS)]
    while waiting:
        module = waiting.pop()
        read = _read(module)
        if read is None or read[0] in found:
            continue
        found[read[0]] = read[1]
        waiting += _imported(module, read[1], is_package=read[0].endswith("__init__.py"))
        waiting.append(module.rpartition(".")[0])
    return found


def _read(module: str) -> tuple[str, str] | None:
    """The name in the archive and the text of a module; None if it is none of ours."""
    if not module:
        return None
    root, *parts = module.split(".")
    name = "/".join(parts)
    for file in (f"{name}.py", f"{name}/__init__.py".lstrip("/")):
        path = resources.files(root) / file
        if path.is_file():
            return f"{root}/{file}", path.read_text("utf-8")
    return None


def _imported(module: str, text: str, *, is_package: bool) -> Iterator[str]:
    """The modules that `module` imports from this package at its top."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = module.split(".")
            base = parts[: len(parts) - node.level + is_package]
            if not base:
                raise ExportError(f"{module} imports from above its package")
            target = ".".join([*base, *filter(None, [node.module])])
            yield target
            yield from (f"{target}.{x.name}" for x in node.names)
