"""Experiments on measures of the difference between pictures."""
