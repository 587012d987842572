"""The page as a whole: self-contained, escaped, small, sound."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from graft.report.blocks import Callout, Code, Facts, Fold, Hero, Prose, Report, Section
from graft.report.compose import compose
from graft.report.page import render
from graft.tasks.classification_report import sections
from report.samples import HOSTILE, SAMPLES

VOID = {"meta", "link", "input", "br", "img"}
EVERY = pytest.mark.parametrize("name", SAMPLES)


class Sound(HTMLParser):
    """Checks that elements nest, and gathers what a page could load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for key, value in attrs:
            if key == "id":
                self.ids.append(value or "")
            if key in ("src", "href", "action", "data", "srcset"):
                self.addresses.append(value or "")
            if key.startswith("on"):
                self.handlers.append(key)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page(name: str) -> str:
    manifest, epochs, evaluation = SAMPLES[name]()
    return render(compose(manifest, epochs, evaluation, sections(evaluation, manifest) if evaluation else ()))


def read(text: str) -> Sound:
    sound = Sound()
    sound.feed(text)
    sound.close()
    assert sound.open == []
    return sound


@EVERY
def test_pages_nest_and_need_nothing_from_outside(name: str) -> None:
    sound = read(page(name))
    assert len(set(sound.ids)) == len(sound.ids)
    assert all(address.startswith(("#", "data:,")) for address in sound.addresses)
    assert sound.handlers == []
    assert sound.tags.count("script") == 1
    assert sound.tags.count("h1") == 1
    assert not {"img", "iframe", "object", "embed", "base"} & set(sound.tags)


@EVERY
def test_every_link_of_the_contents_has_its_section(name: str) -> None:
    sound = read(page(name))
    assert {address[1:] for address in sound.addresses if address.startswith("#")} <= set(sound.ids)


@EVERY
def test_pages_are_small_and_can_be_written_as_utf_8(name: str) -> None:
    assert len(page(name).encode("utf-8")) < 400_000


def test_the_policy_names_the_script_it_carries() -> None:
    text = page("two")
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script.group(1).encode()).digest()).decode()
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in text
    assert f"script-src 'sha256-{digest}'" in text


def test_styles_and_script_ask_for_nothing() -> None:
    text = page("two")
    assert not re.search(
        r"url\(|@import|https?://|fetch\(|XMLHttpRequest|\beval\(", text.replace("http://www.w3.org/2000/svg", "")
    )


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    text = page("hostile")
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;⟨U+202E⟩gnp.exe" in text
    assert "\u202e" not in text
    assert "\x00" not in text


def test_every_image_is_named_or_hidden() -> None:
    for image in re.findall(r"<svg[^>]*>", page("many")):
        assert 'aria-hidden="true"' in image or ('role="img"' in image and 'aria-label="' in image)


def test_each_block_is_drawn() -> None:
    blocks = (
        Prose("plain words"),
        Facts((("Seed", "7"),)),
        Callout("warning", "Careful", "It is so.", "give `--max-tokens <9>` a try"),
        Code("Run it", "graft run <data>", "sh"),
        Fold("More", (Prose("inside"),)),
    )
    hero = Hero("eyebrow", ("Right on ", "9%", " of it"), ("A sentence.",), None, Facts(()))
    text = render(Report("Title", hero, (Section("one", "One", "Lead", blocks),), "the end"))
    read(text)
    assert "<h1>Right on <b>9%</b> of it</h1>" in text
    assert "give <code>--max-tokens &lt;9&gt;</code> a try" in text
    assert "<code>graft run &lt;data&gt;</code>" in text
    assert "<summary>More</summary>" in text
    assert "the end" in text
