"""How good codecs and restorations are over sets of pictures: rate curves, memory, summaries."""
