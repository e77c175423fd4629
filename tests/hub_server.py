"""A hub on this machine: what huggingface_hub asks of one to make, fill and read repositories.

The paths, the answers and the header X-Error-Code are those that the client's own source
sends and reads; blobs have git's digest, large files their SHA-256.
"""

import base64
import hashlib
import http.server
import json
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import unquote

import huggingface_hub.constants
import yaml

TOKEN = "hf_tokenOfTheTest"
LARGE = (".h5", ".tflite", ".onnx", ".bin", ".keras", ".pb", ".pyz", ".npy")
"""Suffixes of a new repository's .gitattributes, some of them."""
ROUTES = (
    ("GET", "/api/agent-harnesses", "harnesses"),
    ("POST", "/api/repos/create", "create"),
    ("POST", "/api/validate-yaml", "yaml"),
    ("GET", "/api/models/([^/]+/[^/]+)", "info"),
    ("GET", "/api/models/([^/]+/[^/]+)/revision/([^/]+)", "info"),
    ("POST", "/api/models/([^/]+/[^/]+)/branch/([^/]+)", "branch"),
    ("POST", "/api/models/([^/]+/[^/]+)/preupload/([^/]+)", "preupload"),
    ("POST", "/api/models/([^/]+/[^/]+)/commit/([^/]+)", "commit"),
    ("POST", "/([^/]+/[^/]+).git/info/lfs/objects/batch", "batch"),
    ("PUT", "/storage/([0-9a-f]{64})", "put"),
    ("POST", "/verify", "verify"),
)


@dataclass
class Commit:
    """One commit: its message, and all files after it by name."""

    message: str
    files: dict
    large: frozenset = frozenset()

    @property
    def oid(self):
        names = sorted((k, hashlib.sha1(v).hexdigest()) for k, v in self.files.items())
        return hashlib.sha1(repr((self.message, names)).encode()).hexdigest()


@dataclass
class Repository:
    private: bool
    branches: dict = field(default_factory=lambda: {"main": [Commit("initial commit", {".gitattributes": b""})]})  # fmt: skip


