"""Fitting a prior: pass after pass over the pictures, in sums that add up, with checkpoints."""
