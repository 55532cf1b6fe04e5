"""The pictures that an experiment runs on: photographs bundled with scikit-image, or files and folders."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from pathlib import Path

from experiments._run.parameters import Sources
from qimg import images
from qimg.core import Array, Track, integer
from qimg.images.collections import Skipped, pixel_digest
from qimg.images.jpeg.traces import jpeg_grid, lossy_format
from qimg.operators import CorrelationOperator

__all__ = [
    "LARGE", "FittingParams", "Gathered", "LeaveOneOut", "Picture", "PictureParams", "Skipped", "Track",
    "bundled", "gather", "others",
]  # fmt: skip

LARGE = 1_500_000
"""Number of pixels above which a picture is reduced with `box_mean=0`."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture, read when it is needed."""

    name: str
    path: Path | None
    box_mean: int
    pixels: int
    """Number of pixels before downscaling."""
    sha256: str
    """Of the pixels without alpha: the same picture in two files has one hash."""
    compressed: str = ""
    """How the picture was compressed with loss before, such as "JPEG file"; "" if there is no trace of it."""

    @property
    def remark(self) -> str:
        """What was done with a picture that was compressed before, in one line; "" for any other picture."""
        if not self.compressed:
            return ""
        done = f"averaged over {self.box_mean}×{self.box_mean} boxes" if self.box_mean > 1 else "used as it is"
        return f"{self.name}: was compressed before ({self.compressed}), so that it is no original: {done}"

    def image(self) -> Array:
        """Pixels without alpha, downscaled by `box_mean`."""
        pixels = images.bundled(self.name) if self.path is None else images.load(self.path)
        factor = min(self.box_mean, *pixels.shape[:2])
        return images.box_mean(images.without_alpha(pixels), factor)

    def code_values(self) -> Array:
        """Pixels without alpha, rounded to whole code values, (H, W) or (H, W, 3) `uint8`."""
        return images.to_uint8(images.code_values(self.image()))

    def planes(self) -> Array:
        """Y'CbCr planes (H, W, 3) in code values."""
        return images.to_ycbcr(self.image())

    def luma(self) -> Array:
        """Luma rounded to whole code values, (H, W) `uint8`: the input of a gray JPEG encoder."""
        return images.to_uint8(images.luma(self.image()))

    def operator(self) -> CorrelationOperator:
        """The 192-dimensional operator of its 8×8 Y'CbCr patches."""
        return CorrelationOperator.from_planes(self.planes())


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The usable pictures, and the files that were skipped."""

    pictures: Sequence[Picture]
    skipped: Sequence[Skipped]

    @property
    def remarks(self) -> list[str]:
        """A line for each picture that was compressed before."""
        return [picture.remark for picture in self.pictures if picture.compressed]

    def __add__(self, other: "Gathered") -> "Gathered":
        """The pictures of both."""
        return Gathered(pictures=[*self.pictures, *other.pictures], skipped=[*self.skipped, *other.skipped])


@dataclass(frozen=True, kw_only=True)
class PictureParams:
    """The inputs shared by all experiments."""

    images: Sources = ()
    """Files, folders, lists (splits.json#entry), or sets in QIMG_DATA; by default scikit-image's photographs."""
    box_mean: int = 0
    """Downscale every picture by averaging boxes of this size; 0 reduces pictures above 1.5 million pixels, and files
    of lossy formats by at least 2, which washes their block grid out."""
    originals: bool = False
    """Skip pictures that were compressed with loss before: files of lossy formats, and pixels decoded from JPEG."""

    def gather(self) -> Gathered:
        """The pictures that these inputs name."""
        return self.gather_from(self.images)

    def gather_from(self, sources: Sequence[str]) -> Gathered:
        """The pictures of any sources, reduced and chosen by these inputs."""
        return gather(sources, box_mean=self.box_mean, originals=self.originals)

    def inputs(self) -> Gathered:
        """All pictures that a run with these parameters reads."""
        return self.gather()

    def files(self) -> dict[str, str]:
        """SHA-256 of further files that the result depends on, by the name of the parameter's value."""
        return {}


@dataclass(frozen=True, kw_only=True)
class FittingParams(PictureParams):
    """The inputs of an experiment that is fitted and evaluated on different pictures."""

    sources: Sources = ()
    """Pictures to fit on; by default all bundled pictures except the evaluated one."""

    def inputs(self) -> Gathered:
        """The evaluated pictures, and the pictures to fit on."""
        pictures = self.gather()
        return pictures + gather(self.sources, box_mean=1) if self.sources else pictures


def gather(sources: Sequence[str], *, box_mean: int = 0, originals: bool = False) -> Gathered:
    """Pictures named by files and folders; without sources, the bundled photographs.

    Every file is read, so that broken files are detected before anything is measured. Of duplicates, the first is used.
    A picture that was compressed with loss before is marked as `compressed`: what an experiment compresses or restores
    should be an original, and gains over JPEG are meaningless on a picture that is a decoded JPEG itself.

    Args:
        sources: as for `qimg.images.gather`, in this order; names may be relative to the folder in the environment
            variable QIMG_DATA.
        box_mean: side of the boxes that every picture is averaged over; 0 chooses for each picture the smallest side
            that reduces it to at most `LARGE` pixels, and at least 2 for files of lossy formats.
        originals: skip pictures that were compressed before.

    Raises:
        ImageError: a source does not exist, a folder holds no image, or no file could be read.
    """
    integer("box_mean", box_mean, 0)
    if not sources:
        photographs = bundled(box_mean=box_mean or 1)
        return Gathered(pictures=[one for one in photographs if not (originals and one.compressed)], skipped=())
    root = os.environ.get("QIMG_DATA") or None
    pictures: list[Picture] = []
    skipped: list[Skipped] = []
    for source in (one for name in sources for one in images.gather([name], root=root)):
        path = Path(source.name) if source.path is None else source.path
        try:
            digest, pixels, compressed = _identity(path, *source.state())
        except images.ImageError as error:
            skipped.append(Skipped(name=str(path), reason=str(error)))
            continue
        duplicate = next((picture for picture in pictures if picture.sha256 == digest), None)
        if duplicate is not None:
            # A duplicate would be among the pictures that the model of its copy is fitted on.
            skipped.append(Skipped(name=str(path), reason=f"{path}: the same picture as {duplicate.path}"))
            continue
        if originals and compressed:
            skipped.append(Skipped(name=str(path), reason=f"{path}: was compressed before ({compressed})"))
            continue
        least = 2 if compressed.endswith("file") else 1
        picture = Picture(
            name=_unique(path, pictures),
            path=path,
            box_mean=box_mean or max(least, math.ceil(math.sqrt(pixels / LARGE))),
            pixels=pixels,
            sha256=digest,
            compressed=compressed,
        )
        pictures.append(picture)
    if not pictures:
        reasons = "; ".join(entry.reason for entry in skipped)
        raise images.ImageError(f"none of the {len(skipped)} files can be read: {reasons}")
    return Gathered(pictures=pictures, skipped=skipped)


def bundled(*, box_mean: int = 1) -> list[Picture]:
    """The photographs bundled with scikit-image."""
    return [_bundled(name, box_mean) for name in images.BUNDLED]


@lru_cache
def _bundled(name: str, box_mean: int) -> Picture:
    pixels = images.bundled(name)
    size = pixels.shape[0] * pixels.shape[1]
    return Picture(
        name=name,
        path=None,
        box_mean=box_mean,
        pixels=size,
        sha256=pixel_digest(pixels),
        compressed=_grid_of(pixels),
    )


def others(pictures: Sequence[Picture], picture: Picture) -> list[Picture]:
    """The pictures that a model for `picture` may be fitted on: all others, or bundled ones if there is no other."""
    rest = [other for other in pictures if other.sha256 != picture.sha256]
    return rest or [other for other in bundled(box_mean=picture.box_mean) if other.sha256 != picture.sha256]


class LeaveOneOut:
    """Operators of pictures, and for each picture the sum of all others at the cost of one subtraction."""

    def __init__(self, pictures: Sequence[Picture], operator_of: Callable[[Picture], CorrelationOperator]) -> None:
        self._pictures = pictures
        self._operator_of = operator_of
        self._operators = {picture.sha256: operator_of(picture) for picture in pictures}
        self._total = reduce(add, self._operators.values())

    def own(self, picture: Picture) -> CorrelationOperator:
        """The operator of one of the pictures."""
        return self._operators[picture.sha256]

    def without(self, picture: Picture) -> CorrelationOperator:
        """The sum over `others`: all other pictures, or bundled ones if there is no other."""
        if len(self._operators) > 1:
            return self._total - self._operators[picture.sha256]
        return reduce(add, map(self._operator_of, others(self._pictures, picture)))


@lru_cache(maxsize=10_000)
def _identity(path: Path, *state: str | int) -> tuple[str, int, str]:
    """Hash, number of pixels and earlier compression of an image file, cached while its state does not change."""
    pixels = images.without_alpha(images.load(path))
    lossy = lossy_format(path)
    compressed = f"{lossy} file" if lossy else _grid_of(pixels)
    return pixel_digest(pixels), pixels.shape[0] * pixels.shape[1], compressed


def _grid_of(pixels: Array) -> str:
    return "block grid of JPEG" if jpeg_grid(pixels) else ""


def described(name: str, path: Path) -> Picture:
    """A picture of a file under a name, at its full size."""
    state = path.stat()
    digest, pixels, compressed = _identity(path, state.st_size, state.st_mtime_ns)
    return Picture(name=name, path=path, box_mean=1, pixels=pixels, sha256=digest, compressed=compressed)


def _unique(path: Path, pictures: Sequence[Picture]) -> str:
    """A name that no other picture has: the stem of the file, or more of its path if that is taken."""
    names = {picture.name for picture in pictures}
    candidates = [path.stem, path.name, f"{path.parent.name}/{path.name}", str(path)]
    return next((name for name in candidates if name not in names), str(path))
