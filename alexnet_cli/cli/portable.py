"""What a file of `--format portable` runs: `alexnet predict` for the one run inside it.

It has Python's own parser of options, since click is not where the file is to run.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from ..errors import AlexNetError
from . import console


def main(application: Path, words: Sequence[str]) -> int:
    """Predict as `words` ask with the model in the file `application`; the exit code."""
    try:
        parser = _parser(application)
        options = parser.parse_args(words)
        if options.raw_csv and options.form != "csv":
            parser.error("--raw-csv has no effect without --csv")
        code = _predict(application, options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Who reads has seen enough; Python would complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _report(application, "interrupted", 130)
    except AlexNetError as error:
        return _report(application, str(error), error.exit_code)
    except ImportError as error:
        text = f"{error}; pip install numpy pillow ai-edge-litert"
        return _report(application, text, AlexNetError.exit_code)


def _report(application: Path, text: str, code: int) -> int:
    console.log(f"{application.name}: {text}")
    return code


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one printable line."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, and end with 2."""
        console.log(f"{self.prog}: {message} (see {self.prog} --help)")
        raise SystemExit(2)


def _parser(application: Path) -> argparse.ArgumentParser:
    parser = _Parser(
        application.name,
        description="Predict the class of each IMAGE: a file, a folder, a glob pattern, or "
        "- for a list of files on standard input.",
    )
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGE")
    add("--top", type=_positive, default=3, help="how many classes to print per image (3)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", dest="form", const="json",
                      help="print one JSON object per image and line")  # fmt: skip
    form.add_argument("--csv", action="store_const", dest="form", const="csv",
                      help="print CSV, one row per image")  # fmt: skip
    add("--raw-csv", action="store_true", help="with --csv: leave out the ' before names "
        "that a spreadsheet would take for a formula")  # fmt: skip
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _predict(application: Path, options: argparse.Namespace) -> int:
    from ..inference.classifier import Classifier
    from ..inference.exported import own_model
    from ..reports.predictions import csv_header, line
    from .image_arguments import ImageArguments, as_images

    classifier = Classifier(own_model(application))
    top = min(options.top, len(classifier.run.classes))
    form = "raw-csv" if options.form == "csv" and options.raw_csv else options.form
    if options.form == "csv":
        console.raw(csv_header(top))
    unreadable = 0
    arguments = ImageArguments(options.images, sys.stdin.buffer, console.log)
    for prediction in classifier.predict(as_images(arguments.inputs())):
        text = line(prediction, top, form)
        console.raw(text) if form else console.output([text])
        unreadable += bool(prediction.error)
    if unreadable:
        return _report(application, f"{unreadable} image(s) cannot be read", 1)
    return 0
