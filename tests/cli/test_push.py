"""alexnet push: options, what is printed where, and nothing without a network for --dry-run."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from alexnet_cli.cli import main
from alexnet_cli.cli.push import push_command

pytest.importorskip("huggingface_hub")
from hub_server import TOKEN, Hub

NAME = "someone/flowers"


@pytest.fixture
def server(monkeypatch, tmp_path):
    with Hub() as server:
        yield server.use(monkeypatch, tmp_path)


def run(monkeypatch, *args):
    """The command in this process, also while no other part of the package lists it."""
    monkeypatch.setitem(main.COMMANDS, "push", "")
    return CliRunner().invoke(main.main, ["push", *map(str, args)], prog_name="alexnet")


def ends(result, code, text):
    assert result.exit_code == code, result.output
    [line] = result.stderr.splitlines()[-1:]
    assert text in line and "Traceback" not in result.output and TOKEN not in result.output
    assert result.stdout == ""


def test_the_address_is_the_result(server, trained, monkeypatch):
    result = run(monkeypatch, trained, NAME, "--message", "First", "--public")
    assert (result.exit_code, result.stdout) == (0, f"{server.address}/{NAME}\n"), (
        result.output
    )
    first, second = result.stderr.splitlines()
    count = len(server.files(NAME))
    assert first.startswith(f"{count} files, ") and first.endswith(f" kB, to {NAME}")
    assert second == f"{NAME}: made, public"
    assert not server.repositories[NAME].private and TOKEN not in result.output
    assert [x.message for x in server.commits(NAME)] == ["First"]


def test_it_is_private_unless_told_otherwise(server, trained, monkeypatch):
    assert f"{NAME}: made, private" in run(monkeypatch, trained, NAME).stderr
    assert server.repositories[NAME].private


def test_a_dry_run_lists_and_asks_nothing(server, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", None)
    result = run(monkeypatch, trained, NAME, "--dry-run")
    assert result.exit_code == 0, result.output
    listed = [x.split(maxsplit=1) for x in result.stdout.splitlines()]
    sizes = {name: int(size) for size, name in listed}
    assert sizes["model.weights.h5"] == (trained / "model.weights.h5").stat().st_size
    assert not {"split.csv", "validation.csv", "bad_images.csv"} & set(sizes)
    assert result.stderr.startswith(f"{len(listed)} files, ") and server.asked == []
    more = run(monkeypatch, trained, NAME, "--dry-run", "--with-records").stdout
    assert {"split.csv", "plots/augmented.png"} <= {x.split()[1] for x in more.splitlines()}
    assert server.asked == []


def test_a_token_from_a_file(server, trained, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    file = tmp_path / "token"
    file.write_text(f"  {TOKEN}\n")
    result = run(monkeypatch, trained, NAME, "--token-file", file)
    assert result.exit_code == 0 and TOKEN not in result.output
    assert "hf_another" not in server.seen_tokens
    file.write_text("\n")
    ends(run(monkeypatch, trained, NAME, "--token-file", file), 2, "is empty")
    file.write_bytes(b"\xff\xfe key")
    ends(
        run(monkeypatch, trained, NAME, "--token-file", file),
        2,
        "token holds what is no token",
    )
    file.write_text(f"{TOKEN}\nhf_another\n")
    result = run(monkeypatch, trained, NAME, "--token-file", file)
    ends(result, 2, f"--token-file {file} holds 2 lines; it must hold one line")
    ends(run(monkeypatch, trained, NAME, "--token-file", tmp_path / "none"), 2, "does not exist")  # fmt: skip


@pytest.mark.parametrize("variable, text", [
    ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"), ({"HF_ENDPOINT": "http://["}, "HF_ENDPOINT is no address"),
    ({"HF_ENDPOINT": "htp://x"}, "HF_ENDPOINT htp://x is no address"), ({"HF_ENDPOINT": "x"}, "HF_ENDPOINT x is no address"),
    ({"HF_ENDPOINT": "http://127.0.0.1:abc"}, "Port could not be cast"),
])  # fmt: skip
@pytest.mark.slow
def test_an_environment_that_cannot_work_is_not_to_be_tried_again(trained, tmp_path, variable, text):  # fmt: skip
    code = "from alexnet_cli.cli.main import main; main(prog_name='alexnet')"
    environment = {**os.environ, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path), **variable}
    done = subprocess.run(
        [sys.executable, "-c", code, "push", str(trained), NAME],
        capture_output=True, text=True, timeout=100, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert text in last and "try again" not in last


@pytest.mark.parametrize("words, code, text", [
    (["none", NAME], 3, "none is neither a run directory nor"), (["TRAINED", "flowers"], 2, "owner/name"),
    (["TRAINED", NAME, "--message", ""], 2, "--message is empty"), (["TRAINED"], 2, "REPOSITORY"),
])  # fmt: skip
def test_wrong_usage(server, trained, monkeypatch, words, code, text):
    words = [trained if x == "TRAINED" else x for x in words]
    result = run(monkeypatch, *words)
    ends(result, code, text)
    assert server.routes() == [] and " files, " not in result.stderr


def test_a_wrong_token_is_one_line(server, trained, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    result = run(monkeypatch, trained, NAME)
    ends(result, 3, f"{server.address} does not accept the token; --token-file")
    assert len(result.stderr.splitlines()) == 2 and "hf_wrong" not in result.output


def test_another_process_uses_the_hub_of_its_environment(trained, tmp_path):
    code = "from alexnet_cli.cli.push import push_command; push_command()"
    with Hub() as server:
        done = subprocess.run(
            [sys.executable, "-c", code, str(trained), NAME, "--revision", "v1"],
            capture_output=True, text=True, timeout=100, check=False,
            env={**os.environ, **server.environment(tmp_path)},
        )  # fmt: skip
        assert done.stdout == f"{server.address}/{NAME}/tree/v1\n", done.stderr
        assert len(done.stderr.splitlines()) == 2 and TOKEN not in done.stderr
        assert len(server.commits(NAME, "v1")) == 1


def test_help_names_what_is_private():
    text = " ".join(CliRunner().invoke(push_command, ["--help"]).output.split())
    assert "split.csv, validation.csv, bad_images.csv, plots/augmented.png" in text
    assert "[default: private]" in text
