"""A report's records as one HTML file that needs nothing else: no network, no fonts, no libraries.

Every text is escaped on its way in, and the page's own policy forbids what it does not carry: no request can leave it,
and only the one script whose digest it names may run.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from graft.report import charts, curves, heatmap, marked, plot, scatter, tables
from graft.report.blocks import (
    Bars,
    Block,
    Callout,
    Code,
    Curves,
    Facts,
    Fold,
    Heatmap,
    Hero,
    Intervals,
    Plot,
    Prose,
    Reliability,
    Report,
    Scatter,
    Section,
    Table,
)
from graft.report.charts import NARROW, WIDE
from graft.report.passages import MarkedTexts, SideBySide
from graft.report.words import escape

_GRADES = {"problem": "Problem", "warning": "Worth a look", "note": "Note", "good": "Good"}
_LONG_FACT = 56  # characters beyond which a fact takes a row of its own
_LEAF = (
    '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="'
    "M10 19V9M10 12.5c-4.6 0-6.8-2.4-6.8-6.6 4.6 0 6.8 2.4 6.8 6.6Z"
    'M10 9c0-4.2 2.2-6.8 6.8-7.4C16.8 6.2 14.4 8.8 10 9Z"/></svg>'
)
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; script-src"
)


def render(report: Report) -> str:
    """The report as the text of a whole HTML file."""
    style, script = _asset("report.css"), _asset("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"{_POLICY} 'sha256-{digest}'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(report.title)}</title>\n'
        f"<style>{style}</style>\n<script>{script}</script>\n</head>\n<body>\n{_body(report)}</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return resources.files("graft.report").joinpath("assets", name).read_text(encoding="utf-8")


def _body(report: Report) -> str:
    links = "".join(f'<li><a href="#{escape(part.id)}">{escape(part.title)}</a></li>' for part in report.sections)
    sections = "".join(_section(part) for part in report.sections)
    return (
        '<a class="skip" href="#answer">Skip to the answer</a>\n<div class="page">\n'
        f'<header class="top"><div class="brand">{_LEAF}graft <small>report</small></div>'
        '<button type="button" class="theme needs-js">Theme</button></header>\n'
        f'<nav class="contents" aria-label="Contents"><ol>{links}</ol></nav>\n'
        f"<main>{_hero(report.hero)}{sections}<footer>{escape(report.footer)}</footer></main>\n</div>\n"
    )


def _hero(hero: Hero) -> str:
    before, figure, after = hero.headline
    said = "".join(f'<p class="say">{escape(sentence)}</p>' for sentence in hero.sentences)
    return (
        f'<div class="hero" id="answer"><p class="eyebrow">{escape(hero.eyebrow)}</p>'
        f"<h1>{escape(before)}<b>{escape(figure)}</b>{escape(after)}</h1>{said}"
        f"{_intervals(hero.chart) if hero.chart else ''}{_facts(hero.facts)}</div>\n"
    )


def _section(section: Section) -> str:
    lead = f'<p class="lead">{escape(section.lead)}</p>' if section.lead else ""
    heading = f'<h2 id="{escape(section.id)}-title">{escape(section.title)}</h2>'
    blocks = "\n".join(_block(block) for block in section.blocks)
    named = f'id="{escape(section.id)}" aria-labelledby="{escape(section.id)}-title"'
    return f"<section {named}>{heading}{lead}{blocks}</section>\n"


def _block(block: Block) -> str:  # one line per kind of block: the only place that knows them all
    match block:
        case Prose():
            return f'<p class="prose">{escape(block.text)}</p>'
        case Facts():
            return _facts(block)
        case Table():
            return tables.table(block)
        case Curves():
            return _curves(block)
        case Intervals():
            return _intervals(block)
        case Heatmap():
            narrow = heatmap.heatmap(block, NARROW) if len(block.names) <= heatmap.LABELLED else ""
            return _figure(block.caption, heatmap.heatmap(block, WIDE), narrow)
        case Reliability():
            return _beside(_figure(block.caption, charts.reliability(block)), block.note)
        case Scatter():
            drawn = scatter.scatter(block), scatter.scatter(block, NARROW)
            return _beside(_figure(block.caption, *drawn), block.note)
        case Plot():
            return _figure(block.caption, plot.plot(block, WIDE), plot.plot(block, NARROW))
        case Bars():
            return _figure(block.caption, charts.bars(block, WIDE), charts.bars(block, NARROW))
        case Callout():
            return _callout(block)
        case Code():
            return _code(block)
        case MarkedTexts():
            return marked.marked_texts(block)
        case SideBySide():
            return marked.side_by_side(block)
        case Fold():
            inside = "".join(_block(inner) for inner in block.blocks)
            return f'<details><summary>{escape(block.title)}</summary><div class="inside">{inside}</div></details>'


def _figure(caption: str, wide: str, narrow: str = "", key: str = "") -> str:
    drawn = f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>' if narrow else wide
    return f"<figure><figcaption>{escape(caption)}</figcaption>{drawn}{key}</figure>"


def _beside(figure: str, note: str) -> str:
    """A square chart, and how to read it."""
    said = f"<p>{escape(note)}</p>" if note else ""
    return f'<div class="beside">{figure}{said}</div>'


def _intervals(block: Intervals) -> str:
    return _figure(block.caption, charts.intervals(block, WIDE), charts.intervals(block, NARROW))


def _curves(block: Curves) -> str:
    shared = [panel for panel in block.panels if any(series.dashed for series in panel.series)]
    names = {series.name: series.dashed for panel in shared for series in panel.series}
    entries = "".join(
        f'<span class="{"second" if second else "first"}">{escape(name)}</span>' for name, second in names.items()
    )
    key = f'<p class="key">{entries}</p>' if names else ""
    return _figure(block.caption, curves.curves(block, WIDE), curves.curves(block, NARROW), key)


def _facts(block: Facts) -> str:
    items = "".join(
        f'<div{_wide(value)}><dt>{escape(name)}</dt><dd dir="auto">{escape(value)}</dd></div>'
        for name, value in block.items
    )
    return f'<dl class="facts">{items}</dl>'


def _wide(value: str) -> str:
    return ' class="long"' if len(value) > _LONG_FACT else ""


def _callout(block: Callout) -> str:
    change = f'<p class="change"><b>What to change</b>{_with_code(block.setting)}</p>' if block.setting else ""
    return (
        f'<div class="callout {escape(block.severity)}"><p class="grade">{_GRADES[block.severity]}</p>'
        f"<h3>{escape(block.title)}</h3><p>{escape(block.text)}</p>{change}</div>"
    )


def _with_code(text: str) -> str:
    """Escaped text, what stands between backticks set as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if number % 2 else piece for number, piece in enumerate(pieces))


def _code(block: Code) -> str:
    return (
        f'<div class="code"><header><span>{escape(block.caption)}</span>'
        f'<button type="button" class="copy needs-js" aria-label="Copy: {escape(block.caption)}">Copy</button></header>'
        f'<pre tabindex="0"><code>{escape(block.text)}</code></pre></div>'
    )
