"""Docstrings as written in the source: kets, Markdown tables and annotations reach the page unchanged."""

import ast
import inspect
import re
import textwrap
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

_CODE = re.compile(r"(`[^`]+`)")
_NAME = re.compile(r"`[A-Za-z][\w.]*(\(\))?`")
_RULE = re.compile(r"^\s*\|[-:| ]+\|\s*$")
_ARRAY = "ndarray[tuple[Any, ...], dtype[Any]]"


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
    if what in ("attribute", "data", "property"):
        # Napoleon reads the text before a colon in the first line as a type; a backslash as the first line
        # prevents this and prints nothing.
        out.insert(0, "\\")
    lines[:] = out


def _table_row(line: str, *, first: bool) -> list[str]:
    """One row of a Markdown table as a row of a list-table, with the table's head before the first one."""
    cells = [_escaped(cell.strip()) for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
    head = [".. list-table::", "   :header-rows: 1", ""] if first else []
    return head + [("   * - " if k == 0 else "     - ") + cell for k, cell in enumerate(cells)]


def _escaped(line: str) -> str:
    """Escape bars outside of code, which are kets and moduli, not substitutions; set code that is no name literally."""
    parts = _CODE.split(line)
    return "".join(
        (part if _NAME.fullmatch(part) else f"`{part}`") if part.startswith("`") else part.replace("|", r"\|")
        for part in parts
    )


def signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Arguments and result with the annotations of the source text: `ArrayLike` instead of its definition."""
    target = getattr(obj, "__func__", obj)
    try:
        source = ast.parse(textwrap.dedent(inspect.getsource(target))).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    if isinstance(source, ast.ClassDef):
        return _fields(source, arguments)
    if not isinstance(source, ast.FunctionDef):
        return None
    parameters, result = source.args, source.returns
    if what == "method" and parameters.args:
        parameters.args = parameters.args[1:]
    for argument in ast.walk(parameters):
        if isinstance(argument, ast.arg) and isinstance(argument.annotation, ast.Constant):
            argument.annotation = ast.Name(str(argument.annotation.value))
    quoted = isinstance(result, ast.Constant) and isinstance(result.value, str)
    return f"({ast.unparse(parameters)})", result.value if quoted else result and ast.unparse(result)


def _fields(source: ast.ClassDef, arguments: str | None) -> tuple[str, None] | None:
    """The fields of a dataclass or named tuple as its arguments; their descriptions include the types."""
    parts = [part for part in source.body if isinstance(part, ast.AnnAssign)]
    if not arguments or not parts:
        return None
    declarations = [
        ast.unparse(part.target) + (f" = {ast.unparse(part.value)}" if part.value else "") for part in parts
    ]
    star = ["*"] if arguments.startswith("(*") else []
    return f"({', '.join(star + declarations)})", None


def name_arrays(app: Sphinx, doctree: nodes.document) -> None:
    """Replace the expanded type that autodoc writes beside attributes by `Array`."""
    for annotation in doctree.findall(addnodes.desc_annotation):
        if _ARRAY in annotation.astext():
            text = annotation.astext().replace(_ARRAY, "Array")
            annotation.children = [nodes.Text(text)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Run before napoleon reads the sections."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", adapt, priority=100)
    app.connect("autodoc-process-signature", signature)
    app.connect("doctree-read", name_arrays)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
