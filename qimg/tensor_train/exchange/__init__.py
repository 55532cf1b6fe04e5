"""Trains in the forms of other programs."""
