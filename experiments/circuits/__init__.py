"""Questions about circuits: what preparation, representations, transforms, shots and noise cost."""
