"""Circuits that prepare vectors, batches of vectors and tensor trains, exactly or to a fidelity."""
