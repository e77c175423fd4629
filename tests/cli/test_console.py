"""Lines about the work go to standard error, details no longer than a screen."""

import pytest

from alexnet_cli.cli.console import MAX_NOTES, log, notes


def test_the_log_leaves_standard_output_to_results(capsys):
    log("reading")
    log()
    assert capsys.readouterr() == ("", "reading\n\n")


@pytest.mark.parametrize("count", [0, 1, MAX_NOTES])
def test_few_details_are_all_shown(capsys, count):
    notes([str(i) for i in range(count)])
    assert capsys.readouterr().err.splitlines() == [f"  {i}" for i in range(count)]


def test_many_details_are_cut_and_counted(capsys):
    notes([str(i) for i in range(MAX_NOTES + 3)])
    lines = capsys.readouterr().err.splitlines()
    assert lines == [*(f"  {i}" for i in range(MAX_NOTES)), "  ... and 3 more"]
