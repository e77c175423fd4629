"""Errors are one tree with documented exit codes, and paths in messages are printable."""

import os
import re
from pathlib import Path

import pytest
from helpers import HARD_NAMES
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli import errors
from alexnet_cli.errors import AlexNetError, printable

ERRORS = {
    k: v
    for k, v in vars(errors).items()
    if isinstance(v, type) and issubclass(v, Exception)
}


def test_the_tree_in_the_docstring_is_the_tree():
    rows = re.findall(r"(\w+) +(\d+)  \S", errors.__doc__)
    assert {k: int(v) for k, v in rows} == {k: v.exit_code for k, v in ERRORS.items()}
    for name, error in ERRORS.items():
        assert error.__bases__ == (
            (Exception,) if name == "AlexNetError" else (AlexNetError,)
        )


@pytest.mark.parametrize("path, text", [
    ("a b.jpg", "a b.jpg"), ("цветок \U0001f337", "цветок \U0001f337"), ("new\nline\r", r"new\nline\r"),
    (os.fsdecode(b"bad\xff.jpg"), r"bad\xff.jpg"), ("\x1b[31m", r"\x1b[31m"), ("\u2028\u202e", r"\u2028\u202e"),
    ("back\\slash 'quote\"", "back\\slash 'quote\""), ("", ""), ("\ttab", r"\ttab"),
])  # fmt: skip
def test_printable_escapes_what_a_terminal_would_obey(path, text):
    assert printable(path) == text
    if path:
        assert printable(Path(path)) == text


@given(
    st.text() | st.binary().map(os.fsdecode) | st.sampled_from(HARD_NAMES).map(os.fsdecode)
)
def test_any_path_is_one_printable_line(path):
    text = printable(path)
    assert text.isprintable() and text.splitlines() in ([], [text])
    assert printable(text) == text
    if path.isprintable():
        assert text == path
