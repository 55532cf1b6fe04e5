"""Figures of experiments: panels of curves side by side. Matplotlib is imported when the first figure is drawn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qimg.report import plain_log_axis, plot_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes = Figure = Any

__all__ = [
    "Axes",
    "Figure",
    "Panel",
    "figure_of",
    "legend_below",
    "name_identity",
    "picture_lines",
    "marks_at",
    "subplots",
    "zero_line",
]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Curves on one pair of axes."""

    curves: Mapping[str, Any]
    """Label → (x, y) or (x, y, low, high), as in `qimg.report.plot_curves`."""
    x: str
    """Quantity and unit of x."""
    y: str
    title: str = ""
    log: str = ""
    """Logarithmic axes, with plain numbers as marks: "x", "y" or "xy"."""
    dashed: Sequence[float] = ()
    """Levels of dashed lines behind the curves, such as no gain, or the value without processing."""
    legend: bool = True

    def draw(self, ax: Axes) -> None:
        """Draw on axes; without curves, the axes are empty and labelled."""
        for level in self.dashed:
            zero_line(ax, level)
        plot_curves(self.curves, x_label=self.x, y_label=self.y, ax=ax)
        for axis in self.log if self.curves else "":
            plain_log_axis(ax, axis)
        ax.set_title(self.title)
        legend = ax.get_legend()
        if legend and not self.legend:
            legend.remove()


def figure_of(*panels: Panel, size: tuple[float, float], **options: Any) -> Figure:
    """Panels side by side; `options` are those of `matplotlib.pyplot.subplots`."""
    figure, axes = subplots(1, len(panels), figsize=size, squeeze=False, **options)
    for panel, ax in zip(panels, axes[0], strict=True):
        panel.draw(ax)
    return figure


def subplots(rows: int = 1, columns: int = 1, **options: Any) -> "tuple[Figure, Any]":
    """A figure and its axes, as `matplotlib.pyplot.subplots` returns them."""
    import matplotlib.pyplot as plt

    return plt.subplots(rows, columns, **options)


def zero_line(ax: Axes, y: float = 0.0) -> None:
    """Draw a dashed horizontal line across the axes."""
    ax.axhline(y, color="0.5", linestyle="--", linewidth=1)


def picture_lines(ax: Axes, lines: Iterable[tuple[Any, Any]]) -> None:
    """Draw (x, y) of every picture as a thin gray line; together they have one entry in the legend, "one picture"."""
    for number, (x, y) in enumerate(lines):
        ax.plot(x, y, color="0.65", linewidth=0.8, zorder=1.5, label=None if number else "one picture")


def marks_at(ax: Axes, values: Sequence[int]) -> None:
    """Make the x axis logarithmic, with marks at the measured values only."""
    plain_log_axis(ax, "x")
    ax.set_xticks(values, [f"{value:,}" for value in values])
    ax.minorticks_off()


def legend_below(figure: Figure) -> None:
    """Draw the legend of the first panel below all panels."""
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def name_identity(ax: Axes) -> None:
    """Write "identity" at the dashed level of 1, the fraction without a channel model."""
    ax.annotate("identity", (0.98, 1.0), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8)
