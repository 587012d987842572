"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
SKIPPED = re.compile(r"<!-- not run: (.+) -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; `line` is that of its first line of code, `skipped` the reason why it is not run, or ""."""

    page: Path
    line: int
    language: str
    code: str
    skipped: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's fenced blocks in these languages."""
    found, last, start, language = [], "", 0, None
    lines = page.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.startswith("```"):
            last = line if line.strip() and language is None else last
        elif language is None:
            language, start = line.removeprefix("```").strip(), number + 1
            reason = SKIPPED.fullmatch(last.strip())
        else:
            code = "\n".join(lines[start - 1 : number - 1]) + "\n"
            found.append(Block(page, start, language, code, reason[1] if reason else ""))
            last, language = "", None
    assert language is None, f"{page}: the block that begins in line {start} is not closed"
    return [block for block in found if block.language in languages]
