"""graft models: browse pretrained models, or explain one."""

from __future__ import annotations

import argparse
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from graft.cli.failure import print_json
from graft.cli.options import add_output
from graft.cli.usage import Parser

if TYPE_CHECKING:
    from graft.backbone.models.catalog import Catalog
    from graft.backbone.models.catalog_search import Found, Wanted

ABOUT = "pretrained models: browse and search them, or explain one"
EXAMPLES = (
    "graft models --max-parameters 100M --licence mit --sort score",
    "graft models --language german",
    "graft models microsoft/deberta-v3-small",
    "graft models --hub biomedical --task classify",
)
TASKS = ("classify", "pairs", "regress", "tokens", "generate", "embed")
SORTS = ("size", "year", "score", "name")
UNITS = {"k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}
PHRASES = {  # what no model is or has
    "words": "is called or described by {!r}",
    "task": "suits the task {!r}",
    "language": "is known to read {!r}",
    "licence": "is known to have the licence {!r}",
    "family": "is of the family {!r}",
    "max_parameters": "is known to have at most {} parameters",
}
PATH_LIKE = ("./", "../", "/", "~", ".\\")


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "words",
        metavar="WORD",
        nargs="*",
        help="words to search for; a model's name, to have it explained; or a folder with models",
    )
    group = parser.add_argument_group("which models")
    group.add_argument("--task", choices=TASKS, help="what it is for")
    group.add_argument("--language", metavar="L", help="that it was trained on: a code or a name, as de or german")
    group.add_argument("--licence", metavar="L", type=str.lower, help="as the hub writes it, such as apache-2.0")
    group.add_argument("--family", metavar="F", help="the architecture, such as bert or deberta")
    group.add_argument("--max-parameters", metavar="N", type=parameters, help="the largest size, such as 100M or 1.5B")
    group.add_argument("--sort", choices=SORTS, help="default: what is at hand first, then by size")
    group.add_argument("--hub", action="store_true", help="search the whole hub too, over the network")
    add_output(parser)


def parameters(given: str) -> int:
    """A number such as 22000000, 100M or 1.5B."""
    number, unit = (given[:-1], given[-1].lower()) if given[-1:].lower() in UNITS else (given, "")
    try:
        found = round(float(number) * UNITS.get(unit, 1))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{given!r} is not a number such as 100M or 1.5B") from None
    if found <= 0:
        raise argparse.ArgumentTypeError(f"{given!r} is not above 0")
    return found


def main(asked: Namespace) -> int:
    from graft.backbone.models.catalog import catalog
    from graft.backbone.models.catalog_search import Found, chosen, merged, ordered
    from graft.backbone.models.hub_search import Search, search

    known = catalog()
    local, words = _given(asked.words)
    wanted = _wanted(asked, words, known)
    pool = (*(Found(card) for card in known.model), *local, *_at_hand())
    answer = search(wanted) if asked.hub else Search(())
    every = merged((*pool, *answer.found), known)
    one = _named(asked, every)
    rows = () if one else ordered(chosen(every, answer.found, wanted, known), asked.sort)
    for note in answer.notes:
        print(note, file=sys.stderr)
    if not one and not rows:
        answered = asked.hub and not answer.notes
        _refuse(
            every, wanted, known, "in the catalogue, here or on the hub" if answered else "in the catalogue or here"
        )
    _show(one, rows, known, answer.notes, asked.json)
    return 0


def _given(given: Sequence[str]) -> tuple[list[Found], list[str]]:
    """The models of the folders among what was given, and the search words. Raises ModelError for a wrong path."""
    from graft.backbone.models.at_hand import in_folder
    from graft.errors import ModelError
    from graft.files import at_home

    found, words = [], []
    for word in given:
        is_path, path = word.startswith(PATH_LIKE), at_home(word)
        inside = in_folder(path) if word and path.is_dir() else []
        found += inside
        if is_path and not inside:
            lacking = "no whole model" if path.is_dir() else "no such folder"
            raise ModelError(
                f"{word}: {lacking}.", "name a folder with config.json, a tokenizer and model.safetensors."
            )
        if not inside:
            words.append(word)
    return found, words


def _wanted(asked: Namespace, words: Sequence[str], known: Catalog) -> Wanted:
    from graft.backbone.models.catalog_search import Wanted

    return Wanted(
        words=tuple(words),
        task=asked.task,
        language=known.language(asked.language) if asked.language else None,
        licence=asked.licence,
        family=known.family(asked.family) if asked.family else None,
        max_parameters=asked.max_parameters,
    )


def _at_hand() -> list[Found]:
    from graft.backbone.models import at_hand

    return [*at_hand.embedded(), *at_hand.cached()]


def _named(asked: Namespace, every: Sequence[Found]) -> Found | None:
    """The one model that was named, when nothing else was asked for."""
    filters = (asked.task, asked.language, asked.licence, asked.family, asked.max_parameters)
    if len(asked.words) != 1 or any(filters):
        return None
    from graft.files import at_home

    name = asked.words[0].lower()
    path = str(at_home(asked.words[0]))
    names = ((entry, (entry.card.name.lower(), entry.card.short.lower())) for entry in every)
    return next((entry for entry, own in names if name in own or path == entry.at_hand), None)


def _refuse(every: Sequence[Found], wanted: Wanted, known: Catalog, place: str) -> None:
    """Raises ModelError when something asked for fits no model even by itself."""
    from graft.backbone.models.catalog import nearest
    from graft.backbone.models.catalog_reasons import count, listed
    from graft.backbone.models.catalog_search import unmet
    from graft.errors import ModelError

    cards = [entry.card for entry in every]
    field = unmet(cards, wanted, known)
    if field is None:
        return
    given = {"words": " ".join(wanted.words), "max_parameters": count(wanted.max_parameters)}.get(field)
    given = given or str(getattr(wanted, field))
    names: dict[str, Iterable[str]] = {
        "words": [card.name for card in cards],
        "language": [*known.names.values(), *known.names],
        "licence": {card.licence for card in cards if card.licence},
        "family": known.architecture,
    }
    close = nearest(given, names.get(field, ()))
    otherwise = {"language": "give its ISO 639 code, such as de or sw."}.get(field, "`graft models` lists all.")
    remedy = f"did you mean {listed(close, 'or')}?" if close else otherwise
    raise ModelError(f"No model {place} {PHRASES[field].format(given)}.", remedy)


def _show(one: Found | None, rows: Sequence[Found], known: Catalog, notes: Sequence[str], as_json: bool) -> None:
    from graft.cli.models_text import described, explanation, table
    from graft.report.words import visible

    if as_json:
        told = {"model": described(one, known)} if one else {"models": [described(entry, known) for entry in rows]}
        print_json({**told, "notes": notes})
        return
    if one is None and not rows:
        print("No model is known to meet all of this at once.")
        return
    print(visible("\n".join(explanation(one, known) if one else table(rows))))
