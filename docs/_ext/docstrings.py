"""Docstrings as they are written: kets, Markdown tables and annotations from the source reach the page unchanged."""

import ast
import inspect
import re
import textwrap
from typing import Any

from sphinx.application import Sphinx

_CODE = re.compile(r"(`[^`]+`)")
_RULE = re.compile(r"^\s*\|[-:| ]+\|\s*$")


def adapt(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite the lines of a docstring in place."""
    out: list[str] = []
    for line in lines:
        if _RULE.match(line):
            continue
        if line.lstrip().startswith("| ") and line.rstrip().endswith(" |"):
            out += _table_row(line, first=not (out and out[-1].startswith("     ")))
        else:
            out.append(line if line.lstrip().startswith((">>>", "...")) else _escaped(line))
    lines[:] = out


def _table_row(line: str, *, first: bool) -> list[str]:
    """One row of a Markdown table as a row of a list-table, with the table's head before the first one."""
    cells = [_escaped(cell.strip()) for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
    head = [".. list-table::", "   :header-rows: 1", ""] if first else []
    return head + [("   * - " if k == 0 else "     - ") + cell for k, cell in enumerate(cells)]


def _escaped(line: str) -> str:
    """Bars outside of code are kets and moduli, not reStructuredText substitutions."""
    return "".join(part if part.startswith("`") else part.replace("|", r"\|") for part in _CODE.split(line))


def signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Arguments and result with the annotations of the source text: `ArrayLike`, not what it stands for."""
    function = getattr(obj, "__func__", obj)
    if not inspect.isfunction(function):
        return None
    try:
        source = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    if not isinstance(source, ast.FunctionDef):
        return None
    given = source.args
    if what == "method" and not isinstance(inspect.getattr_static(obj, "__self__", None), type) and given.args:
        given.args = given.args[1:]
    result = source.returns
    shown = result.value if isinstance(result, ast.Constant) else result and ast.unparse(result)
    return f"({ast.unparse(given)})", shown


def setup(app: Sphinx) -> dict[str, Any]:
    """Run before napoleon reads the sections."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", adapt, priority=100)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
