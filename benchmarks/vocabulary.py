"""The loss over a large vocabulary: in chunks, and by all logits at once; its time and its memory.

    python benchmarks/vocabulary.py [--tokens 8192] [--words 50257] [--width 768] [--rounds 3]

Each side runs in a process of its own: states and a head in bf16, loss and gradients of both, the time of the best of
some rounds, and the most memory beyond what stood before the first. Plain: logits, `cross_entropy` in fp32, `backward`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import torch
from common import command_line, header, result
from memory import peak
from torch import Tensor, nn

from graft.backbone.vocabulary import summed_loss

SIDES = ("chunked", "plain")


def loss(side: str, hidden_ND: Tensor, head: nn.Linear, targets_N: Tensor) -> Tensor:
    if side == "chunked":
        return summed_loss(hidden_ND, head, targets_N)
    return nn.functional.cross_entropy(head(hidden_ND).float(), targets_N, reduction="sum")


def measured(side: str, tokens: int, words: int, width: int, rounds: int) -> dict[str, float]:
    """Seconds and bytes of one side, and its loss."""
    torch.manual_seed(0)
    head = nn.Linear(width, words, bias=False).bfloat16()
    states_ND = torch.randn(tokens, width).bfloat16()
    targets_N = torch.randint(0, words, (tokens,))
    hidden_ND = states_ND.clone().requires_grad_()
    loss(side, hidden_ND[:64], head, targets_N[:64]).backward()  # the libraries' own buffers are there
    before = peak()
    took = []
    for _ in range(rounds):
        hidden_ND.grad = head.weight.grad = None
        start = time.perf_counter()
        found = loss(side, hidden_ND, head, targets_N)
        found.backward()
        took.append(time.perf_counter() - start)
    return {"seconds": min(took), "mib": peak() - before, "loss": float(found) / tokens}


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--tokens", type=int, default=8192)
    parser.add_argument("--words", type=int, default=50257)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--side", choices=SIDES, help="only this one, as a JSON object")
    asked = parser.parse_args()
    sizes = (asked.tokens, asked.words, asked.width, asked.rounds)
    if asked.side:
        print(json.dumps(measured(asked.side, *sizes)))
        return
    header(f"The loss of {asked.tokens:,} tokens over {asked.words:,} words, width {asked.width}")
    found = {}
    for side in SIDES:
        named = zip(("--tokens", "--words", "--width", "--rounds"), map(str, sizes), strict=True)
        line = [sys.executable, __file__, "--side", side, *(word for pair in named for word in pair)]
        found[side] = json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
        took, size = found[side]["seconds"], found[side]["mib"]
        print(f"  {side:<8} {took:.2f} s, {size:,.0f} MiB, mean loss {found[side]['loss']:.6f}", flush=True)
    memory, took = (found["chunked"][key] / found["plain"][key] for key in ("mib", "seconds"))
    result(f"loss in chunks / plain: {memory:.2f} of the memory, {took:.2f} of the time")


if __name__ == "__main__":
    main()
