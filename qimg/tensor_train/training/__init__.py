"""Sweeps shared by models that are trained core by core: Born machines and classifiers."""
