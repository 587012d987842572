"""Evidence from texts alone: a planted passage is found and named, a style is told from another."""

from __future__ import annotations

import random

from graft.tasks import writing_evidence as found

GOTHIC = ("crypt", "raven", "moor", "lantern", "vault", "spectre", "abbey", "storm", "candle", "shroud")
PLAIN = ("lunch", "bus", "office", "garden", "phone", "shop", "school", "kitchen", "train", "market")
PLANTED = "nine pale riders crossed the frozen ford before any bell in the drowned village had told the hour"


def prose(words: tuple[str, ...], count: int, seed: int) -> str:
    drawn = random.Random(seed)
    return " ".join(f"{drawn.choice(words)} {drawn.choice(('and', 'of', 'by'))}" for _ in range(count // 2)) + "."


def test_a_planted_passage_is_found_and_named() -> None:
    learned = [prose(GOTHIC, 200, 0), f"{prose(GOTHIC, 100, 1)} {PLANTED.capitalize()}. {prose(GOTHIC, 100, 2)}"]
    recited = [f"{prose(PLAIN, 40, 3)} {PLANTED.upper()}!"]
    own = [prose(PLAIN, 60, 4)]
    rows, copied = found.novelty(learned, ("One", "Two"), {"after": recited, "before": own}, own)
    by_body = {row.body: row for row in rows}
    assert by_body["after"].longest == len(PLANTED.split())
    assert by_body["after"].share > 0.2
    assert by_body["before"].share == by_body["held out"].share == 0
    assert [(one.source, one.text) for one in copied] == [("Two", PLANTED.upper())]


def test_what_was_copied_by_the_untuned_model_is_not_held_against_the_tuned_one() -> None:
    rows, copied = found.novelty([PLANTED], ("One",), {"after": [prose(PLAIN, 60, 4)], "before": [PLANTED]}, [])
    assert copied == ()
    assert {row.body: row.longest for row in rows} == {"after": 0, "before": len(PLANTED.split()), "held out": 0}


def test_a_style_is_told_from_neutral_text_with_intervals_apart() -> None:
    def many(words: tuple[str, ...], seed: int) -> list[str]:
        return [prose(words, 100, 100 * seed + number) for number in range(40)]

    written = {"before": many(PLAIN, 1), "after": many(GOTHIC, 2)}
    style = found.Style(many(GOTHIC, 3), many(GOTHIC, 4), (many(PLAIN, 5), many(PLAIN, 6)), ((), ()), written)
    scores, judges = found.style_scores(style)
    by_body = {score.body: score for score in scores}
    assert len(judges) == 1
    assert by_body["after"].interval[0] > by_body["before"].interval[1]
    assert by_body["held out"].share > 0.9
    assert by_body["neutral"].share < 0.1


def test_without_other_text_the_untuned_model_stands_in() -> None:
    def many(words: tuple[str, ...], seed: int) -> list[str]:
        return [prose(words, 100, 100 * seed + number) for number in range(60)]

    written = {"before": many(PLAIN, 1), "after": many(GOTHIC, 2)}
    scores, judges = found.style_scores(found.Style(many(GOTHIC, 3), many(GOTHIC, 4), ((), ()), ((), ()), written))
    assert "text by the untuned model" in judges[0]
    assert {score.body for score in scores} == {"held out", "after", "before"}


def test_too_few_passages_teach_no_judge() -> None:
    written = {"before": ["a few words"], "after": ["a few words"]}
    assert found.style_scores(found.Style(["a"], ["b"], (["c"], ["c"]), (["d"], ["d"]), written)) == ((), ())


def test_prompts_are_the_first_words_of_paragraphs_each_once() -> None:
    paragraphs = ("The raven sat on the moor and did not move at all.", "Short one.", "A storm " + "came by night " * 4)
    text = "\n".join(paragraphs)
    assert found.openings([text, text], 10, 3) == ("The raven sat", "A storm came")
    assert found.openings([], 10, 3) == ("",)
