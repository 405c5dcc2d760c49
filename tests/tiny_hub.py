"""A Hub of a few kilobytes: the routes that huggingface_hub uses, over real HTTP, on 127.0.0.1.

Large files (.safetensors, .bin, .th) are redirected to a "CDN", the same server by another host
name, with the headers of the real one. Things can be made to go wrong by the fields of `TinyHub`.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".bin", ".th")


def commit_of(number: int) -> str:
    """Return the full hash of the commit of that number."""
    return hashlib.sha1(str(number).encode()).hexdigest()


def large_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def small_hash(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


@dataclass
class Repository:
    """Files of every commit, and which commit each branch is. gated: nobody gets a file."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False


@dataclass
class Seen:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class TinyHub:
    """The state of the server, to be read and changed by a test.

    cut_at: bytes of a large file after which the connection breaks, each time it is asked for.
    tampered: what is sent instead of the bytes of these hashes. status: answer for everything.
    """

    endpoint: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    cut_at: list[int] = field(default_factory=list)
    tampered: dict[str, bytes] = field(default_factory=dict)
    status: int = 0
    stall: threading.Event | None = None
    seen: list[Seen] = field(default_factory=list)

    @property
    def cdn(self) -> str:
        return self.endpoint.replace("127.0.0.1", "localhost")

    def add(self, name: str, files: dict[str, bytes], branch: str = "main") -> str:
        """Put a commit with these files on a branch, and return its hash."""
        repository = self.repositories.setdefault(name, Repository())
        commit = commit_of(len(self.blobs) * 1000 + len(repository.commits))
        repository.commits[commit] = files
        repository.branches[branch] = commit
        self.blobs.update({large_hash(content): content for content in files.values()})
        return commit

    def add_folder(self, name: str, folder: Path, branch: str = "main") -> str:
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        return self.add(name, files, branch)

    def lines(self, method: str = "") -> list[str]:
        return [seen.line for seen in self.seen if seen.line.startswith(method)]

    def ranges(self) -> list[str]:
        """Return the Range headers of all requests to the CDN, "" for the whole file."""
        gets = [s for s in self.seen if s.line.startswith("GET /cdn/")]
        return [seen.headers.get("range", "") for seen in gets]


@contextmanager
def serve() -> Iterator[TinyHub]:
    """Run a server for as long as the block lasts."""
    hub = TinyHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Refusal(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


class _Handler(BaseHTTPRequestHandler):
    hub: TinyHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.hub.seen.append(Seen(self.command, unquote(self.path), headers))
        body = self._body(headers)
        try:
            if self.hub.status:
                raise _Refusal(self.hub.status, "")
            self._route(path, body)
        except _Refusal as refusal:
            self._send(refusal.status, b"", {"X-Error-Code": refusal.code} if refusal.code else {})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _route(self, path: str, body: bytes) -> None:
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            return self._model(found[1], found[2] or "main")
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/(.+)/([^/]+)", path):
            return self._resolve(found[1], found[2], found[3])
        if found := re.fullmatch(r"/cdn/([0-9a-f]{64})", path):
            return self._large(found[1])
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/(.+)", path):
            return self._preupload(json.loads(body))
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(json.loads(body))
        if found := re.fullmatch(r"/upload/([0-9a-f]{64})", path):
            self.hub.blobs[found[1]] = body
            return self._send(200, b"", {})
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/branch/(.+)", path):
            branches = self.hub.repositories[found[1]].branches
            return self._send(409 if found[2] in branches else 200, b"", {})
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/(.+)", path):
            return self._commit(found[1], found[2], body)
        raise _Refusal(404, "")

    def _files(self, name: str, revision: str) -> tuple[str, dict[str, bytes]]:
        repository = self.hub.repositories.get(name)
        allowed = self.headers.get("Authorization") == "Bearer hf_good"
        if repository is None or (repository.private and not allowed):
            raise _Refusal(404 if allowed else 401, "RepoNotFound")
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            raise _Refusal(404, "RevisionNotFound")
        return commit, repository.commits[commit]

    def _model(self, name: str, revision: str) -> None:
        commit, files = self._files(name, revision)
        siblings = [{"rfilename": file} for file in files]
        self._json({"id": name, "modelId": name, "sha": commit, "siblings": siblings, "tags": []})

    def _resolve(self, name: str, revision: str, file: str) -> None:
        commit, files = self._files(name, revision)
        if self.hub.repositories[name].gated:
            raise _Refusal(403, "GatedRepo")
        if file not in files:
            raise _Refusal(404, "EntryNotFound")
        content = files[file]
        headers = {"X-Repo-Commit": commit}
        if not file.endswith(LARGE):
            return self._send(200, content, {**headers, "ETag": f'"{small_hash(content)}"'})
        name_of_bytes = large_hash(content)
        headers |= {
            "X-Linked-Etag": f'"{name_of_bytes}"',
            "X-Linked-Size": str(len(content)),
            "Location": f"{self.hub.cdn}/cdn/{name_of_bytes}?signature=x",
        }
        return self._send(302, b"", headers)

    def _large(self, name_of_bytes: str) -> None:
        content = self.hub.tampered.get(name_of_bytes, self.hub.blobs[name_of_bytes])
        begin, status = 0, 200
        headers = {"Accept-Ranges": "bytes"}
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            begin, status = int(found[1]), 206
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        rest = content[begin:]
        if not self.hub.cut_at:
            return self._send(status, rest, headers)
        cut = self.hub.cut_at.pop(0)
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(rest))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(rest[:cut])
        self.wfile.flush()
        if self.hub.stall is not None:
            self.hub.stall.wait(20)
        self.close_connection = True

    def _create(self, wish: dict[str, Any]) -> None:
        name = f"{wish['organization']}/{wish['name']}"
        if self.headers.get("Authorization") != "Bearer hf_good":
            raise _Refusal(401, "")
        if name in self.hub.repositories:
            return self._json({"url": f"{self.hub.endpoint}/{name}", "name": name}, 409)
        private = bool(wish.get("private")) or wish.get("visibility") == "private"
        self.hub.repositories[name] = Repository({commit_of(-1): {}}, {"main": commit_of(-1)})
        self.hub.repositories[name].private = private
        return self._json({"url": f"{self.hub.endpoint}/{name}", "name": name, "id": name})

    def _preupload(self, wish: dict[str, Any]) -> None:
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
                "shouldIgnore": False,
            }
            for file in wish["files"]
        ]
        self._json({"files": modes})

    def _batch(self, wish: dict[str, Any]) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.endpoint}/upload/{one['oid']}"}}}
            for one in wish["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, name: str, branch: str, body: bytes) -> None:
        repository = self.hub.repositories[name]
        files = dict(repository.commits[repository.branches.get(branch, commit_of(-1))])
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
        request = "create_pr=1" in self.path
        commit = self.hub.add(name, files, "refs/pr/1" if request else branch)
        answer = {"commitUrl": f"{self.hub.endpoint}/{name}/commit/{commit}", "commitOid": commit}
        if request:
            answer["pullRequestUrl"] = f"{self.hub.endpoint}/{name}/discussions/1"
        self._json(answer)

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
