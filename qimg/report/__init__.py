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
from qimg.report.tables import Table, format_cell, write_csv
from qimg.report.theme import DARK, LIGHT, PRINT, draw_svg, print_size

__all__ = [
    "DARK",
    "LIGHT",
    "PRINT",
    "Figure",
    "Page",
    "Section",
    "Table",
    "bare",
    "draw_svg",
    "format_cell",
    "literal_label",
    "plain_log_axis",
    "plot_curves",
    "plot_density_matrix",
    "plot_eigen_patches",
    "plot_patch",
    "plot_spectrum",
    "print_size",
    "render",
    "write_csv",
]
