"""INEQR: NEQR with rows and columns padded separately to powers of two (Jiang and Wang, 2015)."""

import numpy as np

from circuits.representation.digits import DigitAngles

INEQR = DigitAngles(name="ineqr", whole=True, square=False, digits=(0.0, np.pi))
