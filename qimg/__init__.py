"""qimg: a quantum-inspired linear-algebra toolkit for images.

The second moments of image patches are a correlation operator; normalised, a density matrix. Everything here is
linear algebra on it.
"""

from qimg import channels, images, metrics, operators, patches, prior, report, states, transforms, truncation
from qimg.channels import KrausChannel, QuantizationChannel, quantization_channel, quantize
from qimg.images import ImageError, load, rgb_to_ycbcr, save, ycbcr_to_rgb
from qimg.metrics import bd_rate, fidelity, ms_ssim, psnr_b, psnr_db, ssim, trace_distance
from qimg.operators import (
    CorrelationOperator,
    OperatorFileError,
    l1_coherence,
    log_negativity,
    mutual_information,
    purity,
    relative_entropy_of_coherence,
    von_neumann_entropy,
)
from qimg.patches import assemble_patches, extract_patches
from qimg.states import amplitude_decode, amplitude_encode, partial_trace, picture_state
from qimg.truncation import discarded_weight, low_rank

__version__ = "0.1.0"

__all__ = [
    "CorrelationOperator",
    "ImageError",
    "KrausChannel",
    "OperatorFileError",
    "QuantizationChannel",
    "amplitude_decode",
    "amplitude_encode",
    "assemble_patches",
    "bd_rate",
    "channels",
    "discarded_weight",
    "extract_patches",
    "fidelity",
    "images",
    "l1_coherence",
    "load",
    "log_negativity",
    "low_rank",
    "metrics",
    "ms_ssim",
    "mutual_information",
    "operators",
    "partial_trace",
    "patches",
    "prior",
    "picture_state",
    "psnr_b",
    "psnr_db",
    "purity",
    "quantization_channel",
    "quantize",
    "relative_entropy_of_coherence",
    "report",
    "rgb_to_ycbcr",
    "save",
    "ssim",
    "states",
    "trace_distance",
    "transforms",
    "truncation",
    "von_neumann_entropy",
    "ycbcr_to_rgb",
]
