"""`python -m qimg.codecs.block.fitting SOURCES… --out my.tables`: fit the codec's tables; the default ones came from
`QIMG_DATA=… python -m qimg.codecs.block.fitting 'splits.json#fit' --out default.tables`.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.progress import track as bar

from qimg.codecs.block.fitting import Recipe, fit


def main(
    sources: Annotated[tuple[str, ...], tyro.conf.Positional],
    /,
    *,
    out: str,
    recipe: tyro.conf.OmitArgPrefixes[Recipe] = Recipe(),  # noqa: B008 (a frozen record)
    workers: int = 0,
) -> None:
    """Fit the codec's tables on pictures: about a quarter of an hour for 240 of them on two cores.

    Args:
        sources: Image files, folders, lists (`splits.json#fit`), or sets in the folder QIMG_DATA.
        out: File to write.
        recipe: What to fit.
        workers: Processes; 0 takes one per core.
    """
    path = Path(out)
    if path.exists():
        raise SystemExit(f"out: {path} exists already; remove it, or write elsewhere")

    def track(tasks: Sequence[Any]) -> Iterable[Any]:
        yielded: Iterator[Any] = iter(bar(tasks, description="tasks"))
        return yielded

    root = os.environ.get("QIMG_DATA")
    try:
        tables = fit(
            sources, recipe, workers=workers or os.cpu_count() or 1, root=Path(root) if root else None, track=track
        )
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    for record in tables.provenance["skipped"]:
        print(f"skipped {record['skipped']}")
    tables.save(path)
    print(f"{path}: {tables!r}")


if __name__ == "__main__":
    tyro.cli(main, prog="python -m qimg.codecs.block.fitting")
