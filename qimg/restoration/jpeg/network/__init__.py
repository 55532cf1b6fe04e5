"""The light network: a learned estimator that is told the quantization table. Needs PyTorch and safetensors."""

from qimg.restoration.jpeg.network.architecture import Architecture, Network
from qimg.restoration.jpeg.network.weights import Learned, WeightsError, load

__all__ = ["Architecture", "Learned", "Network", "WeightsError", "load"]
