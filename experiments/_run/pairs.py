"""Pairs of a degraded picture and its original, from two folders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from tyro.conf import arg

from experiments._run.parameters import check, fulfils
from experiments._run.per_picture import Run, per_picture, rows_by_picture
from experiments._run.pictures import Gathered, Picture, PictureParams, Track, described
from qimg import images
from qimg.core import require
from qimg.core.workers import HERE, Workers
from qimg.images.collections import PICTURE_SUFFIXES, Skipped


class PairError(ValueError):
    """Folders that hold no usable pairs; the message names the folder and the rule."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A degraded picture and its original, read when they are needed."""

    name: str
    """The common name of the files, without their endings."""
    degraded: Path
    original: Path


TwoFolders: TypeAlias = Annotated[
    tuple[str, ...],
    fulfils(lambda folders: len(folders) in (0, 2), "must name two folders"),
    arg(metavar="FOLDER FOLDER"),
]
"""Folders of the degraded and of the original pictures, or none."""


def gather_pairs(folders: Sequence[str], *, suffixes: Sequence[str] = PICTURE_SUFFIXES) -> list[Pair]:
    """Files of two folders whose names without endings are equal, sorted by name.

    Args:
        folders: of the degraded and of the original pictures; subfolders are not searched.
        suffixes: endings of the degraded pictures.

    Raises:
        PairError: a folder does not exist or holds no picture, two files have one name, or no names are equal.
    """
    degraded, original = _both_by_stem(folders, suffixes)
    common = sorted(degraded.keys() & original.keys())
    if not common:
        names = " and ".join(", ".join(sorted(some)[:3]) for some in (degraded, original))
        raise PairError(f"{folders[0]} and {folders[1]}: must hold files of equal names, but hold {names}")
    return [Pair(name=name, degraded=degraded[name], original=original[name]) for name in common]


def check_shapes(pairs: Sequence[Pair], *, factors: Sequence[int] = (1,)) -> None:
    """Check, before anything is measured, that the pictures of every pair have one shape.

    Args:
        pairs: pairs of files.
        factors: allowed ratios of the rows and columns of the original to those of the degraded picture.

    Raises:
        PairError: the shapes of a pair differ.
        ImageError: a file cannot be read.
    """
    for pair in pairs:
        degraded, original = (images.load(path).shape for path in (pair.degraded, pair.original))
        if original not in [(factor * degraded[0], factor * degraded[1], *degraded[2:]) for factor in factors]:
            rule = f"must have the shape {original} of {pair.original}"
            rule += f", or 1/{factors[1]} of its rows and columns" if len(factors) > 1 else ""
            raise PairError(f"{pair.degraded}: {rule}, but has {degraded}")


def unmatched(folders: Sequence[str], *, suffixes: Sequence[str] = PICTURE_SUFFIXES) -> list[Skipped]:
    """The pictures of either folder without a partner in the other."""
    paths = _both_by_stem(folders, suffixes)
    return [
        Skipped(name=str(path), reason=f"{path}: has no partner in {folder}")
        for own, other, folder in zip(paths, paths[::-1], folders[::-1], strict=True)
        for stem, path in sorted(own.items())
        if stem not in other
    ]


def pair_inputs(folders: Sequence[str], *, suffixes: Sequence[str] = PICTURE_SUFFIXES) -> Gathered:
    """Both pictures of every pair for the provenance, and the files without a partner."""
    pictures: list[Picture] = []
    for pair in gather_pairs(folders, suffixes=suffixes):
        # A degraded picture is no original, whatever was done to it.
        pictures.append(replace(described(f"degraded/{pair.name}", pair.degraded), compressed=""))
        pictures.append(described(f"original/{pair.name}", pair.original))
    return Gathered(pictures=pictures, skipped=unmatched(folders, suffixes=suffixes))


def refuse_other_sources(params: PictureParams, *more: str) -> None:
    """Raise an error for a parameter of the pictures that has no effect on pairs."""
    default = type(params)()
    for name in ("images", "box_mean", "originals", *more):
        value = getattr(params, name)
        require(value == getattr(default, name), name, "must be left out with pairs", value)


def per_picture_or_pair(
    rows_of: Callable[[Picture, Any], list[Any]],
    rows_of_pair: Callable[[Pair, Any], list[Any]],
    *,
    suffixes: Sequence[str] = PICTURE_SUFFIXES,
    factors: Sequence[int] = (1,),
    unused: Sequence[str] = (),
) -> Run:
    """The `run` of an experiment that measures the pairs of `params.pairs`, or without them each picture.

    Args:
        rows_of: as for `per_picture`.
        rows_of_pair: rows of one pair and `params`; a function of a module as well.
        suffixes: as in `gather_pairs`.
        factors: as in `check_shapes`.
        unused: parameters beside those of the pictures that have no effect on pairs.
    """
    run_pictures = per_picture(rows_of)

    def run(params: Any, *, track: Track = iter, workers: Workers = HERE) -> list[Any]:
        if not params.pairs:
            return run_pictures(params, track=track, workers=workers)
        check(params)
        refuse_other_sources(params, *unused)
        pairs = gather_pairs(params.pairs, suffixes=suffixes)
        check_shapes(pairs, factors=factors)
        return rows_by_picture(rows_of_pair, pairs, params, track=track, workers=workers)

    return run


def _both_by_stem(folders: Sequence[str], suffixes: Sequence[str]) -> list[dict[str, Path]]:
    return [_by_stem(Path(folder), some) for folder, some in zip(folders, (suffixes, PICTURE_SUFFIXES), strict=True)]


def _by_stem(folder: Path, suffixes: Sequence[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise PairError(f"{folder}: is no folder, but pairs are the files of two folders")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and path.name[0] != ".":
            if path.stem in found:
                raise PairError(f"{found[path.stem]} and {path}: must have different names, apart from their endings")
            found[path.stem] = path
    if not found:
        raise PairError(f"{folder}: holds no picture ({' '.join(suffixes)}); subfolders are not searched")
    return found
