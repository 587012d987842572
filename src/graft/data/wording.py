"""Small pieces of the sentences that this room says."""

from __future__ import annotations

from collections.abc import Sequence


def count_of(number: int, noun: str) -> str:
    """`1 row`, `2 rows`, `12,000 rows`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def some_of(names: Sequence[str], shown: int = 5) -> str:
    """Names in quotes, the first few; the others counted."""
    listed = ", ".join(repr(name) for name in names[:shown])
    return listed + (f" and {len(names) - shown} more" if len(names) > shown else "")
