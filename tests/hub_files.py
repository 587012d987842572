"""A hub on the loopback that gives away one model's files, as the real one does when a model is downloaded.

It knows /api/models/NAME/revision/REVISION, /api/models/NAME/tree/COMMIT, and HEAD and GET of
/NAME/resolve/COMMIT/FILE with ranges. It can be told to break off in a file, to be gated, or to fail with a status.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

NAME = "owner/model"
COMMITS = {"main": "a" * 40, "v1": "b" * 40}


@dataclass
class FileHub:
    """What it holds, by commit; how it is to fail; what it was asked."""

    folders: dict[str, Path]
    url: str = ""
    status: int = 200  # of every answer
    error: str = ""  # the real hub's X-Error-Code that goes with it
    break_off: dict[str, int] = field(default_factory=dict)  # a file → bytes after which the line goes dead, once
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, range
    sent: int = 0  # bytes of files


@contextmanager
def giving(folders: dict[str, Path]) -> Iterator[FileHub]:
    """A hub at `url` until the context ends. `folders`: revision (main, v1) → the model's folder."""
    hub = FileHub({COMMITS[revision]: folder for revision, folder in folders.items()})

    class Handler(_Handler):
        served = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: FileHub

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self._answer(send=True)

    def _answer(self, send: bool) -> None:
        hub, path = self.served, unquote(urlsplit(self.path).path)
        hub.asked.append((self.command, path, self.headers["Range"]))
        if hub.status != 200:
            self._fail(hub.status, hub.error)
        elif not path.removeprefix("/api/models").startswith(f"/{NAME}"):
            self._fail(404, "RepoNotFound")
        elif path.startswith("/api/models/"):
            self._tell(path.removeprefix(f"/api/models/{NAME}").strip("/").split("/"))
        else:
            _, commit, name = path.removeprefix(f"/{NAME}/").split("/", 2)
            self._file(commit, name, send)

    def _tell(self, words: list[str]) -> None:
        kind, revision = (words[0], words[1]) if len(words) > 1 else ("revision", "main")
        commit = COMMITS.get(revision, revision)
        folder = self.served.folders.get(commit)
        if folder is None:
            self._fail(404, "RevisionNotFound")
            return
        files = sorted(path for path in folder.iterdir() if path.is_file())
        if kind == "tree":
            entries = [
                {"type": "file", "path": one.name, "size": one.stat().st_size, "oid": _etag(one)} for one in files
            ]
            self._json(entries)
            return
        siblings = [{"rfilename": one.name} for one in files]
        self._json({"id": NAME, "modelId": NAME, "sha": commit, "siblings": siblings, "tags": [], "private": False})

    def _file(self, commit: str, name: str, send: bool) -> None:
        content = (self.served.folders[commit] / name).read_bytes()
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if self.headers["Range"] else 200)
        self.send_header("ETag", f'"{_etag(self.served.folders[commit] / name)}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if self.headers["Range"]:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if send:
            stop = self.served.break_off.pop(name, len(content))
            self.wfile.write(content[start:stop])
            self.served.sent += len(content[start:stop])
            self.close_connection = True

    def _json(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        if status == 429:
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _etag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()
