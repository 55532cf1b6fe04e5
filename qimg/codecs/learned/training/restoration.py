"""The restoration network in PyTorch: residual convolutions at a quarter of the resolution, in fixed point."""

import torch
from torch import Tensor, nn

from qimg.codecs.learned.design import COLOURS, CONDITION_FRACTION, Design
from qimg.codecs.learned.restoration import CHANGE_FRACTION, FACTOR, FURTHEST, INPUT_BOUND, INPUT_FRACTION
from qimg.learning.fixed_point import HIDDEN_FRACTION, HIDDEN_HIGH, FixedPoint, straight_through


class Restoration(nn.Module):
    """Changes of a decoded picture in quantization steps; `qimg.codecs.learned.restoration` evaluates it in integers."""

    def __init__(self, design: Design) -> None:
        """Create the network; at the start its changes are zero."""
        super().__init__()
        width, samples = design.width, COLOURS * FACTOR * FACTOR
        wide = {"low": -FURTHEST, "high": FURTHEST}
        self.first = FixedPoint(
            samples + design.conditions,
            width,
            kernel=3,
            bound=INPUT_BOUND,
            input_fraction=INPUT_FRACTION,
            **wide,
        )
        self.before = nn.ModuleList(FixedPoint(width, width, kernel=3) for _ in range(design.blocks))
        self.after = nn.ModuleList(FixedPoint(width, width, kernel=3, gain=0.3, **wide) for _ in range(design.blocks))
        self.last = FixedPoint(width, samples, kernel=1, fractions=CHANGE_FRACTION, **wide)
        with torch.no_grad():
            self.last.weight.zero_()

    @property
    def rounding(self) -> bool:
        """Whether layers compute in integers."""
        return self.first.rounding

    def forward(self, pictures: Tensor, shares: Tensor) -> Tensor:
        """Changes (B, 3, H, W) in steps.

        Args:
            pictures: (B, 3, H, W) code values minus 128; sides are multiples of 4.
            shares: (conditions, B) interpolation between octaves.
        """
        rounded = straight_through(pictures) if self.rounding else pictures
        x = nn.functional.pixel_unshuffle(rounded.clamp(-INPUT_BOUND, INPUT_BOUND), FACTOR) * 2.0**-INPUT_FRACTION
        conditions = shares.T[:, :, None, None] * 2.0 ** (CONDITION_FRACTION - INPUT_FRACTION)
        x = torch.cat([x, conditions.expand(-1, -1, *x.shape[2:])], 1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.training, cache_enabled=False):
            stream = self.first(x)
            for before, after in zip(self.before, self.after, strict=True):
                stream = stream + after(before(_rectified(stream)))
            change = self.last(_rectified(stream))
        return nn.functional.pixel_shuffle(change.float(), FACTOR)


def _rectified(stream: Tensor) -> Tensor:
    return stream.clamp(0, HIDDEN_HIGH * 2.0**-HIDDEN_FRACTION)
