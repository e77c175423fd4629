"""AlexNet image classifiers: trained on folders of images, evaluated and used.

The functions do what the commands of `alexnet` do:

    >>> from alexnet_cli import Classifier, evaluate, train
    >>> run = train("data/sample/photos", out="saved", arch="tiny", epochs=2)
    >>> run.classes
    ('daisy', 'fish', 'house', 'leaf', 'star')
    >>> evaluate(run, "data/sample/Test_set").scores.images
    100
    >>> [prediction] = Classifier(run)(["data/sample/Test_set/star/star_000.jpg"])
    >>> prediction.label in run.classes
    True

Names are imported when they are first used, so that `import alexnet_cli` is fast;
TensorFlow starts when there is work for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .version import __version__

_MODULES = {
    "train": "api.train",
    "prepare": "api.prepare",
    "evaluate": "api.evaluate",
    "resume": "api.resume",
    "export_run": "api.export",
    "benchmark": "api.benchmark",
    "import_weights": "api.pretrained",
    "build_model": "api.models",
    "Listener": "api.listener",
    "Classifier": "inference.classifier",
    "Prediction": "inference.prediction",
    "Evaluation": "evaluation.result",
    "Run": "run.run",
    "runs": "api.runs",
    "RunSummary": "run.summary",
    "Recipe": "recipe.recipe",
    "ARCHITECTURES": "model.alexnet",
    "AlexNetError": "errors",
    "RecipeError": "errors",
    "DatasetError": "errors",
    "ImageError": "errors",
    "OversizedImage": "errors",
    "RunError": "errors",
    "RunReplaced": "errors",
    "ClusterError": "errors",
    "DeviceError": "errors",
    "DownloadError": "errors",
    "WeightsError": "errors",
    "ExportError": "errors",
    "CheckFailed": "errors",
    "Interrupted": "errors",
}
"""The public names and the modules that define them."""

if TYPE_CHECKING:
    from .api.benchmark import benchmark
    from .api.evaluate import evaluate
    from .api.export import export_run
    from .api.listener import Listener
    from .api.models import build_model
    from .api.prepare import prepare
    from .api.pretrained import import_weights
    from .api.resume import resume
    from .api.runs import runs
    from .api.train import train
    from .errors import (
        AlexNetError,
        CheckFailed,
        ClusterError,
        DatasetError,
        DeviceError,
        DownloadError,
        ExportError,
        ImageError,
        Interrupted,
        OversizedImage,
        RecipeError,
        RunError,
        RunReplaced,
        WeightsError,
    )
    from .evaluation.result import Evaluation
    from .inference.classifier import Classifier
    from .inference.prediction import Prediction
    from .model.alexnet import ARCHITECTURES
    from .recipe.recipe import Recipe
    from .run.run import Run
    from .run.summary import RunSummary
else:
    # Type checkers must not see this: any name, misspelled or not, would be fine by it.
    def __getattr__(name: str) -> object:
        """Import a public name on first use, as PEP 562 has it."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "ARCHITECTURES",
    "AlexNetError",
    "CheckFailed",
    "Classifier",
    "ClusterError",
    "DatasetError",
    "DeviceError",
    "DownloadError",
    "Evaluation",
    "ExportError",
    "ImageError",
    "Interrupted",
    "Listener",
    "OversizedImage",
    "Prediction",
    "Recipe",
    "RecipeError",
    "Run",
    "RunError",
    "RunReplaced",
    "RunSummary",
    "WeightsError",
    "__version__",
    "benchmark",
    "build_model",
    "evaluate",
    "export_run",
    "import_weights",
    "prepare",
    "resume",
    "runs",
    "train",
]
