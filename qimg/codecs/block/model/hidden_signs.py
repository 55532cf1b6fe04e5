"""Hidden signs: the parity of the magnitudes of a set of luma coefficients gives the sign of one of them.

A set is 16 coefficients in coding order. If its magnitudes sum to `LEAST` or more, the sign of its first nonzero
coefficient is not coded: the coefficient is negative if the sum is odd. The encoder changes a magnitude by one where
the parity differs (Clare, Henry and Jung: Sign data hiding, JCTVC-G271, 2011).
"""

from qimg.core import Array
from qimg.core.compiled import compiled
from qimg.entropy.mixing import Coder, code_bypass

SET = 16
"""Coefficients of a set."""

LEAST = 4
"""Least sum of the magnitudes of a set with a hidden sign."""


@compiled
def set_total(q: Array, first: int) -> int:
    """Sum of the magnitudes of the set that begins at a coefficient."""
    total = 0
    for k in range(first, first + SET):
        total += abs(int(q[k]))
    return total


@compiled
def hidden_count(q: Array) -> int:
    """Number of hidden signs of the coefficients (n,) of a block."""
    count = 0
    for first in range(0, len(q), SET):
        if set_total(q, first) >= LEAST:
            count += 1
    return count


@compiled
def code_signs(coder: Coder, q: Array, end: int) -> None:
    """Code the signs of the coefficients of a block that are not hidden; those after `end` are zero."""
    for first in range(0, end, SET):
        total = set_total(q, first)
        hidden = total >= LEAST
        for k in range(first, first + SET):
            if q[k] != 0:
                negative = total & 1 if hidden else code_bypass(coder, 1 if q[k] < 0 else 0)
                hidden = False
                q[k] = -abs(q[k]) if negative else abs(q[k])
