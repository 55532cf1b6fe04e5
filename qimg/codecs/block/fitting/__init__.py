"""Fitting of the codec's tables on pictures: initial classes from windows, then rounds of coding and estimation."""

from qimg.codecs.block.fitting.rounds import Recipe, fit

__all__ = ["Recipe", "fit"]
