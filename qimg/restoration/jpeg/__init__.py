"""Restoration of JPEG files: the explicit estimator, networks, calibrated deviations, consistent draws."""
