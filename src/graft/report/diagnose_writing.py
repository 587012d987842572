"""What stands out in a model that writes: nothing learned, reciting, looping, forgetting, too little text."""

from __future__ import annotations

from graft.records import Manifest
from graft.records.evidence import Bits, Novelty, Repetition, StyleScore, WritingDetails
from graft.report import words
from graft.report.blocks import Callout
from graft.report.diagnose_settings import code, either, recipe

RECITED = 0.05  # share of copied words beyond that of held-out text from which it is said
SHARED = 0.25  # share of copied words from which it is said whatever held-out text has
LONG = 30  # words of one passage: no two writers agree on so many by chance
LOOPED = 0.05  # share of characters in loops
FORGOTTEN = 1.1  # times the bits per character of before
LITTLE = 200_000  # characters to learn from
LOST = 0.01  # share of characters that a tokenizer loses
_OTHER = {"neutral": "Neutral text", "own": "What the untuned model writes"}


def diagnose_writing(manifest: Manifest, details: WritingDetails) -> list[Callout | None]:
    """At most one callout per check."""
    return [
        _nothing_learned(details),
        _no_transfer(manifest, details),
        _reciting(manifest, details),
        _held_out_known(details),
        _looping(details),
        _forgetting(manifest, details),
        _style_alike(details),
        _too_little(manifest, details),
        _lost(details),
    ]


def _epochs(manifest: Manifest) -> int:
    """Of the longest stage: those that were trained, which may be fewer than the recipe allows."""
    stages = manifest.outcome.stages or manifest.recipe.stages
    return max((stage.epochs for stage in stages), default=1)


def _fewer(manifest: Manifest) -> tuple[str, str]:
    """Half the epochs that were trained and a third of the rate, as far as there is less to ask for."""
    epochs, rate = _epochs(manifest) // 2, manifest.recipe.stages[-1].optimiser.lr / 3
    return code(f"--epochs {epochs}" if epochs else ""), code(f"--lr {rate:.1g}")


def _bits(details: WritingDetails, text: str, model: str) -> Bits | None:
    return next((one for one in details.bits if one.text == text and one.model == model), None)


def _nothing_learned(details: WritingDetails) -> Callout | None:
    low, high = details.gain
    if not details.bits or low > 0:
        return None
    return Callout(
        "problem",
        "No better than before on unseen text",
        "What fine-tuning takes off a character of held-out text lies between "
        f"{words.decimal(low)} and {words.decimal(high)} bits, which may be nothing.",
        "a higher rate (`--lr`), more epochs (`--epochs`), or more text.",
    )


def _no_transfer(manifest: Manifest, details: WritingDetails) -> Callout | None:
    after, scratch = _bits(details, "held out", "after"), _bits(details, "held out", "scratch")
    if after is None or scratch is None or scratch.bits > after.bits:
        return None
    return Callout(
        "warning",
        "A random start does as well",
        f"The same architecture from random weights reaches {words.decimal(scratch.bits)} bits per character in the "
        f"same time, this model {words.decimal(after.bits)}: what it was pretrained on does not help here.",
        f"another `--model`, or a rate above {manifest.recipe.stages[-1].optimiser.lr:g} (`--lr`).",
    )


def _novelty(details: WritingDetails, body: str) -> Novelty | None:
    return next((one for one in details.novelty if one.body == body), None)


def _reciting(manifest: Manifest, details: WritingDetails) -> Callout | None:
    own, usual = _novelty(details, "after"), _novelty(details, "held out")
    if own is None:
        return None
    share, longest = (usual.share, usual.longest) if usual else (0.0, 0)
    beyond = own.share >= share + RECITED or own.longest > max(LONG, longest)
    if not beyond and own.share < SHARED and own.longest < 2 * LONG:
        return None
    shown = ""
    if details.copied:
        worst = details.copied[0]
        shown = f" The longest, {words.count(worst.words)} words, stands in “{worst.source}”: “{_short(worst.text)}”."
    return Callout(
        "problem" if own.share >= share + 4 * RECITED or own.longest >= 2 * LONG else "warning",
        "It recites the training text",
        f"{words.percent(own.share)} of the words that it wrote stand in passages of the training text "
        f"({words.percent(share)} of held-out text's do).{shown}",
        f"{either(*_fewer(manifest), 'more text')}; writing with a higher `--temperature` recites less.",
    )


