"""The network: residual convolutions at half resolution, modulated by the 8×8 grid and the quantization table."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from qimg.core import fraction, integer
from qimg.core.records import short_repr
from qimg.images.jpeg.blocks import BLOCK, DCT
from qimg.learning.layers import FACTOR, Blocks, reach

_SPREAD = 32
_LEVEL = 64.0
_LIMIT = 12.0


@short_repr
@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Hyperparameters of a network."""

    width: int = 48
    """Channels of features."""
    blocks: int = 5
    """Residual blocks of two 3×3 convolutions each."""
    estimate: bool = False
    """Whether an explicit estimate of the plane is an additional input."""
    cell: float = 0.7
    """Share of every quantization bin to which outputs are confined; 0 for no constraint."""

    def __post_init__(self) -> None:
        integer("width", self.width, 1)
        integer("blocks", self.blocks, 1)
        fraction("cell", self.cell)

    @property
    def reach(self) -> int:
        """Radius of the receptive field, rounded up to a multiple of 8, since bins constrain whole blocks."""
        return -(-reach([1] * self.blocks) // BLOCK) * BLOCK


class Network(Blocks):
    """Conditional mean and variance of planes given the planes decoded from their quantized coefficients.

    The residual is learned relative to the scale of the table (`qimg.restoration.jpeg.cascade.table_scale`), so that
    errors have a similar size at every quality. Layers: space-to-depth by 2, a convolution with a tile of biases for
    the 4×4 positions of a feature in the 8×8 grid, residual blocks whose features are scaled and shifted by a function
    of the table (Perez et al. 2018), and a last convolution that is initialised to zero, so that an untrained network
    returns the decoded plane.
    """

    def __init__(self, architecture: Architecture) -> None:
        width, squared = architecture.width, FACTOR * FACTOR
        super().__init__(
            3 if architecture.estimate else 2,
            BLOCK * BLOCK,
            width=width,
            dilations=[1] * architecture.blocks,
            tile=BLOCK // FACTOR,
        )
        self.architecture = architecture
        self.mean = nn.Conv2d(width, squared, 3, padding=1)
        last = nn.Conv2d(_SPREAD, squared, 1)
        self.spread = nn.Sequential(nn.Conv2d(width, _SPREAD, 3, padding=1), nn.ReLU(), last)
        self.start(self.mean, last)
        self.dct = nn.Buffer(torch.from_numpy(DCT.copy()), persistent=False)

    def forward(self, decoded: Tensor, table: Tensor, estimate: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean, and logarithm of the variance relative to the squared table scale, (B, 1, H, W) each.

        Args:
            decoded: (B, 1, H, W) code values, neither rounded nor clipped; sides are multiples of 8.
            table: (B, 8, 8) quantization steps.
            estimate: (B, 1, H, W) explicit estimate, if the architecture has this input.
        """
        scale = table_scales(table)
        planes = [(decoded - 128) / _LEVEL, (decoded - 128) / (8 * scale)]
        if self.architecture.estimate:
            if estimate is None:
                raise ValueError("estimate must be given, because the architecture has this input")
            planes.append((estimate - decoded) / scale)
        x = self.features(torch.cat(planes, dim=1), (torch.log2(table).flatten(1) - 4) / 2)
        residual = nn.functional.pixel_shuffle(self.mean(x), FACTOR)
        spread = nn.functional.pixel_shuffle(self.spread(x), FACTOR)
        mean = decoded + scale * residual
        if self.architecture.cell > 0:
            mean = decoded + self._confined(mean - decoded, table)
        return mean, spread.clamp(-_LIMIT, _LIMIT)

    def _confined(self, change: Tensor, steps: Tensor) -> Tensor:
        """The change with its coefficients clipped to the middle share of their bins, whose centres are no change."""
        count, _, height, width = change.shape
        half = (self.architecture.cell / 2) * steps.view(count, 1, BLOCK * BLOCK)
        blocks = to_blocks(change)
        inside = torch.clamp(blocks @ self.dct.T, -half, half) @ self.dct
        return from_blocks(inside, height, width)


def table_scales(table: Tensor) -> Tensor:
    """(B, 1, 1, 1) scales of tables (B, 8, 8), as `qimg.restoration.jpeg.cascade.table_scale`."""
    return table.square().mean(dim=(1, 2)).sqrt().view(-1, 1, 1, 1) / BLOCK


def to_blocks(planes: Tensor) -> Tensor:
    """The 8×8 blocks (B, n, 64) of planes (B, 1, H, W), row by row."""
    count, _, height, width = planes.shape
    rows, columns = height // BLOCK, width // BLOCK
    blocks = planes.reshape(count, rows, BLOCK, columns, BLOCK).transpose(2, 3)
    return blocks.reshape(count, rows * columns, BLOCK * BLOCK)


def from_blocks(blocks: Tensor, height: int, width: int) -> Tensor:
    """The planes (B, 1, H, W) with these blocks (B, n, 64)."""
    grid = blocks.reshape(len(blocks), height // BLOCK, width // BLOCK, BLOCK, BLOCK).transpose(2, 3)
    return grid.reshape(len(blocks), 1, height, width)
