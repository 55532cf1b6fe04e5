"""NEQR: one colour qubit for each bit of the level (Zhang et al., 2013)."""

import numpy as np

from circuits.representation.digits import DigitAngles

NEQR = DigitAngles(name="neqr", whole=True, digits=(0.0, np.pi))
