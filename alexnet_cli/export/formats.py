"""The formats of `alexnet export`: one record for each, with what writes it."""

import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..backend.paths import utf8_path
from ..backend.startup import quiet
from ..errors import ExportError, RecipeError, first_line
from ..run.files import replacing
from .source import ExportSource

Writer = Callable[[ExportSource, Path], None]
"""Writes a run's network to a file or a folder that does not exist."""


@dataclass(frozen=True)
class Format:
    """A format: what it is called, where it is written, and what that takes."""

    name: str
    file: str
    """Its file or folder."""
    write: Writer
    packages: tuple[str, ...] = ()
    """Modules that are not always installed."""
    extra: str = ""
    """The extra that installs them."""

    def missing(self) -> str:
        """What has to be installed first, in one line; empty if nothing has."""
        lacking = [x for x in self.packages if find_spec(x) is None]
        if not lacking:
            return ""
        return (
            f"--format {self.name} needs {', '.join(lacking)}: "
            f"pip install 'alexnet[{self.extra}]'"
        )


def write_format(form: Format, source: ExportSource, folder: Path) -> Path:
    """Write `form` into `folder`, whole or not at all; the path of what was written.

    Raises:
        RecipeError: a package is not installed.
        ExportError: the format cannot hold the network, or could not be written.
    """
    if form.missing():
        raise RecipeError(form.missing())
    target, part = folder / form.file, folder / ".part.export"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        with utf8_path(part) as safe, quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Converters', about their own code.
            form.write(source, safe / form.file)
        for path in sorted(part.iterdir()):
            _put(path, folder / path.name)
    except ImportError as error:
        # Of a converter, which has not said that it needs it.
        raise ExportError(f"--format {form.name}: {first_line(error)}") from error
    except (ValueError, RuntimeError, TypeError, NotImplementedError) as error:
        reason = first_line(error)
        raise ExportError(f"--format {form.name}: {reason}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _put(path: Path, target: Path) -> None:
    """Move a file or folder to `target`, in the place of what is there."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    if path.is_dir():
        target.unlink(missing_ok=True)
        path.rename(target)
        return
    with replacing(target) as part:
        shutil.move(path, part)  # A link may lead to another disk.


def _saved_model(source: ExportSource, folder: Path) -> None:
    from .saved_model import write_saved_model

    write_saved_model(source.run, source.network, folder)


def _litert(weights: str) -> Writer:
    def write(source: ExportSource, file: Path) -> None:
        from .litert import litert
        from .litert_metadata import with_metadata

        pictures = source.calibration if weights == "full-int8" else None
        data = litert(source.served, weights, pictures)
        file.write_bytes(with_metadata(data, source))

    return write


def _onnx(source: ExportSource, file: Path) -> None:
    from .onnx import write_onnx

    write_onnx(source.served, file)


def _openvino(source: ExportSource, file: Path) -> None:
    source.served.export(str(file), format="openvino", verbose=False)


def _keras(source: ExportSource, file: Path) -> None:
    from .keras_file import write_keras

    write_keras(source.run, source.network, file)


def _portable(source: ExportSource, file: Path) -> None:
    from .portable import write_portable

    write_portable(source, file)


def _web(source: ExportSource, folder: Path) -> None:
    from .web_page import write_web

    write_web(source, folder)


_OPENVINO = ("openvino", "scipy")
_ONNX = ("tf2onnx", "onnx", "onnxruntime")
FORMATS = {
    x.name: x
    for x in (
        Format("savedmodel", "saved_model", _saved_model),
        Format("litert", "model.tflite", _litert("float32")),
        Format("litert-float16", "model-float16.tflite", _litert("float16")),
        Format("litert-int8", "model-int8.tflite", _litert("int8")),
        Format("litert-full-int8", "model-full-int8.tflite", _litert("full-int8")),
        Format("onnx", "model.onnx", _onnx, packages=_ONNX, extra="onnx"),
        Format("openvino", "model.xml", _openvino, packages=_OPENVINO, extra="openvino"),
        Format("keras", "model.keras", _keras),
        Format("web", "web", _web),
        Format("portable", "model.pyz", _portable),
    )
}
"""By name."""


def chosen(names: tuple[str, ...]) -> tuple[list[Format], list[str]]:
    """The formats called `names`, and a line about each that `all` leaves out.

    Raises:
        RecipeError: there is no such format, or one that is named needs a package.
    """
    if "all" in names:
        lacking = [x.missing() for x in FORMATS.values() if x.missing()]
        return [x for x in FORMATS.values() if not x.missing()], lacking
    for name in names:
        if name not in FORMATS:
            raise RecipeError(f"--format {name}: choose from {', '.join(FORMATS)}, all")
        if FORMATS[name].missing():
            raise RecipeError(FORMATS[name].missing())
    return [FORMATS[x] for x in dict.fromkeys(names)], []