def _held_out_known(details: WritingDetails) -> Callout | None:
    """Held-out text that stands in the training text as well measures what was learned by heart."""
    usual = _novelty(details, "held out")
    if usual is None or (usual.share < SHARED and usual.longest < 2 * LONG):
        return None
    return Callout(
        "problem",
        "Held-out text stands in the training text",
        f"{words.percent(usual.share)} of its words, {words.count(usual.longest)} in a row at most: bits per character "
        "of such text say what the model knows by heart, not how it reads what is new.",
        "keep each text once, or give documents of its own with `--test`.",
    )


def _short(text: str) -> str:
    return words.shorten(text, 160)


def _repetition(details: WritingDetails, body: str) -> Repetition | None:
    return next((one for one in details.repetition if one.body == body), None)


def _looping(details: WritingDetails) -> Callout | None:
    own, usual = _repetition(details, "after"), _repetition(details, "held out")
    if own is None or own.looped < LOOPED + (usual.looped if usual else 0.0):
        return None
    return Callout(
        "warning",
        "It falls into loops",
        f"{words.percent(own.looped)} of the characters that it wrote say a phrase again and again, such as "
        f"“{_short(own.example)}”.",
        "when writing: `--repetition-penalty 1.1`, a higher `--temperature` or `--top-p`.",
    )


def _forgetting(manifest: Manifest, details: WritingDetails) -> Callout | None:
    thorough = code(recipe(manifest, "thorough"))
    body = "neutral" if _bits(details, "neutral", "after") else "own"  # what the untuned model says stands in
    before, after = _bits(details, body, "before"), _bits(details, body, "after")
    if before is None or after is None or after.bits < FORGOTTEN * before.bits:
        return None
    return Callout(
        "warning",
        "It forgets other language",
        f"{_OTHER[body]} costs {words.decimal(after.bits)} bits per character, {words.decimal(before.bits)} before: "
        f"{words.percent(after.bits / before.bits - 1, 0)} more.",
        f"{either(*_fewer(manifest), thorough and f'{thorough}, which changes low blocks least')}; if only the style "
        "counts, leave it so.",
    )


def _style_alike(details: WritingDetails) -> Callout | None:
    def of(judge: str, body: str) -> StyleScore | None:
        return next((one for one in details.style if one.judge == judge and one.body == body), None)

    judge = "contrast" if of("contrast", "after") else "neutral"
    before, after = of(judge, "before"), of(judge, "after")
    if before is None or after is None or after.interval[0] > before.interval[1]:
        return None
    more = "its interval overlaps that" if after.share > before.share else "no more than"
    return Callout(
        "note",
        "The judge sees no clear gain in style",
        f"It takes {words.percent(after.share)} of this model's passages for the style; {more} of the untuned model "
        f"({words.percent(before.share)}).",
        "more epochs (`--epochs`), or a lower `--temperature` when writing.",
    )


def _too_little(manifest: Manifest, details: WritingDetails) -> Callout | None:
    if not 0 < details.characters < LITTLE:
        return None
    book = code(recipe(manifest, "book"))
    return Callout(
        "warning" if details.characters < LITTLE / 4 else "note",
        "Little text to learn from",
        f"{words.count(details.characters)} characters: a style shows in them, but every number here is uncertain, "
        "and a model soon knows them by heart.",
        f"{either('more text of the style', book and f'{book}, whose small rate recites least')}.",
    )


def _lost(details: WritingDetails) -> Callout | None:
    if details.lost < LOST:
        return None
    return Callout(
        "warning",
        "The tokenizer loses characters",
        f"{words.percent(details.lost)} of the held-out characters are unknown to this model or evened out; it can "
        "never write them. Bits per character charge for them.",
        "another `--model`: one with a byte-level tokenizer, such as gpt2, reads everything.",
    )
