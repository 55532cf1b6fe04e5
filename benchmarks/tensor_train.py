"""The tensor train of a picture of 512×512 at bond 64 against quimb's, and what the exact path and the budget take."""

from importlib.util import find_spec

import numpy as np

from benchmarks.timing import Comparison, medians, ratio, seconds_of
from qimg import images, metrics, tensor_train
from qimg.core import Array, one_blas_thread

BOND = 64


def compare(repeats: int = 15) -> tuple[list[Comparison], list[str]]:
    """Ours and `MatrixProductState.from_dense` of quimb, which gets one BLAS thread as well: it is faster so."""
    from skimage import data

    picture = images.code_values(data.camera())
    plan = tensor_train.layout(picture.shape, "morton")
    vector = plan.to_vector(picture)

    def psnr(components: Array) -> float:
        return metrics.psnr_db(picture, plan.to_padded(components), data_range=255)

    ours = tensor_train.decompose(vector, plan.dims, bond=BOND).train
    exact = seconds_of(lambda: tensor_train.decompose(vector, plan.dims), repeats=3)
    budget = seconds_of(lambda: tensor_train.decompose(vector, plan.dims, parameters=ours.parameters), repeats=3)
    lines = [
        f"camera 512×512, Morton order, bond {BOND}: {psnr(ours.dense()):.3f} dB with {ours.parameters} numbers",
        f"exact train by SVD: {1e3 * exact:.0f} ms; the same numbers shared among the cuts: {1e3 * budget:.0f} ms",
    ]
    if find_spec("quimb") is None:
        return [], [*lines, "quimb is not installed (extra peers), so there is nothing to compare with"]
    from quimb.tensor import MatrixProductState

    def theirs() -> MatrixProductState:
        with one_blas_thread():
            return MatrixProductState.from_dense(vector, 2, max_bond=BOND, cutoff=0.0)

    lines.append(f"quimb's train: {psnr(np.ravel(theirs().to_dense())):.3f} dB")
    seconds = medians(lambda: tensor_train.decompose(vector, plan.dims, bond=BOND), theirs, repeats=repeats)
    what, peer = f"tensor_train.decompose, 512 × 512, bond {BOND}", "quimb MatrixProductState.from_dense"
    return [ratio(what, peer, seconds, target="≤ 0.2", figure="time of quimb's")], lines
