"""Order of the ellipses of a fit: each lowers the squared error most of those that are left (matching pursuit)."""

import numpy as np

from qimg.codecs.sketch import fit as fitting
from qimg.codecs.sketch.fit import Fit
from qimg.codecs.sketch.jacobian import add
from qimg.core import Array


def by_gain(fit: Fit) -> Array:
    """Indices (n,) of the ellipses, from the one that lowers the error of the base alone most.

    Ellipses that cancel each other gain little alone, whatever their energy is. Cost: O(n² · pixels) for their inner
    products.
    """
    ellipses = np.zeros((len(fit.ellipses), *fit.target.shape), np.float32)
    for one, values in zip(fit.ellipses, ellipses, strict=True):
        add(fit.grid, one, values)
    flat = ellipses.reshape(len(ellipses), -1)
    products = (flat @ flat.T).astype(float)
    residual = (fit.target - fitting.picture(fit, fit.ellipses[:0])).ravel()
    gains = 2 * (flat @ residual).astype(float) - np.diag(products)
    order = np.zeros(len(gains), np.int64)
    for place in range(len(gains)):
        order[place] = chosen = int(np.argmax(gains))
        gains -= 2 * products[chosen]
        gains[chosen] = -np.inf
    return order
