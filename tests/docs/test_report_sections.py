"""docs/report.md names the report's sections and yardsticks as the page and the terminal do."""

from __future__ import annotations

import re
from pathlib import Path

from report import samples

from graft.report.compose import compose
from graft.report.words import YARDSTICK_NAMES
from graft.tasks.classification_report import sections

PAGE = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")


def test_the_sections_are_those_of_the_page_in_its_order() -> None:
    manifest, epochs, evaluation = samples.two()
    assert evaluation is not None
    shown = [
        section.title for section in compose(manifest, epochs, evaluation, sections(evaluation, manifest)).sections
    ]
    table = PAGE.partition("| section |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| ([^(|-][^|]*?) \|", table, re.MULTILINE) == shown


def test_the_yardsticks_have_one_name_each() -> None:
    assert re.findall(r"^- \*\*(.+?)\*\*", PAGE, re.MULTILINE) == list(YARDSTICK_NAMES.values())
