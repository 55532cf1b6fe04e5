"""`qimg restore`: removes the artifacts of JPEG files."""

import math
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from qimg.cli import placeholders
from qimg.cli.folders import Out, Pictures, Source, each_of
from qimg.cli.reading import Limit
from qimg.cli.results import Done, facts_of
from qimg.core import integer
from qimg.core.arguments import EFFORT


def restore(
    source: Source,
    out: Out,
    /,
    *,
    method: Annotated[str, tyro.conf.arg(metavar="{explicit,network}")] = "explicit",
    tune: Annotated[str, tyro.conf.arg(metavar="{psnr,natural}")] = "psnr",
    effort: placeholders.OptionalEffort = None,
    seed: int = 0,
    strict: bool = False,
    files: tyro.conf.OmitArgPrefixes[Pictures] = Pictures(),  # noqa: B008 (a frozen record)
    limit: tyro.conf.OmitArgPrefixes[Limit] = Limit(),  # noqa: B008
) -> None:
    """Restore a JPEG file, or every JPEG file of a folder, by estimation under a prior of pictures.

    Args:
        source: JPEG file, or one of `qimg encode --recompress`, or a folder of JPEG files; --recursive searches its
            subfolders.
        out: File to write, such as photo.png, whose ending determines the format; for a folder, the folder to write
            into, which is created if necessary.
        method: explicit, which uses linear algebra only, or network, which is more accurate and needs PyTorch (pip
            install 'qimg[learned]').
        tune: psnr, the conditional mean, which has the highest expected PSNR; or natural, a random sample with natural
            texture.
        effort: 1 (fast) to 9 (best), 5 by default. 1 to 5 differ, and 1 and 5 for networks; every other effort equals
            the next lower one of these.
        seed: Seed of the random sample, for natural.
        strict: Refuse damaged files. Otherwise what they hold is restored, and the exit status is 3.
        files: Files to write.
        limit: Limit on the pixels.
    """
    from qimg.images.collections import JPEG_SUFFIXES
    from qimg.restoration.jpeg.restore import RestoreOptions

    integer("seed", seed, 0)
    RestoreOptions(method=method, tune=tune, effort=effort).estimator()  # options are checked before any file is read
    options = {
        "method": method,
        "tune": tune,
        "effort": effort,
        "quality": files.quality,
        "seed": seed,
        "strict": strict,
    }
    each_of(
        _restored, source, out, files, options | limit.options,
        verb="restored", suffix=files.suffix, suffixes=JPEG_SUFFIXES, what="JPEG file",
    )  # fmt: skip


def _restored(source: Path, out: Path, *, seed: int, **options: Any) -> Done:
    from qimg.codecs.jpeg_recompression.recompression import is_recompressed, original_jpeg_of
    from qimg.restoration.jpeg.files import restore_file

    if options["tune"] == "natural":
        # One generator for each picture, so that the result does not depend on the other pictures of a folder.
        options["rng"] = np.random.default_rng(seed)
    jpeg = original_jpeg_of(source, max_pixels=options["max_pixels"]) if is_recompressed(source) else None
    restored = restore_file(source, out, content=jpeg, **options)
    height, width = restored.image.shape[:2]
    deviation, damage = restored.rms_deviation, "; ".join(restored.decoder_warnings)
    known = not math.isnan(deviation)
    line = f"{source} → {out}: {width} × {height}, "
    line += f"expected error {deviation:.2f} code values of luma" if known else "expected error unknown"
    if damage:
        unknown = 100 * float(np.isnan(restored.deviation).mean())
        line += f"; damaged ({damage}), {100 * restored.missing:.3g} % of it missing"
        line += f", error unknown for {unknown:.3g} % of it" if known and unknown else ""
    settings = {"method": options["method"], "tune": options["tune"], "effort": options["effort"] or EFFORT}
    facts = {
        "width": width,
        "height": height,
        **settings,
        "rms_deviation": f"{deviation:.4g}" if known else "",
        **facts_of(restored),
    }
    return Done(line=line, facts=facts, remark=damage, damaged=bool(damage))


COMMAND = restore
