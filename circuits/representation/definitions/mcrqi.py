"""MCRQI: FRQI for colour pictures, with the number of the plane among the positions (Sun et al., 2013)."""

from circuits.representation.definitions.frqi import SingleAngle

MCRQI = SingleAngle(name="mcrqi", channels=(3, 4))
