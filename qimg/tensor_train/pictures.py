"""Pictures as tensor trains: exact, or truncated by bond dimension, discarded weight, parameters or PSNR."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, one_blas_thread, real, require, require_shape
from qimg.metrics import psnr_of_error
from qimg.tensor_train.decomposition import decompose, refine
from qimg.tensor_train.layouts import Layout, layout
from qimg.tensor_train.ranks import Sweep, Swept, at_most, search_slope
from qimg.tensor_train.sweeps import over_vector
from qimg.tensor_train.train import TensorTrain

WHITE = 255.0
"""Code value of white, the peak value of PSNR."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PictureTrain:
    """A picture as a tensor train over the bits of its pixels' indices."""

    train: TensorTrain
    """Components in the order of `layout`, without the offset."""
    layout: Layout
    """Assignment of bits to sites."""
    offset: Array
    """() or (C,) value that is added to each plane; 0 where the picture was not centred."""

    @property
    def parameters(self) -> int:
        """Number of stored numbers: those of the train, gauge included, and the offsets that are not 0."""
        return self.train.parameters + int(np.count_nonzero(self.offset))

    @property
    def degrees_of_freedom(self) -> int:
        """`parameters` minus the gauge freedom of the train."""
        return self.train.degrees_of_freedom + int(np.count_nonzero(self.offset))

    def picture(self) -> Array:
        """(H, W) or (H, W, C), neither rounded nor clipped. Cost: O(pixels · bond)."""
        return np.asarray(self.layout.crop(self.layout.to_padded(self.train.dense())) + self.offset)

    def __repr__(self) -> str:
        """Shape and train."""
        return f"PictureTrain(shape={self.layout.shape}, {self.train!r})"


def picture_train(
    picture: ArrayLike,
    *,
    order: str | Layout = "quadtree",
    levels: int = 1,
    bond: int | None = None,
    discarded_weight: float | None = None,
    parameters: int | None = None,
    psnr_db: float | None = None,
    centre: bool = False,
    refinements: int = 0,
    fillings: int = 2,
) -> PictureTrain:
    """A picture as a tensor train, exact if no limit is set.

    Sides that are not powers of two are padded. The values of the padding are free: they start as the repeated edge;
    then, `fillings` times, the values of the decoded train replace them and the picture is decomposed again. The result
    is the best of these trains; errors count only inside the picture.

    A unitary on the levels of one site changes no Schmidt value and therefore no result. Examples are an orthonormal
    colour transform, where the plane is a site, and a Haar step within a level of the quadtree.

    Args:
        picture: (H, W) or (H, W, C) finite values, not all zero.
        order: name of a layout (see `layout`), or a `Layout` of this shape.
        levels: as in `layout`.
        bond: largest bond dimension; may be combined with another limit.
        discarded_weight: largest relative squared error of the picture (minus its mean if centred), in [0, 1).
        parameters: largest number of stored numbers; the marginal weight per number is equal at all cuts.
        psnr_db: lowest PSNR with a white of 255, reached with as few numbers as possible, distributed in the same way.
        centre: store the mean of each plane separately, one number each.
        refinements: sweeps that fit neighbouring cores to the picture, as in `decompose`; with every limit.
        fillings: rounds of updating the padding.

    Raises:
        ValueError: a picture that is zero (or constant and centred), NaN, two limits, or a limit that cannot be met.

    >>> picture_train([[1.0, 2.0], [3.0, 6.0]]).picture().round(12)
    array([[1., 2.],
           [3., 6.]])
    """
    pixels = real("picture", picture)
    plan = _planned(pixels, order, levels)
    integer("fillings", fillings, 0)
    integer("refinements", refinements, 0)
    limits = {"discarded_weight": discarded_weight, "parameters": parameters, "psnr_db": psnr_db}
    named = [name for name, value in limits.items() if value is not None]
    if len(named) > 1:
        raise ValueError(f"at most one of {', '.join(limits)} may be given, but {len(named)} are: {named}")
    truncated = bond is not None or bool(named)
    if refinements and not truncated:
        raise ValueError(f"refinements have no effect on an exact train, but refinements={refinements}")
    offset = np.mean(pixels, axis=(0, 1)) if centre else np.zeros(pixels.shape[2:])
    target = pixels - offset
    energy = float((target**2).sum())
    require(energy > 0, "picture", "must not be zero (less its mean where centred)", energy)
    allowed = _allowed_error(discarded_weight, psnr_db, energy, pixels.size)
    if parameters is not None:
        parameters -= int(np.count_nonzero(offset))
    padded = plan.pad(target)
    best: tuple[float, TensorTrain] | None = None
    rounds = 1 + fillings * (truncated and padded.size > target.size)
    for _ in range(rounds):
        if allowed is None:
            vector = plan.to_vector(padded)
            train = decompose(vector, plan.dims, bond=bond, parameters=parameters, refinements=refinements).train
        else:
            train = _fewest(plan, padded, target, allowed, bond, refinements)
        if rounds == 1:  # nothing to compare or to fill, so the train is not multiplied out
            best = (0.0, train)
            break
        rebuilt = plan.to_padded(train.dense())
        cost = _error(plan, rebuilt, target) if allowed is None else float(train.parameters)
        if best is None or cost < best[0]:
            best = (cost, train)
        padded = _filled(rebuilt, target)
    assert best is not None
    return PictureTrain(train=best[1], layout=plan, offset=np.asarray(offset))


