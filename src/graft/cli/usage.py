"""argparse with manners: mistakes are raised, not printed, and name the nearest verb or option."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from typing import NoReturn

_ALSO_CALLED = {  # what tasks are called elsewhere, by other tools and by another verb
    "classify": "classification",
    "sentiment": "classification",
    "regress": "regression",
    "multilabel": "multi-label",
    "ner": "token-classification",
    "tagging": "token-classification",
    "tokens": "token-classification",
    "qa": "question-answering",
    "summarisation": "rewrite",
    "summarization": "rewrite",
    "translation": "rewrite",
    "seq2seq": "rewrite",
    "generate": "write",
    "generation": "write",
    "write": "generate",
    "rewrite": "generate",
    "token-classification": "tokens",
}


class UsageError(Exception):
    """A command line that cannot be understood: what was found, and what to do."""

    def __init__(self, found: str, remedy: str) -> None:
        self.found = found
        self.remedy = remedy
        super().__init__(f"{found}\n  → {remedy}")


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are UsageErrors. Options are never abbreviated, so that adding one breaks no script."""

    def __init__(self, prog: str, description: str, epilog: str = "") -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Names the choice that was probably meant."""
        if action.choices is None or value in action.choices:
            return
        known, option = [str(choice) for choice in action.choices], "/".join(action.option_strings) or action.dest
        first = _ALSO_CALLED.get(str(value).lower(), "")
        meant = next((name for name in (first, _ALSO_CALLED.get(first)) if name in known), None)
        remedy = f"did you mean {meant}?" if meant else _nearest(str(value), known, f"choices: {', '.join(known)}.")
        raise UsageError(f"{self.prog}: {option} has no choice {str(value)!r}.", remedy)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}.", f"{self.prog} --help shows what it takes.")


def examples(*lines: str) -> str:
    """The end of a help page."""
    return "\n".join(("examples:", *(f"  {line}" for line in lines)))


def check_verb(found: str, verbs: Sequence[str]) -> None:
    """Raises UsageError for a verb that does not exist."""
    if found in verbs:
        return
    kind = "option" if found.startswith("-") else "verb"
    raise UsageError(f"graft: there is no {kind} {found!r}.", _nearest(found, verbs, f"verbs: {', '.join(verbs)}."))


def check_options(parser: Parser, arguments: Sequence[str]) -> None:
    """Raises UsageError for a long option that the parser does not have, wherever it stands.

    argparse itself would complain of what the unknown option left over, or of something else first.
    """
    known = parser._option_string_actions
    for argument in arguments:
        if argument == "--":
            return
        name = argument.split("=", 1)[0]
        if name.startswith("--") and " " not in name and name not in known:
            remedy = f"{parser.prog} --help shows all options."
            long = [option for option in known if option.startswith("--")]
            raise UsageError(f"{parser.prog}: there is no option {name}.", _nearest(name, long, remedy))


def _nearest(found: str, known: Iterable[str], otherwise: str) -> str:
    close = difflib.get_close_matches(found, list(known), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else otherwise
