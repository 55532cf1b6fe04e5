"""Networks as files: weights, calibration and provenance in one safetensors file, and those that come with qimg."""

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

from qimg.arguments import Array, integer
from qimg.images import write_atomically
from qimg.restoration.calibration import Calibration
from qimg.restoration.cascade import Estimate, decoded, unit_of
from qimg.restoration.network.architecture import Architecture, Network

FILES = ("small.safetensors", "large.safetensors")
"""The networks that come with qimg, by effort, from 1 on."""
_KIND = "qimg restoration network 1"
_CALIBRATION = "calibration."


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
        tensors = {name: value.detach().cpu().half().contiguous() for name, value in self.network.state_dict().items()}
        tensors |= {
            _CALIBRATION + name: torch.from_numpy(value) for name, value in self.calibration.to_integers().items()
        }
        metadata = {
            "kind": _KIND,
            "architecture": json.dumps(asdict(self.network.architecture), sort_keys=True),
            "provenance": json.dumps(dict(self.provenance), sort_keys=True),
        }
        return to_bytes(tensors, metadata)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file: all of it or nothing."""
        write_atomically(path, self.to_bytes())

    def __repr__(self) -> str:
        architecture, pictures = self.network.architecture, len(self.provenance.get("inputs", ()))
        shape = f"{architecture.width} channels, {architecture.blocks} blocks"
        return f"Learned({pictures} pictures, {shape}, {self.network.weights} weights)"


def load(path: str | os.PathLike[str] | None = None, *, effort: int = len(FILES)) -> Learned:
    """The network of a file, or one that comes with qimg.

    Args:
        path: a file that `python -m qimg.restoration.training` wrote.
        effort: which of those that come with qimg: 1, the small one, or 2.

    Raises:
        WeightsError: the file is missing, damaged, or of something else.
    """
    if path is not None:
        return _read(Path(path))
    return _shipped(FILES[integer("effort", effort, 1, len(FILES)) - 1])


@cache
def _shipped(name: str) -> Learned:
    return _read(Path(str(files("qimg.restoration.network").joinpath(name))))


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
    kept = {name.removeprefix(_CALIBRATION): tensors.pop(name).numpy() for name in [*tensors] if _CALIBRATION in name}
    network = Network(Architecture(**json.loads(header["architecture"])))
    try:
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path}: its weights do not fit its architecture ({error})") from None
    network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    return Learned(
        network=network.requires_grad_(False),
        calibration=Calibration.from_integers(kept),
        provenance=json.loads(header["provenance"]),
    )