def _planned(pixels: Array, order: str | Layout, levels: int) -> Layout:
    if not isinstance(order, Layout):
        require_shape(pixels.ndim in (2, 3), "picture", "(H, W) or (H, W, C)", pixels)
        return layout(pixels.shape, order, levels=levels)
    if levels != 1:
        raise ValueError(f"levels has no effect on a Layout and must be left out, but levels={levels}")
    return order


def _allowed_error(discarded_weight: float | None, psnr_db: float | None, energy: float, pixels: int) -> float | None:
    """The largest squared error that the limits allow; None without such a limit."""
    if discarded_weight is not None:
        require(0 <= discarded_weight < 1, "discarded_weight", "must be in [0, 1)", discarded_weight)
        return discarded_weight * energy
    if psnr_db is not None:
        require(math.isfinite(psnr_db), "psnr_db", "must be finite", psnr_db)
        return float(pixels * WHITE**2 / 10 ** (psnr_db / 10))
    return None


def _fewest(
    plan: Layout, padded: Array, target: Array, allowed: float, bond: int | None, refinements: int
) -> TensorTrain:
    """The train of fewest numbers, at equal slopes, whose squared error inside the picture is at most `allowed`."""
    vector = plan.to_vector(padded)
    total = float((vector**2).sum())

    def near(train: TensorTrain) -> bool:
        return _error(plan, plan.to_padded(train.dense()), target) <= allowed

    def truncate(sweep: Sweep) -> Swept | None:
        return search_slope(sweep, total, near, steepest=True, limit=at_most(bond))

    with one_blas_thread():
        swept = truncate(over_vector(vector, plan.dims, precise=False))
        if swept is not None:
            # A fit that starts within the allowed error usually needs fewer numbers; otherwise the start is returned.
            fitted = refine(vector, swept, lambda sweep: truncate(sweep) or swept, refinements)
            return min(fitted.train, swept.train, key=lambda train: train.parameters)
    train = decompose(vector, plan.dims, bond=bond).train
    least = _error(plan, plan.to_padded(train.dense()), target)
    if bond is None or least <= allowed:  # an error below the accuracy of Gram matrices
        return train
    share, reached = allowed / float((target**2).sum()), least / float((target**2).sum())
    decibels = [psnr_of_error(error / target.size, data_range=WHITE) for error in (allowed, least)]
    raise ValueError(
        f"bond={bond} cannot reach the target of {decibels[0]:.2f} dB, a discarded weight of {share:.3g}: "
        f"the train has {decibels[1]:.2f} dB and loses {reached:.3g}"
    )


def _error(plan: Layout, rebuilt: Array, target: Array) -> float:
    return float(((plan.crop(rebuilt) - target) ** 2).sum())


def _filled(rebuilt: Array, target: Array) -> Array:
    """The picture inside the padding of the decoded train."""
    padded = rebuilt.copy()
    padded[: target.shape[0], : target.shape[1]] = target
    return padded
