"""The photographs that the learned codec is trained on, from which crops are cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor

from qimg import images
from qimg.codecs.learned.design import BLOCK, COLOURS, MIDDLE
from qimg.codecs.training import Pictures
from qimg.core import Array
from qimg.core.fitting import usable
from qimg.images import ImageError
from qimg.images.collections import Source, gather, pixel_digest, without_copies


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool:
    """Photographs in one flat tensor."""

    pixels: Tensor
    """(N, 3) uint8."""
    starts: Tensor
    """(D,) first pixel of each photograph."""
    sides: Tensor
    """(D, 2) whole blocks of 8×8 pixels in rows and columns."""
    widths: Tensor
    """(D,) pixels of a row."""

    @classmethod
    def of(cls, photographs: Sequence[Array]) -> "Pool":
        """The pool of photographs (H, W, 3) uint8."""
        areas = np.array([one.shape[0] * one.shape[1] for one in photographs])
        shapes = torch.tensor([one.shape[:2] for one in photographs])
        return cls(
            pixels=torch.from_numpy(np.concatenate([one.reshape(-1, COLOURS) for one in photographs])),
            starts=torch.from_numpy(np.cumsum(areas) - areas),
            sides=shapes // BLOCK,
            widths=shapes[:, 1].clone(),
        )

    @property
    def device(self) -> torch.device:
        """Device that holds the tensors."""
        return self.pixels.device

    def to(self, device: torch.device) -> "Pool":
        """The pool on another device."""
        return Pool(**{name: value.to(device) for name, value in vars(self).items()})

    def crops(self, places: Tensor, side: int) -> Tensor:
        """The crops (B, 3, 8 side, 8 side) at places (B, 3), code values minus 128."""
        draw, row, column = places.unbind(1)
        stride = self.widths[draw]
        span = torch.arange(BLOCK * side, device=self.device)
        corner = self.starts[draw] + BLOCK * (row * stride + column)
        index = corner[:, None, None] + span[:, None] * stride[:, None, None] + span
        return self.pixels[index].permute(0, 3, 1, 2).float() - MIDDLE


def read(sources: Iterable[Any], *, root: Any = None) -> tuple[list[Array], Pictures]:
    """Read photographs as (H, W, 3) uint8; JPEG files are reduced by 2×2 means, which blurs their grid.

    Args:
        sources: files, folders, patterns, lists or arrays.
        root: folder for relative names that do not exist in the current folder.

    Raises:
        ImageError: no picture can be used.
    """
    distinct, copies = without_copies(gather(sources, root=root))
    pictures, skipped = usable(distinct, _photograph, error=ImageError)
    photographs = [pixels for _, (pixels, _) in pictures]
    names = [source.name for source, _ in pictures]
    digests = dict(zip((digest for _, (_, digest) in pictures), names, strict=True))
    return photographs, Pictures(names=names, digests=digests, skipped=[*copies, *skipped])


def _photograph(source: Source) -> tuple[Array, str]:
    """Pixels, and the digest of the pixels of the file."""
    pixels, _ = source.read()
    if pixels.dtype != np.uint8:
        raise ImageError(f"{source.name}: must have 8 bits per sample, but is {pixels.dtype.name}")
    reduced = np.rint(images.box_mean(pixels, 2)).astype(np.uint8) if source.jpeg else pixels
    if reduced.ndim == 2:
        reduced = np.repeat(reduced[..., None], COLOURS, axis=2)
    return np.ascontiguousarray(reduced), pixel_digest(pixels)


class Basis(NamedTuple):
    """The KLT of blocks."""

    functions: Array
    """(channels, 3, 8, 8) orthonormal, in the order of eigenvalues, each positive on average."""
    deviations: Array
    """(channels,) root mean square of coefficients, in code values."""


_OPEN = 1e-12
"""Share of the energy that cosines get, so that eigenvectors of pictures without energy are not single pixels."""


def _smooth() -> Array:
    """(192, 192) correlation of blocks whose cosines have less energy the higher their frequency and colour."""
    cosines = dct(np.eye(BLOCK), norm="ortho", axis=0)
    frequency = np.add.outer(np.arange(BLOCK), np.arange(BLOCK)).ravel()
    weights = 1 / (1.0 + frequency + np.arange(BLOCK * BLOCK) / (BLOCK * BLOCK))
    colours = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
    basis = np.kron(colours, np.kron(cosines, cosines))
    return np.asarray(basis.T * np.concatenate([weights, weights / 2, weights / 4]) @ basis)


def block_basis(photographs: Sequence[Array], channels: int) -> Basis:
    """The KLT of 8×8 blocks of photographs, which have equal weight; cosines where they leave the basis open."""
    size = COLOURS * BLOCK * BLOCK
    correlation = np.zeros((size, size))
    for one in photographs:
        rows, columns = (length // BLOCK for length in one.shape[:2])
        inside = one[: rows * BLOCK, : columns * BLOCK].astype(np.float64) - MIDDLE
        blocks = inside.reshape(rows, BLOCK, columns, BLOCK, COLOURS).transpose(0, 2, 4, 1, 3).reshape(-1, size)
        correlation += blocks.T @ blocks / max(len(blocks), 1)
    energy = max(float(np.trace(correlation)), 1.0)
    values, vectors = np.linalg.eigh((correlation + _OPEN * energy * _smooth()) / len(photographs))
    functions = vectors.T[::-1][:channels]
    signs = np.where(functions.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    return Basis(
        (functions * signs).reshape(channels, COLOURS, BLOCK, BLOCK), np.sqrt(np.maximum(values[::-1][:channels], 0))
    )
