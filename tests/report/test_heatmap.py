"""Confusion matrices of two to hundreds of classes."""

from __future__ import annotations

import random
import re
from importlib import resources

import pytest

from graft.report.blocks import Heatmap
from graft.report.charts import NARROW, WIDE
from graft.report.heatmap import LABELLED, heatmap
from report.test_charts import parsed, texts


def confusion(number: int, seed: int = 0, full: bool = False) -> Heatmap:
    chance = random.Random(seed)
    counts = [[0] * number for _ in range(number)]
    for row in range(number):
        counts[row][row] = 30
        for column in range(number) if full else [chance.randrange(number)]:
            counts[row][column] += 1
    return Heatmap("Confusion", tuple(f"class number {name}" for name in range(number)), tuple(map(tuple, counts)))


@pytest.mark.parametrize(("number", "width"), [(2, WIDE), (2, NARROW), (3, WIDE), (3, NARROW), (LABELLED, WIDE)])
def test_few_classes_show_names_and_counts(number: int, width: int) -> None:
    block = confusion(number)
    image = parsed(heatmap(block, width))
    assert len([cell for cell in image.iter("rect") if "cell" in cell.get("class", "")]) == number**2
    assert float(image.get("width", "nan")) <= width
    if number < 5:
        said = texts(image)
        assert all(str(count) in said for row in block.counts for count in row if count)


def test_names_that_would_cover_each_other_are_left_to_the_tips() -> None:
    image = parsed(heatmap(confusion(LABELLED), NARROW))
    assert not any("class number" in one for one in texts(image))
    assert "class number 3: right" in "".join(title.text or "" for title in image.iter("title"))


def test_the_diagonal_is_told_from_mistakes() -> None:
    image = parsed(heatmap(Heatmap("x", ("a", "b"), ((8, 2), (0, 5))), WIDE))
    styles = [cell.get("class") for cell in image.iter("rect")]
    assert styles == ["cell right", "cell wrong", "cell none", "cell right"]
    tips = ["".join(title.itertext()) for title in image.iter("title")]
    assert tips[1] == "a taken for b: 2 texts, 20.0% of the row"


def test_many_classes_stay_small() -> None:
    for number in (LABELLED + 1, 77, 200):
        drawn = heatmap(confusion(number, full=True), WIDE)
        parsed(drawn)
        assert len(drawn) < 50 * number**2 + 100_000
    assert len(heatmap(confusion(77), WIDE)) < 60_000


def test_a_class_without_texts_is_no_division_by_zero() -> None:
    parsed(heatmap(Heatmap("x", ("a", "b"), ((0, 0), (1, 5))), WIDE))


def colours(dark: bool) -> dict[str, tuple[int, ...]]:
    """The page's colours by name, as its style says them."""
    style = resources.files("graft.report").joinpath("assets", "report.css").read_text(encoding="utf-8")
    themes = re.findall(r"color-scheme: (?:light|dark);(.*?)\}", style, re.DOTALL)
    found = re.findall(r"--([a-z-]+): #([0-9a-f]{6});", themes[1 if dark else 0])
    return {name: tuple(bytes.fromhex(code)) for name, code in found}


def luminance(colour: tuple[float, ...]) -> float:
    parts = (part / 255 for part in colour)
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_counts_are_read_on_every_shade(dark: bool) -> None:
    page = colours(dark)
    block = Heatmap("x", ("a", "b"), ((100, 0), (40, 60)))
    opacities = [float(found) for found in re.findall(r'fill-opacity="([\d.]+)"', heatmap(block, WIDE))]
    assert len(set(opacities)) == 3
    assert "count on" not in heatmap(block, WIDE)
    for tone in ("accent", "second"):
        for share in opacities:
            both = zip(page[tone], page["paper"], strict=True)
            mixed = tuple(share * over + (1 - share) * under for over, under in both)
            low, high = sorted((luminance(page["ink"]), luminance(mixed)))
            assert (high + 0.05) / (low + 0.05) >= 4.5
