"""All benchmarks in turn, or some of them, and their results once more at the end.

    python benchmarks                        all, with their own settings
    python benchmarks training startup       these
    python benchmarks startup -- --rounds 2  with settings for each of them

Each script runs in a process of its own, and says with --help what it measures. Nothing else should run meanwhile.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
NAMES = (
    "startup",
    "training",
    "extraction",
    "frozen_head",
    "top_blocks",
    "prediction",
    "memory",
    "to_accuracy",
    "demo_folds",
    "transfer",
    "tasks",
    "rewriting",
    "denoising",
    "stories",
    "vocabulary",
)


def run(name: str, settings: list[str]) -> tuple[int, list[str]]:
    """One script, shown as it goes: its exit status and its results."""
    line = [sys.executable, str(HERE / f"{name}.py"), *settings]
    results = []
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for said in process.stdout:
            print(said, end="", flush=True)
            if said.startswith("= "):
                results.append(said.removeprefix("= ").rstrip())
    return process.returncode, results


def main(words: list[str]) -> int:
    names, settings = words, []
    if "--" in words:
        names, settings = words[: words.index("--")], words[words.index("--") + 1 :]
    if "--help" in names or "-h" in names:
        print(__doc__)
        return 0
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(NAMES)}.")
    found: dict[str, tuple[int, list[str], float]] = {}
    for name in names or NAMES:
        start = time.monotonic()
        status, results = run(name, settings)
        found[name] = (status, results, time.monotonic() - start)
        print(flush=True)
    print("Summary")
    for name, (status, results, spent) in found.items():
        print(f"  {name} ({spent:,.0f} s){'' if status == 0 else ': FAILED'}")
        for result in results:
            print(f"    {result}")
    return int(any(status for status, _, _ in found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
