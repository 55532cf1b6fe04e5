"""JPEG files restored: the explicit estimator, networks, calibrated deviations, draws that give the file again."""
