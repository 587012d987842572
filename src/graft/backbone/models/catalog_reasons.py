"""Why one would pick a model: two or three sentences that follow from the facts, and what to mind."""

from __future__ import annotations

from collections.abc import Iterable

from graft.backbone.models.catalog import COMPARED, Card, Catalog
from graft.backbone.models.catalog_search import MANY, Found

YARDSTICK = "google-bert/bert-base-uncased"
GATED = ("modernbert", "llama", "qwen2")  # three matrices in the feed-forward layer instead of two
OTHER = ("mobilebert",)  # blocks of another make
WORK = {
    "classify": "sorting texts into classes",
    "pairs": "judging pairs of texts",
    "regress": "predicting numbers",
    "tokens": "labelling words",
    "generate": "writing text",
    "embed": "comparing texts by their vectors",
}


def reasons(card: Card, known: Catalog) -> list[str]:
    """What it is, what it suits, and how it compares with the others; up to three sentences."""
    return [*_what(card, known), *_suits(card, known), *_compared(card, known)]


def warnings(found: Found, known: Catalog) -> list[str]:
    """What to mind before taking it."""
    card = found.card
    lines = []
    if card.safetensors is False and not found.at_hand:
        lines.append("Its page had no safetensors weights when it was looked up, and graft reads no other weights.")
    if found.gated:
        lines.append("Its terms must be accepted on its page before it can be downloaded.")
    if card.licence is None:
        where = "ask whoever made it" if found.at_hand else "see its page"
        lines.append(f"Its licence was not found: {where} before you use it.")
    if known.kind(card) == "decoder":
        lines.append("As in every decoder, each word sees only the words before it.")
    return lines


def _what(card: Card, known: Catalog) -> list[str]:
    family = known.architecture.get(card.family or "")
    name = f"{card.short}, from {card.year}," if card.year else card.short
    if family is None:
        return [f"{name} is a model of the family {card.family or '-'}, of which the catalogue knows no more."]
    first = family.note.split()[0]
    note = family.note if first[1:].lower() != first[1:] else family.note[0].lower() + family.note[1:]
    article = "a" if family.kind == "decoder" else "an"
    return [f"{name} is {article} {family.kind} of the family {card.family}, which began so: {note}"]


def _suits(card: Card, known: Catalog) -> list[str]:
    tasks = listed([WORK[task] for task in known.tasks(card)], "and")
    if not tasks:
        return []
    texts = {"general": "general text", "sentences": "pairs of sentences", "code": "code", "tweets": "tweets"}
    domain = texts.get(card.domain, f"texts of {card.domain}")
    spoken = [known.names.get(code, code) for code in card.languages]
    many = f"{len(spoken)} languages" if len(spoken) > MANY else listed(spoken, "and")
    limit = f", up to {card.shape.max_tokens:,} tokens each" if card.shape.max_tokens else ""
    if known.get(card.name) is None and card.domain == "general":  # a model of which only the files are known
        return [f"What it was trained on was not found; it suits {tasks}{limit}."]
    return [f"Trained on {domain}{f' in {many}' if many else ''}, it suits {tasks}{limit}."]


def _compared(card: Card, known: Catalog) -> list[str]:
    """Its price in weights, and who scores higher without being larger."""
    size, score = card.shape.parameters, card.score()
    if size is None:
        return []
    price = f"It has {count(size)} parameters"
    own, other = block_weights(card, known), block_weights(_yardstick(known), known)
    if own and other and card.name != YARDSTICK:
        work = "as much work as" if abs(own / other - 1) < 0.01 else f"{own / other:.2g} times the work of"
        price += f", and its blocks do {work} those of {_yardstick(known).short}"
    if score is None:
        return [f"{price}; no {COMPARED} score was found, so try it on your own texts."]
    better = _better(card, known.model)
    if better is None:
        return [f"{price}; at {COMPARED} {score:.1f}, none of the catalogue's models that are no larger scores higher."]
    rival = f"{better.short} ({count(better.shape.parameters)}, {better.score():.1f})"
    return [f"{price}; at {COMPARED} {score:.1f} it is beaten by {rival}, which is no larger."]


def _better(card: Card, others: Iterable[Card]) -> Card | None:
    """The highest-scoring of the models that score higher and have no more parameters."""
    size, score = card.shape.parameters or 0, card.score() or 0.0
    rivals = [
        (other.score() or 0.0, -parameters, other)
        for other in others
        if (parameters := other.shape.parameters) and parameters <= size and (other.score() or 0.0) > score
    ]
    return max(rivals, key=lambda rival: rival[:2])[2] if rivals else None


def _yardstick(known: Catalog) -> Card:
    card = known.get(YARDSTICK)
    assert card is not None, "the catalogue holds the model that others are compared with"
    return card


def block_weights(card: Card, known: Catalog) -> int | None:
    """Weights of matrices that each token is multiplied with in all blocks; None where that cannot be told."""
    shape = card.shape
    if not (shape.blocks and shape.width and shape.heads and shape.inner):
        return None
    if known.kind(card) in (None, "encoder-decoder") or card.family in OTHER:
        return None
    head = shape.head_width or shape.width // shape.heads
    attention = 2 * shape.width * head * (shape.heads + (shape.kv_heads or shape.heads))
    return shape.blocks * (attention + (3 if card.family in GATED else 2) * shape.width * shape.inner)


def listed(words: list[str], last: str) -> str:
    """One, two and three."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def count(number: float | None) -> str:
    """A large number in three digits: 4.39M, 109M, 1.1B; "-" for None."""
    if number is None:
        return "-"
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            return f"{number / size:.3g}{unit}"
    return f"{number:g}"
