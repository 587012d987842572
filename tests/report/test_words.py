"""Numbers as people read them, and foreign text made harmless."""

from __future__ import annotations

import html
import math
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.report import words


@given(st.text())
def test_escaped_text_holds_no_markup_and_no_tricks(text: str) -> None:
    escaped = words.escape(text)
    assert not set(escaped) & set("<>\"'")
    assert not any(
        unicodedata.bidirectional(character) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI") for character in escaped
    )
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in escaped if character not in "\n\t")


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "Z"))))
def test_ordinary_text_survives_escaping(text: str) -> None:
    assert html.unescape(words.escape(text)) == text


def test_tricky_characters_are_named() -> None:
    assert words.visible("a\u202eb\x00c\ud800") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+D800⟩"
    assert words.visible("one\r\ntwo\tthree") == "one\ntwo\tthree"


def test_joiners_of_emoji_and_persian_stay() -> None:
    family = "👩\u200d👧"
    assert words.visible(family) == family


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (59.6, "1 min"),
        (72, "1 min 12 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (math.nan, "–"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@given(st.floats(0, 1e7))
def test_durations_never_say_sixty(seconds: float) -> None:
    assert not re.search(r"\b60 (s|min)\b", words.duration(seconds))


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        *((0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (123_456, "121 KiB"), (1_234_000_000, "1.1 GiB")),
        *((20 * 2**30, "20.0 GiB"), (5 * 2**40, "5.0 TiB"), (5000 * 2**40, "5,000 TiB")),
    ],
)
def test_sizes(octets: int, said: str) -> None:
    assert words.size(octets) == said


def test_shares_and_intervals() -> None:
    assert words.percent(0.8841) == "88.4%"
    assert words.percent(None) == words.percent(math.nan) == "–"
    assert words.interval(0.869, 0.898) == "86.9–89.8%"
    assert words.interval(-0.02, 0.1, "decimal") == "−0.020 to 0.100"
    assert words.points(-0.0104) == "1.0 point"
    assert words.metric_value("log_loss", 0.4123) == "0.412"


def test_amounts() -> None:
    assert words.amount(0.884, "share") == "88.4%"
    assert words.amount(72, "seconds") == "1 min 12 s"
    assert words.amount(math.pi, "decimal") == "3.142"
    assert words.interval(-0.0001, 0.0002, "decimal") == "0.000–0.000"  # no sign of what is rounded to nothing
    assert words.percent(-0.0001) == "0.0%"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *((5.123e-5, "0.0000512"), (-0.01234, "−0.0123"), (0.5, "0.500"), (3.4, "3.400"), (18204.325, "18,204")),
        *((0.0, "0.000"), (341.26, "341.3"), (3.4e38, "3.40e+38"), (-2e-9, "−2.00e−09"), (math.inf, "–")),
    ],
)
def test_numbers_in_a_unit_of_their_own_keep_three_digits_that_count(value: float, said: str) -> None:
    assert words.number(value) == words.metric_value("rmse", value) == said


@given(st.floats(1e-9, 1e30))
def test_a_number_s_reading_is_near_it(value: float) -> None:
    assert float(words.number(value).replace(",", "").replace("−", "-")) == pytest.approx(value, rel=0.006)


def test_ticks_have_the_digits_that_tell_them_apart() -> None:
    assert words.ticks((0.5, 0.6), "share") == ("50%", "60%")
    assert words.ticks((0.995, 1.0), "share") == ("99.5%", "100.0%")
    assert words.ticks((4.8e-5, 5e-5, 5.2e-5), "number") == ("0.000048", "0.000050", "0.000052")
    assert words.ticks((-10000.0, 0.0, 10000.0), "number") == ("−10,000", "0", "10,000")
    assert len(set(words.ticks((5e-12, 5.1e-12, 5.2e-12), "number"))) == 3


def test_plurals() -> None:
    assert [words.plural(1, "class"), words.plural(77, "class"), words.plural(1821, "text")] == [
        "1 class",
        "77 classes",
        "1,821 texts",
    ]


@given(st.text(max_size=60), st.floats(0, 300))
def test_fitted_text_fits(text: str, pixels: float) -> None:
    fitted = words.fit_width(text, pixels)
    assert fitted == "" or words.text_width(fitted) <= pixels
    assert fitted == text or fitted == "" or fitted.endswith("…")


@given(st.text(), st.integers(1, 50))
def test_shortened_text_is_short(text: str, limit: int) -> None:
    assert len(words.shorten(text, limit)) <= limit
