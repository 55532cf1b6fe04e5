"""Quantum algorithms on density matrices of pictures."""
