"""Names that look the same are the same, or are said to differ; nobody has to guess."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.dataset.class_names import (
    confusable,
    hint,
    listed_classes,
    lookalikes,
    matching,
    order,
    quoted,
    read_classes,
    shown,
)
from alexnet_cli.errors import DatasetError

COMPOSED, APART = "café", unicodedata.normalize("NFD", "café")
KOREAN = "\ud55c\uae00"


def test_names_match_in_either_form():
    assert matching(COMPOSED, (APART, "tea")) == APART
    assert matching(APART, (COMPOSED, "tea")) == COMPOSED
    assert matching(unicodedata.normalize("NFD", KOREAN), (KOREAN,)) == KOREAN
    assert (
        matching("\u212b", ("\u00c5",)) == "\u00c5"
    )  # the sign of the unit, and the letter
    # Compatible is not the same: m² is not m2.
    assert matching("m\u00b2", ("m2",)) is None
    assert matching("Cafe", ("cafe",)) is None and matching("cat", ("cat ",)) is None


def test_the_very_name_wins_and_two_others_are_none():
    assert matching(APART, (COMPOSED, APART)) == APART
    a, b = "e\u0323\u0302", "\u1eb9\u0302"  # ệ in two further ways
    assert matching("\u1ec7", (a, b)) is None


@given(st.text(max_size=8))
def test_every_form_of_a_name_matches_it(name):
    for form in ("NFC", "NFD"):
        assert matching(unicodedata.normalize(form, name), (name, "other" * 3)) == name


@given(
    st.lists(
        st.text(max_size=5), max_size=6, unique_by=lambda x: unicodedata.normalize("NFC", x)
    )
)
def test_the_order_of_classes_is_that_of_composed_names(names):
    """Equal data sets thus have equal classes on macOS and on Linux."""
    apart = [unicodedata.normalize("NFD", x) for x in names]
    composed = [unicodedata.normalize("NFC", x) for x in names]
    again = [unicodedata.normalize("NFC", x) for x in sorted(apart, key=order)]
    assert again == sorted(composed, key=order)


@pytest.mark.parametrize(
    "other",
    ["Cat", "CAT", "cat ", " cat", "cat\u00a0", "\u200bcat", "cat\ufeff", "cat\t", "c\u00adat", "\uff43at", "cat\u2003"],
)  # fmt: skip
def test_names_that_differ_by_what_nobody_sees_are_confusable(other):
    assert confusable(("dog", "cat", other)) == (("cat", other),)
    assert (
        hint(other, ("dog", "cat"))
        == "; did you mean 'cat', which differs only in how it is written?"
    )
    assert lookalikes(["owl", other], ("dog", "cat")).startswith(
        f" ({quoted(other)} is not 'cat'"
    )


@pytest.mark.parametrize(
    "names", [("cat", "cats"), ("a b", "ab"), ("e", "\u00e9"), ("cat", "c-at"), ("1", "01")]
)
def test_names_of_other_letters_are_not(names):
    assert confusable(names) == ()


def test_more_than_two_names_are_one_group():
    straße = ("strasse", "STRASSE", "straße")
    assert confusable((*straße, "x", COMPOSED, APART)) == (straße, (COMPOSED, APART))


@pytest.mark.parametrize(
    "name,text",
    [
        ("cat", "'cat'"), ("cat ", "'cat '"), ("it's", '"it\'s"'), (COMPOSED, "'café'"), (APART, r"'cafe\u0301'"),
        ("a\u00a0b", r"'a\xa0b'"), ("\u200bcat", r"'\u200bcat'"), ("a\nb", r"'a\nb'"), ("\udcff", r"'\xff'"),
        ("\u0939\u093f\u0902\u0926\u0940", "'हिंदी'"), (KOREAN, "'한글'"), ("\U0001f337", "'🌷'"), ("\x1b[31m", r"'\x1b[31m'"),
    ],
)  # fmt: skip
def test_quoted_names_show_the_difference(name, text):
    assert quoted(name) == text
    assert quoted(name).isprintable()


@given(st.text(max_size=6), st.text(max_size=6))
def test_names_that_look_the_same_are_quoted_differently(one, other):
    """But for characters that stand for others in every form, as K for kelvin."""
    if one != other and "\\" not in one + other:
        same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
        marks = all(unicodedata.combining(x) == 0 for x in one + other)
        assert quoted(one) != quoted(other) or (same and marks)


def test_lists_quote_only_odd_names_and_are_cut():
    assert (
        listed_classes(["blue", "sky blue", "a, b", " x"]) == "blue, sky blue, 'a, b', ' x'"
    )
    assert (
        listed_classes([str(i) for i in range(14)])
        == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 4 more"
    )
    assert shown(APART) == r"'cafe\u0301'" and shown(COMPOSED) == COMPOSED


def test_a_list_with_a_mark_of_windows_is_read(tmp_path):
    (tmp_path / "c.txt").write_bytes("\ufeffrose\r\ntulip \r\n\r\n".encode())
    assert read_classes(f"@{tmp_path / 'c.txt'}") == ("rose", "tulip")


def test_names_keep_characters_that_look_like_ends_of_lines(tmp_path):
    (tmp_path / "c.txt").write_text("a\x85b\nc\u2028d\n", "utf-8", newline="")
    assert read_classes(f"@{tmp_path / 'c.txt'}") == ("a\x85b", "c\u2028d")


def test_one_name_in_two_forms_is_listed_twice():
    with pytest.raises(DatasetError) as error:
        read_classes(f"{COMPOSED},x,{APART}")
    assert str(error.value) == "--classes: 'café' is listed twice"