class Hub(http.server.ThreadingHTTPServer):
    """`fail` has the status, or the status, headers and body, of a route that fails."""

    daemon_threads = True

    def __init__(self, **fail):
        super().__init__(("127.0.0.1", 0), Handler)
        self.fail, self.asked, self.seen_tokens = fail, [], set()
        self.repositories, self.storage = {}, {}
        self.address = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def use(self, monkeypatch, tmp_path, token=TOKEN):
        """Have huggingface_hub of this process use this hub, as HF_ENDPOINT would."""
        constants = huggingface_hub.constants
        monkeypatch.setattr(constants, "ENDPOINT", self.address)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
            monkeypatch.delenv(name, raising=False)
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        return self

    def environment(self, tmp_path):
        """The same for another process."""
        return {
            "HF_ENDPOINT": self.address, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN,
            "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1",
        }  # fmt: skip

    def routes(self):
        """What was asked, in order."""
        return [x for x in self.asked if x != "harnesses"]

    def commits(self, name, branch="main"):
        return self.repositories[name].branches[branch][1:]

    def files(self, name, branch="main"):
        """The files that a clone would have."""
        held = dict(self.repositories[name].branches[branch][-1].files)
        del held[".gitattributes"]
        return held


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self):
        path, hub = self.path.partition("?")[0], self.server
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else self.chunks()
        for method, pattern, name in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and method == self.command:
                hub.asked.append(name)
                return self.answer(name, [unquote(x) for x in found.groups()], body)
        hub.asked.append(f"{self.command} {path}")
        return self.send(404, {"error": "no such route"})

    do_GET = do_POST = do_PUT = respond

    def chunks(self):
        """The body of a request without a length."""
        body = b""
        while self.headers.get("Transfer-Encoding") == "chunked":
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if not size:
                break
        return body

    def answer(self, name, parts, body):
        fail = self.server.fail.get(name)
        if fail:
            return self.send(*(fail if isinstance(fail, tuple) else (fail,)))
        sent = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.server.seen_tokens.add(sent)
        # Storage has signed addresses, and is shown no token.
        if name not in ("put", "yaml", "harnesses") and sent != TOKEN:
            text = "Invalid credentials in Authorization header"
            return self.send(401, {"error": text}, {"X-Error-Message": text})
        if name == "put":
            return self.put(*parts, body)
        if name == "commit":
            return self.commit(*parts, [json.loads(x) for x in body.splitlines()])
        return getattr(self, name)(*parts, json.loads(body) if body else {})

    def send(self, status, content=None, headers=None):
        data = content if isinstance(content, bytes) else json.dumps(content or {}).encode()
        self.send_response(status)
        kind = (
            "application/octet-stream" if isinstance(content, bytes) else "application/json"
        )
        for key, value in {"Content-Type": kind, **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def harnesses(self, _):
        self.send(200, {"standardEnvVars": [], "harnesses": {}})

    def missing(self, code):
        self.send(404, {"error": "not found"}, {"X-Error-Code": code})

    def create(self, asked):
        name = f"{asked['organization']}/{asked['name']}"
        url = {"url": f"{self.server.address}/{name}"}
        if name in self.server.repositories:
            return self.send(409, {"error": "You already created this model repo", **url})
        private = asked.get("private", asked.get("visibility") == "private")
        self.server.repositories[name] = Repository(private)
        return self.send(200, url)

    def yaml(self, asked):
        """Refuse what the hub refuses: no mapping, or an evaluation without its parts."""
        block = re.match(r"---\n(.*?)\n---\n", asked["content"], re.DOTALL)
        data = yaml.safe_load(block[1]) if block else None
        good = isinstance(data, dict) and isinstance(data.get("license"), str)
        for model in (data or {}).get("model-index", []):
            for x in model["results"]:
                good &= {"task", "dataset", "metrics"} <= set(x)
        errors = [] if good else [{"message": "the block is not valid"}]
        self.send(200 if good else 400, {"errors": errors, "warnings": [{"message": "no license_name"}]})  # fmt: skip

    def branch_of(self, name, branch):
        """The commits of a branch; None after an answer that says there are none."""
        repository = self.server.repositories.get(name)
        if repository is None:
            return self.missing("RepoNotFound")
        if branch not in repository.branches:
            return self.missing("RevisionNotFound")
        return repository.branches[branch]

    def info(self, name, *rest):
        commits = self.branch_of(name, rest[0] if rest[:-1] else "main")
        if commits:
            siblings = [{"rfilename": x} for x in commits[-1].files]
            private = self.server.repositories[name].private
            self.send(200, {"id": name, "private": private, "sha": commits[-1].oid, "siblings": siblings})  # fmt: skip

    def branch(self, name, branch, _):
        branches = self.server.repositories[name].branches
        if branch in branches:
            return self.send(409, {"error": "Reference already exists"})
        branches[branch] = branches["main"][:1]
        return self.send(200)

    def preupload(self, name, branch, asked):
        commits = self.branch_of(name, branch)
        if not commits:
            return
        files, answers = commits[-1].files, []
        for x in asked["files"]:
            mode = (
                "lfs" if x["path"].endswith(LARGE) or x["size"] > 10_000_000 else "regular"
            )
            oid = None
            if x["path"] in files:
                held = files[x["path"]]
                blob = hashlib.sha1(b"blob %d\0" % len(held) + held).hexdigest()
                oid = (
                    hashlib.sha256(held).hexdigest()
                    if x["path"] in commits[-1].large
                    else blob
                )
            answers.append({"path": x["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})  # fmt: skip
        self.send(200, {"files": answers})

    def batch(self, name, asked):
        found = []
        for x in asked["objects"]:
            row = {"oid": x["oid"], "size": x["size"]}
            if x["oid"] not in self.server.storage:
                address = self.server.address
                row["actions"] = {
                    "upload": {"href": f"{address}/storage/{x['oid']}"},
                    "verify": {"href": f"{address}/verify"},
                }
            found.append(row)
        self.send(200, {"transfer": "basic", "objects": found})

    def put(self, oid, body):
        if hashlib.sha256(body).hexdigest() != oid:
            return self.send(400, {"error": "the digest is another"})
        self.server.storage[oid] = body
        return self.send(200)

    def verify(self, asked):
        held = self.server.storage.get(asked["oid"], b"")
        self.send(200 if len(held) == asked["size"] else 404)

    def commit(self, name, branch, lines):
        commits = self.branch_of(name, branch)
        if not commits:
            return
        [header, *operations] = lines
        if header["key"] != "header" or not header["value"]["summary"] or not operations:
            return self.send(400, {"error": "an empty commit"})
        files, large = dict(commits[-1].files), set(commits[-1].large)
        for x in operations:
            value = x["value"]
            if x["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif x["key"] == "lfsFile" and value["oid"] in self.server.storage:
                files[value["path"]] = self.server.storage[value["oid"]]
                large.add(value["path"])
            else:
                return self.send(400, {"error": f"{value['path']} was never uploaded"})
        made = Commit(header["value"]["summary"], files, frozenset(large))
        commits.append(made)
        url = f"{self.server.address}/{name}/commit/{made.oid}"
        return self.send(200, {"success": True, "commitOid": made.oid, "commitUrl": url})

    def log_message(self, *_):
        pass
