"""Entropy coding in integer arithmetic: a binary range coder and mixed adaptive binary models."""
