"""Fixtures of run directories."""

import pytest

from alexnet_cli.run import staging as module


@pytest.fixture(params=["exchange", "rename"])
def way(request, monkeypatch):
    """Both ways of replacing a folder: in one step, and in two."""
    if request.param == "rename":
        monkeypatch.setattr(module, "_exchange", lambda one, other: False)
    return request.param
