"""Encoder side: targets, search over blocks and classes, rate and distortion, a picture to bytes."""
