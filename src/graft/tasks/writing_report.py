"""What the report says about a model that writes: numbers, style, what is copied, what is repeated, and samples."""

from __future__ import annotations

from collections.abc import Sequence

from graft.records import Evaluation, Manifest
from graft.records.evidence import Bits, Copied, Novelty, Repetition, Sample, StyleScore, WritingDetails
from graft.report import words
from graft.report.blocks import Block, Column, Estimate, Fold, Intervals, Measured, Prose, Section, Table
from graft.tasks.numbers_report import numbers_section
from graft.tasks.writing_style import FEWEST

BODIES = {
    "after": "written by this model",
    "before": "written by the untuned model",
    "held out": "held-out text of the style",
    "neutral": "neutral text",
    "contrast": "text of the same genre",
    "own": "written by the untuned model",
}
MODELS = {"before": "Untuned model", "after": "This model", "scratch": "Random start"}
_PAID = {"held out": "Held-out text", "contrast": "Same genre", "neutral": "Neutral text", "own": "Untuned model's"}
_WHEN = {"before": "before", "after": "after", "scratch": "random start"}
_ORDER = ("after", "before", "held out", "contrast", "neutral")


def sections(evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
    """The sections in reading order; those without material are left out."""
    made: list[Section | None] = [numbers_section(evaluation, manifest, "bits_per_character", "less is better")]
    details = evaluation.details
    if isinstance(details, WritingDetails):
        made += [
            _gain(details),
            _style(details.style, details.judges) if details.style else _unjudged(details),
            _novelty(details.novelty, details.copied),
            _repetition(details.repetition),
            _samples(details.samples),
        ]
    return tuple(section for section in made if section)


def _gain(details: WritingDetails) -> Section | None:
    """Gained on the style, lost elsewhere: bits per character of every body of text by every model."""
    if not details.bits:
        return None
    low, high = details.gain
    lead = (
        f"Fine-tuning takes between {words.decimal(low)} and {words.decimal(high)} bits per character off unseen text "
        "of the style (95% interval, paired by window). What other text costs more than before is what was forgotten."
    )
    if details.lost:
        lead += f" Charged with that: {words.percent(details.lost)} of the characters, which the tokenizer loses."
    columns = (
        Column("Text"),
        Column("Model"),
        Column("Bits per character", "estimate", "less is better"),
        Column("Perplexity", "number", "per token"),
        Column("Characters", "count"),
    )
    paid = sorted(details.bits, key=lambda one: (list(_PAID).index(one.text), list(MODELS).index(one.model)))
    rows = tuple(_bits_row(one) for one in paid)
    blocks: list[Block] = [
        Intervals("What each model pays for a character", "decimal", tuple(map(_bits_mark, paid))),
        Fold("The same in numbers", (Table("Bits per character, by text", columns, rows, sortable=False),)),
    ]
    bodies = {one.text for one in details.bits}
    missing = [f"--{kind}" for kind in ("neutral", "contrast") if kind not in bodies]
    if missing:
        blocks.append(Prose(f"More can be compared: give {' and '.join(missing)} a file or folder of other text."))
    return Section("gain", "Learned and forgotten", lead, tuple(blocks))


def _bits_row(one: Bits) -> tuple[str, str, Estimate, float, int]:
    text = BODIES[one.text]
    return (
        text[:1].upper() + text[1:],
        MODELS[one.model],
        Estimate(one.bits, one.interval, "decimal"),
        one.perplexity,
        one.characters,
    )


def _bits_mark(one: Bits) -> Measured:
    return Measured(f"{_PAID[one.text]}, {_WHEN[one.model]}", one.bits, one.interval, one.model == "after")


def _unjudged(details: WritingDetails) -> Section | None:
    """Why there is no judge of style, where something was written that it could have judged."""
    few = (
        f"There was too little text to teach a judge of style: it takes {FEWEST} passages of about 100 words of "
        "validation's documents, and as many of other text."
    )
    return Section("style", "Style", few, ()) if details.novelty else None


def _style(scores: Sequence[StyleScore], judges: Sequence[str]) -> Section:
    """Which share of passages a judge takes for the style, body by body."""
    blocks: list[Block] = []
    for judge in dict.fromkeys(score.judge for score in scores):
        own = sorted((one for one in scores if one.judge == judge), key=lambda one: _ORDER.index(one.body))
        rows = tuple(
            Measured(
                BODIES[one.body][:1].upper() + BODIES[one.body][1:],
                one.share,
                one.interval,
                one.body == "after",
                words.plural(one.passages, "passage"),
            )
            for one in own
        )
        rival = "text of the same genre" if judge == "contrast" else "neutral text"
        blocks.append(Intervals(f"Passages taken for the style, by the judge of style against {rival}", "share", rows))
        columns = (Column("Text"), Column("Passages", "count"), Column("Taken for the style", "estimate"))
        table = tuple(
            (row.name, one.passages, Estimate(row.value, row.interval)) for row, one in zip(rows, own, strict=True)
        )
        blocks.append(Fold("The same in numbers", (Table(f"Style against {rival}", columns, table, sortable=False),)))
    blocks += map(Prose, judges)
    lead = (
        "A classifier that never saw the training text says which passages of about 100 words read like the style. "
        "Held-out text of the style is what can be reached; where the untuned model stands is where it began."
    )
    return Section("style", "Style", lead, tuple(blocks))


def _novelty(novelty: Sequence[Novelty], copied: Sequence[Copied]) -> Section | None:
    """How much of what was written stands in the training text, and the passages."""
    if not novelty:
        return None
    columns = (
        Column("Text"),
        Column("Words", "count"),
        Column("Copied", "share", "of its words, those in runs that the training text has as well"),
        Column("Longest passage", "count", "words"),
    )
    rows = tuple((BODIES[one.body], one.words, one.share, one.longest) for one in novelty)
    blocks: list[Block] = [Table("Words that stand in the training text", columns, rows, sortable=False)]
    if copied:
        shown = tuple((one.text, one.words, one.source) for one in copied)
        found = (Column("Passage", "text"), Column("Words", "count"), Column("Stands in"))
        blocks.append(Table("The longest copied passages", found, shown, sortable=False))
    else:
        blocks.append(Prose("No passage was copied."))
    lead = (
        f"Runs of {novelty[0].run} words or more, case and punctuation aside, that stand in the training text as well. "
        "Held-out text shows how much two texts of the style share anyway."
    )
    return Section("novelty", "New or copied", lead, tuple(blocks))


def _repetition(found: Sequence[Repetition]) -> Section | None:
    """How much each body repeats itself."""
    if not found:
        return None
    columns = (
        Column("Text"),
        Column("Different words", "share"),
        Column("Different pairs", "share"),
        Column("Different triples", "share"),
        Column("In loops", "share", "of the characters, those in phrases said three times or more in a row"),
        Column("The longest loop", "text"),
    )
    rows = tuple((BODIES[one.body], *one.distinct, one.looped, words.shorten(one.example, 200)) for one in found)
    lead = "Of all runs of one, two and three words within 100 words, how many are different; and loops."
    return Section("repetition", "Repetition", lead, (Table("Repetition", columns, rows, sortable=False),))


def _samples(samples: Sequence[Sample]) -> Section | None:
    """The same prompts before and after, at several temperatures."""
    if not samples:
        return None
    columns = (Column("Temperature", "decimal"), Column("Before", "text"), Column("After", "text"))
    blocks: list[Block] = []
    for prompt in dict.fromkeys(sample.prompt for sample in samples):
        rows = tuple(
            (sample.temperature, sample.prompt + sample.before, sample.prompt + sample.after)
            for sample in samples
            if sample.prompt == prompt
        )
        blocks.append(Table(f"“{words.shorten(prompt, 60)}”", columns, rows, sortable=False))
    lead = (
        "Beginnings of held-out paragraphs, gone on from by the model before and after fine-tuning. "
        "All texts that were judged are in predictions.csv."
    )
    return Section("samples", "Samples", lead, tuple(blocks))
