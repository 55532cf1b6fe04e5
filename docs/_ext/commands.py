"""The help of the verbs of `qimg` as a page: the output of the parsers, generated when the site is built."""

import contextlib
import io
import os
import shutil
import signal
import textwrap
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from unittest import mock

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

WIDTH = 80
"""Columns of the help, independent of the terminal that builds the site."""


def commands(*words: str) -> Iterator[tuple[str, ...]]:
    """All commands below words of `qimg`, as words: `("encode",)`, `("fit", "prior")`, `("circuit", "run")`."""
    module = import_module(".".join(["qimg.cli", *words]))
    if hasattr(module, "VERBS"):
        for word in module.VERBS:
            yield from commands(*words, word)
    elif isinstance(getattr(module, "COMMAND", None), dict):
        yield from ((*words, word) for word in module.COMMAND)
    else:
        yield words


def usage(*words: str) -> str:
    """The output of `qimg WORDS --help`, without colour, in `WIDTH` columns and UTF-8."""
    from qimg.cli import main

    before = signal.getsignal(signal.SIGTERM)  # `main` replaces the handler
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    try:
        with (
            mock.patch.dict(os.environ, {"COLUMNS": str(WIDTH), "NO_COLOR": "1"}),
            mock.patch.object(shutil, "get_terminal_size", return_value=os.terminal_size((WIDTH, 24))),
            contextlib.redirect_stdout(printed),
            contextlib.suppress(SystemExit),
        ):
            main([*words, "--help"])
    finally:
        signal.signal(signal.SIGTERM, before)
    printed.seek(0)
    return "\n".join(part for line in printed.read().strip().splitlines() for part in _wrapped(line.rstrip()))


def _wrapped(line: str) -> list[str]:
    """Lines of at most `WIDTH` characters; the parser wraps its tables, but not the description above them."""
    below = 15 if line.startswith("  ") else 0  # the list of verbs has its descriptions in column 15
    return textwrap.wrap(line, WIDTH, subsequent_indent=below * " ") if len(line) > WIDTH else [line]


class Usage(Directive):
    """The help of the command whose words are the argument; without an argument, that of `qimg`."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """A block of text."""
        return [_block(usage(*" ".join(self.arguments).split()))]


class Verbs(Directive):
    """A section for each verb, in the order of `qimg --help`; the arguments are verbs to leave out."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Sections with the help of all commands of a verb."""
        from qimg.cli import VERBS

        left_out = " ".join(self.arguments).split()
        return [self._section(verb, VERBS[verb]) for verb in VERBS if verb not in left_out]

    def _section(self, verb: str, text: str) -> nodes.section:
        below = list(commands(verb))
        section = self._titled(f"qimg {verb}")
        if below == [(verb,)]:
            section += _block(usage(verb))
            return section
        section += nodes.paragraph("", text)
        for words in below:
            part = self._titled(f"qimg {' '.join(words)}")
            part += _block(usage(*words))
            section += part
        return section

    def _titled(self, title: str) -> nodes.section:
        section = nodes.section(names=[nodes.fully_normalize_name(title)])
        section += nodes.title(title, "", nodes.literal(title, title))
        self.state.document.note_implicit_target(section, section)
        return section


def _block(text: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language="text")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives `usage` and `verbs`."""
    app.add_directive("usage", Usage)
    app.add_directive("verbs", Verbs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
