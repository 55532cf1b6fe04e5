"""The planes that networks are trained on, decoded once and kept in one file."""

import io
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from qimg.core.arguments import Array, require
from qimg.core.files import write_atomically
from qimg.images import ImageError
from qimg.images.collections import gather, without_copies
from qimg.restoration.jpeg.fitting.draws import planes
from qimg.restoration.jpeg.training.pool import Picture


def read(sources: Iterable[Any], *, root: Any = None) -> tuple[list[Picture], list[dict[str, str]]]:
    """The planes of pictures, as `qimg.restoration.jpeg.fitting` makes them, and why others are left out.

    Args:
        sources: files, folders, patterns, lists or arrays, as `qimg.prior.fit` takes them.
        root: folder in which names are looked up that do not exist as given.

    Raises:
        ImageError: no picture can be used.
    """
    found, skipped = without_copies(gather(sources, root=root))
    pictures = []
    for source in found:
        try:
            luma, chroma = planes(source)
        except ImageError as error:
            skipped = [*skipped, {"name": source.name, "skipped": str(error)}]
        else:
            pictures.append(Picture(source.name, luma, chroma))
    if not pictures:
        raise ImageError(f"none of the {len(found)} pictures can be used: {skipped[0]['skipped'] if skipped else ''}")
    return pictures, skipped


def save(path: str | os.PathLike[str], pictures: Iterable[Picture]) -> None:
    """Keep planes in a file: luma as bytes, chroma at half size in quarters of a code value."""
    arrays: dict[str, Array] = {}
    for number, picture in enumerate(pictures):
        arrays[f"{number} name"] = np.array(picture.name)
        arrays[f"{number} luma"] = _steps(picture.luma.astype(np.uint8))
        for plane, values in zip(("cb", "cr"), picture.chroma, strict=False):
            arrays[f"{number} {plane}"] = _steps(np.rint(4 * values).astype(np.uint16))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())


def load(path: str | os.PathLike[str]) -> list[Picture]:
    """The planes of a file that `save` wrote.

    Raises:
        ValueError: it is missing, cut, or of something else.
    """
    rule = "must be a file of planes that `save` wrote"
    require(zipfile.is_zipfile(path), "path", rule, os.fspath(path))
    with np.load(Path(path), allow_pickle=False) as arrays:
        require("0 name" in arrays, "path", rule, os.fspath(path))
        count = sum(name.endswith(" name") for name in arrays.files)
        return [
            Picture(
                str(arrays[f"{number} name"]),
                _summed(arrays[f"{number} luma"]).astype(np.float32),
                [
                    _summed(arrays[f"{number} {plane}"]).astype(np.float32) / 4
                    for plane in ("cb", "cr")
                    if f"{number} {plane}" in arrays
                ],
            )
            for number in range(count)
        ]


def _steps(plane: Array) -> Array:
    """What each sample adds to its left neighbour, modulo the range of its type: smaller files."""
    return np.diff(plane, axis=1, prepend=plane.dtype.type(0))


def _summed(steps: Array) -> Array:
    return np.cumsum(steps, axis=1, dtype=steps.dtype)
