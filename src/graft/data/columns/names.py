"""Column names in common use, from the corpora and tools that people bring files from."""

from __future__ import annotations

TEXT_NAMES = (
    "text", "texts", "sentence", "review", "content", "body", "message", "tweet", "comment", "document", "utterance",
    "question", "query", "post", "sms", "description", "headline", "title", "review_text", "comment_text", "reviewtext",
    "full_text", "raw_text", "input", "verbatim", "feedback", "email", "abstract",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "class", "classes", "category", "target", "intent", "sentiment", "emotion", "author", "topic",
    "y", "tag", "gold", "gold_label", "class_label", "classification", "annotation", "polarity", "stance", "genre",
    "language", "rating", "stars", "score", "toxicity", "is_spam", "spam",
)  # fmt: skip
SURE_LABELS = ("label", "labels")  # chosen even where another usual name stands beside them
ID_NAMES = ("id", "idx", "index", "uuid", "guid", "key", "row", "row_id", "rowid", "_id", "unnamed: 0", "column 1")
PAIRS = (
    ("premise", "hypothesis"), ("question", "context"), ("question", "passage"), ("question", "sentence"),
    ("query", "passage"), ("query", "document"), ("text", "text_pair"), ("text", "target_text"), ("anchor", "positive"),
)  # fmt: skip


def are_pair(first: str, second: str) -> bool:
    """Whether two column names are the two sides of a pair: `sentence1`/`sentence2`, `text_a`/`text_b`, …"""
    one, two = first.lower(), second.lower()
    if (one, two) in PAIRS or (two, one) in PAIRS:
        return True
    return one[:-1] == two[:-1] != "" and {one[-1:], two[-1:]} in ({"1", "2"}, {"a", "b"})


def is_id(name: str) -> bool:
    lower = name.lower()
    return lower in ID_NAMES or lower.endswith(("_id", " id", "-id"))
