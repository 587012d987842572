"""Bytes are counted in powers of 1024 wherever they are told, and named so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("src/graft/**/*.py")))
DECIMAL = re.compile(r"\b[kKMGT]B\b")


@pytest.mark.parametrize("path", PLACES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_decimal_unit_is_named(path: Path) -> None:
    assert DECIMAL.findall(path.read_text(encoding="utf-8")) == []
