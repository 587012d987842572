"""Warnings about language appear when their cause is there, and not otherwise."""

from __future__ import annotations

import dataclasses

import pytest

from graft.cli.main import parser_of
from graft.records import Spelling
from graft.report.spelling import cost, misfit, spoken

FITS = Spelling(words=1000, tokens=1300, unknown=0, languages=("en",), trained=("en",))


def test_nothing_is_said_of_a_model_that_fits() -> None:
    assert misfit(None, "m") is None
    assert misfit(FITS, "m") is None
    assert misfit(dataclasses.replace(FITS, languages=("de",), trained=("en", "de")), "m") is None
    assert misfit(dataclasses.replace(FITS, languages=("de",), trained=()), "m") is None
    assert misfit(dataclasses.replace(FITS, languages=()), "m") is None
    assert misfit(Spelling(0, 0, 0), "m") is None


def test_a_model_of_another_language_is_warned_about() -> None:
    found = misfit(Spelling(1000, 2140, 0, ("da", "nb"), ("en",)), "bert-base-uncased")
    assert found is not None
    assert found.severity == "warning"
    assert "look Danish or Norwegian; bert-base-uncased was trained on English" in found.text
    assert "a word takes 2.1 tokens" in found.text
    assert "`graft models --language da`" in found.setting


def test_a_vocabulary_that_lacks_the_letters_is_warned_about() -> None:
    found = misfit(dataclasses.replace(FITS, unknown=100, languages=("ru", "uk"), trained=()), "m")
    assert found is not None
    assert found.severity == "warning"
    assert found.text.startswith("7.7% of the tokens")
    assert "--language ru" in found.setting


def test_words_in_many_pieces_are_noted() -> None:
    found = misfit(dataclasses.replace(FITS, tokens=2600, languages=()), "m")
    assert found is not None
    assert found.severity == "note"
    assert "2.6 tokens" in found.text
    assert found.setting


@pytest.mark.parametrize("code", ["da", "ru", "zh"])
def test_the_advice_is_a_command_line(code: str) -> None:
    found = misfit(dataclasses.replace(FITS, languages=(code,)), "m")
    assert found is not None
    _, words, _ = found.setting.split("`")
    assert parser_of("models").parse_args(words.split()[2:]).language == code


def test_languages_have_names() -> None:
    assert spoken(("de",)) == "German"
    assert spoken(("ru", "uk", "bg", "sr")) == "Russian, Ukrainian or Bulgarian"
    assert spoken(("xx",)) == "xx"
    assert cost(FITS) == "a word takes 1.3 tokens"
