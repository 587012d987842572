"""Start-up: `graft --help`, and the first prediction of a saved run, each from the start of a process to its end.

    python benchmarks/startup.py [--rounds 7]

The peers: an interpreter that does nothing, and a script that makes transformers' pipeline from the same model and
answers the same text. The run is made for the purpose. One round before the first is not counted, so that all files
lie in the system's cache. Next to nothing is multiplied, so there is no roofline.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

import ours
from common import call, command, command_line, header, median, ratio, result, seconds, splits

TEXT = "a plain text of one line"
PIPELINE = """
import sys
from transformers import pipeline
print(pipeline("text-classification", model=sys.argv[1])(sys.argv[2]))
"""


def lines(run: Path) -> dict[str, list[str]]:
    """What is started: name → command line. graft is started by its own script where that is installed."""
    script = Path(sys.executable).with_name("graft")
    graft = [str(script)] if script.is_file() else command()
    return {
        "graft --help": [*graft, "--help"],
        "graft predict": [*graft, "predict", str(run), TEXT],
        "nothing": [sys.executable, "-c", "pass"],
        "pipeline": [sys.executable, "-c", PIPELINE, str(run / "model"), TEXT],
    }


def main() -> None:
    parser = command_line(__doc__, rounds=7)
    parser.add_argument("--data", default="sst2", help="what the run is made from")
    asked = parser.parse_args()
    header("Start-up")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        found = lines(ours.saved_run(splits(asked.data), place, 100, ("--epochs", "1")))
        times: dict[str, list[float]] = {name: [] for name in found}
        for number in range(asked.rounds + 1):
            for name, line in found.items():
                spent, _ = seconds(partial(call, line, place / "cache"))
                if number:
                    times[name].append(spent)
    for name, values in times.items():
        print(f"  {name:<14} {median(values)}")
    result(f"start-up: graft --help {statistics.median(times['graft --help']):.2f} s")
    first = f"{statistics.median(times['graft predict']):.2f} s"
    share = ratio(times["pipeline"], times["graft predict"])
    result(f"start-up: first prediction {first}; pipeline / graft {share:.2f}")


if __name__ == "__main__":
    main()
