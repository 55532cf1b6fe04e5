"""Learning from state vectors: fidelity kernels and variational classifiers."""
