"""Draws from the conditional distribution whose compression reproduces the coefficients of a file."""
