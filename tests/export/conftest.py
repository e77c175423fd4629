"""A run in every format, written once."""

import pytest
from helpers import alexnet


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory):
    """The folder of all formats of the trained run; not to be written to."""
    out = tmp_path_factory.mktemp("exported") / "out"
    result = alexnet("export", "--model", trained, "--out", out)
    assert result.exit_code == 0, result.output
    assert "left out" not in result.stderr, result.stderr
    return out
