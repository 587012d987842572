"""Command lines in the pages are ones that the real parser takes, and options named in the prose exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import PAGES, ROOT, blocks

from graft.cli.main import VERBS, parser, parser_of
from graft.cli.usage import check_options, check_verb

FOREIGN = {"--check", "--strict", "--help", "--version"}  # of other tools, and of `graft` itself
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


def command_lines() -> Iterator[tuple[str, str]]:
    """(place, line) of all lines in blocks of commands."""
    for page in PAGES:
        for block in blocks(page, "console", "bash", "sh", "shell"):
            for number, line in enumerate(block.code.splitlines()):
                if line.strip() and not line.lstrip().startswith("#"):
                    yield f"{page.relative_to(ROOT)}:{block.line + number}", line.removeprefix("$ ").strip()


GRAFT = [(place, line) for place, line in command_lines() if line.startswith("graft ")]
MAKE = [(place, line) for place, line in command_lines() if line.startswith("make ")]


@pytest.mark.parametrize("line", [line for _, line in GRAFT], ids=[place for place, _ in GRAFT])
def test_graft_lines_parse(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((place for place, word in enumerate(words) if word in ("|", ">", "<")), len(words))]
    if words[0].startswith("-"):
        assert words[0] in parser().format_help()
        return
    check_verb(words[0], tuple(VERBS))
    check_options(parser_of(words[0]), words[1:])
    parser_of(words[0]).parse_args(words[1:])


@pytest.mark.parametrize("line", [line for _, line in MAKE], ids=[place for place, _ in MAKE])
def test_make_lines_name_targets(line: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line.split()[1] in targets


def test_there_is_something_to_parse() -> None:
    assert len(GRAFT) >= 10
    assert len(MAKE) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_in_the_prose_exist(page: Path) -> None:
    known = {option for verb in VERBS for option in parser_of(verb)._option_string_actions} | FOREIGN
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert {option for code in re.findall(r"`([^`\n]+)`", prose) for option in OPTION.findall(code)} <= known
