"""The lines that show how a model is used, and what they say where these do otherwise than graft."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graft.records import Manifest
from graft.report.blocks import Code, Prose
from graft.report.use import section
from report import samples

ANSWERS, NAMES = "question-answering", "token-classification"


def of_task(task: str, long: str = "auto", second: str = "", words: bool = False) -> Manifest:
    manifest = samples.two()[0]
    columns = replace(manifest.data.columns, second=second, words=words)
    data = replace(manifest.data, task=task, columns=columns)
    return replace(manifest, data=data, recipe=replace(manifest.recipe, long=long))


def said(manifest: Manifest) -> str:
    return "\n".join(block.text for block in section(manifest).blocks if isinstance(block, Prose))


def code(manifest: Manifest) -> str:
    return "\n".join(block.text for block in section(manifest).blocks if isinstance(block, Code))


@pytest.mark.parametrize(
    ("task", "long", "read"),
    [
        ("classification", "head-tail", "at their beginnings and ends"),
        ("rewrite", "head-tail", "at their beginnings and ends"),
        ("classification", "windows", "whole, through windows"),
        (NAMES, "auto", "whole, through windows"),
        (ANSWERS, "auto", "whole, through windows"),
    ],
)
def test_what_the_plain_lines_cut_and_graft_reads_is_said(task: str, long: str, read: str) -> None:
    (sentence,) = said(of_task(task, long, "context" if task == ANSWERS else "")).splitlines()
    assert f"256 tokens are cut at their ends by the lines without graft; graft itself reads them {read}" in sentence


@pytest.mark.parametrize(
    ("task", "long"), [("classification", "auto"), ("multi-label", "truncate"), (NAMES, "truncate"), ("write", "auto")]
)
def test_nothing_is_said_of_long_texts_where_graft_cuts_them_too(task: str, long: str) -> None:
    assert said(of_task(task, long)) == ""


def test_nothing_is_said_of_lines_that_are_not_there() -> None:
    manifest = of_task("classification", "head-tail")
    assert manifest.head is not None
    assert said(replace(manifest, head=replace(manifest.head, kind="pooled"))) == ""


def test_that_a_plain_text_has_other_words_than_those_that_were_given_is_said() -> None:
    given, running = of_task(NAMES, "truncate", words=True), of_task(NAMES, "truncate")
    assert "learnt from words that were given" in said(given)
    assert 'model.predict([["words", "that", "were", "given"], "a plain text"])' in code(given)
    assert said(running) == ""
    assert 'model.predict(["a text to label", "and another"])' in code(running)


def test_answers_are_as_long_as_the_recipe_lets_them_be() -> None:
    manifest = of_task(ANSWERS, second="context")
    assert ".tril(29)  # 30 tokens" in code(manifest)
    one = replace(manifest, recipe=replace(manifest.recipe, answer_tokens=1))
    assert ".tril(0)  # 1 token\n" in code(one)


def test_no_answer_is_given_only_where_a_threshold_was_settled() -> None:
    manifest = of_task(ANSWERS, second="context")
    assert manifest.head is not None
    assert "graft_settled" not in code(manifest)
    settled = replace(manifest, head=replace(manifest.head, settled={"no_answer": 1.5}))
    assert 'model.config.graft_settled["no_answer"]' in code(settled)
