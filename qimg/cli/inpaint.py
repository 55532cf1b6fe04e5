"""`qimg inpaint`: fills in the missing pixels of pictures."""

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
        mask: Mask for all pictures: an image of the same size, white (above one half) at missing pixels; or a folder of
            masks with the names of the pictures and the same or another ending.
        out: File to write, whose ending determines the format; for a folder, the folder to write into.
        effort: 1 (fast) to 9 (best); 1, 3, 5, 7 and 9 differ, and every other effort equals the next lower one.
        files: Files to write.
    """
    each_picture(_inpainted, source, out, files, mask=Path(mask), effort=effort)


def _inpainted(source: Path, out: Path, *, mask: Path, effort: int, **writing: Any) -> str:
    from qimg import images, restoration

    pixels = read(source, out, **writing)
    missing = images.luma(images.load(_mask_of(source, mask))) > 127.5
    return write(restoration.inpaint(pixels, missing, effort=effort), source, out, **writing)


def _mask_of(source: Path, mask: Path) -> Path:
    """The mask of a picture: `mask`, or the file in the folder `mask` with the picture's name."""
    if not mask.is_dir() or (mask / source.name).exists():
        return mask / source.name if mask.is_dir() else mask
    candidates = [path for path in mask.iterdir() if path.stem == source.stem]
    if len(candidates) != 1:
        raise ValueError(f"{source}: {mask} must hold one mask {source.stem}.*, but holds {len(candidates)}")
    return candidates[0]


COMMAND = inpaint
