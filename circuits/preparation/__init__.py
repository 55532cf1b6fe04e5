"""Vectors, batches of them and tensor trains to circuits that prepare them, exactly or to a fidelity."""
