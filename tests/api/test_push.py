"""push: what belongs to a model, whole and as one commit, to a hub on this machine."""

import contextlib
import json
import os
import shutil
import sys
import time
import warnings

import pytest
from helpers import alexnet
from hypothesis import given
from hypothesis import strategies as st

from alexnet_cli.api.listener import Listener
from alexnet_cli.api.push import check_repository, files_to_push, push
from alexnet_cli.errors import AlexNetError, RecipeError, RunError
from alexnet_cli.export.record import (
    digests,
    read_record,
    write_record,
    write_run,
)
from alexnet_cli.export.source import ExportSource, shipped
from alexnet_cli.reports.model_card import card
from alexnet_cli.run.digests import sha256
from alexnet_cli.run.run import INTERRUPTED, TRAINING, Run

pytest.importorskip("huggingface_hub.utils")
hub = pytest.importorskip("huggingface_hub")
from hub_server import TOKEN, Hub  # noqa: E402

NAME = "someone/flowers"
PRIVATE = {"split.csv", "validation.csv", "bad_images.csv", "plots/augmented.png"}


class Lines(Listener):
    """Keeps what it is told."""

    def __init__(self):
        self.lines, self.counted = [], []

    def counting(self, what):
        return contextlib.nullcontext(lambda *now: self.counted.append(now))

    def log(self, text):
        self.lines.append(text)

    def notes(self, lines):
        self.lines.extend(lines)


