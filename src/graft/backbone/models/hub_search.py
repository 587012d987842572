"""Search the whole hub, once a day for the same question, and never wait long for it.

The hub's own client lends its session, its endpoint and its token. Its listing is not used: that tries again for half
a minute when nobody answers.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft.backbone.models.catalog import Card, Shape
from graft.backbone.models.catalog_search import Found, Wanted, contradicts
from graft.errors import RunError
from graft.files import cache_root, read_record, write_record

FORMAT = 1  # raise when the record of an answer changes
DAY = 86_400.0  # seconds
KEPT = 30 * DAY  # after which an answer is removed
PATIENCE = 8.0  # seconds for a connection, and again between two parts of the answer
LIMIT = 50  # models of each of the hub's tasks, most downloaded first
EXPANDED = ("downloads", "gated", "safetensors", "cardData", "config", "createdAt")
TEXT = ("fill-mask", "sentence-similarity", "text-generation")
# the hub names the task that a model was last trained for: a start for others is a plain model, or one tuned already
PIPELINES = {
    "classify": ("fill-mask", "text-classification"),
    "pairs": ("fill-mask", "text-classification"),
    "regress": ("fill-mask", "text-classification"),
    "tokens": ("fill-mask", "token-classification"),
    "generate": ("text-generation",),
    "embed": ("sentence-similarity", "feature-extraction"),
}
PLAIN = re.compile(r"[\w.+-]{1,96}(/[\w.+-]{1,96})?", re.ASCII)  # so that no name can send codes to a terminal
UNDATED = "2022-03-02"  # the hub gives this day to all that was there before it kept dates

Question = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub said to one question, and when: a file of the cache."""

    when: float  # seconds since 1970
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """What the hub holds, and sentences about what went wrong, at most one for each cause."""

    found: tuple[Found, ...]
    notes: tuple[str, ...] = ()


class _Unanswered(Exception):
    """The hub did not answer; the message is a clause that says why."""


def search(wanted: Wanted, now: float | None = None) -> Search:
    """Models of the hub with safetensors weights that are as wanted, most downloaded first within each of its tasks.

    Answers come from the cache for a day; when the hub cannot be asked, older ones do, and a note says so.
    `now`: seconds since 1970.
    """
    moment = time.time() if now is None else now
    answers: list[Answer | None] = []
    notes: list[str] = []
    for question in questions(wanted):
        path = _path(question)
        kept = _kept(path, moment)
        is_due = kept is None or moment - kept.when >= DAY
        if is_due and not notes:  # one try is enough to know that nobody answers
            try:
                kept = Answer(moment, tuple(map(_found, _ask(question))))
                _keep(path, kept, moment)
            except _Unanswered as unanswered:
                notes.append(f"The hub could not be asked ({unanswered}); {_instead(kept, moment, any(answers))}.")
        answers.append(kept)
    found = (entry for answer in answers if answer for entry in answer.found)
    return Search(tuple(entry for entry in found if not contradicts(entry.card, wanted)), tuple(notes))


def questions(wanted: Wanted) -> list[Question]:
    """The parameters of each request: one for each of the hub's tasks."""
    filters = ["transformers", "safetensors"]
    filters += [tag for tag in (wanted.language, wanted.family) if tag]
    filters += [f"license:{wanted.licence}"] if wanted.licence else []
    common = [("filter", tag) for tag in filters]
    if wanted.words:
        common.append(("search", " ".join(wanted.words)))
    if wanted.max_parameters is not None:
        common.append(("num_parameters", f"max:{wanted.max_parameters}"))
    common += [("sort", "downloads"), ("limit", str(LIMIT)), *(("expand", name) for name in EXPANDED)]
    tasks = PIPELINES[wanted.task] if wanted.task else TEXT
    return [(("pipeline_tag", task), *common) for task in tasks]


