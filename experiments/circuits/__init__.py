"""Experiments on circuits: cost of preparation, representations and transforms; shots and noise."""
