"""One look for every figure, in a light and a dark version."""

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _theme(ink: str, soft: str, paper: str, colours: tuple[str, ...]) -> dict[str, Any]:
    return {
        "figure.facecolor": paper,
        "figure.constrained_layout.use": True,
        "figure.dpi": 110,
        "savefig.facecolor": paper,
        "axes.facecolor": paper,
        "axes.edgecolor": soft,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "axes.titlesize": 10.5,
        "axes.titlelocation": "left",
        "axes.labelsize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.prop_cycle": _cycle(colours),
        "grid.color": soft,
        "grid.alpha": 0.25,
        "grid.linewidth": 0.7,
        "text.color": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "font.size": 10,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "lines.linewidth": 1.8,
        "lines.markersize": 4.5,
        "svg.fonttype": "path",
        "svg.hashsalt": "qimg",
    }


def _cycle(colours: tuple[str, ...]) -> Any:
    from cycler import cycler

    return cycler(color=colours)


LIGHT = _theme(
    "#1b1f24", "#8a929c", "#ffffff", ("#1f6fc5", "#d1601a", "#178a62", "#8e44ad", "#b8860b", "#5f6b78", "#c2366b")
)
"""Matplotlib settings of the light version; the colours keep apart for the common colour-vision deficiencies."""

DARK = _theme(
    "#e6e9ed", "#77808b", "#14181d", ("#6cb2ff", "#ff9f5c", "#4fd1a1", "#c99bea", "#e6c34d", "#a3adb8", "#f583ad")
)
"""Matplotlib settings of the dark version."""

PRINT = {
    **LIGHT,
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 6.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.2,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.5,
    "pdf.fonttype": 42,
}
"""Matplotlib settings of figures for a paper: text of 7 to 8 points at the width of `print_size`."""

PRINT_WIDTH = 7.0
"""Inches: the text of a page in two columns."""


def print_size(figure: "Figure", width: float = PRINT_WIDTH) -> None:
    """Scale a figure to a width in inches where it is wider, its shape unchanged."""
    across, down = figure.get_size_inches()
    if across > width:
        figure.set_size_inches(width, down * width / across)


def draw_svg(draw: "Callable[[], Figure]", theme: Mapping[str, Any]) -> str:
    """The SVG text of a figure drawn under a theme. The same data give the same text."""
    import matplotlib.pyplot as plt

    with plt.rc_context({**theme, "backend": "agg"}):
        figure = draw()
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    return buffer.getvalue()
