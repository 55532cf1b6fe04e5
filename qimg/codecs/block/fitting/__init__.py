"""Fitting the codec's tables on pictures: classes from their windows, then rounds of coding and learning from it."""

from qimg.codecs.block.fitting.rounds import Recipe, fit

__all__ = ["Recipe", "fit"]
