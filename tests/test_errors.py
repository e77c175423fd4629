"""Errors are one tree with documented exit codes, and paths in messages are printable."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import HARD_NAMES
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli import errors
from alexnet_cli.errors import MAX_MESSAGE, AlexNetError, for_shell, one_line, printable

ERRORS = {
    k: v
    for k, v in vars(errors).items()
    if isinstance(v, type) and issubclass(v, Exception)
}

BASES = {
    "AlexNetError": Exception,
    "RunReplaced": errors.RunError,
    "OversizedImage": errors.ImageError,
}


def test_the_tree_in_the_docstring_is_the_tree():
    rows = re.findall(r"(\w+) +(\d+)  \S", errors.__doc__)
    assert {k: int(v) for k, v in rows} == {k: v.exit_code for k, v in ERRORS.items()}
    for name, error in ERRORS.items():
        assert error.__bases__ == (BASES.get(name, AlexNetError),)
    own = {
        x
        for x, v in vars(errors).items()
        if getattr(v, "__module__", "") == errors.__name__
    }
    kinds = {x for x in own if isinstance(vars(errors)[x], type)} - set(ERRORS)
    assert kinds == {"Signaled"} and errors.Signaled.__base__ is KeyboardInterrupt


@pytest.mark.parametrize("number, code", [(2, 130), (15, 143), (1, 129)])
def test_the_exit_code_is_that_of_a_process_that_a_signal_ends(number, code):
    error = errors.Interrupted("interrupted", number)
    assert (error.exit_code, error.number, str(error)) == (code, number, "interrupted")
    assert (
        errors.Interrupted("interrupted").exit_code == errors.Interrupted.exit_code == 130
    )
    assert errors.Signaled(number).number == number


@pytest.mark.parametrize("path, text", [
    ("a b.jpg", "a b.jpg"), ("цветок \U0001f337", "цветок \U0001f337"), ("new\nline\r", r"new\nline\r"),
    (os.fsdecode(b"bad\xff.jpg"), r"bad\xff.jpg"), ("\x1b[31m", r"\x1b[31m"), ("\u2028\u202e", r"\u2028\u202e"),
    ("back\\slash 'quote\"", "back\\slash 'quote\""), ("", ""), ("\ttab", r"\ttab"),
])  # fmt: skip
def test_printable_escapes_what_a_terminal_would_obey(path, text):
    assert printable(path) == text
    if path:
        assert printable(Path(path)) == text


ANY_TEXT = st.text(st.characters(exclude_categories=[]))
"""With lone surrogates, which no encoding has."""


@given(ANY_TEXT)
def test_what_an_error_says_is_one_printable_line(text):
    assert str(AlexNetError(text)) == one_line(text) == one_line(one_line(text))
    assert str(AlexNetError(text)).isprintable()
    assert str(AlexNetError(AlexNetError(text))) == one_line(text)


def test_a_long_message_is_cut():
    assert one_line("x" * MAX_MESSAGE) == "x" * MAX_MESSAGE
    for text in ("x" * (MAX_MESSAGE + 1), "\x1b" * 10**6):
        assert len(one_line(text)) == MAX_MESSAGE and "..." in one_line(text)
    # Its ends say which file and what to do.
    long = f"a.jpg is {'x' * MAX_MESSAGE}; leave it out"
    assert one_line(long).startswith("a.jpg is x") and one_line(long).endswith(
        "leave it out"
    )


@given(
    ANY_TEXT | st.binary().map(os.fsdecode) | st.sampled_from(HARD_NAMES).map(os.fsdecode)
)
def test_any_path_is_one_printable_line(path):
    text = printable(path)
    assert text.isprintable() and text.splitlines() in ([], [text])
    assert printable(text) == text
    if path.isprintable():
        assert text == path


@pytest.mark.parametrize("count, text", [
    (0, ""), (1, "n0"), (3, "n0, n1, n2"), (4, "n0, n1, n2 and 1 more"), (1000, "n0, n1, n2 and 997 more"),
])  # fmt: skip
def test_a_list_in_a_message_is_cut_with_a_count(count, text):
    assert errors.listed((f"n{i}" for i in range(count)), 3) == text


def test_names_in_a_list_are_printable():
    assert errors.listed(["a\nb", "\udcff", Path("c"), 7]) == "a\\nb, \\xff, c, 7"


@pytest.mark.parametrize(
    "name", ["plain", "two words", "it's", "Köche", "a\nb\tc", "x\\n\n", "$HOME `id` \"x\"", "\udcff'"]
)  # fmt: skip
def test_a_shell_reads_for_shell_back(name):
    """In one printable line, whatever the name is."""
    word = for_shell(name)
    assert word.isprintable()
    bash = shutil.which("bash")
    if not bash:
        pytest.skip("there is no bash")
    env = {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [bash, "-c", f"printf %s {word}"], capture_output=True, check=True, env=env
    )
    assert done.stdout == os.fsencode(name)
