"""Pictures as tensor trains and back: exact, or truncated by bond, discarded weight, parameters or PSNR."""

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
"""Code value that PSNR is measured against."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PictureTrain:
    """A picture as a tensor train over the bits of its pixels' indices."""

    train: TensorTrain
    """Components in the order of `layout`, less the offset."""
    layout: Layout
    """Which site holds which bits."""
    offset: Array
    """() or (C,) value that was subtracted from each plane and is added again; 0 where nothing was."""

    @property
    def parameters(self) -> int:
        """Numbers stored: those of the train, gauge included, and the offsets that are not 0."""
        return self.train.parameters + int(np.count_nonzero(self.offset))

    @property
    def degrees_of_freedom(self) -> int:
        """`parameters` less the gauge freedom of the train."""
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
    """A picture as a tensor train; exact where nothing is asked for.

    Sides that are no powers of two are padded. What stands there is free, so the train may choose it: it begins
    as the repeated edge, and `fillings` times it is replaced by what the train made of it and the picture decomposed
    again. The best train is kept; errors are those of the picture's own pixels.

    A unitary on the levels of one site, such as an orthonormal change of colours where the plane is a site or a Haar
    step within a level of the quadtree, changes no Schmidt value and so nothing here.

    Args:
        picture: (H, W) or (H, W, C) finite values, not all zero.
        order: name of a layout (see `layout`), or a `Layout` of this shape.
        levels: as in `layout`.
        bond: largest bond dimension; a limit where another demand is given.
        discarded_weight: largest relative squared error of the picture (less its mean where centred), in [0, 1).
        parameters: largest count of numbers, divided among the cuts so that a number buys the same everywhere.
        psnr_db: least PSNR against white = 255; numbers are divided in the same way, and as few as that allows.
        centre: store the mean of each plane apart, one number each.
        refinements: sweeps that fit neighbouring cores to the picture, as in `decompose`; for every demand.
        fillings: rounds of filling what is padded.

    Raises:
        ValueError: a picture that is zero (or constant and centred), NaN, two demands, or a demand out of reach.

    >>> picture_train([[1.0, 2.0], [3.0, 6.0]]).picture().round(12)
    array([[1., 2.],
           [3., 6.]])
    """
    pixels = real("picture", picture)
    plan = _planned(pixels, order, levels)
    integer("fillings", fillings, 0)
    integer("refinements", refinements, 0)
    demands = {"discarded_weight": discarded_weight, "parameters": parameters, "psnr_db": psnr_db}
    named = [name for name, value in demands.items() if value is not None]
    if len(named) > 1:
        raise ValueError(f"at most one of {', '.join(demands)} may be given, but {len(named)} are: {named}")
    truncated = bond is not None or bool(named)
    if refinements and not truncated:
        raise ValueError(f"refinements have no effect on an exact train, but refinements={refinements}")
    offset = np.mean(pixels, axis=(0, 1)) if centre else np.zeros(pixels.shape[2:])
    wanted = pixels - offset
    energy = float((wanted**2).sum())
    require(energy > 0, "picture", "must not be zero (less its mean where centred)", energy)
    allowed = _allowed_error(discarded_weight, psnr_db, energy, pixels.size)
    if parameters is not None:
        parameters -= int(np.count_nonzero(offset))
    padded = plan.pad(wanted)
    best: tuple[float, TensorTrain] | None = None
    for _ in range(1 + fillings * (truncated and padded.size > wanted.size)):
        if allowed is None:
            vector = plan.to_vector(padded)
            train = decompose(vector, plan.dims, bond=bond, parameters=parameters, refinements=refinements).train
        else:
            train = _fewest(plan, padded, wanted, allowed, bond, refinements)
        shown = plan.to_padded(train.dense())
        cost = _error(plan, shown, wanted) if allowed is None else float(train.parameters)
        if best is None or cost < best[0]:
            best = (cost, train)
        padded = _filled(shown, wanted)
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
    """The squared error that was asked for, if any."""
    if discarded_weight is not None:
        require(0 <= discarded_weight < 1, "discarded_weight", "must be in [0, 1)", discarded_weight)
        return discarded_weight * energy
    if psnr_db is not None:
        require(math.isfinite(psnr_db), "psnr_db", "must be finite", psnr_db)
        return float(pixels * WHITE**2 / 10 ** (psnr_db / 10))
    return None


def _fewest(
    plan: Layout, padded: Array, wanted: Array, allowed: float, bond: int | None, refinements: int
) -> TensorTrain:
    """The train of fewest numbers, at equal slopes, whose squared error on the picture's own pixels is as allowed."""
    vector = plan.to_vector(padded)
    total = float((vector**2).sum())

    def near(train: TensorTrain) -> bool:
        return _error(plan, plan.to_padded(train.dense()), wanted) <= allowed

    def truncate(sweep: Sweep) -> Swept | None:
        return search_slope(sweep, total, near, steepest=True, limit=at_most(bond))

    with one_blas_thread():
        swept = truncate(over_vector(vector, plan.dims, precise=False))
        if swept is not None:
            # A fit that starts within reach mostly needs fewer numbers to stay there; otherwise the start is kept.
            fitted = refine(vector, swept, lambda sweep: truncate(sweep) or swept, refinements)
            return min(fitted.train, swept.train, key=lambda train: train.parameters)
    train = decompose(vector, plan.dims, bond=bond).train
    least = _error(plan, plan.to_padded(train.dense()), wanted)
    if bond is None or least <= allowed:  # nearer than a Gram matrix resolves
        return train
    share, reached = allowed / float((wanted**2).sum()), least / float((wanted**2).sum())
    decibels = [psnr_of_error(error / wanted.size, data_range=WHITE) for error in (allowed, least)]
    raise ValueError(
        f"bond={bond} cannot reach the target of {decibels[0]:.2f} dB, a discarded weight of {share:.3g}: "
        f"the train has {decibels[1]:.2f} dB and loses {reached:.3g}"
    )


def _error(plan: Layout, shown: Array, wanted: Array) -> float:
    return float(((plan.crop(shown) - wanted) ** 2).sum())


def _filled(shown: Array, wanted: Array) -> Array:
    """What the train made of the padding, around the picture itself."""
    padded = shown.copy()
    padded[: wanted.shape[0], : wanted.shape[1]] = wanted
    return padded
