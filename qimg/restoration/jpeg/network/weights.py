"""Files of networks with weights, calibration and provenance, and the shipped networks."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from qimg.core import arguments
from qimg.core.arguments import EFFORT, Array, require
from qimg.core.artifacts import Artifact, Kind, shipped
from qimg.core.cached import cached_property
from qimg.core.schema import require_type
from qimg.images.jpeg.blocks import BLOCK, decoded
from qimg.restoration.jpeg.calibration import COARSENESS, LEVELS, PREDICTED, Calibration
from qimg.restoration.jpeg.cascade import COUNTS, Estimate, table_scale
from qimg.restoration.jpeg.network.architecture import Architecture, Network

SHIPPED = ("small", "large")
"""The shipped networks: the small one of effort 1 and the large one of effort 5."""
_CALIBRATION = "calibration."
_MOST = 1 << 24  # of the integers of a calibration
_SHAPES = {
    "scales": (len(COARSENESS), len(PREDICTED)),
    "quantiles": (len(COARSENESS), len(LEVELS)),
    "shapes": (len(COUNTS) + 1, BLOCK * BLOCK),
}


class Learned(Artifact):
    """A trained network whose weights are stored as 16-bit floating point, with a negligible loss of accuracy.

    Made by `qimg.restoration.jpeg.training.fit` or `load`.
    """

    KIND = Kind(tag="network", ending=".network", package="qimg.restoration.jpeg.network")

    @classmethod
    def assemble(cls, network: Network, calibration: Calibration, provenance: Mapping[str, Any]) -> "Learned":
        """The network with these parts, rounded as in its file."""
        _require_one_plane(network.architecture)
        arrays = {name: value.detach().cpu().half().numpy() for name, value in network.state_dict().items()}
        arrays |= {_CALIBRATION + name: value for name, value in calibration.to_integers().items()}
        return cls.packed({"architecture": asdict(network.architecture), "provenance": dict(provenance)}, arrays)

    @cached_property
    def network(self) -> Network:
        """The network in single precision and evaluation mode."""
        network = Network(Architecture(**self.contents.header["architecture"]))
        weights = {name: self.array(name) for name in self.contents.arrays if not name.startswith(_CALIBRATION)}
        network.load_state_dict({name: torch.from_numpy(value).float() for name, value in weights.items()})
        network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        return network.requires_grad_(False)

    @cached_property
    def calibration(self) -> Calibration:
        """Calibration of the predicted deviations."""
        return Calibration.from_integers({name: self.array(_CALIBRATION + name) for name in _SHAPES})

    @property
    def sha256(self) -> str:
        """Identity: the hexadecimal SHA-256 of architecture, weights and calibration, without the provenance."""
        digest = hashlib.sha256(json.dumps(self.contents.header["architecture"], sort_keys=True).encode())
        for name, values in sorted(self.contents.arrays.items()):
            digest.update(name.encode() + values.tobytes())
        return digest.hexdigest()

    def check(self) -> None:
        """Raise an error where weights or calibration do not match the architecture, before weights are allocated."""
        self.require_arrays({_CALIBRATION + name: (shape, "<i4") for name, shape in _SHAPES.items()})
        arrays = {name: one for name, one in self.contents.arrays.items() if not name.startswith(_CALIBRATION)}
        architecture = Architecture(**self.contents.header["architecture"])
        require_type("architecture", architecture, Architecture)
        _require_one_plane(architecture)
        widest = max((max(one.shape, default=1) for one in arrays.values()), default=0)
        require(architecture.blocks <= len(arrays), "blocks", f"must be at most {len(arrays)}", architecture.blocks)
        require(architecture.width <= widest, "width", f"must be at most {widest}", architecture.width)
        with torch.device("meta"):
            shapes = {name: tuple(one.shape) for name, one in Network(architecture).state_dict().items()}
        self.require_arrays({name: (shape, "<f2") for name, shape in shapes.items()})
        require(arrays.keys() == shapes.keys(), "weights", "must be those of the architecture", sorted(arrays))

    def check_values(self) -> None:
        """Raise an error where a weight is not finite, or the calibration is out of range."""
        for name, values in self.contents.arrays.items():
            require(bool(np.isfinite(values).all()), name, "must be finite", values.dtype)
        for name in _SHAPES:
            self.require_range(_CALIBRATION + name, 0, _MOST)

    @property
    def reach(self) -> int:
        """Radius of the support of an estimate in rows, a multiple of 8."""
        return self.network.architecture.reach

    def estimate(self, coefficients: Array, table: Array) -> Estimate:
        """Mean and predicted variance (8R, 8C) of a plane from its quantized coefficients (R, C, 8, 8)."""
        return estimate(self.network, coefficients, table)

    def __repr__(self) -> str:
        architecture, pictures = self.network.architecture, len(self.provenance.get("inputs", ()))
        shape = f"{architecture.width} channels, {architecture.blocks} blocks"
        return f"Learned({pictures} pictures, {shape}, {self.network.weights} weights)"


def _require_one_plane(architecture: Architecture) -> None:
    require(not architecture.estimate, "network", "must take only the decoded plane as input", architecture)


def estimate(network: Network, coefficients: Array, table: Array) -> Estimate:
    """Mean and predicted variance (8R, 8C) of a plane from its quantized coefficients (R, C, 8, 8)."""
    plane, steps = decoded(coefficients, table), np.asarray(table, np.float32)
    with torch.inference_mode():
        mean, spread = network(torch.from_numpy(plane)[None, None], torch.from_numpy(steps)[None])
    variance = np.exp(spread[0, 0].numpy()) * np.float32(table_scale(table) ** 2)
    return Estimate(mean[0, 0].numpy(), variance)


def load(path: str | os.PathLike[str] | None = None, *, effort: int | None = None) -> Learned:
    """Read a network; a shipped one when `path` is left out.

    Args:
        path: a file that `qimg fit network` wrote.
        effort: selects the shipped network: the small one from 1, the large one from 5 and when left out.

    Raises:
        ArtifactError: the file is missing, damaged, or not a network.
    """
    if path is not None:
        require(effort is None, "effort", "has no effect with a path and must be left out", effort)
        return Learned.load(path)
    large = effort is None or arguments.effort(effort) >= EFFORT
    return shipped(Learned, SHIPPED[large])
