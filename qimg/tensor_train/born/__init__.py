"""born."""
