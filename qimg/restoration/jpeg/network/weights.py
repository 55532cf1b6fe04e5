"""Networks as files: weights, calibration and provenance in one safetensors file, and those that come with qimg."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from qimg.core.arguments import Array, integer, require
from qimg.core.files import write_atomically
from qimg.images.jpeg.blocks import BLOCK, decoded
from qimg.restoration.jpeg.calibration import BELIEVED, COARSENESS, LEVELS, Calibration
from qimg.restoration.jpeg.cascade import COUNTS, Estimate, unit_of
from qimg.restoration.jpeg.network.architecture import Architecture, Network

FILES = ("small.safetensors", "large.safetensors")
"""The networks that come with qimg, by effort, from 1 on."""
_KIND = "qimg restoration network 1"
_CALIBRATION = "calibration."
_SHAPES = {
    "scales": (len(COARSENESS), len(BELIEVED)),
    "quantiles": (len(COARSENESS), len(LEVELS)),
    "shapes": (len(COUNTS) + 1, BLOCK * BLOCK),
}


class WeightsError(ValueError):
    """A file of weights is missing, damaged, or of something else."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Learned:
    """A trained network."""

    network: Network
    calibration: Calibration
    """What makes its deviations true."""
    provenance: Mapping[str, Any]
    """Recipe, pictures, skipped files, versions and what the training said."""

    def __post_init__(self) -> None:
        estimate = self.network.architecture.estimate
        require(not estimate, "network", "must see the decoded plane alone", self.network.architecture)

    @property
    def reach(self) -> int:
        """Rows, a multiple of 8, beyond which nothing changes an estimate."""
        return self.network.architecture.reach

    def estimate(self, coefficients: Array, table: Array) -> Estimate:
        """Mean and believed variance (8R, 8C) of a plane from its quantized coefficients (R, C, 8, 8)."""
        seen, steps = decoded(coefficients, table), np.asarray(table, np.float32)
        with torch.inference_mode():
            mean, spread = self.network(torch.from_numpy(seen)[None, None], torch.from_numpy(steps)[None])
        variance = np.exp(spread[0, 0].numpy()) * np.float32(unit_of(table) ** 2)
        return Estimate(mean[0, 0].numpy(), variance)

    def to_bytes(self) -> bytes:
        """The file's content: weights as 16-bit floating point, which loses less than 0.001 dB."""
        architecture, tensors = self._parts()
        metadata = {
            "kind": _KIND,
            "architecture": architecture,
            "provenance": json.dumps(dict(self.provenance), sort_keys=True),
            "sha256": _digest(architecture, tensors),
        }
        return to_bytes(tensors, metadata)

    @property
    def sha256(self) -> str:
        """Identity: the hexadecimal SHA-256 of architecture, weights and calibration as the file holds them."""
        return _digest(*self._parts())

    def _parts(self) -> tuple[str, dict[str, Tensor]]:
        """The architecture and the tensors of the file."""
        tensors = {name: value.detach().cpu().half().contiguous() for name, value in self.network.state_dict().items()}
        tensors |= {
            _CALIBRATION + name: torch.from_numpy(value) for name, value in self.calibration.to_integers().items()
        }
        return json.dumps(asdict(self.network.architecture), sort_keys=True), tensors

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file: all of it or nothing."""
        write_atomically(path, self.to_bytes())

    def __repr__(self) -> str:
        architecture, pictures = self.network.architecture, len(self.provenance.get("inputs", ()))
        shape = f"{architecture.width} channels, {architecture.blocks} blocks"
        return f"Learned({pictures} pictures, {shape}, {self.network.weights} weights)"


def load(path: str | os.PathLike[str] | None = None, *, effort: int | None = None) -> Learned:
    """The network of a file, or one that comes with qimg.

    Args:
        path: a file that `python -m qimg.restoration.jpeg.training` wrote.
        effort: which of those that come with qimg: 1, the small one, or 2, the large one, which is taken when left out.

    Raises:
        WeightsError: the file is missing, damaged, or of something else.
    """
    if path is not None:
        require(effort is None, "effort", "has no effect on a file of yours and must be left out", effort)
        return _read(Path(path))
    return _shipped(FILES[-1 if effort is None else integer("effort", effort, 1, len(FILES)) - 1])


@cache
def _shipped(name: str) -> Learned:
    return _read(Path(str(files("qimg.restoration.jpeg.network").joinpath(name))))


def _read(path: Path) -> Learned:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: the weights cannot be read ({error.strerror})") from None
    try:
        tensors = from_bytes(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__", {})
    except (SafetensorError, ValueError) as error:
        raise WeightsError(f"{path}: is no safetensors file, or damaged ({error})") from None
    if header.get("kind") != _KIND:
        raise WeightsError(f"{path}: must hold a network for restoration, but is of kind {header.get('kind')!r}")
    if header.get("sha256", found := _digest(header.get("architecture", ""), tensors)) != found:
        raise WeightsError(f"{path}: is altered: its content does not have the SHA-256 that it names")
    kept = {name: tensors.pop(_CALIBRATION + name, torch.zeros(0)).numpy() for name in _SHAPES}
    for name, values in kept.items():
        if values.shape != _SHAPES[name]:
            raise WeightsError(f"{path}: {name} must have shape {_SHAPES[name]}, but has shape {values.shape}")
    try:
        network = Network(Architecture(**json.loads(header["architecture"])))
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
        network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        return Learned(
            network=network.requires_grad_(False),
            calibration=Calibration.from_integers(kept),
            provenance=json.loads(header["provenance"]),
        )
    except KeyError as error:
        raise WeightsError(f"{path}: must hold {error.args[0]} among its metadata") from None
    except (RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{path}: its weights do not fit its architecture ({reason})") from None


def _digest(architecture: str, tensors: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256(architecture.encode())
    for name in sorted(tensors):
        found.update(name.encode() + tensors[name].flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
