"""Figures, tables and one self-contained HTML page, of results and of priors."""

from qimg.report.orientation import Orientation, mean_orientation, patch_orientation
from qimg.report.page import Figure, Page, Section, render
from qimg.report.plots import (
    literal_label,
    plain_log_axis,
    plot_curves,
    plot_density_matrix,
    plot_eigen_patches,
    plot_patch,
    plot_spectrum,
)
from qimg.report.prior_comparison import compare_priors
from qimg.report.prior_edges import plot_edge_filters, plot_orientations
from qimg.report.prior_figures import (
    plot_class_eigen_patches,
    plot_class_spectra,
    plot_predictors,
)
from qimg.report.prior_sections import prior_page
from qimg.report.priors import class_table, prior_tables
from qimg.report.tables import Table, write_csv
from qimg.report.theme import DARK, LIGHT, draw_svg

__all__ = [
    "DARK",
    "LIGHT",
    "Figure",
    "Orientation",
    "Page",
    "Section",
    "Table",
    "class_table",
    "compare_priors",
    "draw_svg",
    "literal_label",
    "mean_orientation",
    "patch_orientation",
    "plain_log_axis",
    "plot_class_eigen_patches",
    "plot_class_spectra",
    "plot_curves",
    "plot_density_matrix",
    "plot_edge_filters",
    "plot_eigen_patches",
    "plot_orientations",
    "plot_patch",
    "plot_predictors",
    "plot_spectrum",
    "prior_page",
    "prior_tables",
    "render",
    "write_csv",
]
