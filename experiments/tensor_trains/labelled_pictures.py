"""Small gray pictures with labels: digits of MNIST, and patches of photographs as they are or upside down."""

from dataclasses import dataclass, replace

import numpy as np

from experiments._run import Array, Picture
from experiments.tensor_trains.binary_pictures import MNIST, luma_patches, mnist_files
from qimg import images
from qimg.tensor_train import picture_train

LABELS = ("train-labels-idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
"""Files of the labels of training and test digits in the set `mnist`."""

FILES = (*MNIST, *LABELS)

SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
"""Rows and columns by which copies of a picture are shifted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled:
    """Pictures (n, height, width) in [0, 1] with labels (n,), to learn from and to test on."""

    name: str
    train: Array
    train_labels: Array
    test: Array
    test_labels: Array

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(np.unique(self.train_labels))

    def smaller(self, factor: int) -> "Labelled":
        """Means over boxes of factor × factor pixels, at most the whole picture."""
        train, test = (_box_means(pictures, factor) for pictures in (self.train, self.test))
        return replace(self, train=train, test=test)

    def shifted(self) -> "Labelled":
        """Five copies of each training picture, shifted by a pixel in four directions; black enters."""
        copies = [_moved(self.train, *by) for by in SHIFTS]
        return replace(self, train=np.concatenate(copies), train_labels=np.tile(self.train_labels, len(SHIFTS)))


def labelled_digits(count: int) -> Labelled:
    """The first `count` training digits of MNIST, and all test digits.

    Raises:
        ImageError: QIMG_DATA holds no such set, or fewer digits.
    """
    train, test = (images.read_idx(path, 3) for path in mnist_files())
    train_labels, test_labels = (images.read_idx(path, 1) for path in mnist_files(LABELS))
    if count > len(train):
        raise images.ImageError(f"digits must be at most {len(train)}, as many as mnist holds, but digits={count}")
    return Labelled(
        name="mnist",
        train=(train[:count] / 255).astype(np.float32),
        train_labels=train_labels[:count],
        test=(test / 255).astype(np.float32),
        test_labels=test_labels,
    )


def upright_patches(picture: Picture, *, side: int, count: int, rng: np.random.Generator) -> Labelled:
    """Luma patches of a picture, each as it is (label 1) and upside down (label 0)."""
    one = luma_patches(picture, side=side, count=count, rng=rng)
    train, test = ((pictures / 255).astype(np.float32) for pictures in (one.train, one.test))
    return Labelled(
        name=picture.name,
        train=np.concatenate([train, train[:, ::-1]]),
        train_labels=np.repeat([1, 0], len(train)),
        test=np.concatenate([test, test[:, ::-1]]),
        test_labels=np.repeat([1, 0], len(test)),
    )


def along_a_snake(pictures: Array) -> Array:
    """Pixels (n, height · width), odd rows from right to left, so that neighbours of the order are neighbours."""
    turned = pictures.copy()
    turned[:, 1::2] = turned[:, 1::2, ::-1]
    return turned.reshape(len(pictures), -1)


def low_depth_states(pictures: Array, *, bond: int) -> Array:
    """State vectors (n, 2^q) of pictures as trains over their index bits in Morton order, truncated to a bond.

    A train of bond 2 over q qubits is prepared by q − 1 gates on two qubits. A black picture, and one of a single
    pixel, is |0…0⟩.
    """
    if pictures.shape[1] * pictures.shape[2] == 1:
        return np.tile([1.0, 0.0], (len(pictures), 1))
    states = []
    for picture in pictures.astype(float):
        train = picture_train(picture, order="morton", bond=bond, fillings=0) if picture.any() else None
        states.append(np.eye(1, _register(picture))[0] if train is None else train.train.dense())
    return np.array(states)


def _register(picture: Array) -> int:
    """Components of the state of a picture: both sides padded to powers of two."""
    return int(np.prod([1 << (length - 1).bit_length() for length in picture.shape]))


def _box_means(pictures: Array, factor: int) -> Array:
    height, width = (min(factor, length) for length in pictures.shape[1:])
    rows, columns = pictures.shape[1] // height, pictures.shape[2] // width
    whole = pictures[:, : rows * height, : columns * width]
    return whole.reshape(len(pictures), rows, height, columns, width).mean(axis=(2, 4))


def _moved(pictures: Array, rows: int, columns: int) -> Array:
    padded = np.pad(pictures, [(0, 0), (1, 1), (1, 1)])
    return padded[:, 1 - rows : padded.shape[1] - 1 - rows, 1 - columns : padded.shape[2] - 1 - columns]
