"""What the report says about a model that writes. A placeholder, filled below."""

from __future__ import annotations

from graft.records import Evaluation, Manifest
from graft.report.blocks import Section


def sections(evaluation: Evaluation, manifest: Manifest) -> tuple[Section, ...]:
    return ()
