"""The network: a learned estimator of a plane from its decoded samples and quantization table. Needs PyTorch."""

from qimg.restoration.jpeg.network.architecture import Architecture, Network
from qimg.restoration.jpeg.network.weights import Learned, load

__all__ = ["Architecture", "Learned", "Network", "load"]
