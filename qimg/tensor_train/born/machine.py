"""The Born machine: a distribution of binary pictures whose probabilities are squared amplitudes of a tensor train.

p(x) = ψ(x)² / Σ_y ψ(y)², with ψ a train of real cores and one binary site for each pixel. In its canonical form every
core but the first is an isometry, so that the sum over all following pixels is 1. The likelihood, the conditional
probability of each pixel given the previous ones, and samples are therefore exact and cost one pass over the cores.
"""

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, integer, one_blas_thread, plain, require, require_shape
from qimg.core.records import short_repr
from qimg.tensor_train.files import TrainFile
from qimg.tensor_train.scale import scaled
from qimg.tensor_train.train import TensorTrain
from qimg.tensor_train.training.passes import unit

MODEL = "born machine"
"""Name of the model in files."""

CHUNK = 1000
"""Pictures per batch; the vectors of a batch fit into the cache."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class BornMachine:
    """A distribution over pictures of n binary pixels, made by `machine_from_train`.

    >>> pair = TensorTrain([np.eye(2)[None], np.eye(2)[..., None]])  # |00⟩ + |11⟩
    >>> machine = machine_from_train(pair)
    >>> np.exp(machine.log_likelihood([[0, 0], [0, 1], [1, 1]])).round(6)
    array([0.5, 0. , 0.5])
    >>> machine.conditionals([1, 1]).round(6)
    array([0.5, 1. ])
    """

    train: TensorTrain
    """Right canonical and of norm 1: every core but the first is an isometry from its left bond."""

    @property
    def pixels(self) -> int:
        """Number of pixels, the sites of the train."""
        return len(self.train.cores)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write the machine to a file (`docs/formats/artifacts.md`), atomically."""
        TrainFile.of(self.train, model=MODEL, record={}).save(path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "BornMachine":
        """Read a file of `save`.

        Raises:
            ArtifactError: the file is missing or altered, or holds anything else.
        """
        return TrainFile.read(path, MODEL, lambda train, _: machine_from_train(train))

    def log_likelihood(self, images: ArrayLike) -> Array:
        """Natural logarithm of p for each picture; −∞ where p is zero. Exact. Cost: O(pictures · pixels · bond²).

        Args:
            images: (..., pixels) of zeros and ones, in the order of the sites.

        Returns:
            (...) in nats; the negative value is the code length of the picture.
        """
        pixels = binary("images", images, self.pixels)
        flat = pixels.reshape(-1, self.pixels)
        result = np.empty(len(flat))
        with one_blas_thread(), np.errstate(divide="ignore"):
            for first in range(0, len(flat), CHUNK):
                columns = np.ascontiguousarray(flat[first : first + CHUNK].T)
                vectors = np.ones((columns.shape[1], 1))
                total = np.zeros(columns.shape[1])
                for core, column in zip(self.train.cores, columns, strict=True):
                    vectors, norms = step(vectors, core, column)
                    total += np.log(norms)
                result[first : first + CHUNK] = 2 * total
        return result.reshape(pixels.shape[:-1])

    def conditionals(self, images: ArrayLike, *, floor: float = 0.0) -> Array:
        """p(xᵢ | x₁ … xᵢ₋₁) of the pixels of the pictures; the sum of their logarithms is the log likelihood.

        With a `floor` they are those of a `PixelReader` with this floor: the exact conditionals of another
        distribution, in which every picture has a positive probability. Cost: twice that of `log_likelihood`.

        Args:
            images: (..., pixels) of zeros and ones, in the order of the sites.
            floor: see `PixelReader`.

        Returns:
            (..., pixels). Conditionals after a pixel of probability zero are undefined and returned as ½.
        """
        pixels = binary("images", images, self.pixels)
        flat = pixels.reshape(-1, self.pixels)
        result = np.empty(flat.shape)
        for first in range(0, len(flat), CHUNK):
            part = flat[first : first + CHUNK]
            reader = PixelReader(self, len(part), floor=floor)
            for k in range(self.pixels):
                ones = reader.probability_of_one()
                result[first : first + CHUNK, k] = np.where(part[:, k] == 1, ones, 1 - ones)
                reader.read(part[:, k])
        return result.reshape(pixels.shape)

    def ideal_bits(self, images: ArrayLike, *, floor: float = 0.0) -> Array:
        """Code length −Σ log₂ p(xᵢ | x₁ … xᵢ₋₁) of each picture (...), in bits; not a file."""
        with np.errstate(divide="ignore"):
            return np.asarray(-np.log2(self.conditionals(images, floor=floor)).sum(axis=-1))

    def sample(self, count: int, *, rng: np.random.Generator) -> Array:
        """Independent exact samples (count, pixels), `uint8`: each pixel is drawn given the previous ones."""
        reader = PixelReader(self, count)
        result = np.empty((integer("count", count, 1), self.pixels), np.uint8)
        for k in range(self.pixels):
            result[:, k] = rng.random(count) < reader.probability_of_one()
            reader.read(result[:, k])
        return result


class PixelReader:
    """Probabilities of pixels one by one, given the previous pixels, for entropy coding.

    With a `floor` f, probabilities are clipped to [f, 1 − f]. A pixel with a probability below f counts as an error:
    the state continues as if it had the other value. The clipped conditionals define a distribution (the two
    probabilities of every pixel sum to 1) in which pictures outside the machine's support have a finite code length.
    """

    def __init__(self, machine: BornMachine, count: int, *, floor: float = 0.0) -> None:
        """Start before the first pixel of `count` pictures; 0 <= floor < ½."""
        require(bool(0.0 <= floor < 0.5), "floor", "must be in [0, 0.5)", floor)
        self._cores = machine.train.cores
        self._floor = float(floor)
        self._vectors = np.ones((integer("count", count, 1), 1))
        self._next = 0
        self._ahead: tuple[Array, Array] | None = None

    def probability_of_one(self) -> Array:
        """Probability (count,) that the next pixel is 1."""
        _, ones = self._look()
        return np.clip(ones, self._floor, 1 - self._floor)

    def read(self, values: ArrayLike) -> None:
        """Read the next pixel (count,) of each picture."""
        pixels = binary("values", values, len(self._vectors))
        ahead, ones = self._look()
        likely = np.where(pixels == 1, ones, 1 - ones) >= self._floor
        vectors = ahead[np.arange(len(ahead)), np.where(likely, pixels, 1 - pixels)]
        self._vectors, _ = unit(vectors)
        self._next, self._ahead = self._next + 1, None

    def _look(self) -> tuple[Array, Array]:
        """Vectors (count, 2, bond) after the next pixel if it is 0 or 1, and the probability that it is 1."""
        if self._next == len(self._cores):
            raise ValueError(f"all {self._next} pixels have been read")
        if self._ahead is None:
            core = self._cores[self._next]
            with one_blas_thread():
                ahead = (self._vectors @ core.reshape(len(core), -1)).reshape(-1, *core.shape[1:])
            weights = np.einsum("nkr,nkr->nk", ahead, ahead)
            total = weights.sum(axis=1)
            ones = np.divide(weights[:, 1], total, out=np.full(len(total), 0.5), where=total > 0)
            self._ahead = ahead, ones
        return self._ahead


def machine_from_train(train: TensorTrain) -> BornMachine:
    """The distribution whose probabilities are the squared components of a train, normalised.

    Args:
        train: real, two levels at each site, not zero.
    """
    require(set(train.dims) == {2}, "train", "must have two levels at each site", train.dims)
    kinds = {core.dtype.kind for core in train.cores}
    require(kinds == {"f"}, "train", "must be real", train)
    carried, cores = np.ones((1, 1)), []
    with one_blas_thread():
        for core in train.cores[:0:-1]:
            absorbed = scaled(core)[0] @ carried
            basis, rest = np.linalg.qr(absorbed.reshape(len(core), -1).T)
            cores.append(basis.T.reshape(-1, *absorbed.shape[1:]))
            carried = _of_norm_one(rest.T, train)  # the norm of many sites could overflow or underflow
        cores.append(_of_norm_one(scaled(train.cores[0])[0] @ carried, train))
    return BornMachine(train=TensorTrain(cores[::-1]))


def _of_norm_one(array: Array, train: TensorTrain) -> Array:
    norm = float(np.linalg.norm(array))
    require(norm > 0, "train", "must not be zero: it has no distribution", train)
    return array / norm


def binary(name: str, images: ArrayLike, pixels: int) -> Array:
    """`images` as `uint8` of shape (..., pixels), each 0 or 1."""
    array = plain(name, images)
    require_shape(array.ndim >= 1 and array.shape[-1] == pixels, name, f"(..., {pixels})", array)
    if array.dtype != bool:
        require(array.dtype.kind in "iuf", name, "must hold the numbers 0 and 1", array.dtype.name)
        wrong = array[(array != 0) & (array != 1)]
        require(wrong.size == 0, name, "must hold zeros and ones alone", wrong[:1].tolist())
    return array.astype(np.uint8)


def step(vectors: Array, core: Array, column: Array) -> tuple[Array, Array]:
    """Vectors (n, left) of n pictures times the core's matrices of their pixels (n,), as `unit` returns them."""
    result = np.empty((len(vectors), core.shape[2]))
    for value in (0, 1):
        rows = np.flatnonzero(column == value)
        result[rows] = vectors[rows] @ core[:, value]
    return unit(result)
