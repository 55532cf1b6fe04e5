"""Quantum channels: Kraus operators and Choi matrices, textbook noise, quantization as a map of second moments."""

from qimg.channels.kraus import KrausChannel, choi_matrix, is_completely_positive, is_trace_preserving
from qimg.channels.marginals import QuantizerMarginals
from qimg.channels.noise import amplitude_damping, dephasing, depolarizing
from qimg.channels.quantization import QuantizationChannel, channel_from_marginals, quantization_channel, quantize

__all__ = [
    "KrausChannel",
    "QuantizationChannel",
    "QuantizerMarginals",
    "amplitude_damping",
    "channel_from_marginals",
    "choi_matrix",
    "dephasing",
    "depolarizing",
    "is_completely_positive",
    "is_trace_preserving",
    "quantization_channel",
    "quantize",
]
