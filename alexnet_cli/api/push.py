"""push(): a run, or what it was exported to, into a repository of the Hugging Face hub."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import AlexNetError, RecipeError, RunError, first_line, printable
from ..inference.export_record import EXPORT_AGAIN, RECORD, read_record
from ..inference.formats import require
from ..reports.model_card import CARD
from ..run.digests import RUN_JSON, require_as_written, sha256
from ..run.run import TRAINING, Run
from .listener import Listener

MESSAGE = "Upload a model made with alexnet"  # Of the commit, by default.
# The last four are a SavedModel: `export.saved_model.FILES`.
_RUN = (
    "model.weights.h5", "model.tflite", "mean_image.npy", "history.csv", "plots/curves.png",
    "plots/confusion.png", "saved_model.pb", "fingerprint.pb", "assets", "variables",
)  # fmt: skip
# These name the images of the data, or show them.
_RECORDS = ("split.csv", "validation.csv", "bad_images.csv", "plots/augmented.png")
_NAME = re.compile(r"(?!.*(--|\.\.|\.git$))\b[\w.-]+\b/\b[\w.-]+\b", re.ASCII)
_LARGE = 1_000_000  # Bytes from which a file is uploaded by itself.
_LOGIN = "--token-file, HF_TOKEN or `hf auth login` gives one that may write"


@dataclass(frozen=True)
class PushFile:
    """A file of a repository, its name there with / between folders, and what it holds."""

    name: str
    content: Path | bytes

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(x) if isinstance(x := self.content, bytes) else x.stat().st_size


def push(
    folder: Path | str,
    repository: str,
    *,
    private: bool = True,
    message: str = MESSAGE,
    revision: str | None = None,
    token: str | None = None,
    with_records: bool = False,
    listener: Listener | None = None,
) -> str:
    """The address of the repository, to which `folder` is uploaded as one commit.

    `folder` is a run directory or what `export` wrote; `repository` is owner/name on the
    hub at HF_ENDPOINT, and is made, `private` or public, if it does not exist; so is the
    branch `revision`. The `token` is by default that of the hub's own login.
    `with_records` adds what names the images of a run, or shows them.

    Raises:
        RecipeError: the name is not valid, or huggingface_hub is not installed.
        RunError: the folder is none of ours, or not complete.
        AlexNetError: the hub refuses it, or cannot be reached.
    """
    check_repository(repository, message)
    files = files_to_push(folder, with_records=with_records)
    try:
        for part in (".constants", ".errors", ".utils", ""):  # They are not loaded by it.
            hub = require(f"huggingface_hub{part}", "hub", "alexnet push")
    except ValueError as error:
        raise RecipeError(f"HF_ENDPOINT is no address: {first_line(error)}") from error
    with _calling(hub, repository, token):
        token = token or hub.get_token() or ""
    if not re.fullmatch("[!-~]+", token):  # The client would show what it cannot send.
        raise AlexNetError(f"the hub asks for a token of one line, there is none; {_LOGIN}")
    with _calling(hub, repository, token):
        api, listener = hub.HfApi(token=token), listener or Listener()
        listener.log(f"{repository}: {_made(api, hub, repository, private=private)}")
        additions = [hub.CommitOperationAdd(x.name, x.content) for x in files]
        _upload(api, repository, additions, (revision, message), listener)
    return f"{api.endpoint}/{repository}" + (f"/tree/{revision}" if revision else "")


def check_repository(name: str, message: str = MESSAGE) -> None:
    """Check that `name` is owner/name, as the hub has it, and that `message` is not empty.

    Raises:
        RecipeError: one of them is not so.
    """
    if not _NAME.fullmatch(name) or len(name) > 96:
        raise RecipeError(
            f"{printable(name)[:100]} is not owner/name of letters, digits and single . - _"
        )
    if not message.strip():
        raise RecipeError("--message is empty; say what is uploaded")


def files_to_push(folder: Path | str, *, with_records: bool = False) -> list[PushFile]:
    """What is uploaded of `folder`, by name: those of its files that the model consists of.

    Raises:
        RunError: it is none of ours, is damaged, or not complete.
    """
    folder = Path(folder)
    if (folder / RECORD).is_file():
        found = _of_exports(folder)
    elif (folder / RUN_JSON).is_file():
        found = _of_run(folder, with_records)
    else:
        raise RunError(
            f"{printable(folder)} is neither a run directory nor what `alexnet export` "
            f"wrote: it has no {RUN_JSON} and no {RECORD}"
        )
    for file in (x.content for x in found if isinstance(x.content, Path)):
        # The folder of somebody else may have a link to what is nobody's business.
        if not file.resolve().is_relative_to(folder.resolve()):
            raise RunError(f"{printable(file)} is elsewhere; copy it into the folder")
    return sorted(found, key=lambda x: x.name)


def _of_run(folder: Path, with_records: bool) -> list[PushFile]:
    """What is shared of a run directory; of run.json no name of this machine's folders."""
    from ..export.source import shipped

    run, name = Run.read(folder), printable(folder)
    if run.status == TRAINING or not run.exported or not run.weights.is_file():
        raise RunError(f"{name} has no finished network; train it first")
    if not (folder / CARD).is_file():
        raise RunError(
            f"{name} has no {CARD}, which says what the model is; `alexnet export "
            f"--model {name}` writes a folder with one, or train again"
        )
    found = [PushFile(RUN_JSON, shipped(run).text().encode(errors="surrogateescape"))]
    for path in (folder / x for x in (CARD, *_RUN, *(_RECORDS if with_records else ()))):
        files = [x for x in (path, *path.rglob("*")) if x.is_file()]
        for x in files if path.name != CARD else ():  # People add to the card.
            require_as_written(x, "train again")
        found += [PushFile(x.relative_to(folder).as_posix(), x) for x in files]
    return found


