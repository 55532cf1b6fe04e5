"""Draws from the conditional distribution that give a file's coefficients again."""
