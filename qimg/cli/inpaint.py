"""`qimg inpaint`: fills in the missing pixels of pictures."""

from pathlib import Path
from typing import Annotated, Any

import tyro

from qimg import core
from qimg.cli import placeholders
from qimg.cli.folders import Out, Pictures, Source
from qimg.cli.picture_to_picture import each_picture, read, write
from qimg.cli.reading import Reading
from qimg.cli.results import Done


def inpaint(
    source: Source,
    mask: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MASK")],
    out: Out,
    /,
    *,
    effort: placeholders.Effort = 5,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
    reading: tyro.conf.OmitArgPrefixes[Reading] = Reading(),  # noqa: B008
) -> None:
    """Fill in the missing pixels of a picture, or of every picture of a folder.

    Args:
        source: Image or RAW file, without alpha, or a folder of them; --recursive searches its subfolders.
        mask: Mask for all pictures: an image of the same size. A mask of two values, one of them black, is missing
            where it is not black (0 and 1, 0 and 255, a colour on black); one with grays or colours where it is above
            one half of white. Or a folder of masks with the names of the pictures and the same or another ending.
        out: File to write, whose ending determines the format; for a folder, the folder to write into.
        effort: 1 (fast) to 9 (best); 1, 3, 5, 7 and 9 differ, and every other effort equals the next lower one.
        files: Files to write.
        reading: Rules for reading.
    """
    core.effort(effort)
    if not Path(mask).exists():
        raise FileNotFoundError(f"{mask}: no such file or folder")
    each_picture(_inpainted, source, out, files, reading, mask=Path(mask), effort=effort)


def _inpainted(source: Path, out: Path, *, mask: Path, effort: int, **writing: Any) -> Done:
    from qimg import images, restoration
    from qimg.restoration.degradations.masks import missing_in

    pixels, file = read(source, out, **writing), _mask_of(source, mask)
    try:
        missing, remark = missing_in(images.load(file, **writing["reading"].options), pixels.shape[:2])
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(str(file)) else f"{file}: {text}") from None
    share = float(missing.mean())
    filled = f"{100 * share:.3g} % of the pixels filled in" if share else "no pixel is missing: nothing was filled in"
    facts = {"effort": effort, "mask": file, "missing_share": f"{share:.6g}"}
    restored = restoration.inpaint(pixels, missing, effort=effort)
    return write(restored, source, out, facts=facts, remark="; ".join(filter(None, [filled, remark])), **writing)


def _mask_of(source: Path, mask: Path) -> Path:
    """The mask of a picture: `mask`, or the file in the folder `mask` with the picture's name."""
    if not mask.is_dir() or (mask / source.name).exists():
        return mask / source.name if mask.is_dir() else mask
    candidates = [path for path in mask.iterdir() if path.stem == source.stem]
    if len(candidates) != 1:
        raise ValueError(f"{source}: {mask} must hold one mask {source.stem}.*, but holds {len(candidates)}")
    return candidates[0]


COMMAND = inpaint