def _of_exports(folder: Path) -> list[PushFile]:
    """The models that export.json lists, as they were proven, and what lies beside them."""
    from ..export.record import HOST
    from ..export.source import LABELS

    try:
        rows = [x["digests"].items() for x in read_record(folder)["exports"]]
        proven = {str(name): digest for row in rows for name, digest in row}
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{printable(folder)}/{RECORD} is damaged; {EXPORT_AGAIN}"
        ) from error
    names = [*dict.fromkeys((RECORD, RUN_JSON, CARD, LABELS, HOST, *proven))]
    for name in names:
        file = folder / name
        if not file.is_file():
            raise RunError(f"{printable(file)} does not exist; {EXPORT_AGAIN}")
        if name in proven and sha256(file) != proven[name]:
            raise RunError(f"{printable(file)} is not what {RECORD} says; {EXPORT_AGAIN}")
    return [PushFile(x, folder / x) for x in names]


def _made(api: Any, hub: Any, repository: str, *, private: bool) -> str:
    """Who sees the repository, which is made if it does not exist."""
    try:
        found = api.repo_info(repository)
    except hub.errors.HfHubHTTPError as error:
        # The hub says 401 too where there is nothing that may be seen.
        if error.response.status_code not in (401, 404):
            raise
        api.create_repo(repository, private=private, exist_ok=True)
        return f"made, {'private' if private else 'public'}"
    return f"exists and stays {'private' if found.private else 'public'}"


def _upload(
    api: Any,
    repository: str,
    added: list[Any],
    commit: tuple[str | None, str],
    listener: Listener,
) -> None:
    """Upload the large files one by one, then all as one commit: its branch and message."""
    revision, message = commit
    if revision and not revision.startswith("refs/"):
        api.create_branch(repository, branch=revision, exist_ok=True)
    before = api.repo_info(repository, revision=revision)
    held = {str(x.rfilename) for x in before.siblings or ()} - {".gitattributes"}
    if others := sorted(held - {x.path_in_repo for x in added}):
        listener.log("warning: it keeps what is not in this folder, perhaps another model:")
        listener.notes([printable(x) for x in others])
    large = [x for x in added if x.upload_info.size >= _LARGE]
    with listener.counting("uploading") as counter:
        for i, x in enumerate(large):
            counter(i, len(large))
            api.preupload_lfs_files(repository, [x], revision=revision, free_memory=False)
    done = api.create_commit(repository, added, commit_message=message, revision=revision)
    if done.oid == before.sha:
        listener.log("nothing has changed since it was last pushed")


@contextmanager
def _calling(hub: Any, repository: str, token: str | None) -> Iterator[None]:
    """Hold back what huggingface_hub prints; what it raises becomes a line, tokenless."""
    # HTTPError is that of its client: httpx, or httpx2. Not all versions have both logins.
    kinds = [hub.errors.HTTPError, OSError, ValueError, RuntimeError, KeyError]
    kinds += [getattr(hub.errors, x, OSError) for x in ("OIDCError", "DeviceCodeError")]
    utils = hub.utils
    hidden, level = utils.are_progress_bars_disabled(), utils.logging.get_verbosity()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            utils.disable_progress_bars()
            utils.logging.set_verbosity(utils.logging.CRITICAL)
            yield
    except tuple(kinds) as error:
        text = _explained(error, repository, hub.constants.ENDPOINT)
        raise AlexNetError(text.replace(token, "***") if token else text) from error
    finally:
        utils.logging.set_verbosity(level)
        hidden or utils.enable_progress_bars()


def _explained(error: BaseException, repository: str, hub: str) -> str:
    """One line about what the client of the hub at the address `hub` raised."""
    if isinstance(error, RuntimeError) and error.__cause__:
        error = error.__cause__  # Of a file that was being uploaded.
    if isinstance(error, OSError) and error.filename:
        return f"{printable(error.filename)}: {first_line(error)}"
    status = getattr(getattr(error, "response", None), "status_code", None)
    known = {
        401: f"{hub} does not accept the token; {_LOGIN}",
        403: f"{repository}: the token may not write there; {_LOGIN}",
        404: f"{repository} was not found at {hub}, or the token may not see it",
        "OfflineModeIsEnabled": "HF_HUB_OFFLINE is set, and a push needs the hub; unset it",
        "UnsupportedProtocol": f"HF_ENDPOINT {printable(hub)} is no address: https://...",
    }
    if (found := status or type(error).__name__) in known:
        return known[found]
    said = getattr(error, "server_message", None) or str(error) or type(error).__name__
    line = printable(" ".join(said.encode(errors="replace").decode().split()))[:200]
    if status:
        return f"{hub} answered {status}: {line}; try again later"
    if isinstance(error, ValueError | KeyError):
        return f"{hub} and huggingface_hub do not understand each other: {line}"
    return f"{hub}: the upload failed: {line}; try again later"
