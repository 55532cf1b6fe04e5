"""Counts to numbers: intervals, mitigation of readout errors, tomography, shadows, signs."""
