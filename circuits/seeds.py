"""What `seed` means in every function of `circuits`: one meaning, one default, one check, one way to derive streams.

A seed is an integer in [0, 2³¹) for everything that the call draws: shots of a simulator, random bases, errors of the
generic device, starts of a search. It is 0 when left out, so that the same call gives the same result; None draws a
fresh one. Devices draw their own shots. Functions that resample data in NumPy take a `numpy.random.Generator`, `rng`.
"""

import hashlib

import numpy as np

from qimg.core import integer

MAX_SEED = 2**31 - 1
"""Largest seed: the largest that Aer takes."""


def checked_seed(seed: int | None) -> int:
    """The seed, which must be in [0, 2³¹), or a fresh one for None."""
    if seed is None:
        return int(np.random.default_rng().integers(MAX_SEED))
    return integer("seed", seed, 0, MAX_SEED)


def stream_seed(seed: int, name: str) -> int:
    """The seed of one named part of a call, such as a circuit or a batch: parts of other names draw independently."""
    return int(hashlib.sha256(f"{seed} {name}".encode()).hexdigest()[:7], 16)
