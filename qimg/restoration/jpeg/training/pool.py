"""Training data of networks: planes of pictures, quantized at many qualities, from which crops are cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from qimg.core import Array, integer, require
from qimg.core.artifacts import Artifact
from qimg.core.workers import open_workers
from qimg.images.jpeg.blocks import BLOCK, DCT
from qimg.restoration.jpeg.fitting.draws import Draw, drawn, table
from qimg.restoration.jpeg.model import Model

FINE = 64
"""Steps per code value in which true samples and estimates are stored."""
TILTED = 0.15
"""Share of the tables whose steps are tilted over frequency, as in encoders other than libjpeg."""


class Picture(NamedTuple):
    """The planes of one picture."""

    name: str
    luma: Array
    """(H, W) float32 code values."""
    chroma: list[Array]
    """Cb and Cr at half size; may be empty."""


class Crops(NamedTuple):
    """A batch of crops that begin at corners of the grid."""

    truth: Tensor
    """(B, 1, n, n) float32 code values."""
    decoded: Tensor
    """(B, 1, n, n)."""
    tables: Tensor
    """(B, 8, 8)."""
    estimate: Tensor | None
    """(B, 1, n, n)."""
    pictures: Tensor
    """(B,) number of the picture."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool:
    """Draws in concatenated flat tensors."""

    truth: Tensor
    """(N,) int16, in steps of 1 / `FINE` code values."""
    coefficients: Tensor
    """(N,) int16, stored at the places of the samples of their blocks."""
    estimate: Tensor | None
    """(N,) int16, as `truth`."""
    starts: Tensor
    """(D,) first sample of each draw."""
    sides: Tensor
    """(D, 2) rows and columns of blocks."""
    tables: Tensor
    """(D, 8, 8)."""
    pictures: Tensor
    """(D,) number of the picture of each draw."""

    @property
    def device(self) -> torch.device:
        """Device that holds the tensors."""
        return self.truth.device

    def to(self, device: torch.device) -> "Pool":
        """The pool on another device."""
        tensors: dict[str, Any] = {
            name: None if value is None else value.to(device) for name, value in vars(self).items()
        }
        return Pool(**tensors)

    def crops(self, places: Tensor, side: int) -> Crops:
        """The crops of side × side blocks at places, on the pool's device."""
        draw, row, column = places.unbind(1)
        length = BLOCK * side
        stride = BLOCK * self.sides[draw, 1]
        span = torch.arange(length, device=self.device)
        corner = self.starts[draw] + BLOCK * (row * stride + column)
        index = corner[:, None, None] + span[:, None] * stride[:, None, None] + span
        steps = self.tables[draw]
        scaled = self.coefficients[index].float().view(-1, side, BLOCK, side, BLOCK) * steps[:, None, :, None, :]
        blocks = scaled.transpose(2, 3).reshape(-1, BLOCK * BLOCK) @ _transform(steps.device)
        decoded = blocks.view(-1, side, side, BLOCK, BLOCK).transpose(2, 3).reshape(-1, 1, length, length) + 128
        estimate = None if self.estimate is None else self.estimate[index].float()[:, None] / FINE
        return Crops(self.truth[index].float()[:, None] / FINE, decoded, steps, estimate, self.pictures[draw])


@cache
def _transform(device: torch.device) -> Tensor:
    return torch.from_numpy(DCT.copy()).to(device)


def quality_table(low: int, high: int, *, chroma: bool, rng: np.random.Generator) -> Array:
    """A table whose quality is drawn uniformly in its logarithm; a share `TILTED` of the tables is tilted."""
    quality = int(np.floor(np.exp(rng.uniform(np.log(low), np.log(high + 1)))))
    steps = table(quality, chroma=chroma)
    if rng.random() >= TILTED:
        return steps
    frequency = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)) / (BLOCK - 1) - 1
    return np.clip(np.rint(steps * np.exp(rng.uniform(-0.7, 0.7) * frequency)), 1, 255)


def turned(plane: Array, element: int) -> Array:
    """The plane in one of the eight orientations of the square."""
    out = plane.T if element & 4 else plane
    out = out[:, ::-1] if element & 1 else out
    return out[::-1] if element & 2 else out


