"""`qimg trial`: runs the practical trial."""

import json
import sys
from pathlib import Path

from qimg.cli import placeholders
from qimg.cli.experiments import ours
from qimg.core import integer


def trial(
    images: placeholders.Sources = (),
    /,
    *,
    out: placeholders.OptionalPath = None,
    seed: int = 0,
) -> None:
    """Run the practical trial on pictures and write a report.

    Args:
        images: Image files and folders; by default photographs bundled with scikit-image.
        out: New folder for the report; by default qimg-trial-1, qimg-trial-2, …
        seed: Seed of every random draw.
    """
    integer("seed", seed, 0)
    folder = ours("experiments._run.trial").run_trial(images, out=None if out is None else Path(out), seed=seed)
    for entry in json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["skipped"]:
        print(f"skipped {entry['reason']}", file=sys.stderr)
    print(f"report: {folder / 'report.html'}")


COMMAND = trial
