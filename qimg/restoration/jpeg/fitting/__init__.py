"""Fitting the explicit estimator in closed form: the prior's mixtures choose classes, its estimators do the rest."""

from qimg.restoration.jpeg.fitting.stages import Recipe, fit

__all__ = ["Recipe", "fit"]
