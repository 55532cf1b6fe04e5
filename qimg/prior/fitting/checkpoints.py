"""The state of a running fit in one file: numbers as they are, so that a resumed fit ends with the same bits."""

import io
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qimg.core.arguments import Array
from qimg.core.files import write_atomically
from qimg.operators import CorrelationOperator
from qimg.prior.fitting.contributions import Contribution
from qimg.prior.fitting.moments import Moments
from qimg.prior.fitting.recipe import Recipe

if TYPE_CHECKING:
    from qimg.prior.fitting.passes import Progress

_FORMAT = "qimg prior checkpoint 1"


class Keeper:
    """Writes checkpoints at a leisurely pace and reads them back."""

    def __init__(self, path: str | os.PathLike[str] | None, signature: str, interval: float) -> None:
        self._path = None if path is None else Path(path)
        self._signature = signature
        self._interval = interval
        self._last = time.monotonic()

    def save_if_due(self, progress: "Progress") -> None:
        """Write the state if the last one is older than the interval."""
        if time.monotonic() - self._last >= self._interval:
            self.save(progress)

    def save(self, progress: "Progress") -> None:
        """Write the state: all of it, or the file before it stays."""
        if self._path is None:
            return
        arrays: dict[str, Array] = {}
        state = _taken_apart(progress, arrays)
        text = json.dumps({"format": _FORMAT, "signature": self._signature, "state": state})
        buffer = io.BytesIO()
        np.savez(buffer, header=np.frombuffer(text.encode(), np.uint8), **arrays)  # type: ignore[arg-type]
        write_atomically(self._path, buffer.getvalue())
        self._last = time.monotonic()

    def load(self, recipe: Recipe) -> "Progress | None":
        """The state that was kept, None where there is none.

        Raises:
            ValueError: the file is no checkpoint, or that of another fit; the message names it.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as file:
                header = json.loads(file["header"].tobytes())
                arrays = {name: file[name] for name in file.files}
            kind, signature = header["format"], header["signature"]
        except Exception as error:  # a damaged archive raises zip, zlib, key, value and end-of-file errors
            raise ValueError(
                f"{self._path}: is no checkpoint of a fit, or damaged ({type(error).__name__}); remove it to begin anew"
            ) from None
        if kind != _FORMAT or signature != self._signature:
            raise ValueError(
                f"{self._path}: belongs to a fit of other pictures or parameters; remove it, or write elsewhere"
            )
        return _put_together(header["state"], arrays, recipe)

    def delete(self) -> None:
        """Remove the file after the fit."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _taken_apart(progress: "Progress", arrays: dict[str, Array]) -> dict[str, Any]:
    """The plain part of the state; arrays go to `arrays` under names that `_put_together` finds."""
    return {
        "step": progress.step,
        "update": progress.update,
        "part": progress.part,
        "records": progress.records,
        "history": progress.history,
        "round_sums": progress.round_sums,
        "sums": {
            "records": progress.sums.records,
            "operators": _keep_operators("sums operators", progress.sums.operators, arrays),
            "moments": _keep_moments("sums moments", progress.sums.moments, arrays),
        },
        "operators": _keep_operators("operators", progress.operators, arrays),
        "pooled": _keep_moments("pooled", progress.pooled, arrays),
        "mixtures": {
            "moments": _keep_moments(
                "mixtures", {name: one.moments for name, one in progress.mixtures.items()}, arrays
            ),
            "taken": {name: one.taken for name, one in progress.mixtures.items()},
        },
    }


def _put_together(state: dict[str, Any], arrays: dict[str, Array], recipe: Recipe) -> "Progress":
    from qimg.prior.fitting.passes import Progress, restored_updates

    sums = state["sums"]
    progress = Progress(
        **{name: state[name] for name in ("step", "update", "part", "records", "history", "round_sums")},
        sums=Contribution(
            records=sums["records"],
            operators=_found_operators("sums operators", sums["operators"], arrays),
            moments=_found_moments("sums moments", sums["moments"], arrays),
        ),
        operators=_found_operators("operators", state["operators"], arrays),
        pooled=_found_moments("pooled", state["pooled"], arrays),
    )
    moments = _found_moments("mixtures", state["mixtures"]["moments"], arrays)
    for name, taken in state["mixtures"]["taken"].items():
        progress.mixtures[name] = restored_updates(moments[name], progress.pooled[name], recipe, taken=taken)
    return progress


def _keep_operators(prefix: str, operators: dict[str, CorrelationOperator], arrays: dict[str, Array]) -> dict[str, int]:
    for name, operator in operators.items():
        arrays[f"{prefix} {name} matrix"], arrays[f"{prefix} {name} sum"] = operator.matrix, operator.sum
    return {name: operator.count for name, operator in operators.items()}


def _found_operators(prefix: str, counts: dict[str, int], arrays: dict[str, Array]) -> dict[str, CorrelationOperator]:
    return {
        name: CorrelationOperator(
            matrix=arrays[f"{prefix} {name} matrix"], sum=arrays[f"{prefix} {name} sum"], count=count, weights="energy"
        )
        for name, count in counts.items()
    }


def _keep_moments(prefix: str, moments: dict[str, Moments], arrays: dict[str, Array]) -> dict[str, float]:
    for name, one in moments.items():
        arrays[f"{prefix} {name} counts"], arrays[f"{prefix} {name} packed"] = one.counts, one.packed
    return {name: one.log_likelihood for name, one in moments.items()}


def _found_moments(prefix: str, likelihoods: dict[str, float], arrays: dict[str, Array]) -> dict[str, Moments]:
    return {
        name: Moments(
            counts=arrays[f"{prefix} {name} counts"],
            packed=arrays[f"{prefix} {name} packed"],
            log_likelihood=likelihood,
        )
        for name, likelihood in likelihoods.items()
    }
