"""Fitting a prior: several passes over the pictures, additive sums and checkpoints."""
