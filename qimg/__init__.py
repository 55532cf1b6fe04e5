"""qimg: a quantum-inspired linear-algebra toolkit for images.

The second moments of image patches form a correlation operator; divided by its trace it is a density matrix. The
toolkit is linear algebra on these operators.
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
    LowRankOperator,
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
    from qimg import codecs, evaluation, learning, restoration
    from qimg.codecs import BitstreamError, decode, decode_picture, encode, encode_picture, info
    from qimg.restoration import deblur, denoise, inpaint, restore, upscale

__version__ = "0.1.0"

__all__ = [
    "BitstreamError",
    "CorrelationOperator",
    "ImageError",
    "KrausChannel",
    "LowRankOperator",
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
    "deblur",
    "decode",
    "decode_picture",
    "denoise",
    "discarded_weight",
    "encode",
    "encode_picture",
    "evaluation",
    "extract_patches",
    "fidelity",
    "images",
    "info",
    "inpaint",
    "l1_coherence",
    "learning",
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
    "tensor_train",
    "trace_distance",
    "transforms",
    "truncation",
    "upscale",
    "von_neumann_entropy",
    "ycbcr_to_rgb",
]

_CODECS = ("BitstreamError", "decode", "decode_picture", "encode", "encode_picture", "info")
_LAZY = {
    "codecs": "qimg.codecs",
    "evaluation": "qimg.evaluation",
    "learning": "qimg.learning",
    "restoration": "qimg.restoration",
    **dict.fromkeys(_CODECS, "qimg.codecs"),
    **dict.fromkeys(("deblur", "denoise", "inpaint", "restore", "upscale"), "qimg.restoration"),
}
"""Name → module that is imported at the first use of the name, because compiled loops load slowly."""


def __getattr__(name: str) -> Any:
    """Import a module of `_LAZY`, or a function of one, at its first use."""
    if name not in _LAZY:
        raise AttributeError(f"module 'qimg' has no attribute {name!r}")
    module = import_module(_LAZY[name])
    return module if module.__name__ == f"qimg.{name}" else getattr(module, name)


def __dir__() -> list[str]:
    """The public names, including those of `_LAZY`."""
    return sorted([*__all__, "__version__"])
