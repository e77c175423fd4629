"""`alexnet env` prints what a bug report needs, also as JSON."""

import json

from helpers import alexnet

from alexnet_cli import __version__
from alexnet_cli.cli import env


def test_a_line_for_each_and_the_same_as_json():
    result = alexnet("env")
    assert result.exit_code == 0 and result.stderr == ""
    lines = dict(x.split(maxsplit=1) for x in result.stdout.splitlines())
    assert lines["alexnet"] == __version__ and {"tensorflow", "processor"} <= set(lines)
    found = json.loads(alexnet("env", "--json").stdout)
    assert [k.split()[0] for k in found] == [*lines]


def test_a_verbose_version_is_the_same():
    plain = alexnet("env").stdout
    for words in (["--version", "-v"], ["-v", "--version"], ["--version", "--verbose"]):
        assert alexnet(*words).stdout == plain
    assert alexnet("--version").stdout == f"alexnet, version {__version__}\n"


def test_what_others_named_does_not_reach_the_terminal(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_X", "\x1b[31m")
    assert "\x1b" not in alexnet("env").stdout
    assert env.env_command.help.startswith("Print versions")
