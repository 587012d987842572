"""A warm process that runs graft's command line in children: torch is imported once, each run is a fork.

Reads one request a line on standard input, writes one answer a line on standard output, both JSON:

    {"arguments": […], "folders": […], "at": 0, "how": "kill", "after": 0.5, "limits": {"FSIZE": 100000}}
    {"code": -9, "out": "…", "err": "…", "points": […]}

`headroom`: bytes of address space that a run may take beyond what the warm process has. `deny`: sockets are refused and
counted as points. `clock`: seconds by which the clock is wrong.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).parent


def main() -> None:
    sys.path.insert(0, str(HERE))
    import points  # noqa: F401
    import sklearn.linear_model  # noqa: F401
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: F401
    from transformers.models.bert import modeling_bert  # noqa: F401

    import graft.cli.main
    import graft.run  # noqa: F401

    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        child = os.fork()
        if child == 0:
            _run(asked, place)
        status = _waited(child, asked.get("after"))
        met = place / "points"
        return {
            "code": os.waitstatus_to_exitcode(status),
            "out": (place / "out").read_text(errors="replace"),
            "err": (place / "err").read_text(errors="replace"),
            "points": met.read_text().splitlines() if met.exists() else [],
        }


def _waited(child: int, after: float | None) -> int:
    """The child's status; where `after` is given it is killed that many seconds later, unless it has ended."""
    until = None if after is None else time.monotonic() + after
    while until is not None:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        if time.monotonic() >= until:
            os.kill(child, signal.SIGKILL)
            break
        time.sleep(0.002)
    return os.waitpid(child, 0)[1]


def _run(asked: dict[str, Any], place: Path) -> NoReturn:
    code = 99
    met = None
    try:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(place / name, os.O_CREAT | os.O_WRONLY, 0o644), number)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        from points import no_network, strike

        from graft.cli import main as command

        signal.signal(signal.SIGTERM, command._terminate)
        for name, limit in asked.get("limits", {}).items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))
        if "headroom" in asked:
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + asked["headroom"], resource.RLIM_INFINITY))
        if "clock" in asked:
            now = time.time
            time.time = lambda: now() + asked["clock"]
        if asked.get("deny"):
            met = no_network()
        if asked.get("folders"):
            met = strike(asked["folders"], asked.get("at", 0), asked.get("how", "kill"))
        code = command.main(asked["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if met is not None:
            (place / "points").write_text("\n".join(met.met))
        os._exit(code)


if __name__ == "__main__":
    main()
