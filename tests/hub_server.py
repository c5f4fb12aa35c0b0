"""A stand-in for the Hugging Face Hub on this machine: the calls that making a repository, one commit and a download
make."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "secret"


@dataclass
class Hub:
    """What it holds.

    Attributes:
        commits: name of a repository -> its commits, each with all its files.
        blobs: SHA-256 -> content of what was uploaded, committed or not.
        refuses: "METHOD /path" beginnings that get a 403.
        asked: every call.
        answer_takes: seconds between what a call does and its answer, as on a network.
        lost: "METHOD /path" beginnings that are done and never answered.
    """

    address: str = ""
    commits: dict[str, list[dict[str, bytes]]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    refuses: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    answer_takes: float = 0.0
    lost: list[str] = field(default_factory=list)

    def sha(self, name: str) -> str:
        return hashlib.sha1(f"{name} {len(self.commits[name])}".encode()).hexdigest()

    def called(self, method: str, path: str, body: bytes, known: bool) -> tuple[int, Any, dict[str, str]]:
        """Status, content and headers of the answer; `known`: whether the right token came with it."""
        call = f"{method} {path}"
        self.asked.append(call)
        if any(call.startswith(one) for one in self.refuses):
            return 403, {"error": "not for you"}, {}
        if method in ("POST", "PUT") and not known and not path.startswith("/blobs/"):
            return 401, {"error": "who are you?"}, {}
        parts = path.strip("/").split("/")
        if method == "PUT":
            self.blobs[parts[1]] = body
            return 200, {}, {}
        if method == "POST":
            return self.posted(path, parts, body)
        if parts[0] == "api":
            if len(parts) < 4:
                return 404, {"error": "no such call"}, {}
            return self.told("/".join(parts[2:4]), (*parts, "revision")[4])
        return self.file("/".join(parts[:2]), parts[4])

    def posted(self, path: str, parts: list[str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked["organization"] else asked["name"]
            if name in self.commits:
                return 409, {"error": "exists", "url": f"{self.address}/{name}"}, {}
            self.commits[name] = []
            return 200, {"url": f"{self.address}/{name}"}, {}
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}, {}
        if parts[-1] == "batch":
            objects = json.loads(body)["objects"]
            actions = [
                {**one, "actions": {"upload": {"href": f"{self.address}/blobs/{one['oid']}"}}} for one in objects
            ]
            return 200, {"transfer": "basic", "objects": actions}, {}
        name = "/".join(parts[2:4])
        if name not in self.commits:
            return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
        if parts[4] == "preupload":
            files = [file["path"] for file in json.loads(body)["files"]]
            modes = {file: "lfs" if file.endswith((".safetensors", ".png")) else "regular" for file in files}
            told = [{"path": file, "uploadMode": modes[file], "shouldIgnore": False, "oid": None} for file in files]
            return 200, {"files": told}, {}
        files = dict(self.commits[name][-1]) if self.commits[name] else {}
        for line in body.splitlines():
            one = json.loads(line)
            if one["key"] == "file":
                files[one["value"]["path"]] = base64.b64decode(one["value"]["content"])
            elif one["key"] == "lfsFile":
                files[one["value"]["path"]] = self.blobs[one["value"]["oid"]]
        self.commits[name].append(files)
        sha = self.sha(name)
        return 200, {"success": True, "commitUrl": f"{self.address}/{name}/commit/{sha}", "commitOid": sha}, {}

    def told(self, name: str, what: str) -> tuple[int, Any, dict[str, str]]:
        """About a repository: its newest commit, or its files."""
        if not self.commits.get(name):
            return 401, {"error": "Invalid username or password."}, {"X-Error-Code": "RepoNotFound"}
        if what == "revision":
            return 200, {"id": name, "sha": self.sha(name), "siblings": [], "tags": [], "private": False}, {}
        files = self.commits[name][-1].items()
        listed = [{"type": "file", "path": path, "size": len(content), "oid": tag(content)} for path, content in files]
        return 200, listed, {}

    def file(self, name: str, path: str) -> tuple[int, Any, dict[str, str]]:
        content = self.commits[name][-1].get(path)
        if content is None:
            return 404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"}
        return 200, content, {"ETag": f'"{tag(content)}"', "X-Repo-Commit": self.sha(name)}


def tag(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def hub_server() -> Iterator[Hub]:
    """Serves an empty hub on the loopback address."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def sent(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.exactly(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline() or b"0", 16):
                body += self.exactly(size)
                self.rfile.readline()
            if not self.rfile.readline():
                raise EOFError
            return body

        def exactly(self, size: int) -> bytes:
            if len(content := self.rfile.read(size)) < size:
                raise EOFError
            return content

        def answer(self) -> None:
            try:
                body = self.sent()
            except EOFError:
                return  # the client died while it sent: nothing is done
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            path = unquote(urlsplit(self.path).path)
            status, content, headers = hub.called(self.command, path, body, known)
            sleep(hub.answer_takes)
            if any(f"{self.command} {path}".startswith(one) for one in hub.lost):
                self.close_connection = True
                return
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            with suppress(ConnectionError):  # the client has died since
                self.send_response(status)
                for name, value in {"Content-Length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        do_GET = do_HEAD = do_POST = do_PUT = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
