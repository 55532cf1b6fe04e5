"""Pictures of sides that are powers of two, and orders of the qubits of their FRQI and amplitude states."""

import numpy as np
from PIL import Image

from experiments._run import Array

CENTRED, HIERARCHICAL = "centred", "hierarchical"
"""Orders of the qubits."""


def square(pictures: Array, *, resized: bool) -> Array:
    """8-bit pictures of equal sides that are a power of two, padded with black around the picture or resized."""
    height, width = pictures.shape[1:]
    side = max(2, 1 << (max(height, width) - 1).bit_length())
    rounded = np.clip(np.round(pictures), 0, 255).astype(np.uint8)
    if resized:
        sized = [Image.fromarray(one).resize((side, side), Image.Resampling.BILINEAR) for one in rounded]
        return np.stack([np.asarray(one) for one in sized])
    margins = [((side - length) // 2, (side - length + 1) // 2) for length in (height, width)]
    return np.pad(rounded, [(0, 0), *margins])


def chain_of(chain: str, encoding: str, n_qubits: int) -> list[int]:
    """Qubit of each site; columns are the lowest qubits, then rows, and the colour is the highest."""
    colour = [n_qubits - 1] if encoding == "frqi" else []
    positions = n_qubits - len(colour)
    columns, rows = list(range(positions // 2)), list(range(positions // 2, positions))
    if chain == CENTRED:
        return [*rows, *colour, *columns[::-1]]
    return [*colour, *(bit for pair in zip(rows[::-1], columns[::-1], strict=True) for bit in pair)]
