"""The report in a real browser: nothing is loaded, nothing breaks, everything works by hand and by keyboard."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report.samples import SAMPLES

from graft.report.blocks import Section
from graft.report.compose import compose
from graft.report.page import render
from graft.report.passages import SideBySide, Strip
from graft.tasks.classification_report import sections

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")
MISSING = [
    name
    for name, there in (
        ("chromium", CHROMIUM),
        ("chromedriver", CHROMEDRIVER),
        ("the package selenium", importlib.util.find_spec("selenium")),
    )
    if not there
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--disable-dev-shm-usage"),
    "--force-prefers-reduced-motion",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    for name, sample in SAMPLES.items():
        manifest, epochs, evaluation = sample()
        extra = sections(evaluation, manifest) if evaluation else ()
        (folder / f"{name}.html").write_text(render(compose(manifest, epochs, evaluation, extra)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(CHROMEDRIVER)))
    yield driver
    driver.quit()


def opened(browser: Any, pages: Path, name: str, width: int = 1200) -> Any:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get((pages / f"{name}.html").as_uri())
    return browser


def requested(browser: Any) -> list[str]:
    """Addresses of everything the page asked for, itself aside."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [address for address in asked if not address.startswith("data:") and not address.endswith(".html")]


def find(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def shown_rows(browser: Any, section: str) -> list[list[str]]:
    script = (
        "return [...document.querySelectorAll(`#${arguments[0]} tbody tr`)].filter(row => !row.hidden)"
        ".map(row => [...row.cells].map(cell => cell.textContent))"
    )
    found: list[list[str]] = browser.execute_script(script, section)
    return found


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_requested_and_nothing_is_wrong(browser: Any, pages: Path, name: str) -> None:
    opened(browser, pages, name)
    assert browser.get_log("browser") == []
    assert requested(browser) == []
    assert browser.execute_script("return document.documentElement.classList.contains('js')")


@pytest.mark.parametrize("width", [360, 768, 1200])
@pytest.mark.parametrize("name", SAMPLES)
def test_pages_never_scroll_sideways(browser: Any, pages: Path, name: str, width: int) -> None:
    opened(browser, pages, name, width)
    browser.execute_script("for (const fold of document.querySelectorAll('details')) fold.open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    wide = browser.execute_script(
        "return [...document.querySelectorAll('svg text')]"
        ".filter(text => text.getBoundingClientRect().right > innerWidth + 1).map(text => text.textContent)"
    )
    assert wide == []


def test_columns_sort_as_numbers_and_as_words(browser: Any, pages: Path) -> None:
    opened(browser, pages, "many")
    find(browser, "#mistakes th:nth-child(1) button").click()
    lines = [int(row[0].replace(",", "")) for row in shown_rows(browser, "mistakes")]
    assert lines == sorted(lines, reverse=True)
    find(browser, "#mistakes th:nth-child(1) button").click()
    again = [int(row[0].replace(",", "")) for row in shown_rows(browser, "mistakes")]
    assert again == sorted(again)
    assert again[0] < lines[-1]
    find(browser, "#mistakes th:nth-child(3) button").click()
    truths = [row[2] for row in shown_rows(browser, "mistakes")]
    assert truths == sorted(truths)
    assert find(browser, "#mistakes th:nth-child(3)").get_attribute("aria-sort") == "ascending"
    assert find(browser, "#mistakes th:nth-child(1)").get_attribute("aria-sort") is None


def test_search_narrows_and_says_how_many(browser: Any, pages: Path) -> None:
    opened(browser, pages, "many")
    assert len(shown_rows(browser, "mistakes")) == 12
    field = find(browser, "#mistakes .search")
    field.send_keys("LOST_pin")
    rows = shown_rows(browser, "mistakes")
    assert rows
    assert all("lost_pin" in " ".join(row) for row in rows)
    field.send_keys(" nothing-has-this")
    assert shown_rows(browser, "mistakes") == []
    assert find(browser, "#mistakes output").text == "nothing found"
    field.clear()
    field.send_keys(" ")
    assert len(shown_rows(browser, "mistakes")) == 12


def test_pages_turn_by_keyboard(browser: Any, pages: Path) -> None:
    opened(browser, pages, "many")
    first = shown_rows(browser, "mistakes")
    back, forward = browser.find_elements("css selector", "#mistakes .pager button")
    assert not back.is_enabled()
    forward.send_keys("\ue007")  # Enter
    second = shown_rows(browser, "mistakes")
    assert not {tuple(row) for row in first} & {tuple(row) for row in second}
    assert find(browser, "#mistakes output").text.startswith("13–24 of ")
    back.send_keys("\ue007")
    assert shown_rows(browser, "mistakes") == first


def test_code_can_be_copied(browser: Any, pages: Path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    opened(browser, pages, "two")
    browser.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    buttons = browser.find_elements("css selector", "#use .copy")
    assert len(buttons) == 3
    buttons[1].click()
    WebDriverWait(browser, 5, poll_frequency=0.05).until(lambda _: buttons[1].text == "Copied")
    copied = browser.execute_async_script("navigator.clipboard.readText().then(arguments[0], () => arguments[0](null))")
    assert copied is None or 'graft.load(".")' in copied


def test_the_theme_is_toggled_and_kept(browser: Any, pages: Path) -> None:
    opened(browser, pages, "two")
    paper = "return getComputedStyle(document.body).backgroundColor"
    before = browser.execute_script(paper)
    find(browser, ".theme").click()
    after = browser.execute_script(paper)
    assert before != after
    browser.refresh()
    assert browser.execute_script(paper) == after
    find(browser, ".theme").click()
    assert browser.execute_script(paper) == before


def contrast(first: str, second: str) -> float:
    """WCAG 2.2's contrast ratio of two colours as `rgb(…)`."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.strip("rgba()").split(",")[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_stand_out_from_their_ground(browser: Any, pages: Path, theme: str) -> None:
    opened(browser, pages, "three")
    browser.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    script = """
      const ground = element => {
        for (let at = element; at; at = at.parentElement) {
          const colour = getComputedStyle(at).backgroundColor;
          if (colour !== 'rgba(0, 0, 0, 0)') return colour;
        }
      };
      return [...document.querySelectorAll('p, h1, h2, h3, a, td, th, small, dt, dd, code, summary, figcaption, b')]
        .filter(element => element.offsetParent && element.textContent.trim())
        .map(element => [element.tagName, getComputedStyle(element).color, ground(element)]);
    """
    found = {tuple(entry) for entry in browser.execute_script(script)}
    assert len(found) > 10
    assert {entry: contrast(*entry[1:]) for entry in found if contrast(*entry[1:]) < 4.5} == {}


def test_hostile_text_is_inert_and_visible(browser: Any, pages: Path) -> None:
    opened(browser, pages, "hostile")
    assert browser.execute_script("return document.scripts.length") == 1
    assert browser.execute_script("return document.images.length") == 0
    assert "<script>alert('x')</script>⟨U+202E⟩" in find(browser, "#classes tbody").text
    assert "</style><script>alert(2)</script>" in find(browser, "#asked").text


def test_tips_are_said_on_hover(browser: Any, pages: Path) -> None:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.support.ui import WebDriverWait

    opened(browser, pages, "two")
    cell = find(browser, "#confusion rect.cell")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", cell)
    heading = find(browser, "#confusion h2")

    def tip(_: Any) -> bool:  # asked again, as a scroll that is still under way takes the tip away
        ActionChains(browser).move_to_element(heading).move_to_element(cell).perform()
        return any(box.text.startswith("negative: right") for box in browser.find_elements("css selector", ".tip"))

    assert WebDriverWait(browser, 5).until(tip)


def test_print_opens_what_is_folded_on_white(browser: Any, pages: Path) -> None:
    opened(browser, pages, "two")
    browser.execute_script("document.documentElement.dataset.theme = 'dark'")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        browser.execute_script("dispatchEvent(new Event('beforeprint'))")
        assert browser.execute_script("return document.querySelectorAll('details:not([open])').length") == 0
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script("return document.querySelectorAll('details[open]').length") == 0


def test_without_scripts_everything_is_there(browser: Any, pages: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        opened(browser, pages, "many")
        assert find(browser, "#mistakes tbody tr:last-child").is_displayed()
        assert not find(browser, ".theme").is_displayed()
        assert not find(browser, "#mistakes .search").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_print_has_every_row_of_paged_tables(browser: Any, pages: Path) -> None:
    opened(browser, pages, "many")
    shown = (
        "return [...document.querySelectorAll('tbody tr')]"
        ".filter(row => getComputedStyle(row).display === 'none').length"
    )
    assert browser.execute_script(shown) > 0
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.execute_script(shown) == 0
        assert not find(browser, "#mistakes .pager").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def side_by_side(browser: Any, pages: Path) -> None:
    long = "a sentence of a source that goes on. " * 60
    strips = (Strip("Line 1", long, ("a reference", ()), ("an output", ())),)
    section = Section("beside", "Beside", "", (SideBySide("Texts", strips),))
    manifest, epochs, evaluation = SAMPLES["two"]()
    page = render(compose(manifest, epochs, evaluation, (section,)))
    (pages / "beside.html").write_text(page, encoding="utf-8")
    opened(browser, pages, "beside")


def test_texts_side_by_side_begin_at_the_top_and_long_ones_are_scrolled_by_keyboard(browser: Any, pages: Path) -> None:
    side_by_side(browser, pages)
    texts = browser.find_elements("css selector", "#beside .passage p")
    assert len({text.rect["y"] for text in texts}) == 1
    scrolled = "return arguments[0].scrollHeight > arguments[0].clientHeight + 1"
    assert [browser.execute_script(scrolled, text) for text in texts] == [True, False, False]
    assert texts[0].get_attribute("tabindex") == "0"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not browser.execute_script(scrolled, texts[0])
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_no_writing_in_charts_is_tiny_on_a_phone(browser: Any, pages: Path) -> None:
    for name in ("two", "many"):
        opened(browser, pages, name, 360)
        script = """
          return [...document.querySelectorAll('svg text')].filter(text => text.getClientRects().length)
            .map(text => [parseFloat(getComputedStyle(text).fontSize), text.getScreenCTM()])
            .map(([size, scaled]) => size * Math.hypot(scaled.a, scaled.b))
            .filter(size => size < 10.5);
        """
        assert browser.execute_script(script) == []
