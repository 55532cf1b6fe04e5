"""Reports on a prior: tables, figures, one page, and the comparison of two priors."""

from qimg.prior.report.comparison import compare_priors
from qimg.prior.report.edges import plot_edge_filters, plot_orientations
from qimg.prior.report.figures import plot_class_eigen_patches, plot_class_spectra, plot_predictors
from qimg.prior.report.orientation import Orientation, mean_orientation, patch_orientation
from qimg.prior.report.sections import prior_page
from qimg.prior.report.tables import class_table, prior_tables

__all__ = [
    "Orientation",
    "class_table",
    "compare_priors",
    "mean_orientation",
    "patch_orientation",
    "plot_class_eigen_patches",
    "plot_class_spectra",
    "plot_edge_filters",
    "plot_orientations",
    "plot_predictors",
    "prior_page",
    "prior_tables",
]
