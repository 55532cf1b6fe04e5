"""Noise, holes, a known blur and half the resolution undone: one conditional expectation under the prior."""
