"""Plain text, one text per line; labelled as `label<TAB>text` or, in fastText's way, `__label__x text`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from graft.data.files.opening import Unreadable, text_lines
from graft.data.options import ReadOptions
from graft.data.stream import Batch, Problems, blocks
from graft.data.wording import count_of

FASTTEXT = "__label__"
LONGEST_LABEL = 60  # characters; a longer beginning of a line is text
Line = tuple[int, str]


def read_plain(path: Path, options: ReadOptions, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    """Batches with the column `text`, and `label` where the lines begin with labels.

    What the lines are is decided on the first 2,048: labelled when nearly all of them begin with a label. Blank lines
    are passed over in a labelled file; in an unlabelled one each is an empty text, so that answers keep their place.
    """
    lines = _numbered(path, options, problems)
    try:
        sample = next(blocks(lines, lambda line: len(line[1])), [])
        form = _form([line for _, line in sample])
        whole = chain(sample, lines)
        if form == "unlabelled":
            yield from _unlabelled(whole)
            return
        yield from _labelled(whole, form, problems, notes)
    except Unreadable:
        return


def _numbered(path: Path, options: ReadOptions, problems: Problems) -> Iterator[Line]:
    for number, line in enumerate(text_lines(path, options, problems), start=1):
        yield number, line.rstrip("\r\n")


def _form(lines: list[str]) -> str:
    """ "fasttext", "tab" or "unlabelled"."""
    filled = [line for line in lines if line.strip()]
    if sum(line.startswith(FASTTEXT) for line in filled) * 10 >= len(filled) * 9 and filled:
        return "fasttext"
    heads = [line.split("\t", 1)[0] for line in filled if "\t" in line]
    short = sum(len(head) <= LONGEST_LABEL for head in heads)
    repeated = len(set(heads)) <= max(2, len(heads) / 2)
    if heads and short * 10 >= len(filled) * 9 and repeated:
        return "tab"
    return "unlabelled"


def _unlabelled(lines: Iterator[Line]) -> Iterator[Batch]:
    for block in blocks(lines, lambda line: len(line[1])):
        numbers, texts = zip(*block, strict=True)
        yield Batch(numbers, {"text": texts})


def _labelled(lines: Iterator[Line], form: str, problems: Problems, notes: list[str]) -> Iterator[Batch]:
    blank = 0
    for block in blocks(lines, lambda line: len(line[1])):
        rows: list[tuple[int, str, str | None]] = []
        for number, line in block:
            if not line.strip():
                blank += 1
                continue
            label, text = _fasttext(number, line, problems) if form == "fasttext" else _tab(number, line, problems)
            rows.append((number, text, label))
        if rows:
            numbers, texts, labels = zip(*rows, strict=True)
            yield Batch(numbers, {"text": texts, "label": labels})
    if blank:
        notes.append(f"{problems.file}: {count_of(blank, 'blank line')} passed over.")


def _fasttext(number: int, line: str, problems: Problems) -> tuple[str | None, str]:
    head, _, text = line.partition(" ")
    if not head.startswith(FASTTEXT):
        problems.add("plain", number, f"the line does not begin with {FASTTEXT} as the others do", "give it a label")
        return "?", line
    if text.lstrip().startswith(FASTTEXT):
        remedy = "leave one label per line, or write a table with lists of labels and add --task multi-label"
        problems.add("several", number, "the line has several labels", remedy)
    return head.removeprefix(FASTTEXT), text


def _tab(number: int, line: str, problems: Problems) -> tuple[str | None, str]:
    head, tab, text = line.partition("\t")
    if not tab:
        problems.add("plain", number, "the line has no tab, where the others are label<TAB>text", "give it a label")
        return "?", line
    return head, text
