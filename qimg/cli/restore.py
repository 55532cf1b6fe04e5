"""The `qimg restore` command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from qimg.cli.folders import each_of
from qimg.cli.progress import bar
from qimg.core.files import names_for

if TYPE_CHECKING:
    from qimg.restoration import Restored


def restore(
    source: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")],
    out: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")],
    /,
    *,
    method: str = "explicit",
    tune: str = "psnr",
    effort: int | None = None,
    seed: int = 0,
    quality: int | None = None,
    overwrite: bool = False,
) -> None:
    """Restore a JPEG file, or every JPEG file of a folder: what was lost is estimated from what pictures are like.

    Args:
        source: JPEG file, or a folder of them; subfolders are not searched.
        out: File to write, such as photo.png, its ending naming the format; for a folder, the folder to write PNG files
            into, made where it does not exist.
        method: How: explicit, by linear algebra alone, or network, which is better and needs PyTorch (pip install
            'qimg[learned]').
        tune: What for: psnr gives the most likely picture, the mean; natural one with the texture of pictures, a draw.
        effort: 1 (fast) to 9 (best), 5 when left out. 1 to 5 differ; of networks
            1 and 5; the others are as the next one below.
        seed: Of the draw, for natural.
        quality: 1 to 100, for a lossy format, which needs it.
        overwrite: Replace files that exist.
    """
    from qimg.restoration.jpeg.files import SUFFIX, found, restore_file

    if seed < 0:
        raise ValueError(f"seed must be at least 0, but seed={seed}")
    options: dict[str, Any] = {
        "method": method, "tune": tune, "effort": effort, "quality": quality, "overwrite": overwrite
    }  # fmt: skip

    def drawing() -> dict[str, Any]:
        """A generator of its own for each picture, so that its order in a folder does not matter."""
        return {"rng": np.random.default_rng(seed)} if tune == "natural" else {}

    def work(path: Path, file: Path) -> str:
        return _line(path, file, restore_file(path, file, **options, **drawing()))

    if Path(source).is_dir():
        paths = found(source)
        each_of(paths, names_for(paths, SUFFIX), Path(out), work, "restored")
        return
    with bar("strips") as track:
        restored = restore_file(source, out, track=track, **options, **drawing())
    print(_line(source, out, restored))


def _line(source: str | Path, out: str | Path, restored: "Restored") -> str:
    height, width = restored.image.shape[:2]
    deviation = float((restored.deviation**2).mean() ** 0.5)
    line = f"{source} → {out}: {width} × {height}, expected error {deviation:.2f} code values of luma"
    if restored.decoder_warnings:
        line += f"; damaged ({'; '.join(restored.decoder_warnings)})"
        line += f", {100 * restored.missing:.3g} % of it missing" if restored.missing else ""
    return line


COMMAND = restore
