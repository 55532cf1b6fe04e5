"""Representations of pictures as states of a register: amplitudes, FRQI, NEQR and others, with circuits and costs."""
