"""--classes is a list or a file of names, in the order given."""

import pytest
from helpers import fails

from alexnet_cli.cli.arguments import class_names
from alexnet_cli.errors import DatasetError


def test_without_the_option_there_are_no_names():
    assert class_names(None) == ()


def test_names_keep_their_order():
    assert class_names("roses,daisy") == ("roses", "daisy")


def test_names_from_a_file(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("sea lion\nzebra\n")
    assert class_names(f"@{file}") == ("sea lion", "zebra")


def test_a_name_that_is_listed_twice_is_refused():
    with pytest.raises(DatasetError, match=r"^--classes: 'red' is listed twice$"):
        class_names("red,blue,red")


def test_a_file_that_does_not_exist_is_named():
    with pytest.raises(
        DatasetError, match=r"^--classes: none\.txt: No such file or directory$"
    ):
        class_names("@none.txt")


@pytest.mark.parametrize("words", [
    ("evaluate", "--assert-accuracy", "nan"), ("export", "--max-drop", "NaN"),
    ("predict", "x.jpg", "--reject", "nan"), ("models", "tiny", "--dropout", "nan"),
    ("serve", "--timeout", "nan"),
])  # fmt: skip
def test_nan_is_in_no_range(words):
    """A check against it would never fail."""
    fails(2, "is not a number", *words)
