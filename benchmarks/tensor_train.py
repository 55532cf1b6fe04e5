"""The tensor train of a picture of 512×512 at bond 64 against quimb's, the exact train, and a budget of numbers."""

import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import numpy as np

from benchmarks.timing import compare, seconds_of
from experiments._results.measurements import Measurement
from qimg import images, metrics, tensor_train
from qimg.core import Array, one_blas_thread

BOND = 64
REPEATS = 15


def measure() -> list[Measurement]:
    """Beside quimb's `from_dense`, which gets one BLAS thread because it is faster so."""
    from skimage import data

    picture = images.code_values(data.camera())
    plan = tensor_train.layout(picture.shape, "morton")
    vector = plan.to_vector(picture)

    def psnr(components: Array) -> float:
        return metrics.psnr_db(picture, plan.to_padded(components), data_range=255)

    def row(what: str, quantity: str, value: float, unit: str = "") -> Measurement:
        return Measurement(table="train", what=what, quantity=quantity, value=float(value), unit=unit)

    def decompose(**options: int) -> tensor_train.Truncation:
        return tensor_train.decompose(vector, plan.dims, **options)

    ours = decompose(bond=BOND).train
    choices = {
        f"bond {BOND}": ({"bond": BOND}, REPEATS),
        "exact, by SVD": ({}, 3),
        f"numbers of bond {BOND}, shared among the cuts": ({"parameters": ours.parameters}, 3),
    }
    times = {
        what: seconds_of(partial(decompose, **options), repeats=repeats, clock=time.process_time)
        for what, (options, repeats) in choices.items()
    }
    rows = [row(what, "CPU time", seconds, "s") for what, seconds in times.items()]
    rows += [row(f"bond {BOND}", "PSNR", psnr(ours.dense()), "dB"), row(f"bond {BOND}", "numbers", ours.parameters)]
    if find_spec("quimb") is None:
        return rows
    from quimb.tensor import MatrixProductState

    def theirs(method: str) -> MatrixProductState:
        with one_blas_thread():
            return MatrixProductState.from_dense(vector, 2, max_bond=BOND, cutoff=0.0, method=method)

    def against(what: str, ours: Callable[[], object], method: str, target: str) -> Measurement:
        peer = partial(theirs, method)
        name = f"quimb's from_dense, {method}"
        return compare(what, ours, name, peer, target=target, repeats=REPEATS, clock=time.process_time)

    task = f"512 × 512, bond {BOND}"
    whole = partial(tensor_train.picture_train, picture, order="morton", bond=BOND)
    return [
        against(f"tensor_train.decompose, {task}", partial(decompose, bond=BOND), "svd", "≥ 5 times as fast"),
        against(f"tensor_train.decompose by Gram matrices, {task}", partial(decompose, bond=BOND), "svd:eig", "≥ 1"),
        against(f"tensor_train.picture_train, {task}", whole, "svd:eig", "≥ 1, goal 2"),
        *rows,
        *(
            row(f"quimb, {method}, bond {BOND}", "PSNR", psnr(np.ravel(theirs(method).to_dense())), "dB")
            for method in ("svd", "svd:eig")
        ),
    ]
