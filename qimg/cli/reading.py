"""Options for reading pictures, and remarks on what is not kept of them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qimg.cli.results import Done
from qimg.images import MAX_PIXELS, PictureWarning


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Limit on the pixels of a picture."""

    max_pixels: int = MAX_PIXELS
    """Largest number of pixels of a picture, which protects the memory; 0 sets no limit."""

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of the readers."""
        return {"max_pixels": self.max_pixels or None}


@dataclass(frozen=True, kw_only=True)
class Reading(Limit):
    """Reading of pictures that are not one gray or RGB picture."""

    first_frame: bool = False
    """Read the first picture of an animation or of several pages."""
    to_rgb: bool = False
    """Convert CMYK, CIELAB and HSV to 8-bit RGB, by the colour profile if there is one."""

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of `qimg.images.load`."""
        return {**super().options, "first_frame": self.first_frame, "to_rgb": self.to_rgb}


def remarked(work: Callable[..., Done], source: Path, out: Path, **options: Any) -> Done:
    """Call `work`; returns its result with the text of each `PictureWarning` that it issues as a remark."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PictureWarning)
        result = work(source, out, **options)
    texts: dict[str, None] = {}
    for one in caught:
        if issubclass(one.category, PictureWarning):
            texts[str(one.message).removeprefix(f"{source}: ").removeprefix(f"{out}: ")] = None
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    remark = "; ".join([*filter(None, [result.remark]), *texts])
    return replace(result, line="; ".join([result.line, *texts]), remark=remark)
