"""`qimg inpaint`: the missing pixels of pictures filled in."""

from pathlib import Path
from typing import Annotated, Any

import tyro

from qimg.cli.folders import Out, Pictures, Source
from qimg.cli.picture_to_picture import each_picture, read, write


def inpaint(
    source: Source,
    mask: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MASK")],
    out: Out,
    /,
    *,
    effort: int = 5,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
) -> None:
    """Fill in the missing pixels of a picture, or of every picture of a folder.

    Args:
        source: Image or RAW file, without alpha, or a folder of them; subfolders are not searched.
        mask: Image of the same size, white (above a half) where a pixel is missing, for all pictures; or a folder of
            masks, each with the name of its picture, or with that name and another ending.
        out: File to write, its ending naming the format; for a folder, the folder to write into.
        effort: 1 (fast) to 9 (best); 1, 3, 5, 7 and 9 differ, the others are as the next one below.
        files: What is written, and how.
    """
    each_picture(_inpainted, source, out, files, mask=Path(mask), effort=effort)


def _inpainted(source: Path, out: Path, *, mask: Path, effort: int, **writing: Any) -> str:
    from qimg import images, restoration

    pixels = read(source, out, **writing)
    missing = images.luma(images.load(_mask_of(source, mask))) > 127.5
    return write(restoration.inpaint(pixels, missing, effort=effort), source, out, **writing)


def _mask_of(source: Path, mask: Path) -> Path:
    """The mask, or the one of a folder of masks that belongs to a picture."""
    if not mask.is_dir() or (mask / source.name).exists():
        return mask / source.name if mask.is_dir() else mask
    alike = [path for path in mask.iterdir() if path.stem == source.stem]
    if len(alike) != 1:
        raise ValueError(f"{source}: {len(alike) or 'no'} masks in {mask} have its name, but one is needed")
    return alike[0]


COMMAND = inpaint