@pytest.fixture
def server(monkeypatch, tmp_path):
    with Hub() as server:
        yield server.use(monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    """What `alexnet export` writes, of two formats, without its comparison."""
    out, run = tmp_path_factory.mktemp("push") / "exported", Run.open(trained)
    write_run(ExportSource(run), out)
    shutil.copy(run.litert, out)
    (out / "saved_model").mkdir()
    for name in ("saved_model.pb", "fingerprint.pb", "variables"):
        path = trained / name
        (shutil.copytree if path.is_dir() else shutil.copy)(
            path, out / "saved_model" / name
        )
    proof = {
        "accuracy": 0.9, "accuracy_interval": [0.8, 0.95], "images": 20, "drop": 0.0,
        "agreement": 1.0, "largest_difference": 0.0, "bytes": 1000,
    }  # fmt: skip
    rows = [
        {**proof, "file": x, "digests": digests(out, out / x)}
        for x in ("saved_model", "model.tflite")
    ]
    content = {"images": {"from": "held-out images of the run", "count": 20}, "max_drop": 0.01,
               "run": proof, "exports": rows}  # fmt: skip
    write_record(out, run, content)
    (out / "README.md").write_text(card(run, read_record(out)))
    return out


@pytest.fixture
def copied(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "exported")


def on_disk(folder, but=()):
    """The files in a folder with their bytes, but those in folders of `but`."""
    return {
        x.relative_to(folder).as_posix(): x.read_bytes()
        for x in folder.rglob("*")
        if x.is_file() and x.relative_to(folder).parts[0] not in but
    }


def test_an_export_arrives_whole_in_one_private_commit(server, exported):
    assert push(exported, NAME, message="First") == f"{server.address}/{NAME}"
    assert server.files(NAME) == on_disk(exported)
    assert [x.message for x in server.commits(NAME)] == ["First"]
    assert server.repositories[NAME].private
    assert server.seen_tokens == {TOKEN, ""}  # Storage and validation are shown none.
    large = server.commits(NAME)[0].large
    assert "model.tflite" in large and "saved_model/saved_model.pb" in large
    assert "README.md" not in large


def test_of_a_run_what_names_its_images_and_folders_stays(server, run_copy, toy):
    (run_copy / "plots/.part.curves.png").write_text("left by a kill")
    (run_copy / "notes.txt").write_text("mine")
    (run_copy / ".lock").touch()
    push(run_copy, NAME)
    found, left = server.files(NAME), {"checkpoints", "logs", ".lock", "SHA256SUMS"}
    left |= {"train.log", "evaluations.json"}
    expected = on_disk(run_copy, left | {"notes.txt"})
    del expected["plots/.part.curves.png"]
    expected["run.json"] = shipped(Run.open(run_copy)).text().encode()
    assert found == {k: v for k, v in expected.items() if k not in PRIVATE}
    assert {"model.weights.h5", "history.csv", "README.md", "plots/curves.png"} <= set(
        found
    )
    for name, data in found.items():
        assert str(toy).encode() not in data, name
    push(run_copy, NAME, with_records=True)
    assert server.files(NAME) == expected


def test_what_others_put_beside_an_export_stays(server, copied, exported):
    (copied / ".part.export").mkdir()
    for name in (".part.export/model.tflite", "notes.txt", "saved_model/notes.txt"):
        (copied / name).write_text("mine")
    push(copied, NAME)
    assert server.files(NAME) == on_disk(exported)


def test_a_second_push_sends_and_commits_nothing(server, exported):
    push(exported, NAME)
    before, listener = len(server.asked), Lines()
    push(exported, NAME, listener=listener)
    assert len(server.commits(NAME)) == 1
    assert not {"create", "put", "commit"} & set(server.asked[before:])
    assert "nothing has changed since it was last pushed" in listener.lines


def test_only_what_has_changed_is_in_the_next_commit(server, copied):
    push(copied, NAME)
    card = copied / "README.md"
    card.write_text(card.read_text() + "\nMore.\n")
    puts = server.asked.count("put")
    push(copied, NAME, message="More")
    assert server.asked.count("put") == puts
    assert [x.message for x in server.commits(NAME)][1:] == ["More"]
    assert server.files(NAME) == on_disk(copied)


@pytest.mark.parametrize("private", [True, False])
def test_a_repository_that_exists_stays_as_visible_as_it_is(server, exported, private):
    hub.HfApi(token=TOKEN).create_repo(NAME, private=private)
    listener = Lines()
    push(exported, NAME, private=not private, listener=listener)
    assert server.repositories[NAME].private == private
    said = "private" if private else "public"
    assert listener.lines[0] == f"{NAME}: exists and stays {said}"


def test_a_repository_that_somebody_makes_meanwhile_is_used(server, exported, monkeypatch):
    hub.HfApi(token=TOKEN).create_repo(NAME)
    info = hub.HfApi.repo_info

    def none_yet(self, *args, **kwargs):
        monkeypatch.setattr(hub.HfApi, "repo_info", info)
        return info(self, "someone/none", **kwargs)

    monkeypatch.setattr(hub.HfApi, "repo_info", none_yet)
    push(exported, NAME)
    assert "create" in server.asked and len(server.commits(NAME)) == 1


def test_a_branch_is_made_and_main_stays(server, exported):
    for _ in range(2):
        address = push(exported, NAME, revision="v1")
        assert address == f"{server.address}/{NAME}/tree/v1"
    assert server.files(NAME, "v1") == on_disk(exported)
    assert server.files(NAME) == {} and len(server.commits(NAME, "v1")) == 1


def test_models_that_the_folder_does_not_have_are_named(server, exported):
    push(exported, NAME)
    files = server.repositories[NAME].branches["main"][-1].files
    files["model.onnx"] = b"of another run"
    listener = Lines()
    push(exported, NAME, listener=listener)
    assert listener.lines[1].startswith("warning: it keeps what is not in this folder")
    assert listener.lines[2] == "model.onnx" and "model.onnx" in server.files(NAME)


def test_large_files_are_counted(server, copied, monkeypatch):
    monkeypatch.setattr("alexnet_cli.api.push._LARGE", 1)
    listener, count = Lines(), len(files_to_push(copied))
    push(copied, NAME, listener=listener)
    assert listener.counted == [(i, count) for i in range(count)]
    assert len(server.commits(NAME)) == 1 and server.files(NAME) == on_disk(copied)


@pytest.mark.parametrize("kind", ["run", "exported"])
def test_the_hub_reads_the_card(kind, trained, exported):
    folder = {"run": trained, "exported": exported}[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = hub.ModelCard.load(folder / "README.md")
    data = found.data
    assert (data.library_name, data.pipeline_tag) == ("keras", "image-classification")
    assert "alexnet" in data.tags and data.license == "other"
    accuracy = [x.metric_value for x in data.eval_results]
    assert len(accuracy) == (2 if kind == "exported" else 1)
    assert {x.metric_type for x in data.eval_results} == {"accuracy"}
    assert all(0 <= x <= 1 for x in accuracy)
    again = hub.ModelCardData(**hub.ModelCard(str(found)).data.to_dict())
    assert again.to_dict() == data.to_dict()


def test_what_was_pushed_predicts(server, trained, toy, tmp_path):
    push(trained, NAME)
    for name, data in server.files(NAME).items():
        file = tmp_path / "cloned" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    image = next((toy / "red").iterdir())
    answers = [
        alexnet("predict", image, "--model", x, "--json").stdout
        for x in (trained, tmp_path / "cloned")
    ]
    assert answers[0] == answers[1] and "red" in answers[0]


@pytest.mark.parametrize("name, valid", [
    ("a/b", 1), ("some-one/flowers_2.0", 1), ("A/b.c", 1), ("b", 0), ("a/b/c", 0), ("a/", 0), ("/b", 0), ("", 0),
    ("a/b..c", 0), ("a/b--c", 0), ("a/.b", 0), ("a/b-", 0), ("a/b.git", 0), ("a b/c", 0), ("a/b\n", 0),
    ("\u00e4/b", 0), ("a/" + "b" * 94, 1), ("a/" + "b" * 95, 0), ("https://huggingface.co/a/b", 0), ("../b", 0),
])  # fmt: skip
def test_names_of_repositories(name, valid):
    if valid:
        check_repository(name)
        hub.utils.validate_repo_id(name)
    else:
        with pytest.raises(RecipeError, match="owner/name"):
            check_repository(name)


@given(st.from_regex(r"[ab1_.\-]{1,5}/[ab1_.\-]{1,5}", fullmatch=True))
def test_a_name_that_is_valid_here_is_valid_to_the_hub(name):
    try:
        check_repository(name)
    except RecipeError:
        return
    hub.utils.validate_repo_id(name)


def damage(folder, how):
    if how == "no card":
        (folder / "README.md").unlink()
    elif how == "no model":
        (folder / "model.tflite").unlink()
    elif how == "another model":
        (folder / "model.tflite").write_bytes(b"another")
    elif how == "no object":
        (folder / "export.json").write_text('{"exports": [3]}')
    elif how == "no json":
        (folder / "export.json").write_text("{")
    elif how == "a file elsewhere":
        secret = folder.parent / "secret"
        secret.write_text("a key")
        record = json.loads((folder / "export.json").read_text())
        record["exports"][0]["digests"] = {"../secret": sha256(secret)}
        (folder / "export.json").write_text(json.dumps(record))
    elif how == "a link":
        (folder.parent / "secret").write_text("a key")
        (folder / "labels.txt").unlink()
        (folder / "labels.txt").symlink_to(folder.parent / "secret")


@pytest.mark.parametrize("how, text", [
    ("no card", "README.md does not exist; export it again"), ("no model", "model.tflite does not exist"),
    ("another model", "model.tflite is not what export.json says"), ("no object", "export.json is damaged"),
    ("no json", "export.json is damaged"), ("a link", "labels.txt is elsewhere"),
    ("a file elsewhere", "secret is elsewhere"),
])  # fmt: skip
def test_an_export_that_is_not_as_it_was_written_is_refused(server, copied, how, text):
    damage(copied, how)
    with pytest.raises(RunError, match=text):
        push(copied, NAME)
    assert server.routes() == []


def test_a_run_that_is_not_ready_is_refused(run_copy, tmp_path):
    from dataclasses import replace

    run = Run.open(run_copy)
    replace(run, status=TRAINING).write()
    with pytest.raises(RunError, match="has no finished network"):
        files_to_push(run_copy)
    replace(run, status=INTERRUPTED).write()
    assert files_to_push(run_copy)
    (run_copy / "README.md").unlink()
    with pytest.raises(RunError, match=r"has no README\.md.*alexnet export"):
        files_to_push(run_copy)
    for other in (tmp_path, tmp_path / "none", run_copy / "run.json"):
        with pytest.raises(RunError, match="neither a run directory nor"):
            files_to_push(other)


@pytest.mark.parametrize("name", ["model.weights.h5", "model.tflite"])
def test_a_run_that_is_not_as_it_was_written_is_refused(run_copy, name):
    changed = bytearray((run_copy / name).read_bytes())
    changed[-40] ^= 1
    (run_copy / name).write_bytes(changed)
    with pytest.raises(RunError, match=f"{name} is not what was written; train again"):
        files_to_push(run_copy)


def test_a_card_that_was_added_to_is_pushed(run_copy):
    with (run_copy / "README.md").open("a") as card:
        card.write("\nMore about it.\n")
    assert "README.md" in {x.name for x in files_to_push(run_copy)}


@pytest.mark.parametrize("route, status, text", [
    ("info", 401, "does not accept the token"), ("info", 403, "may not write"), ("info", 500, "answered 500"),
    ("create", 403, "may not write"), ("create", 500, "answered 500"), ("yaml", 400, "the block"),
    ("preupload", 403, "may not write"), ("preupload", 404, "was not found"), ("preupload", 500, "answered 500"),
    ("batch", 401, "does not accept"), ("batch", 422, "answered 422"), ("put", 403, "may not write"),
    ("put", 500, "answered 500"), ("verify", 404, "was not found"), ("commit", 403, "may not write"),
    ("commit", 409, "answered 409"), ("commit", 412, "answered 412"), ("commit", 503, "answered 503"),
])  # fmt: skip
def test_every_answer_that_is_no_success_is_one_line(server, exported, monkeypatch, route, status, text):  # fmt: skip
    monkeypatch.setattr(
        time, "sleep", lambda _: None
    )  # The client tries again after a while.
    body = {"error": f"the block is wrong,\nnot like {TOKEN}"}
    if route == "yaml":
        body = {"errors": [{"message": "the block is wrong"}], "warnings": []}
    server.fail[route] = (status, body)
    with pytest.raises(AlexNetError) as caught:
        push(exported, NAME)
    line = str(caught.value)
    assert text in line and line.isprintable() and TOKEN not in line
    assert caught.value.exit_code == 3
    assert NAME not in server.repositories or server.commits(NAME) == []


@pytest.mark.parametrize("answer", [b"<html>", {}, {"files": [{}]}])
@pytest.mark.parametrize("route", ["info", "create", "preupload", "batch", "commit"])
def test_an_answer_that_is_not_the_hubs_is_one_line(server, exported, route, answer):
    server.fail[route] = (200, answer)
    with pytest.raises(AlexNetError, match="http://127"):
        push(exported, NAME)


def test_no_connection_is_one_line(server, exported, monkeypatch):
    monkeypatch.setattr(hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(AlexNetError, match="127.0.0.1:9: the upload failed: .*refused"):
        push(exported, NAME)
    monkeypatch.setattr(hub.constants, "ENDPOINT", server.address)
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(AlexNetError, match="HF_HUB_OFFLINE is set"):
        push(exported, NAME)
    assert server.routes() == []


@pytest.mark.parametrize(
    "token", ["two words", "new\nline", "\u043a\u043b\u044e\u0447", "\x1b[31m"]
)
def test_what_cannot_be_a_token_is_not_shown(server, exported, token):
    with pytest.raises(AlexNetError, match="the hub asks for a token") as caught:
        push(exported, NAME, token=token)
    assert token not in str(caught.value) and server.routes() == []


def test_without_a_login_nothing_is_asked(server, exported, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(AlexNetError, match="HF_TOKEN or `hf auth login`"):
        push(exported, NAME)
    assert server.routes() == []


def test_the_cached_login_is_used(server, exported, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "no-token").write_text(TOKEN + "\n")
    push(exported, NAME)
    assert TOKEN in server.seen_tokens


def test_the_settings_of_huggingface_hub_stay(server, exported):
    utils = hub.utils
    before = utils.are_progress_bars_disabled(), utils.logging.get_verbosity()
    for route in ("", "commit"):
        server.fail[route] = 403
        with contextlib.suppress(AlexNetError):
            push(exported, NAME)
        now = utils.are_progress_bars_disabled(), utils.logging.get_verbosity()
        assert now == before


def test_the_extra_is_named(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", None)
    with pytest.raises(RecipeError, match=r"pip install 'alexnet\[hub\]'"):
        push(exported, NAME)
    assert files_to_push(exported)


def test_an_empty_message_is_refused(exported):
    with pytest.raises(RecipeError, match="--message is empty"):
        push(exported, NAME, message=" ")


def test_folders_of_any_name(server, exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / os.fsdecode(b"a \xd1\x86 b"))
    push(folder, NAME)
    assert server.files(NAME) == on_disk(exported)
