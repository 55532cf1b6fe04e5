"""Small gray pictures and what makes them binary: digits of MNIST, patches of photographs, thresholds and draws."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments._run import Array, Picture
from qimg import images

THRESHOLD, SAMPLE = "threshold", "sample"
BINARISATIONS = (THRESHOLD, SAMPLE)
"""One where the code value is above half of white; or one with probability value/255."""

MNIST = ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz")
"""Files of training and test digits in the set `mnist`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection:
    """Pictures (n, height, width) in code values to learn from, and others to test on."""

    name: str
    train: Array
    test: Array


def digits(count: int) -> Collection:
    """The first `count` training digits of MNIST, and all test digits.

    Raises:
        ImageError: QIMG_DATA holds no such set, or fewer digits.
    """
    train, test = (images.read_idx(path, 3) for path in mnist_files())
    if count > len(train):
        raise images.ImageError(f"digits must be at most {len(train)}, as many as mnist holds, but digits={count}")
    return Collection(name="mnist", train=train[:count], test=test)


def mnist_files(names: Sequence[str] = MNIST) -> list[Path]:
    """The files of training and test digits, or others of the set `mnist`.

    Raises:
        ImageError: QIMG_DATA is not set or holds no set `mnist`.
    """
    root = os.environ.get("QIMG_DATA")
    if root is None:
        raise images.ImageError("digits need the set mnist in the folder that QIMG_DATA names, but it is not set")
    found = [Path(root) / "mnist" / name for name in names]
    for path in found:
        if not path.is_file():
            raise images.ImageError(f"{path}: no such file; digits need the set mnist in QIMG_DATA")
    return found


def mnist_inputs(names: Sequence[str] = MNIST) -> list[Picture]:
    """Those files as inputs of an experiment, with the hash of their bytes."""
    return [
        Picture(name=path.name, path=path, box_mean=1, pixels=0, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
        for path in mnist_files(names)
    ]


def luma_patches(picture: Picture, *, side: int, count: int, rng: np.random.Generator) -> Collection:
    """Luma patches of a picture, drawn from its grid: at most `count` to learn from and as many to test on.

    A picture of one patch is tested on what was learnt from.
    """
    luma = picture.luma()
    height, width = min(side, luma.shape[0]), min(side, luma.shape[1])
    whole = luma[: luma.shape[0] // height * height, : luma.shape[1] // width * width]
    grid = whole.reshape(whole.shape[0] // height, height, -1, width).swapaxes(1, 2).reshape(-1, height, width)
    grid = grid[rng.permutation(len(grid))]
    half = min(count, max(1, len(grid) // 2))
    return Collection(name=picture.name, train=grid[:half], test=grid[-half:])


def binarise(pictures: Array, binarisation: str, rng: np.random.Generator) -> Array:
    """Pictures (n, height, width) in code values as zeros and ones (n, height · width), row by row."""
    flat = pictures.reshape(len(pictures), -1)
    if binarisation == THRESHOLD:
        return (flat > 127).astype(np.uint8)
    return (rng.random(flat.shape) < flat / 255).astype(np.uint8)
