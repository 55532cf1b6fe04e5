"""Estimation from counts: intervals, mitigation of readout errors, tomography, shadows, signs."""
