"""A hub on the loopback for the tests: it answers /api/models as the real one does, or with an error asked for.

The real one's parameters: filter (a tag; all must be there), pipeline_tag, search (within the name), num_parameters
(max:N), limit; most downloads first.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BERT_TINY = {
    "id": "prajjwal1/bert-tiny",
    "downloads": 12_345_678,
    "gated": False,
    "safetensors": {"parameters": {"F32": 4_400_000}, "total": 4_400_000},
    "cardData": {"license": "mit", "language": ["en"]},
    "config": {"model_type": "bert", "architectures": ["BertForMaskedLM"]},
    "createdAt": "2022-03-02T23:29:05.000Z",
    "pipeline_tag": "fill-mask",
    "tags": ["transformers", "safetensors", "bert", "en", "license:mit"],
}
MPNET = {  # the catalogue knows it, but not its licence
    "id": "microsoft/mpnet-base",
    "downloads": 500_000,
    "gated": False,
    "safetensors": {"total": 133_000_000},
    "cardData": {"license": "mit", "language": "en"},
    "config": {"model_type": "mpnet"},
    "createdAt": "2022-03-02T23:29:05.000Z",
    "pipeline_tag": "fill-mask",
    "tags": ["transformers", "safetensors", "mpnet", "en", "license:mit"],
}
GATED = {
    "id": "someone/secret-7b",
    "downloads": 3,
    "gated": "manual",
    "safetensors": {"total": 7_000_000_000},
    "cardData": {"license": ["other", "mit"], "language": False},
    "config": None,
    "createdAt": "2025-01-31T00:00:00.000Z",
    "pipeline_tag": "text-generation",
    "tags": ["transformers", "safetensors"],
}
ODD = {"id": "odd/\x1b[31mred", "pipeline_tag": "fill-mask", "tags": ["transformers", "safetensors"]}


class LittleHub:
    """What the server holds, what it was asked, and how it is to fail."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = [BERT_TINY, MPNET, GATED, ODD]
        self.asked: list[dict[str, list[str]]] = []
        self.tokens: list[str | None] = []
        self.status = 200
        self.body: bytes | None = None
        self.patience = 0  # how many answers it gives before it fails with `status`
        self.url = ""

    def answer(self, path: str) -> tuple[int, bytes]:
        """(status, body) for a GET of `path`."""
        assert urlsplit(path).path == "/api/models"
        asked = parse_qs(urlsplit(path).query)
        self.asked.append(asked)
        if self.status != 200 and len(self.asked) > self.patience:
            return self.status, b'{"error": "no"}'
        if self.body is not None:
            return 200, self.body
        found = [model for model in self.models if self._fits(model, asked)]
        found.sort(key=lambda model: -model.get("downloads", 0))
        return 200, json.dumps(found[: int(asked["limit"][0])]).encode()

    def _fits(self, model: dict[str, Any], asked: dict[str, list[str]]) -> bool:
        largest = int(asked.get("num_parameters", ["max:99999999999"])[0].removeprefix("max:"))
        return (
            set(asked["filter"]) <= set(model["tags"])
            and asked["pipeline_tag"] == [model["pipeline_tag"]]
            and asked.get("search", [""])[0].lower() in model["id"].lower()
            and model.get("safetensors", {}).get("total", 0) <= largest
        )


@contextmanager
def serving() -> Iterator[LittleHub]:
    """A hub at `url` on the loopback, until the context ends."""
    hub = LittleHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.tokens.append(self.headers["authorization"])
            status, body = hub.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status == 429:
                self.send_header("Retry-After", "120")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def closed_port() -> str:
    """An address on the loopback where nobody listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return f"http://127.0.0.1:{server.server_address[1]}"
