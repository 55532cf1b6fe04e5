"""Closed-form fit of the explicit estimator: mixtures choose the classes, conditional expectations are the experts."""

from qimg.restoration.jpeg.fitting.stages import Recipe, fit

__all__ = ["Recipe", "fit"]
