"""Measured numbers in prose that no marker names: numbers with a unit, and decimals in tables written by hand.

What is part of a definition is listed in `docs/definitions.txt`, a phrase a line; a page of definitions alone, such as
a file format, says so by a line `<!-- numbers: definitions -->`.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from experiments._results.pages import BLOCK, CODE
from experiments._results.quotes import QUOTE

_NUMBER = r"(?<![\w.])[+−-]?\d+(?:[.,\N{NO-BREAK SPACE}]\d+)*(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?"
_UNIT = r"(?:dB|%|percent|bytes?|B|kB|MB|GB|KiB|MiB|GiB|bits?|bit/pixel|bpp|nats?|s|ms|µs|seconds|minutes|min|hours)"
WITH_UNIT = re.compile(rf"{_NUMBER}[ \N{{NO-BREAK SPACE}}\n]?{_UNIT}(?![\w/])")
DECIMAL_IN_TABLE = re.compile(rf"^\|.*?({_NUMBER.replace('[+−-]?', '[+−-]?(?=[0-9]*[.][0-9])')})", re.MULTILINE)

DEFINITIONS = "<!-- numbers: definitions -->"

_HIDDEN = (
    BLOCK,
    CODE,
    QUOTE,
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"\]\([^)\n]*\)"),  # targets of links
    re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL),
    re.compile(r"<https?://[^>]*>"),
)


def definitions(root: Path) -> list[str]:
    """The phrases of a checkout that are definitions, longest first."""
    path = root / "docs" / "definitions.txt"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return sorted((line.strip() for line in lines if line.strip() and not line.startswith("#")), key=len, reverse=True)


def unmarked(text: str, phrases: Sequence[str]) -> list[tuple[int, str]]:
    """Line and text of each number of a page that stands outside of markers and definitions."""
    if DEFINITIONS in text:
        return []
    for pattern in _HIDDEN:
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    for phrase in phrases:
        words = r"\s+".join(map(re.escape, phrase.split()))
        text = re.sub(rf"(?<![\w.]){words}(?!\w)", lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    found = {(match.start(), match[0]) for match in WITH_UNIT.finditer(text)}
    found |= {(match.start(1), match[1]) for match in DECIMAL_IN_TABLE.finditer(text)}
    return [(text.count("\n", 0, start) + 1, " ".join(number.split())) for start, number in sorted(found)]
