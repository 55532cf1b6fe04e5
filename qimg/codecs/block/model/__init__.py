"""Both sides: the entropy model's contexts, its state and the fitted tables."""
