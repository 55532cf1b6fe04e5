"""Probabilities to bits and back, in integers alone: the range coder, and adaptive binary models that are mixed."""
