"""Layers that are trained as they will be evaluated in integers: rounded weights and activations.

Values are fixed-point numbers: an integer times 2^-fraction. Rounding passes gradients straight through. `export` gives
the layer of `qimg.integer_networks.layers` whose results are those of the trained layer in `rounding` mode, times
2^fraction of the output.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from qimg.core import require
from qimg.integer_networks.layers import LIMIT, WEIGHT_BITS, IntegerLayer, IntegerNetwork

HIDDEN_FRACTION = 5
"""Binary digits after the point of hidden activations, which are in [0, 8)."""
HIDDEN_HIGH = 255
"""Largest integer of a hidden activation."""
_LARGEST = (1 << (WEIGHT_BITS - 1)) - 1


def straight_through(x: Tensor) -> Tensor:
    """Round to integers, half up; the gradient is that of the identity."""
    return x + (torch.floor(x + 0.5) - x).detach()


class FixedPoint(nn.Module):
    """A dense layer, or a convolution with a kernel of odd sides, for features (inputs, …) or maps (n, inputs, H, W).

    In training without `rounding` the layer computes in floating point, with clamped outputs.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int | None = None,
        bound: int = HIDDEN_HIGH,
        input_fraction: int = HIDDEN_FRACTION,
        fractions: int | Sequence[int] = HIDDEN_FRACTION,
        low: int = 0,
        high: int = HIDDEN_HIGH,
        gain: float = 1.0,
    ) -> None:
        """Create the layer with weights of variance 2 gain² / inputs and zero biases.

        Args:
            inputs: features.
            outputs: features.
            kernel: rows and columns of a convolution's kernel; a dense layer when left out.
            bound: largest magnitude of an integer input.
            input_fraction: binary digits after the point of the inputs.
            fractions: binary digits after the point of the outputs, for all or for each of them.
            low: least integer output; 0 for a rectified output.
            high: largest integer output.
            gain: factor of the initial weights.
        """
        super().__init__()
        require(kernel is None or kernel % 2 == 1, "kernel", "must be odd", kernel)
        shape = (outputs, inputs) if kernel is None else (outputs, inputs, kernel, kernel)
        fan = max(int(np.prod(shape[1:])), 1)
        self.weight = nn.Parameter(torch.randn(shape) * gain * (2 / fan) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.bound, self.input_fraction, self.low, self.high = bound, input_fraction, low, high
        several = [fractions] * outputs if isinstance(fractions, int) else list(fractions)
        require(len(several) == outputs, "fractions", f"must have {outputs} entries", len(several))
        self.register_buffer("unit", 2.0 ** -torch.tensor(several, dtype=torch.float32), persistent=False)
        self.unit: Tensor
        self.rounding = False

    def exponents(self) -> Tensor:
        """(outputs,) binary digits after the point of the weights, as many as 8 bits and the accumulators allow."""
        with torch.no_grad():
            magnitude = self.weight.abs().flatten(1)
            largest = magnitude.amax(1) if magnitude.shape[1] else torch.zeros_like(self.bias)
            tiny = torch.full_like(self.bias, 2.0**-20)
            bits = torch.floor(torch.log2((_LARGEST + 0.49) / torch.maximum(largest, tiny)))
            # Rounding adds at most half a unit to each weight; the bias is counted with its magnitude.
            fan = magnitude.shape[1]
            for _ in range(2):
                scale = 2.0**bits
                sums = (magnitude.sum(1) * scale + fan / 2) * self.bound
                rest = self.bias.abs() * scale * 2.0**self.input_fraction + 2.0**bits * 2.0**self.input_fraction
                excess = torch.log2((sums + rest + 1) / (LIMIT - 1))
                bits = bits - torch.ceil(excess.clamp(min=0))
            shift = self.input_fraction + torch.log2(self.unit)  # of zero digits of the weights
            return torch.minimum(torch.maximum(bits, -shift), 24 - shift)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, on the grid of their fractions in `rounding` mode."""
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if self.rounding:
            scale = 2.0 ** self.exponents()
            shape = (-1,) + (1,) * (weight.ndim - 1)
            weight = straight_through(weight * scale.view(shape)) / scale.view(shape)
            finest = scale * 2.0**self.input_fraction
            bias = straight_through(bias * finest) / finest
        if weight.ndim == 2:
            y = weight @ x.flatten(1) + bias[:, None]
            y = y.reshape(-1, *x.shape[1:])
            unit = self.unit.view(-1, *(1,) * (y.ndim - 1))
        else:
            y = nn.functional.conv2d(x, weight, bias, padding=weight.shape[2] // 2)
            unit = self.unit.view(1, -1, 1, 1)
        y = y / unit
        if self.rounding:
            y = straight_through(y)
        return y.clamp(self.low, self.high) * unit

    @torch.no_grad()
    def export(self) -> IntegerLayer:
        """The layer in integers; its inputs and outputs are those of this layer times 2^fraction.

        Raises:
            ValueError: an accumulator may reach 2^24, or a weight is not finite.
        """
        require(bool(torch.isfinite(self.weight).all()), "weight", "must be finite", "NaN or infinity")
        exponents = self.exponents().double()
        scale = 2.0**exponents
        weight = torch.floor(self.weight.double() * scale.view((-1,) + (1,) * (self.weight.ndim - 1)) + 0.5)
        bias = torch.floor(self.bias.double() * scale * 2.0**self.input_fraction + 0.5)
        shift = exponents + self.input_fraction + torch.log2(self.unit.double())
        return IntegerLayer(
            weight=weight.clamp(-_LARGEST - 1, _LARGEST).cpu().numpy().astype(np.int8),
            bias=bias.cpu().numpy().astype(np.int32),
            shift=torch.floor(shift + 0.5).cpu().numpy().astype(np.int8),
            low=np.array(self.low, np.int32),
            high=np.array(self.high, np.int32),
            bound=np.array(self.bound, np.int32),
        )


def dense_network(
    inputs: int, hidden: Sequence[int], outputs: Sequence[int], *, bound: int, input_fraction: int, low: int, high: int
) -> nn.Sequential:
    """Dense layers with rectified hidden activations.

    Args:
        inputs: features.
        hidden: features of the hidden layers.
        outputs: binary digits after the point of each output.
        bound: largest magnitude of an integer input.
        input_fraction: binary digits after the point of the inputs.
        low: least integer output.
        high: largest integer output.
    """
    layers = []
    for width in hidden:
        layers.append(FixedPoint(inputs, width, bound=bound, input_fraction=input_fraction))
        inputs, bound, input_fraction = width, HIDDEN_HIGH, HIDDEN_FRACTION
    last = FixedPoint(
        inputs,
        len(outputs),
        bound=bound,
        input_fraction=input_fraction,
        fractions=outputs,
        low=low,
        high=high,
        gain=0.3,
    )
    return nn.Sequential(*layers, last)


def fixed_point_layers(module: nn.Module) -> Iterator[FixedPoint]:
    """All fixed-point layers of a network."""
    return (layer for layer in module.modules() if isinstance(layer, FixedPoint))


def set_rounding(module: nn.Module, rounding: bool) -> None:
    """Switch all fixed-point layers of a network between integers and floating point."""
    for layer in fixed_point_layers(module):
        layer.rounding = rounding


def exported(layers: nn.Sequential) -> IntegerNetwork:
    """The network of fixed-point layers in integers."""
    return IntegerNetwork(layers=tuple(layer.export() for layer in fixed_point_layers(layers)))
