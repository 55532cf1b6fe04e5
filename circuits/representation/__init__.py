"""Pictures to states of a register and back: amplitudes, FRQI, NEQR and the others, their circuits and cost."""
