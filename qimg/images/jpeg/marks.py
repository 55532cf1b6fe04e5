"""Marks of the blocks of a damaged JPEG file, as bits."""

UNCERTAIN = 1
"""The values may be wrong or imprecise."""
MISSING = 2
"""The block was not decoded."""
