"""Layers of networks: residual blocks at half resolution, modulated by the position in a grid and by conditions."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

FACTOR = 2
"""Rows and columns of samples per feature."""
_HIDDEN = 32


class Blocks(nn.Module):
    """A convolution with a tile of biases for the positions in a grid, and residual blocks of two 3×3 convolutions.

    Features in the blocks are scaled and shifted by a function of the conditions (Perez et al. 2018). In training mode
    the blocks compute products in bfloat16, which is faster at the cost of rounding.
    """

    def __init__(self, inputs: int, conditions: int, *, width: int, dilations: Sequence[int], tile: int) -> None:
        """Create the layers.

        Args:
            inputs: channels at full resolution.
            conditions: numbers that describe a picture.
            width: channels of features.
            dilations: of the residual blocks, one each.
            tile: features on a side of the grid's tile.
        """
        super().__init__()
        self.first = nn.Conv2d(FACTOR * FACTOR * inputs, width, 3, padding=1)
        self.tile = nn.Parameter(torch.zeros(1, width, tile, tile))
        self.before = nn.ModuleList(nn.Conv2d(width, width, 3, padding=far, dilation=far) for far in dilations)
        self.after = nn.ModuleList(nn.Conv2d(width, width, 3, padding=far, dilation=far) for far in dilations)
        self.table = nn.Sequential(nn.Linear(conditions, _HIDDEN), nn.ReLU())
        self.modulation = nn.Linear(_HIDDEN, 2 * width * len(dilations))

    def start(self, *last: nn.Module) -> None:
        """Initialise the layers `last` and the modulation to zero, and scale the last weights of every block by 0.3."""
        with torch.no_grad():
            for zero in (*last, self.modulation):
                for values in zero.parameters():
                    values.zero_()
            for after in self.after:
                next(after.parameters()).mul_(0.3)

    @property
    def weights(self) -> int:
        """Number of trainable parameters."""
        return sum(value.numel() for value in self.parameters())

    def features(self, planes: Tensor, conditions: Tensor) -> Tensor:
        """Features (B, width, H / 2, W / 2) of planes (B, inputs, H, W), whose sides are multiples of the tile's."""
        x = nn.functional.pixel_unshuffle(planes, FACTOR)
        x = self.first(x.contiguous(memory_format=torch.channels_last))
        rows, columns = (length // tile for length, tile in zip(x.shape[2:], self.tile.shape[2:], strict=True))
        x = torch.relu(x + self.tile.repeat(1, 1, rows, columns))
        film = self.modulation(self.table(conditions)).view(len(conditions), len(self.before), 2, -1, 1, 1)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.training, cache_enabled=False):
            for number, (before, after) in enumerate(zip(self.before, self.after, strict=True)):
                y = _modulated(before, x, 1 + film[:, number, 0], film[:, number, 1])
                x = x + after(torch.relu_(y))
        return x


def _modulated(layer: nn.Module, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The layer's output with channels scaled and shifted by (B, C, 1, 1); for one picture the weights change."""
    if len(scale) > 1 or torch.is_grad_enabled():
        return layer(x) * scale + shift
    assert isinstance(layer, nn.Conv2d)
    assert layer.bias is not None
    weight, bias = layer.weight * scale.transpose(0, 1), layer.bias * scale.flatten() + shift.flatten()
    weight = weight.contiguous(memory_format=torch.channels_last)
    return nn.functional.conv2d(x, weight, bias, padding=layer.dilation, dilation=layer.dilation)


def reach(dilations: Sequence[int]) -> int:
    """Radius in rows and columns of the receptive field of such blocks followed by a 3×3 convolution."""
    return FACTOR * (2 * sum(dilations) + 2)
