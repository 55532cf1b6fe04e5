"""Inspection of the codec: every stage of every block as arrays."""
