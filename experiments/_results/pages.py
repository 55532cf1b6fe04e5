"""Pages whose numbers, tables, figures, questions and commands come from the committed tables.

Blocks stand between a line `<!-- KIND: TABLE -->` and a line `<!-- end -->`:

| kind | between the lines |
|---|---|
| question | the question of the experiment |
| table | the table, `; ROW` after its name chooses rows |
| figure | the figure of the experiment, drawn from the rows |
| command | the command, and where and by which version the rows were measured |
| questions | all experiments with their questions; without a table |

Whatever stands there is replaced, so that a page is written once and filled by `filled`.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from experiments._results.figures import figure_file, figure_problems
from experiments._results.quotes import QUOTE, Evidence, matching
from experiments._results.tables import ResultError, writer
from experiments._run import runner
from qimg.evaluation.summary import counted_pictures
from qimg.report import Table

BLOCK = re.compile(r"^<!-- (?P<kind>question|table|figure|command|questions)(?:: (?P<name>[^\n]+?))? -->\n(?P<text>.*?)"
                   r"^<!-- end -->$", re.DOTALL | re.MULTILINE)  # fmt: skip

CODE = re.compile(r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)\s*$"
                  r"|(?<!`)(?P<ticks>`+)(?!`)[^\n]*?(?<!`)(?P=ticks)(?!`)", re.DOTALL | re.MULTILINE)  # fmt: skip

LEADING = re.compile(r"^[ \t]*(?:[-*+>]|\d+\.)?[ \t]*<!--=", re.MULTILINE)
"""A comment at the beginning of a line makes all of the line HTML."""


def pages(root: Path) -> list[Path]:
    """The pages that are checked: README and the documentation, but for those that are generated whole."""
    found = sorted((root / "docs").rglob("*.md"))
    left_out = ("_build", "generated")
    return [root / "README.md", *(path for path in found if not set(left_out) & set(path.parts))]


def filled(text: str, page: Path, evidence: Evidence) -> tuple[str, list[str]]:
    """A page's text with every number and block as the tables have them, and what was different or cannot be filled."""
    problems: list[str] = []
    masked = CODE.sub(lambda match: " " * len(match[0]), text)

    def line(position: int) -> str:
        return f"{page.relative_to(evidence.root)}:{text.count(chr(10), 0, position) + 1}"

    parts, end = [], 0
    for start, stop, old, make in _marked(text, masked, page, evidence):
        try:
            new = make()
        except ResultError as error:
            problems.append(f"{line(start)}: {error}")
            new = old
        if new != old:
            problems.append(f"{line(start)}: {_difference(old, new)}")
        parts += [text[end:start], new]
        end = stop
    problems += [f"{line(found.end())}: a number may not begin a line" for found in LEADING.finditer(masked)]
    return "".join([*parts, text[end:]]), problems


def _marked(
    text: str, masked: str, page: Path, evidence: Evidence
) -> Iterator[tuple[int, int, str, Callable[[], str]]]:
    """Start, end, text and maker of what stands between markers, in order; marks inside of code are none."""
    blocks = [match for match in BLOCK.finditer(text) if masked[match.start()] == "<"]
    quotes = [
        match
        for match in QUOTE.finditer(text)
        if masked[match.start()] == "<" and not any(one.start() < match.start() < one.end() for one in blocks)
    ]
    for match in sorted([*blocks, *quotes], key=lambda match: match.start()):
        if match.re is QUOTE:
            make = partial(evidence.text, match["reference"])
        else:
            make = partial(block, match["kind"], match["name"] or "", page, evidence)
        yield match.start("text"), match.end("text"), match["text"], make


def block(kind: str, name: str, page: Path, evidence: Evidence) -> str:
    """The text of a block, with a line feed at its end."""
    if kind == "questions":
        return _questions()
    base, _, condition = name.partition(";")
    base = base.strip()
    if kind == "table":
        shown = evidence.shown(base)
        if condition.strip():
            rows = matching(shown, condition, name)
            shown = Table(columns=shown.columns, rows=rows, caption=shown.caption, formats=shown.formats)
        return f"\n{shown.to_markdown()}\n\n"
    result = evidence.result(base.partition("#")[0])
    if kind == "question":
        return f"\n**{_first_paragraph(writer(result.experiment))}**\n\n"
    if kind == "command":
        return f"\n```sh\n{result.provenance['command']}\n```\n\n{_origin(result.provenance)}\n\n"
    path = figure_file(result)
    problems = figure_problems(result)
    if problems:
        raise ResultError(problems[0])
    target = Path(os.path.relpath(path, page.parent)).as_posix()
    return f"\n![{_caption(result.experiment)}]({target})\n\n"


def figures_shown(text: str) -> list[str]:
    """Names of the tables whose figures a page shows."""
    return [match["name"].partition(";")[0].strip() for match in BLOCK.finditer(text) if match["kind"] == "figure"]


def _caption(experiment: str) -> str:
    return _first_paragraph(writer(experiment).plot).rstrip(".")


def _first_paragraph(documented: Any) -> str:
    """First paragraph of a docstring on one line: the question of a module, the caption of a figure."""
    return " ".join((documented.__doc__ or "").split("\n\n")[0].split())


def _origin(facts: Mapping[str, Any]) -> str:
    """Where and with which version a table was measured."""
    pictures, machine, versions = len(facts.get("inputs", ())), facts["machine"], facts["versions"]
    counted = f"{counted_pictures(pictures)}, " if pictures else ""
    processor = machine.get("processor") or machine["architecture"]
    commits = ", ".join(f"`{commit[:12]}`" for commit in facts["commit"].split())
    return (
        f"Measured on {counted}{processor}, {machine['cpus']} cores; Python {versions['python']}, "
        f"NumPy {versions['numpy']}; commit {commits}."
    )


def _questions() -> str:
    rows = [
        [f"`{name}`", f"[{theme.replace('_', ' ')}](../results/{theme}.md)", runner.question(name)]
        for theme, names in runner.THEMES.items()
        for name in names
    ]
    return f"\n{Table(columns=['experiment', 'results', 'question'], rows=rows).to_markdown()}\n\n"


def _difference(old: str, new: str) -> str:
    if "\n" not in old + new:
        return f"{old!r} stands here, but the table has {new!r}"
    before, after = old.splitlines(), new.splitlines()
    changed = next((pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]), ("", ""))
    return f"the block is not what the table gives ({changed[0]!r} instead of {changed[1]!r})"
