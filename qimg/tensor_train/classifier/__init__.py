"""Classifiers whose class scores are a tensor train applied to one small vector for each pixel."""
