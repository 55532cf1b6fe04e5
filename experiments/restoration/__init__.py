"""Questions about restoration: gains, calibration, data, networks, other degradations."""
