"""The documentation site. Build it with `python -m sphinx -W --keep-going -b html docs docs/_build/html`.

Nothing is fetched from a network: formulas are MathML, scripts and styles come with the theme. Nothing is executed:
notebooks hold their outputs, and results are committed tables.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

import qimg

project = "qimg"
author = "the qimg developers"
copyright = "the qimg developers"
version = release = qimg.__version__

extensions = ["myst_nb", "sphinx.ext.napoleon", "docstrings", "mathml", "commands"]
exclude_patterns = ["_build", "api/generated"]

html_theme = "furo"
html_title = f"qimg {release}"
html_static_path = ["_static"]
html_css_files = ["qimg.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_update_mathjax = False
myst_heading_anchors = 5

nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
# A name in backticks becomes a link where it is documented, and stays code where it is not.
default_role = "py:obj"
