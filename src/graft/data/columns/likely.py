"""Which task a table is likely meant for, where no column of it holds labels: named in a refusal, never chosen."""

from __future__ import annotations

from collections.abc import Sequence

from graft.data.columns.names import is_id
from graft.data.columns.profile import Profile

QUESTION_NAMES = ("question", "questions", "query")
CONTEXT_NAMES = ("context", "passage", "paragraph", "document", "article", "text")
ANSWER_NAMES = ("answers", "answer", "answer_text")


def usual(names: Sequence[str], known: Sequence[str]) -> str | None:
    """The first known name that is among the names."""
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[name] for name in known if name in lower), None)


def answered(names: Sequence[str]) -> tuple[str, str, str] | None:
    """The columns of questions, contexts and answers by their usual names; None where one is lacking."""
    question, answers = usual(names, QUESTION_NAMES), usual(names, ANSWER_NAMES)
    context = usual([name for name in names if name != question], CONTEXT_NAMES)
    return None if question is None or context is None or answers is None else (question, context, answers)


def other_task(profiles: Sequence[Profile], texts: Sequence[str]) -> str:
    """What to add to a remedy: the task that a table without labels would serve, or "". `texts`: columns that are
    known to be the texts."""
    if answered([profile.name for profile in profiles]):
        return "; to find answers in contexts: --task question-answering"
    others = [profile for profile in profiles if profile.name not in texts and not is_id(profile.name)]
    if any(profile.is_prose for profile in others):
        return "; to learn to write one text from another: --task rewrite"
    if all(profile.name in texts for profile in profiles) and len(texts) == 1:
        return "; to learn to write such texts: --task write"
    return ""
