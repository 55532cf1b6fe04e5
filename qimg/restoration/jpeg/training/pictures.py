"""The planes that networks are trained on."""

from collections.abc import Iterable
from typing import Any

from qimg.core.fitting import usable
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
    distinct, copies = without_copies(gather(sources, root=root))
    pictures, skipped = usable(distinct, lambda source: Picture(source.name, *planes(source)), error=ImageError)
    return [picture for _, picture in pictures], [*copies, *skipped]
