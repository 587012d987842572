"""Peak memory of a fit against the number of rows: graft, and the Trainer's usual way, each in a process of its own.

    python benchmarks/memory.py [--rows 10000,100000,1000000] [--peer-rows 10000,100000] [--steps 40]

The rows are made up: a label of four, and 6 to 14 words of a vocabulary of 5,000, in one CSV file. graft's process does
what `graft fit FILE` does: it reads, splits, tokenises all three splits, extracts for the head's start, validates the
rows that the split held out, puts an epoch's batches together and takes --steps steps of the recipe `fast`;
there it stops, since the steps after them hold no more. The Trainer's process reads the same file with csv, tokenises
the texts to lists, and takes as many steps. The peak is the largest resident set (VmHWM; elsewhere than on Linux
ru_maxrss), pages of memory-mapped files counted as far as they are resident. No rate is measured, so no roofline.
"""

from __future__ import annotations

import itertools
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from common import call, command_line, header, result

CLASSES = ("calm", "eager", "tired", "wary")
Marks = list[tuple[str, float, float]]  # what was done, seconds since the start, MiB at most so far


def made_up(file: Path, rows: int) -> Path:
    """A CSV file of short texts, written a row at a time so that this process stays small."""
    words, rng = vocabulary(), random.Random(0)
    with open(file, "w", encoding="utf-8") as target:
        target.write("text,label\n")
        for _ in range(rows):
            label = rng.randrange(len(CLASSES))
            text = " ".join(rng.choices(words, k=rng.randint(6, 14)))
            target.write(f"{text} {words[label]},{CLASSES[label]}\n")
    return file


def vocabulary(size: int = 5_000) -> list[str]:
    rng = random.Random(1)
    syllables = [onset + vowel for onset in "bdfgklmnprstv" for vowel in "aeiou"]
    return ["".join(rng.choices(syllables, k=rng.randint(2, 3))) for _ in range(size)]


def peak() -> float:
    """The largest resident set of this process in MiB. ru_maxrss would count that of the process which started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 1024)


def own(file: Path, steps: int, out: Path) -> Iterator[str]:
    """graft's fit, stopped after some steps; yields what has just been done."""
    from graft.data.read import read
    from graft.data.splitting.split import split
    from graft.fitting import fit
    from graft.records import Epoch, Manifest, Progress

    yield "imported"
    dataset = read(file)
    yield "read"
    parts = split(dataset)
    del dataset  # as graft does: the splits are rows of their own
    yield "split"
    taken = 0
    for event in fit(parts, out):
        if isinstance(event, Epoch):
            yield "validated"
        if isinstance(event, Progress) and event.phase == "all 1":
            taken += 1
            if taken == 1:
                yield "first step"
            if taken == steps:
                yield "last step"
                return
        if isinstance(event, Manifest):
            break
    sys.exit("The fit ended before its steps were counted: give more rows or fewer steps.")


def theirs(file: Path, steps: int, out: Path) -> Iterator[str]:
    """The Trainer's usual way."""
    import peers

    from graft.backbone.models import hub

    place = hub.locate().folder
    yield "imported"
    texts, labels = peers.read(file)
    yield "read"
    rows = peers.tokenised(texts, [CLASSES.index(label) for label in labels], place)
    yield "tokenised"
    peers.trainer(peers.model(place, len(CLASSES)), place, rows, peers.Setting(True, steps=steps), str(out)).train()
    yield "last step"


def child(side: str, file: str, steps: int) -> None:
    """Do one side's work and print its marks as JSON."""
    start, marks = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as out:
        for done in {"graft": own, "Trainer": theirs}[side](Path(file), steps, Path(out) / "run"):
            marks.append((done, time.perf_counter() - start, peak()))
    print(json.dumps(marks))


def measure(side: str, file: Path, steps: int) -> float:
    """Run one side in a process of its own and show its marks; the peak in MiB."""
    line = [sys.executable, __file__, "--child", side, str(file), "--steps", str(steps)]
    with tempfile.TemporaryDirectory() as cache:
        marks: Marks = json.loads(call(line, Path(cache)).splitlines()[-1])
    print(
        f"    {side}: " + "; ".join(f"{done} {size:,.0f} MiB, {spent:.0f} s" for done, spent, size in marks), flush=True
    )
    return marks[-1][2]


def main() -> None:
    parser = command_line(__doc__, rounds=1)
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--peer-rows", default="10000,100000", help="rows of the Trainer's process")
    parser.add_argument("--steps", type=int, default=40, help="optimiser steps after which a fit is stopped (40)")
    parser.add_argument("--child", nargs=2, metavar=("SIDE", "FILE"), help="the work of one process, for this script")
    asked = parser.parse_args()
    if asked.child:
        side, given = asked.child
        child(side, given, asked.steps)
        return
    header("Peak memory of a fit against rows")
    sizes = {"graft": asked.rows, "Trainer": asked.peer_rows}
    peaks: dict[str, dict[int, float]] = {side: {} for side in sizes}
    every = {side: [int(size) for size in named.split(",") if size] for side, named in sizes.items()}
    for rows in sorted({size for found in every.values() for size in found}):
        with tempfile.TemporaryDirectory() as folder:
            file = made_up(Path(folder) / "rows.csv", rows)
            print(f"  {rows:,} rows, {file.stat().st_size / 2**20:,.1f} MiB of CSV", flush=True)
            for side in sizes:
                if rows in every[side]:
                    peaks[side][rows] = measure(side, file, asked.steps)
    report(peaks)


def report(peaks: dict[str, dict[int, float]]) -> None:
    for side, found in peaks.items():
        for (fewer, before), (more, after) in itertools.pairwise(found.items()):
            growth = f"{after / before - 1:.1%}, {before:,.0f} to {after:,.0f} MiB"
            result(f"memory, {side}: peak grows from {fewer:,} to {more:,} rows by {growth}")


if __name__ == "__main__":
    main()