def _ask(question: Question) -> list[dict[str, Any]]:
    """The models that the hub lists. Raises _Unanswered."""
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    utils: Any = importlib.import_module("huggingface_hub.utils")
    session = utils.get_session()
    client: Any = importlib.import_module(type(session).__module__.split(".")[0])  # httpx or its successor
    url = f"{constants.ENDPOINT}/api/models"
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    headers = {"user-agent": "graft"} | ({"authorization": f"Bearer {token}"} if token else {})
    try:
        response = session.get(url, params=list(question), headers=headers, timeout=PATIENCE)
        utils.hf_raise_for_status(response)
        listed = response.json()
    except OfflineModeIsEnabled:
        raise _Unanswered("HF_HUB_OFFLINE is set") from None
    except HfHubHTTPError as error:
        raise _Unanswered(refusal(error.response.status_code, error.response.headers.get("retry-after"))) from None
    except ValueError:
        raise _Unanswered("its answer is not JSON") from None
    except (client.HTTPError, client.InvalidURL, OSError) as error:
        raise _Unanswered((str(error).splitlines() or [type(error).__name__])[0]) from None
    if not isinstance(listed, list):
        raise _Unanswered("its answer is not a list of models")
    items = [item for item in listed if isinstance(item, dict) and isinstance(item.get("id"), str)]
    return [item for item in items if PLAIN.fullmatch(item["id"])]


def refusal(status: int, wait: str | None) -> str:
    """An error of HTTP in words."""
    if status == 429:
        return f"too many requests, ask again in {wait} s" if wait and wait.isdigit() else "too many requests"
    reasons = {401: "the token in HF_TOKEN is not accepted", 403: "access refused", 404: "no hub at that address"}
    return f"{reasons.get(status, 'an error')} (HTTP {status})"


def _instead(kept: Answer | None, now: float, partly: bool) -> str:
    if kept is None:
        return "some of its models are missing" if partly else "the catalogue is used alone"
    days = max(round((now - kept.when) / DAY), 1)
    return f"its answer of {days} day{'s' if days > 1 else ''} ago is used"


def _found(item: dict[str, Any]) -> Found:
    """One model as the hub lists it. What it does not tell, or tells oddly, is left out."""
    config, told, weights = (_part(item, name) for name in ("config", "cardData", "safetensors"))
    total, created, downloads = weights.get("total"), str(item.get("createdAt", "")), item.get("downloads")
    card = Card(
        name=item["id"],
        family=next(iter(_texts(config.get("model_type"))), None),
        year=int(created[:4]) if created[:4].isdecimal() and not created.startswith(UNDATED) else None,
        licence=next(iter(_texts(told.get("license"))), None),
        languages=_texts(told.get("language")),
        safetensors=True,
        shape=Shape(parameters=total if isinstance(total, int) and total > 0 else None),
        sources=(f"its page on the hub, {time.strftime('%Y-%m-%d')}",),
    )
    return Found(card, "", downloads if isinstance(downloads, int) else None, bool(item.get("gated")))


def _part(item: dict[str, Any], name: str) -> dict[str, Any]:
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    """A text or several, from a card in which a person may have written anything; what is not a plain word is left."""
    values: Sequence[object] = value if isinstance(value, list) else (value,)
    return tuple(text.lower() for text in values if isinstance(text, str) and PLAIN.fullmatch(text))


def _path(question: Question) -> Path:
    """Where the answer to a question is kept."""
    from huggingface_hub import constants

    asked = json.dumps([FORMAT, constants.ENDPOINT, question])
    return cache_root() / "hub" / f"{hashlib.sha256(asked.encode()).hexdigest()[:40]}.json"


def _kept(path: Path, now: float) -> Answer | None:
    """An answer of the cache. A damaged one, or one from the future, counts as none."""
    try:
        answer = read_record(path, Answer)
    except (RunError, OSError):
        return None
    return answer if answer.when <= now else None


def _keep(path: Path, answer: Answer, now: float) -> None:
    """Write an answer and remove those that are too old. A disk that takes nothing is no reason to stop."""
    try:
        write_record(path, answer)
        for other in path.parent.glob("*.json"):
            if now - other.stat().st_mtime > KEPT:
                other.unlink(missing_ok=True)
    except OSError:
        return