def make(
    pictures: Sequence[Picture],
    *,
    versions: int,
    seed: int,
    qualities: tuple[int, int] = (5, 95),
    least: int = 8,
    chroma: bool = True,
    advisers: Sequence[Model] = (),
    effort: int = 1,
    workers: int = 1,
) -> Pool:
    """Draw every picture several times, each with a random orientation, offset of the grid, and quality.

    Args:
        pictures: pictures to draw from.
        versions: draws of each picture's luma; chroma, if any, is drawn with a third of them.
        seed: seed of all randomness; the result does not depend on the number of workers.
        qualities: lowest and highest quality of libjpeg.
        least: smallest number of blocks on a side of a draw; smaller planes are left out.
        chroma: draw chroma as well.
        advisers: explicit estimators; for each picture the first one that was not fitted on it is used. Without them
            there are no estimates.
        effort: number of their stages that are applied.
        workers: number of processes.

    Raises:
        ValueError: all advisers were fitted on one of the pictures, or no plane is large enough.
    """
    work = partial(_drawn, versions=versions, qualities=qualities, least=least, seed=seed, chroma=chroma, effort=effort)
    chosen = [advisers[first_not_fitted_on(picture.name, advisers)] if advisers else None for picture in pictures]
    jobs = list(zip(range(len(pictures)), pictures, chosen, strict=True))
    with open_workers(integer("workers", workers, 1)) as pool:
        together = [entry for some in pool.map(work, jobs, None) for entry in some]
    # A plane with this many samples has enough whole blocks for every offset of the grid.
    enough = BLOCK * least + BLOCK - 1
    largest = max((min(picture.luma.shape) for picture in pictures), default=0)
    require(bool(together), "pictures", f"must hold one of at least {enough} samples on a side", largest)
    return assembled(together)


class Entry(NamedTuple):
    """A draw as it is stored in a pool."""

    picture: int
    truth: Array
    coefficients: Array
    estimate: Array | None
    sides: tuple[int, int]
    table: Array


def entry(picture: int, draw: Draw, estimate: Array | None) -> Entry:
    """The entry of a draw of a picture and of its explicit estimate (8R, 8C)."""
    rows, columns = draw.coefficients.shape[:2]
    return Entry(
        picture,
        _fine(draw.plane),
        draw.coefficients.transpose(0, 2, 1, 3).ravel(),
        None if estimate is None else _fine(estimate),
        (rows, columns),
        draw.table.astype(np.float32),
    )


def assembled(entries: Sequence[Entry]) -> Pool:
    """The pool of draws."""
    lengths = np.array([len(one.truth) for one in entries])
    estimates = [one.estimate for one in entries if one.estimate is not None]
    return Pool(
        truth=torch.from_numpy(np.concatenate([one.truth for one in entries])),
        coefficients=torch.from_numpy(np.concatenate([one.coefficients for one in entries])),
        estimate=torch.from_numpy(np.concatenate(estimates)) if estimates else None,
        starts=torch.from_numpy(np.cumsum(lengths) - lengths),
        sides=torch.tensor([one.sides for one in entries]),
        tables=torch.from_numpy(np.array([one.table for one in entries])),
        pictures=torch.tensor([one.picture for one in entries]),
    )


def fitted_on(prior: Artifact, name: str) -> bool:
    """Whether a prior was fitted on a picture."""
    return name in (entry["name"] if isinstance(entry, dict) else entry for entry in prior.provenance["inputs"])


def first_not_fitted_on(name: str, priors: Sequence[Artifact]) -> int:
    """The index of the first prior that was not fitted on a picture.

    Raises:
        ValueError: every prior was fitted on the picture, or there are none. A network would learn to rely too much on
            such a prior.
    """
    require(len(priors) > 0, "priors", "must hold one that was not fitted on each picture", [])
    for index, prior in enumerate(priors):
        if not fitted_on(prior, name):
            return index
    raise ValueError(f"priors must hold one that was not fitted on each picture, but all were fitted on {name}")


def _fine(plane: Array) -> Array:
    return np.clip(np.rint(FINE * plane.ravel()), -32768, 32767).astype(np.int16)


def _drawn(
    job: tuple[int, Picture, Model | None],
    _: None,
    *,
    versions: int,
    qualities: tuple[int, int],
    least: int,
    seed: int,
    chroma: bool,
    effort: int,
) -> list[Entry]:
    """The draws of one picture."""
    from qimg.restoration.jpeg.estimator import Explicit, in_strips

    number, picture, adviser = job
    rng = np.random.default_rng([seed, number])
    entries: list[Entry] = []
    for version in range(versions):
        planes = [(picture.luma, False)]
        if chroma and picture.chroma and version % 3 == 0:
            planes.append((picture.chroma[int(rng.integers(2))], True))
        for plane, is_chroma in planes:
            whole = turned(plane, int(rng.integers(8)))
            top, left = rng.integers(BLOCK, size=2)
            rows, columns = ((length - first) // BLOCK for length, first in zip(whole.shape, (top, left), strict=True))
            steps = quality_table(*qualities, chroma=is_chroma, rng=rng)
            if min(rows, columns) < least:
                continue
            cut = np.ascontiguousarray(whole[top : top + BLOCK * rows, left : left + BLOCK * columns])
            draw = drawn(cut, steps)
            estimate = None
            if adviser is not None:
                estimate = in_strips(Explicit(adviser, effort), draw.coefficients, draw.table).values
            entries.append(entry(number, draw, estimate))
    return entries
