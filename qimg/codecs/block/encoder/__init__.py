"""Encoder: targets, search over blocks and classes, rate and distortion, assembly of the file."""
