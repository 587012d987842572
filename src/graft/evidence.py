"""What a model that writes has learned, shown on text that it has not seen: the evaluation of the task `write`.

The untuned model is loaded beside the tuned one, and both do the same: score the same held-out, neutral and contrast
text, and write after the same prompts by the same seeds.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from graft import machine
from graft.backbone import artefact
from graft.backbone.language import LanguagePath
from graft.backbone.model import Backbone
from graft.backbone.model import load as load_model
from graft.backbone.models import hub
from graft.backbone.paths import Feed
from graft.data.read import ReadOptions, read
from graft.data.splitting.passages import words_of
from graft.data.table import Splits
from graft.data.titles import Titles
from graft.data.tokens.prose import Stretches
from graft.evaluate import difference, measure
from graft.files import write_text
from graft.folder import RunFolder
from graft.generate import Writer, writer_of
from graft.machine import Device
from graft.records import Baseline, Evaluation, Interval, MachineRecord, Manifest, Progress, Said
from graft.records.evidence import Bits, Sample, WritingDetails
from graft.records.writing import Generation, Sampling
from graft.tasks import writing_evidence as found
from graft.tasks.writing_metrics import Counts, Scored, counted
from graft.tasks.writing_style import halves, passages
from graft.windowed import held_out, prose

SCORED = 400_000  # characters of each body of text that are scored at most
STRETCH = 8_000  # characters of a stretch, where a body is longer than that: a few windows
PROMPTS = 24  # beginnings of held-out paragraphs that both models go on from
SAMPLES = 2  # texts per prompt
TOKENS = 200  # of each text
OPENING = 3  # words of a paragraph that make a prompt
SHEET = (0.5, 0.8, 1.1)  # temperatures of the sheet of samples
SHEET_PROMPTS, SHEET_TOKENS = 3, 120
WHAT = {
    "before": "the model before fine-tuning, on the same text",
    "scratch": "the same architecture from random weights, trained for the same time by the settings of the last stage",
}


@dataclass(frozen=True, slots=True)
class Beside:
    """Texts to compare with, where the person gave them."""

    neutral: tuple[str, ...] = ()
    contrast: tuple[str, ...] = ()


def beside(named: dict[str, str]) -> Beside:
    """The texts that `--neutral` and `--contrast` name. Raises DataError where they cannot be read."""
    options = ReadOptions(task="write")
    texts = {
        kind: tuple(text for rows in read(path, options=options).parts.values() for text in rows.texts)
        for kind, path in named.items()
    }
    return Beside(texts.get("neutral", ()), texts.get("contrast", ()))


def evaluate(
    folder: RunFolder, manifest: Manifest, splits: Splits, extra: Sequence[Baseline], device: Device
) -> Iterator[Progress | Said | Evaluation]:
    """Everything that the report shows; the last event is the `Evaluation`. Writes `predictions.csv`: the texts."""
    chosen = machine.choose(device, "fp32")
    window = manifest.truncation.limit
    named = Beside() if not manifest.request.beside else beside(manifest.request.beside)
    yield Said("Loading the model as it was before, to compare.")
    models = {"before": _before(manifest), "after": artefact.load(folder.model, manifest)}
    bodies = {"held out": splits.test.texts, "neutral": named.neutral, "contrast": named.contrast}
    yield from (Said(_shortened(name, texts)) for name, texts in bodies.items() if sum(map(len, texts)) > SCORED)
    paid = yield from _paid(models, bodies, chosen, window)
    prompts = found.openings(splits.test.texts, PROMPTS, OPENING)
    written: dict[str, list[str]] = {}
    sheets: dict[str, dict[float, list[str]]] = {}
    for model, backbone in models.items():
        writer = writer_of(backbone, chosen.device, window)
        wanted = Generation(SAMPLES, TOKENS, sampling=Sampling())
        written[model] = yield from _written(writer, prompts, wanted, f"write, {model}")
        sheets[model] = yield from _sheet(writer, prompts[:SHEET_PROMPTS], f"samples, {model}")
    if not named.neutral:  # what the untuned model says stands in for other language
        own = [prompts[place // SAMPLES] + text for place, text in enumerate(written["before"])]
        paid |= yield from _paid(models, {"own": own}, chosen, window)
    yield Said("Comparing what was written with the text that was learned from.")
    details = _details(splits, named, paid, written, extra)
    sheet = tuple(
        Sample(prompt, heat, sheets["before"][heat][place], sheets["after"][heat][place])
        for place, prompt in enumerate(prompts[:SHEET_PROMPTS])
        for heat in SHEET
    )
    held = prose(stretches(splits.test.texts), models["after"])
    lost = float(held.lost.sum() / max(held.characters.sum(), 1))
    _write_texts(folder.predictions, prompts, written)
    yield _evaluation(msgspec.structs.replace(details, samples=sheet, lost=lost), paid, extra, len(splits.test))


def _shortened(name: str, texts: Sequence[str]) -> str:
    count = sum(map(len, texts))
    return f"Of the {name} text, {SCORED:,} of {count:,} characters are scored, in stretches spread evenly over it."


def _paid(
    models: dict[str, Backbone], bodies: dict[str, Sequence[str]], chosen: MachineRecord, window: int
) -> Generator[Progress, None, dict[tuple[str, str], Counts]]:
    """What each model pays for each body of text, by (body, model)."""
    paid: dict[tuple[str, str], Counts] = {}
    for model, backbone in models.items():
        for body, texts in bodies.items():
            if len(texts):
                paid[body, model] = yield from scored(backbone, chosen, window, texts, f"score {body}, {model}")
    return paid


def _sheet(writer: Writer, prompts: Sequence[str], phase: str) -> Generator[Progress, None, dict[float, list[str]]]:
    """One text per prompt at each temperature of the sheet."""
    sheet: dict[float, list[str]] = {}
    for heat in SHEET:
        once = Generation(1, SHEET_TOKENS, sampling=Sampling(temperature=heat))
        sheet[heat] = yield from _written(writer, prompts, once, phase)
    return sheet


def _evaluation(
    details: WritingDetails,
    paid: dict[tuple[str, str], Counts],
    extra: Sequence[Baseline],
    documents: int,
) -> Evaluation:
    own, was = Scored(paid["held out", "after"]), Scored(paid["held out", "before"])
    measured, before = measure(own), measure(was)
    _, gain = difference("bits_per_character", was, own)
    baselines = {"before": Baseline("before", WHAT["before"], before.metrics, before.intervals, 0.0)}
    baselines |= {one.name: one for one in extra}
    details = msgspec.structs.replace(details, gain=gain)
    return Evaluation("test", documents, measured.metrics, measured.intervals, baselines, 0.0, details)


def _before(manifest: Manifest) -> Backbone:
    located = hub.locate(manifest.backbone.name, manifest.backbone.revision or None)
    return load_model(located, (), head=found.HEAD)


def stretches(texts: Sequence[str], most: int = SCORED, each: int = STRETCH) -> list[str]:
    """The texts; where they are more than `most` characters, stretches of `each` from evenly spread places of all of
    them, which stop where a text ends and then go on in the next. No stretch begins within a word."""
    total, kept, offset = sum(len(text) for text in texts), [], 0
    if total <= most:
        return list(texts)
    count = max(1, most // each)
    starts = [place * total // count for place in range(count)]
    for text in texts:
        for start in starts[bisect_left(starts, offset - each) : bisect_left(starts, offset + len(text))]:
            first, last = max(start - offset, 0), min(start + each - offset, len(text))
            first = text.find(" ", first, last) + 1 or first if first else 0
            kept.append(text[first:last])
        offset += len(text)
    return [text for text in kept if text]


def scored(
    backbone: Backbone, chosen: MachineRecord, window: int, texts: Sequence[str], phase: str
) -> Generator[Progress, None, Counts]:
    """What a model pays for each window of some documents, SCORED characters of them at most."""
    rows = held_out(prose(stretches(texts), backbone), window)
    assert isinstance(rows.targets, Stretches)
    path = LanguagePath(backbone, chosen, window)
    nats = np.zeros(0)
    for event in path.nats(Feed(rows.tokens), rows.targets.fresh, phase):
        if isinstance(event, Progress):
            yield event
        else:
            nats = event
    return counted(nats, rows.tokens, rows.targets)


def _written(
    writer: Writer, prompts: Sequence[str], wanted: Generation, phase: str
) -> Generator[Progress, None, list[str]]:
    texts: dict[tuple[int, int], list[str]] = {}
    done, total = 0, len(prompts) * wanted.samples
    for piece in writer.generate(prompts, wanted):
        texts.setdefault((piece.prompt, piece.sample), []).append(piece.text)
        if piece.ending:
            done += 1
            yield Progress(phase, done, total, "texts")
    return ["".join(texts[place]) for place in sorted(texts)]


def _details(
    splits: Splits,
    named: Beside,
    paid: dict[tuple[str, str], Counts],
    written: dict[str, list[str]],
    extra: Sequence[Baseline],
) -> WritingDetails:
    bits = [_bits(body, model, counts) for (body, model), counts in paid.items()]
    for one in extra:
        interval: Interval = one.intervals["bits_per_character"]
        held = int(paid["held out", "after"][:, 2].sum())
        values = one.metrics["bits_per_character"], interval, one.metrics["perplexity"], held
        bits.append(Bits("held out", one.name, *values))
    style = found.Style(
        held_back=passages(splits.validation.texts),
        held_out=passages(splits.test.texts),
        neutral=halves(named.neutral),
        contrast=halves(named.contrast),
        written={model: passages(texts) for model, texts in written.items()},
    )
    scores, judges = found.style_scores(style)
    assert isinstance(splits.train.targets, Titles)
    size = sum(len(words_of(text)) for text in written["after"])
    unseen = found.of_size(splits.test.texts, size)
    novelty, copied = found.novelty(splits.train.texts, splits.train.targets.names, written, unseen)
    return WritingDetails(
        bits=tuple(bits),
        style=scores,
        judges=judges,
        novelty=novelty,
        copied=copied,
        repetition=found.repetition({**written, "held out": unseen}),
        characters=sum(len(text) for text in splits.train.texts),
    )


def _bits(body: str, model: str, counts: Counts) -> Bits:
    measured = measure(Scored(counts))
    name = "bits_per_character"
    values = measured.metrics[name], measured.intervals[name], measured.metrics["perplexity"]
    return Bits(body, model, *values, int(counts[:, 2].sum()))


def _write_texts(path: Path, prompts: Sequence[str], written: dict[str, list[str]]) -> None:
    target = io.StringIO()
    rows = csv.writer(target, lineterminator="\n")
    rows.writerow(("model", "prompt", "text"))
    for model, texts in written.items():
        for place, text in enumerate(texts):
            rows.writerow((model, prompts[place // SAMPLES], text))
    write_text(path, target.getvalue())
