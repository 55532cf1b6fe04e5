"""The restoration network in PyTorch: residual convolutions at half the resolution, in fixed point."""

import torch
from torch import Tensor, nn

from qimg.codecs.learned.design import COLOURS, CONDITION_FRACTION, Design
from qimg.codecs.learned.restoration import (
    CHANGE_FRACTION,
    DETAIL_SCALE,
    FACTOR,
    FURTHEST,
    INPUT_BOUND,
    INPUT_FRACTION,
    PICTURE_SCALE,
    SMOOTH,
    IntegerRestoration,
)
from qimg.learning.fixed_point import HIDDEN_FRACTION, HIDDEN_HIGH, FixedPoint, fixed_point_layers, straight_through


class Restoration(nn.Module):
    """Changes of a decoded picture in steps; `qimg.codecs.learned.restoration` evaluates the network in integers."""

    def __init__(self, design: Design) -> None:
        """Create the network; at the start its changes are zero."""
        super().__init__()
        width, samples = design.width, COLOURS * FACTOR * FACTOR
        wide = {"low": -FURTHEST, "high": FURTHEST}
        self.first = FixedPoint(
            2 * samples + design.conditions,
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

    def forward(self, pictures: Tensor, steps: Tensor, shares: Tensor) -> Tensor:
        """Changes (B, 3, H, W) in steps.

        Args:
            pictures: (B, 3, H, W) code values minus 128; sides are multiples of 4.
            steps: (B,) quantization steps.
            shares: (conditions, B) interpolation between octaves.
        """
        smooth = nn.functional.avg_pool2d(pictures, SMOOTH).repeat_interleave(SMOOTH, 2).repeat_interleave(SMOOTH, 3)
        details = (pictures - smooth) / (DETAIL_SCALE * steps.view(-1, 1, 1, 1))
        x = torch.cat([pictures / PICTURE_SCALE, details], 1) * 2.0**INPUT_FRACTION
        x = nn.functional.pixel_unshuffle(straight_through(x) if self.rounding else x, FACTOR)
        conditions = (shares.T * 2.0**CONDITION_FRACTION)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = torch.cat([x.clamp(-INPUT_BOUND, INPUT_BOUND), conditions], 1) * 2.0**-INPUT_FRACTION
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.training, cache_enabled=False):
            stream = self.first(x)
            for before, after in zip(self.before, self.after, strict=True):
                stream = stream + after(before(_rectified(stream)))
            change = self.last(_rectified(stream))
        return nn.functional.pixel_shuffle(change.float(), FACTOR)

    def export(self) -> IntegerRestoration:
        """The network in integers."""
        return IntegerRestoration(
            first=self.first.export(),
            before=tuple(layer.export() for layer in fixed_point_layers(self.before)),
            after=tuple(layer.export() for layer in fixed_point_layers(self.after)),
            last=self.last.export(),
        )


def _rectified(stream: Tensor) -> Tensor:
    return stream.clamp(0, HIDDEN_HIGH * 2.0**-HIDDEN_FRACTION)
