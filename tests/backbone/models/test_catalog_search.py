"""Filtering, merging and sorting models."""

from __future__ import annotations

import dataclasses

import pytest

from graft.backbone.models.catalog import Card, Score, Shape, catalog
from graft.backbone.models.catalog_search import OTHER_WORDS, Found, Wanted, chosen, merged, ordered, suits, unmet

KNOWN = catalog()
CARDS = {card.name: card for card in KNOWN.model}


def names(wanted: Wanted) -> set[str]:
    return {card.short for card in KNOWN.model if suits(card, wanted, KNOWN)}


def card(name: str, size: int | None = None, year: int | None = None, score: float | None = None) -> Card:
    scores = () if score is None else (Score("MNLI", "dev", score, "x"),)
    return Card(name, "bert", year=year, shape=Shape(parameters=size), scores=scores)


@pytest.mark.parametrize(
    ("wanted", "within", "without"),
    [
        (Wanted(), {"bert-base-uncased", "gpt2", "t5-small"}, set()),
        (Wanted(task="tokens"), {"bert-base-uncased"}, {"gpt2", "t5-small"}),
        (Wanted(task="generate"), {"gpt2", "t5-small"}, {"bert-base-uncased"}),
        (Wanted(task="embed"), {"all-MiniLM-L6-v2"}, {"bert-base-uncased"}),
        (Wanted(language="de"), {"gbert-base", "xlm-roberta-base"}, {"bert-base-uncased", "camembert-base"}),
        (Wanted(licence="mit"), {"deberta-v3-small"}, {"bert-base-uncased", "mpnet-base"}),
        (Wanted(family="deberta-v2"), {"deberta-v3-small", "mdeberta-v3-base"}, {"bert-base-uncased"}),
        (Wanted(max_parameters=30_000_000), {"all-MiniLM-L6-v2"}, {"bert-base-uncased", "bert-base-turkish-cased"}),
        (Wanted(words=("german",)), {"gbert-base", "bert-base-german-cased"}, {"xlm-roberta-base"}),
        (Wanted(words=("multilingual", "encoder")), {"xlm-roberta-base"}, {"gbert-base"}),
        (Wanted(words=("LAW",)), {"legal-bert-base-uncased"}, {"bert-base-uncased"}),
        (Wanted(words=("clinical",)), {"Bio_ClinicalBERT"}, {"bert-base-uncased"}),
        (Wanted(words=("biomedical",)), {"biobert-base-cased-v1.2"}, {"finbert"}),
    ],
)
def test_filters(wanted, within, without):
    assert within <= names(wanted)
    assert not without & names(wanted)


def test_filters_join():
    both = Wanted(task="classify", language="en", licence="mit", max_parameters=100_000_000)
    single = (Wanted(**{field.name: getattr(both, field.name)}) for field in dataclasses.fields(both))
    assert names(both) == set.intersection(*(names(wanted) for wanted in single)) != set()


def test_every_domain_but_the_plain_ones_has_other_words():
    assert set(OTHER_WORDS) == {card.domain for card in KNOWN.model} - {"general", "code"}


def test_the_filter_that_nothing_meets_is_named():
    assert unmet(KNOWN.model, Wanted(licence="mit", language="de"), KNOWN) is None
    assert unmet(KNOWN.model, Wanted(licence="mit", language="xx"), KNOWN) == "language"
    assert unmet(KNOWN.model, Wanted(words=("nothing", "such")), KNOWN) == "words"
    assert unmet(KNOWN.model, Wanted(max_parameters=1), KNOWN) == "max_parameters"


@pytest.mark.parametrize(
    ("by", "order"),
    [
        ("size", ["b", "a", "c"]),
        ("year", ["a", "b", "c"]),
        ("score", ["c", "a", "b"]),
        ("name", ["a", "b", "c"]),
        (None, ["c", "b", "a"]),
    ],
)
def test_what_is_not_known_comes_last(by, order):
    found = [
        Found(card("x/c", score=90.0), at_hand="here"),
        Found(card("y/a", size=20, year=2021, score=80.0)),
        Found(card("z/b", size=10, year=2020)),
    ]
    assert [entry.card.short for entry in ordered(found, by)] == order


def test_on_the_hub_the_most_downloaded_come_first():
    found = [
        Found(card("x/a", size=1), downloads=5),
        Found(card("x/b", size=2), downloads=9),
        Found(card("x/c", size=0)),
    ]
    assert [entry.card.short for entry in ordered(found)] == ["b", "a", "c"]


def test_one_model_from_several_places_is_one_entry():
    told = Card("microsoft/mpnet-base", "mpnet", licence="mit", languages=("xx",), safetensors=True, sources=("page",))
    before = CARDS["microsoft/mpnet-base"]
    assert before.licence is None
    places = [Found(before), Found(told, downloads=7, gated=True), Found(told, at_hand="/there")]
    (entry,) = merged(places, KNOWN)
    assert (entry.downloads, entry.gated, entry.at_hand) == (7, True, "/there")
    assert entry.card.licence == "mit"  # it was missing
    assert entry.card.languages == before.languages  # the catalogue's stands
    assert entry.card.safetensors is True
    assert entry.card.shape == before.shape
    assert entry.card.sources == (*before.sources, "page")


def test_an_old_name_without_an_owner_is_the_same_model():
    (entry,) = merged([Found(Card("bert-base-uncased", "bert"), at_hand="/there")], KNOWN)
    assert entry.card == CARDS["google-bert/bert-base-uncased"]


def test_what_the_hub_lists_is_kept_unless_a_fact_contradicts():
    wanted = Wanted(task="classify", licence="mit", max_parameters=100)
    fits = Found(Card("a/fits", None))
    large = Found(Card("a/large", None, shape=Shape(parameters=101)))
    other = Found(Card("a/other", None, licence="apache-2.0"))
    assert chosen([fits, large, other], [fits, large, other], wanted, KNOWN) == [fits]
    assert chosen([fits], [], wanted, KNOWN) == []
