"""Evaluation of codecs and restorations on sets of pictures: rate curves, memory, summaries."""
