"""Questions with answers for the tests: contexts that say where someone is and what they took, in tiny words."""

from __future__ import annotations

import random
from typing import Any

import tiny

PLACES = ["street", "park", "river", "school", "market", "bridge", "library", "path"]
THINGS = ["bread", "rice", "fish", "cake", "tea", "coffee", "wine", "soup"]
PEOPLE = ["waiter", "man", "woman", "child", "dog", "cat"]


def articles(count: int = 24, open_share: float = 0.0, seed: int = 0) -> dict[str, Any]:
    """SQuAD's form: an article of two contexts each; with `open_share`, so many questions have no answer."""
    rng = random.Random(seed)
    found = [
        {"title": f"article {number}", "paragraphs": [_paragraph(rng, open_share) for _ in range(2)]}
        for number in range(count)
    ]
    return {"version": "v2.0" if open_share else "1.1", "data": found}


def _paragraph(rng: random.Random, open_share: float) -> dict[str, Any]:
    person, place, thing = rng.choice(PEOPLE), rng.choice(PLACES), rng.choice(THINGS)
    filler = " ".join(rng.choice(tiny.WORDS[:20]) for _ in range(rng.randint(0, 5)))
    context = f"{filler} the {person} went to the {place} and took the {thing} .".strip()
    asked = [("where was the " + person, place), ("what was it that the " + person + " took", thing)]
    return {"context": context, "qas": [_question(rng, context, *one, open_share) for one in asked]}


def _question(rng: random.Random, context: str, question: str, answer: str, open_share: float) -> dict[str, Any]:
    made: dict[str, Any] = {"id": f"q{rng.randrange(10**9)}", "question": question}
    if open_share and rng.random() < open_share:
        return made | {"question": "when was it", "answers": [], "is_impossible": True}
    made["answers"] = [{"text": answer, "answer_start": context.index(answer)}]
    return made | ({"is_impossible": False} if open_share else {})


def flat(given: dict[str, Any]) -> list[dict[str, Any]]:
    """The same as rows in the form of the `datasets` library."""
    rows = []
    for article in given["data"]:
        for paragraph in article["paragraphs"]:
            for one in paragraph["qas"]:
                answers = {
                    "text": [answer["text"] for answer in one["answers"]],
                    "answer_start": [answer["answer_start"] for answer in one["answers"]],
                }
                rows.append(
                    {
                        "id": one["id"],
                        "title": article["title"],
                        "context": paragraph["context"],
                        "question": one["question"],
                        "answers": answers,
                    }
                )
    return rows
