"""Transforms of luma to latents of 8×8 blocks and back: DCT, KLT of the prior, dense and convolutional networks."""

import numpy as np
import torch
from torch import Tensor, nn

from experiments._run import Array
from qimg import transforms
from qimg.prior import load

SIDE = 8
"""Rows and columns of a block."""
TRANSFORMS = ("DCT", "KLT of the prior", "dense", "convolutional")
"""The two bases; one with a small dense network added on each side; and lapped convolutions with networks added."""

_WIDTH = 128  # features of the dense networks, twice those of the convolutions over latents
_PIXEL_WIDTH = 24  # features of the convolutions over pixels, at half resolution


def basis_of(transform: str) -> Array:
    """Rows (64, 64) of an orthonormal basis of blocks, the low frequencies or large eigenvalues first."""
    if transform == "KLT of the prior":
        return transforms.klt(load().operator.density_matrix())
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    zigzag = np.lexsort((np.where((rows + columns) % 2, rows, columns), rows + columns))
    dct = transforms.unitary("dct", SIDE)
    return np.kron(dct, dct)[zigzag]


class BlockTransform(nn.Module):
    """A transform with a gain for each channel; latents over their steps are (64, R, C, n), pixels (n, 8R, 8C).

    Networks begin as the basis: what they add to it is zero before the first step.
    """

    def __init__(self, transform: str, step: float) -> None:
        """Create one of `TRANSFORMS` whose latents are in units of `step` code values."""
        super().__init__()
        self.kind = transform
        basis = torch.from_numpy(np.ascontiguousarray(basis_of(transform))).float().view(-1, 1, SIDE, SIDE)
        learnt = transform in ("dense", "convolutional")
        if transform == "convolutional":
            basis = nn.functional.pad(basis, (SIDE // 2,) * 4)
        self.register_buffer("basis", basis, persistent=False)
        self.basis: Tensor
        self.analysis = nn.Parameter(torch.zeros_like(basis), requires_grad=learnt)
        self.synthesis = nn.Parameter(torch.zeros_like(basis), requires_grad=learnt)
        self.gains = nn.Parameter(torch.full((SIDE * SIDE,), -float(np.log(step)) / _SPEED))
        self.added = nn.ModuleDict()
        if learnt:
            kernel = 1 if transform == "dense" else 3
            self.added["before"] = _network(SIDE * SIDE, _WIDTH, SIDE * SIDE, kernel)
            self.added["after"] = _network(SIDE * SIDE, _WIDTH, SIDE * SIDE, kernel)
        if transform == "convolutional":
            self.added["pixels"] = _network(4, _PIXEL_WIDTH, 4, 3)

    @property
    def products_per_pixel(self) -> int:
        """Multiply-accumulates of the synthesis."""
        total = self.synthesis.numel()
        for name, network in self.added.items():
            if name != "before":
                each = sum(value.numel() for value in network.parameters() if value.ndim > 1)
                total += each * (SIDE * SIDE // 4 if name == "pixels" else 1)
        return total // (SIDE * SIDE)

    def latents(self, pixels: Tensor) -> Tensor:
        """Latents of pixels in code values."""
        x = (pixels - 128)[:, None]
        margin = (self.analysis.shape[-1] - SIDE) // 2
        if margin:
            x = nn.functional.pad(x, (margin,) * 4, mode="reflect")
        y = nn.functional.conv2d(x, self.basis + _SLOWNESS * self.analysis, stride=SIDE)
        if "before" in self.added:
            y = y + _SLOWNESS * _SCALE * self.added["before"](y / _SCALE)
        return (y * self._gain()).movedim(0, -1)

    def pixels(self, latents: Tensor) -> Tensor:
        """Pixels in code values, not clamped."""
        y = latents.movedim(-1, 0) / self._gain()
        if "after" in self.added:
            y = y + _SLOWNESS * _SCALE * self.added["after"](y / _SCALE)
        basis = self.basis + _SLOWNESS * self.synthesis
        x = nn.functional.conv_transpose2d(y, basis, stride=SIDE, padding=(basis.shape[-1] - SIDE) // 2)
        if "pixels" in self.added:
            halves = nn.functional.pixel_unshuffle(x, 2) / _SCALE
            x = x + _SLOWNESS * _SCALE * nn.functional.pixel_shuffle(self.added["pixels"](halves), 2)
        return x[:, 0] + 128

    def _gain(self) -> Tensor:
        return torch.exp(_SPEED * self.gains)[:, None, None]


_SCALE = 64.0  # of the networks' inputs and outputs, in code values
_SLOWNESS = 0.1  # learning rate of bases and of what is added to them over that of entropy models
_SPEED = 10.0  # learning rate of the gains' logarithms over that of other parameters


def _network(inputs: int, width: int, outputs: int, kernel: int) -> nn.Sequential:
    last = nn.Conv2d(width, outputs, kernel, padding=kernel // 2)
    nn.init.zeros_(last.weight)
    assert last.bias is not None
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Conv2d(inputs, width, kernel, padding=kernel // 2), nn.ReLU(), last)
