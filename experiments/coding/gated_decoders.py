"""A decoder whose hidden features are closed one after the other while it is trained, and cut out at the end."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from experiments._run import Array
from experiments.coding.digit_autoencoders import AutoEncoder, squared_errors, trained
from qimg.learning.schedule import Schedule

CLOSED = 0.4
"""Share of the steps, at the end, in which gates that decayed are closed."""


class Gated(nn.Module):
    """A decoder of latents, with a gate for each hidden feature; codes come from an encoder that does not change."""

    def __init__(self, source: AutoEncoder, decoder: nn.Sequential, widths: tuple[int, int]) -> None:
        """Begin with all gates open.

        Args:
            source: gives codes, and is not trained.
            decoder: two hidden layers; copied.
            widths: hidden features that stay.
        """
        super().__init__()
        self.decoder = deepcopy(decoder)
        self.frozen = [source]  # in a list, so that it is no part of the trained network
        self.widths = widths
        first, second, third = _linear_layers(self.decoder)
        for name, before, after, width in (("first", first, second, widths[0]), ("second", second, third, widths[1])):
            importance = before.weight.norm(dim=1) * after.weight.norm(dim=0)
            closing = torch.ones(len(importance))
            closing[torch.topk(importance, width).indices] = 0
            self.register_buffer(f"{name}_closing", closing)
            self.register_buffer(f"{name}_gates", torch.ones(len(importance)))
        self.first_gates: Tensor
        self.second_gates: Tensor

    def set_gates(self, openness: float) -> None:
        """Set the gates of the features that are to be closed; 0 closes them."""
        for name in ("first", "second"):
            closing = getattr(self, f"{name}_closing")
            getattr(self, f"{name}_gates").copy_(1 - closing * (1 - openness))

    def pixels(self, quantized: Tensor, rate: Tensor) -> Tensor:
        """Pixels (pixels, n) in code values of codes, given the rate."""
        source = self.frozen[0]
        x = torch.cat([quantized / source.gain(rate), rate[None]]).T
        layers = list(self.decoder)
        x = layers[1](layers[0](x)) * self.first_gates
        x = layers[3](layers[2](x)) * self.second_gates
        values: Tensor = layers[4](x).T
        return 128 * (values + 1)

    @torch.no_grad()
    def cut(self) -> nn.Sequential:
        """The decoder without the features whose gates are closed; its outputs are the same."""
        first, second, third = _linear_layers(self.decoder)
        rows, columns = (torch.nonzero(gates > 0)[:, 0] for gates in (self.first_gates, self.second_gates))
        parts = [
            _linear(first.weight[rows], first.bias[rows]),
            _linear(second.weight[columns][:, rows] * self.first_gates[rows], second.bias[columns]),
            _linear(third.weight[:, columns] * self.second_gates[columns], third.bias),
        ]
        return nn.Sequential(parts[0], nn.ReLU(), parts[1], nn.ReLU(), parts[2])


def _linear_layers(decoder: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in decoder if isinstance(layer, nn.Linear)]


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
    return layer


def cut_at_once(source: AutoEncoder, decoder: nn.Sequential, widths: tuple[int, int]) -> nn.Sequential:
    """The decoder without its least important features, not trained any further; arguments as for `reduced`."""
    network = Gated(source, decoder, widths)
    network.set_gates(0)
    return network.cut()


def reduced(
    source: AutoEncoder,
    decoder: nn.Sequential,
    widths: tuple[int, int],
    digits: Array,
    schedule: Schedule,
    *,
    weights: tuple[float, float],
    decayed: bool,
) -> tuple[nn.Sequential, float]:
    """A smaller decoder for the same codes, and the seconds of its training.

    Args:
        source: gives the codes.
        decoder: is made smaller.
        widths: its hidden features.
        digits: to train on.
        schedule: of the training.
        weights: bits that a unit of squared error is worth at the lowest rate and at the highest.
        decayed: whether the gates decay linearly over the first part of the training; otherwise they are closed at
            once.
    """
    low, high = weights

    def loss(network: Gated, pixels: Tensor) -> Tensor:
        rate = torch.rand(pixels.shape[1])
        with torch.no_grad():
            codes = torch.floor(source.latents(pixels, rate[None], rate) + 0.5)
        errors = squared_errors(network.pixels(codes, rate), pixels)
        return (errors * (low * (high / low) ** rate).sqrt()).mean() / 100

    def prepare(network: Gated, share: float) -> None:
        network.set_gates(max(1 - share / (1 - CLOSED), 0.0) if decayed else 0.0)

    network, seconds = trained(lambda: Gated(source, decoder, widths), loss, digits, schedule, prepare=prepare)
    network.set_gates(0)
    return network.cut(), seconds
