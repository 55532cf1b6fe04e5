"""The arithmetic that golden rows were computed with.

OpenBLAS, MKL and PyTorch choose their kernels by the processor, and they round differently. Most rows agree within the
tolerances of their columns; searches whose path depends on rounding do not, such as prepared circuits, sweeps of
trains, trainings and drawn shots. Golden rows are those of the kernels that every x86-64 processor since 2013 can run.
"""

import platform
from collections.abc import Mapping

KERNELS: Mapping[str, str] = (
    {"OPENBLAS_CORETYPE": "Haswell", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    if platform.machine().lower() in ("x86_64", "amd64")
    else {}
)
"""Variables of the environment, to be set before NumPy and PyTorch are imported."""
