"""The documentation site. Build it with `python -m sphinx -W --keep-going -b html docs docs/_build/html`.

Nothing is fetched from a network: formulas are MathML, scripts and styles come with the theme, the notebooks run here.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
# Jupyter's kernels and their client must agree on where files lie; this is its coming default.
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
# Matrices of a few hundred rows are faster on one thread, above all where other work shares the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# The kernels inherit this; a backend chosen for programs would leave the notebooks without figures.
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"

import qimg

project = "qimg"
author = "the qimg developers"
copyright = "the qimg developers"
version = release = qimg.__version__

extensions = ["myst_nb", "sphinx.ext.napoleon", "docstrings", "mathml"]
exclude_patterns = ["_build", "results.md", "api/generated"]

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

nb_execution_mode = "force"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_allow_errors = False
nb_execution_show_tb = True
nb_merge_streams = True
nb_ipywidgets_js = {}

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
# A name in backticks becomes a link where it is documented, and stays code where it is not.
default_role = "py:obj"
