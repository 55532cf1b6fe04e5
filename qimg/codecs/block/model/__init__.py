"""Shared by encoder and decoder: contexts of the entropy model, its state and the fitted tables."""
