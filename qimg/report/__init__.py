"""Figures, tables and one self-contained HTML page, of results."""

from qimg.report.page import Figure, Page, Section, render
from qimg.report.plots import (
    bare,
    literal_label,
    plain_log_axis,
    plot_curves,
    plot_density_matrix,
    plot_eigen_patches,
    plot_patch,
    plot_spectrum,
)
from qimg.report.tables import Table, write_csv
from qimg.report.theme import DARK, LIGHT, draw_svg

__all__ = [
    "DARK",
    "LIGHT",
    "Figure",
    "Page",
    "Section",
    "Table",
    "bare",
    "draw_svg",
    "literal_label",
    "plain_log_axis",
    "plot_curves",
    "plot_density_matrix",
    "plot_eigen_patches",
    "plot_patch",
    "plot_spectrum",
    "render",
    "write_csv",
]
