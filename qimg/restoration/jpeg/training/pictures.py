"""The planes that networks are trained on."""

from collections.abc import Iterable
from typing import Any

from qimg.core.fitting import usable
from qimg.images import ImageError
from qimg.images.collections import gather, without_copies
from qimg.restoration.jpeg.fitting.draws import planes
from qimg.restoration.jpeg.training.pool import Picture


def read(sources: Iterable[Any], *, root: Any = None) -> tuple[list[Picture], list[dict[str, str]]]:
    """Read the planes of pictures as in `qimg.restoration.jpeg.fitting`; also returns the reasons for skipped ones.

    Args:
        sources: files, folders, patterns, lists or arrays, as `qimg.prior.fit` takes them.
        root: folder for relative names that do not exist in the current folder.

    Raises:
        ImageError: no picture can be used.
    """
    distinct, copies = without_copies(gather(sources, root=root))
    pictures, skipped = usable(distinct, lambda source: Picture(source.name, *planes(source)), error=ImageError)
    return [picture for _, picture in pictures], [*copies, *skipped]
