"""qimg: a quantum-inspired linear-algebra toolkit for images.

The second moments of image patches are a correlation operator; normalised, a density matrix. Everything here is
linear algebra on it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qimg import (
    channels,
    images,
    metrics,
    operators,
    patches,
    prior,
    report,
    states,
    tensor_train,
    transforms,
    truncation,
)
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
from qimg.tensor_train import PictureTrain, TensorTrain, picture_train
from qimg.truncation import discarded_weight, low_rank

if TYPE_CHECKING:
    from qimg import codecs, restoration
    from qimg.codecs import BitstreamError, decode, decode_picture, encode, encode_picture, info
    from qimg.restoration import deblur, denoise, inpaint, restore, super_resolve

__version__ = "0.1.0"

__all__ = [
    "BitstreamError",
    "CorrelationOperator",
    "ImageError",
    "KrausChannel",
    "OperatorFileError",
    "PictureTrain",
    "QuantizationChannel",
    "TensorTrain",
    "amplitude_decode",
    "amplitude_encode",
    "assemble_patches",
    "bd_rate",
    "channels",
    "codecs",
    "decode",
    "decode_picture",
    "deblur",
    "denoise",
    "discarded_weight",
    "encode",
    "encode_picture",
    "extract_patches",
    "fidelity",
    "images",
    "info",
    "inpaint",
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
    "picture_state",
    "picture_train",
    "prior",
    "psnr_b",
    "psnr_db",
    "purity",
    "quantization_channel",
    "quantize",
    "relative_entropy_of_coherence",
    "report",
    "restoration",
    "restore",
    "rgb_to_ycbcr",
    "save",
    "ssim",
    "states",
    "super_resolve",
    "tensor_train",
    "trace_distance",
    "transforms",
    "truncation",
    "von_neumann_entropy",
    "ycbcr_to_rgb",
]

_OF_CODECS = ("BitstreamError", "decode", "decode_picture", "encode", "encode_picture", "info")
_OF_RESTORATION = ("deblur", "denoise", "inpaint", "restore", "super_resolve")


def __getattr__(name: str) -> Any:
    """Codec and restoration, loaded when first asked for: compiled loops take longer to load than all the rest."""
    if name in ("codecs", "restoration"):
        return import_module(f"qimg.{name}")
    if name in _OF_CODECS:
        return getattr(import_module("qimg.codecs"), name)
    if name in _OF_RESTORATION:
        return getattr(import_module("qimg.restoration"), name)
    raise AttributeError(f"module 'qimg' has no attribute {name!r}")
