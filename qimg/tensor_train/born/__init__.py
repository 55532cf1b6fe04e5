"""Born machines: distributions of binary pictures whose probabilities are squared amplitudes of a tensor train."""
