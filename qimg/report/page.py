"""One self-contained HTML page: text, tables, and figures drawn once for light and once for dark screens."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from qimg.core.records import short_repr
from qimg.report.tables import Table
from qimg.report.theme import DARK, LIGHT, draw_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure


@short_repr
@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure that can be drawn under any theme."""

    draw: "Callable[[], MatplotlibFigure]"
    caption: str


@short_repr
@dataclass(frozen=True, kw_only=True)
class Section:
    """One question and what was found."""

    title: str
    question: str
    findings: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    files: Sequence[str] = ()
    """Paths, relative to the page, of the files that hold the section's rows."""


@short_repr
@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole report."""

    title: str
    lead: str
    notes: Sequence[str] = ()
    sections: Sequence[Section] = ()


def render(page: Page) -> str:
    """The page as one HTML document that needs no other file and no network. Cost: two drawings per figure."""
    style = files("qimg.report").joinpath("page.css").read_text("utf-8")
    script = files("qimg.report").joinpath("page.js").read_text("utf-8")
    links = "".join(
        f'<li><a href="#section-{k}">{html.escape(section.title)}</a></li>' for k, section in enumerate(page.sections)
    )
    notes = "".join(f"<p>{_text(note)}</p>" for note in page.notes)
    body = "".join(_section(k, section) for k, section in enumerate(page.sections))
    return f"""<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(page.title)}</title>
<style>{style}</style>
</head>
<body>
<button class="theme" type="button">light / dark</button>
<div class="layout">
<nav aria-label="Sections"><ol>{links}</ol></nav>
<main>
<header><h1>{html.escape(page.title)}</h1><p class="lead">{_text(page.lead)}</p>{notes}</header>
{body}
</main>
</div>
<script>{script}</script>
</body>
</html>
"""


def _section(number: int, section: Section) -> str:
    findings = "".join(f"<li>{_text(sentence)}</li>" for sentence in section.findings)
    parts = [
        f'<section id="section-{number}"><h2>{html.escape(section.title)}</h2>',
        f'<p class="question">{_text(section.question)}</p>',
        f'<ul class="findings">{findings}</ul>' if findings else "",
        *(_figure(f"{number}-{k}", figure) for k, figure in enumerate(section.figures)),
        *(table.to_html() for table in section.tables),
    ]
    if section.files:
        links = ", ".join(f'<a href="{html.escape(name)}">{html.escape(name)}</a>' for name in section.files)
        parts.append(f'<p class="files">Rows: {links}</p>')
    return "".join(parts) + "</section>"


def _figure(key: str, figure: Figure) -> str:
    drawings = [
        f'<div class="{name}-only">{_inline(draw_svg(figure.draw, theme), f"{key}-{name}", figure.caption)}</div>'
        for name, theme in (("light", LIGHT), ("dark", DARK))
    ]
    return f"<figure>{''.join(drawings)}<figcaption>{_text(figure.caption)}</figcaption></figure>"


def _inline(svg: str, key: str, caption: str) -> str:
    """An SVG made fit to share one document with others: no prologue, identifiers of its own, a name for readers."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"#([\w.-]+)", svg))
    # Equal pictures in one drawing share an identifier; those that nothing refers to are not needed.
    svg = re.sub(r' id="([\w.-]+)"', lambda match: match.group(0) if match.group(1) in used else "", svg)
    svg = re.sub(r'\bid="', f'id="{key}-', svg)
    svg = re.sub(r'href="#', f'href="#{key}-', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(caption)}" ', 1)


def _text(sentence: str) -> str:
    """Escaped text in which `code` is set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(sentence))
