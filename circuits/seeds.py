"""The argument `seed` of the functions of `circuits`: its check, and the seeds derived from it.

A seed is an integer in [0, 2³¹) for all random numbers of a call: shots of a simulator, random bases, errors of the
generic device, starts of a search. The default is 0, so that the same call gives the same result; None draws a random
seed. It has no effect on the shots of a device. Functions that resample data in NumPy have the argument `rng`, a
`numpy.random.Generator`, instead.
"""

import hashlib

import numpy as np

from qimg.core import integer

MAX_SEED = 2**31 - 1
"""Largest seed that Aer accepts."""


def checked_seed(seed: int | None) -> int:
    """The seed, which must be in [0, 2³¹); for None a random one."""
    if seed is None:
        return int(np.random.default_rng().integers(MAX_SEED))
    return integer("seed", seed, 0, MAX_SEED)


def stream_seed(seed: int, name: str) -> int:
    """The seed of a named part of a call, such as a circuit or a batch; parts with other names are independent."""
    return int(hashlib.sha256(f"{seed} {name}".encode()).hexdigest()[:7], 16)
