"""Formulas as native MathML, which browsers render without a script and without network access."""

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

_BAR = re.compile(r'<m[io](?: stretchy="false")?>(&#x0007C;|&#x02016;|&#x027E8;|&#x027E9;)</m[io]>')


def mathml(latex: str, display: str) -> str:
    """The MathML of a formula, without space between the bars and brackets of kets and norms and their content."""
    return _BAR.sub(r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>', convert(latex.strip(), display=display))


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in running text."""
    translator.body.append(f'<span class="math">{mathml(node.astext(), "inline")}</span>')
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """Write a displayed formula, with its number if it has one."""
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    identifier = f' id="{node["ids"][0]}"' if node["ids"] else ""
    translator.body.append(f'<div class="math"{identifier}>{number}{mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer as `html_math_renderer = "mathml"`."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
