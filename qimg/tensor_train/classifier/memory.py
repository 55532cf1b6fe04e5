"""Memory that training takes, and the largest bond dimension that fits."""

from qimg.core import require
from qimg.tensor_train.classifier.features import LEVELS

LIMIT = 4 * 2**30
"""Default limit on the memory of a training, in bytes."""


def needed(solver: str, bond: int, *, count: int, sites: int, labels: int, batch: int) -> int:
    """Bytes of the largest arrays of a training.

    Args:
        solver: "gradient" or "sweeps".
        bond: bond dimension.
        count: samples.
        sites: pixels of each.
        labels: classes.
        batch: samples of a step of the solver "gradient".
    """
    samples = 4 * count * sites
    if solver == "gradient":
        # Numbers, gradients, two moments and three temporary arrays; the vectors of a batch at all sites.
        numbers = 7 * 4 * (LEVELS * sites + labels) * bond**2
        return samples + numbers + 4 * batch * (sites * (bond + 2 * LEVELS) + 2 * labels * bond)
    # Vectors of all samples on both sides, the pixels' vectors, and centres.
    return samples + 8 * count * sites * (bond + LEVELS) + 8 * 4 * (LEVELS * sites + LEVELS**2 * labels) * bond**2


def require_memory(solver: str, bond: int, *, limit: int, count: int, sites: int, labels: int, batch: int) -> None:
    """Raise `ValueError` with the largest bond dimension that fits unless a training takes at most `limit` bytes."""

    def fits(size: int) -> bool:
        return needed(solver, size, count=count, sites=sites, labels=labels, batch=batch) <= limit

    if fits(bond):
        return
    low, high = 0, bond  # 0 is the answer where not even a bond of 1 fits
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    if low == 0:
        least = needed(solver, 1, count=count, sites=sites, labels=labels, batch=batch)
        require(False, "memory_limit", f"must be at least {least} bytes for {count} pictures of {sites} pixels", limit)
    rule = f"must be at most {low} for {count} pictures of {sites} pixels within {limit / 2**30:g} GiB (memory_limit)"
    require(False, "bond_dimension", rule, bond)
