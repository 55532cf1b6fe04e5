"""Experiments on learned codecs: their parts, entropy models, digits, photographs, sizes, complexity."""
