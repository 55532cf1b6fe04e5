"""`python -m qimg.restoration.jpeg.fitting SOURCES… --out my.restorer`: fit the explicit estimator.

The default one came from `QIMG_DATA=… python -m qimg.restoration.jpeg.fitting 'splits.json#fit' --held-out
'splits.json#holdout' --out default.restorer`.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.progress import track as bar

from qimg.restoration.jpeg.fitting import Recipe, fit


def main(
    sources: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    *,
    out: str,
    held_out: tuple[str, ...] = (),
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
) -> None:
    """Fit the explicit estimator on pictures.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write.
        held_out: Further pictures, on which standard deviations are calibrated.
        recipe: What to fit.
    """
    path = Path(out)
    if path.exists():
        raise SystemExit(f"out: {path} exists already; remove it, or write elsewhere")

    def track(passes: Sequence[Any]) -> Iterable[Any]:
        yielded: Iterable[Any] = bar(passes, description="passes")
        return yielded

    root = os.environ.get("QIMG_DATA")
    try:
        model = fit(sources, recipe, held_out=held_out, root=Path(root) if root else None, track=track)
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    for record in model.provenance["skipped"]:
        print(f"skipped {record['skipped']}")
    model.save(path)
    print(f"{path}: {model!r}")


if __name__ == "__main__":
    tyro.cli(main, prog="python -m qimg.restoration.jpeg.fitting")
