"""IFRQI: one colour qubit for two bits, at angles that a few shots distinguish (Khan, 2019)."""

import numpy as np

from circuits.representation.digits import DigitAngles

IFRQI = DigitAngles(name="ifrqi", whole=True, digits=tuple(np.array([0.0, 0.2, 0.3, 0.5]) * 2 * np.pi))
"""0, 2π/5, 3π/5 and π."""
