"""Training of context models of levels of gray, by the loop of all trainings."""

from torch import Tensor

from experiments._run import Array
from experiments.learned.context_training import ROUNDED_FROM, Blocks
from experiments.learned.short_trainings import trained_network
from qimg.integer_networks.coding import ContextModel
from qimg.integer_networks.contexts import ContextDesign
from qimg.learning.contexts import BandContexts
from qimg.learning.fixed_point import set_rounding
from qimg.learning.schedule import Schedule


def trained(design: ContextDesign, levels: Array, schedule: Schedule) -> tuple[ContextModel, float]:
    """The model in integers of pictures (channels, H, W, n), and the processor seconds of its training."""
    network, seconds = trained_network(
        lambda: BandContexts(design),
        _bits_per_pixel,
        Blocks.of([levels[..., number] for number in range(levels.shape[-1])]),
        schedule,
        prepare=lambda network, share: set_rounding(network, share >= ROUNDED_FROM),
    )
    set_rounding(network, True)
    return network.export(), seconds


def _bits_per_pixel(network: BandContexts, crops: Tensor) -> Tensor:
    return network.bits(crops, crops).sum() / crops.numel()
