"""Progressive payloads: a coarse picture, then layers that divide its step; every prefix decodes to a picture."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import StripCoder
from qimg.codecs.block.encoder.analysis import Target, new_space
from qimg.codecs.block.layers import layer_contexts, refinement
from qimg.codecs.block.layers.refinement import Layer
from qimg.codecs.block.layers.ternary_refinement import RATIO
from qimg.codecs.block.model.strip import Settings
from qimg.codecs.block.transform.blocks import new_work
from qimg.codecs.block.transform.geometry import SUPERBLOCK
from qimg.codecs.block.transform.smoothing import smoothed
from qimg.core import Array
from qimg.entropy.mixing import Coder

COARSE = 60 * 64
"""Largest luma step of the coarse picture, in 1/64 of a code value, unless the finest step is larger."""
MOST_PIXELS = 1 << 25
"""Largest number of pixels of a progressive picture; encoder and decoder hold all of it in memory."""
TILE = 128
"""Side of the squares whose means precede the coarse picture; they replace its missing parts in a cut file."""
SHOWN_WITHOUT_MEANS = 1 << 20
"""Largest number of pixels of a picture that is shown from a prefix without all means."""
CUT = 128
"""Flag of a deliberately cut payload in its first byte; the other bits are the number of layers."""
LENGTH = 4
"""Bytes of the length of the coarse picture."""


def layers_of(step: int) -> int:
    """Number of divisions from the coarse step to the luma step."""
    count = 0
    while step * RATIO ** (count + 1) <= COARSE:
        count += 1
    return count


def steps_of(parameters: Parameters) -> list[Parameters]:
    """Parameters of the coarse picture and of each layer."""
    count = layers_of(parameters.step)
    return [replace(parameters, step=parameters.step * RATIO ** (count - layer)) for layer in range(count + 1)]


def least_length(parameters: Parameters, planes: int, rows: int, width: int) -> int:
    """Bytes of the shortest prefix of a progressive payload that is shown: none, or up to the means of a large picture.

    Means are one byte for each `TILE`² samples, so that the cost of a prefix stays in proportion to its bytes.
    """
    if rows * width <= SHOWN_WITHOUT_MEANS:
        return 0
    return 1 + layers_of(parameters.step) + LENGTH + planes * -(-rows // TILE) * -(-width // TILE)


class LayeredPicture:
    """State of a progressive encoder or decoder: the coarse samples and the current layer."""

    def __init__(self, coder: StripCoder, settings: Sequence[Settings]) -> None:
        self.tables, self.planes = coder.tables, coder.planes
        self.sizes, self.settings = coder.sizes, settings
        self.rows, columns = len(coder.decisions), coder.width // SUPERBLOCK
        size, label, _, q, _ = (np.concatenate(rows) for rows in zip(*coder.decisions, strict=True))
        coder.decisions.clear()  # they take as much memory as the layers
        count = len(size)
        self.layer = Layer(
            bases=self.tables.bases,
            scales=self.tables.scales,
            points=self.tables.points,
            settings=settings[0],
            model=layer_contexts.new_model(*(self.tables.array(name) for name in ("stretch", "squash", "rate"))),
            work=new_work(),
            size=size,
            label=label,
            q=q,
            actual=np.zeros((count, 3, 64), np.int64),
            expected=np.zeros((count, 3, 64), np.int64),
            activity=np.zeros((3, 8 * self.rows + 2, 8 * columns + 2), np.int8),
            coarse=coder.unfiltered,
            fine=coder.unfiltered.copy(),
            first=np.zeros(256, np.int32),
            shift=np.zeros((3, 256), np.int64),
            wanted=np.zeros(256, np.float32),
        )
        refinement.count_coarse(self.layer)
        self.space = new_space()

    def code_row(self, coder: Coder, layer: int, row: int, *, source: Array, cut: bool = False) -> bool:
        """Code a row of superblocks of a layer; returns False if the words to read end in it or are broken."""
        target = Target(source, self.tables.costs, self.space)
        current = self.layer._replace(settings=self.settings[layer])
        return bool(refinement.code_layer_row(coder, current, target, row, cut))

    def filtered(self, plane: int, layer: int) -> Array:
        """A plane of the current picture, filtered with the settings of a layer."""
        step, weights = int(self.settings[layer].steps[plane]), self.tables.filters[plane]
        return smoothed(self.layer.fine[plane, 1:], self.sizes, step, weights)

    def decoded(self, layer: int, flags: int) -> Array:
        """Decoded samples (planes, padded rows, padded width); the planes in `flags` are filtered."""
        samples = self.layer.fine[:, 1:].copy()
        for plane in range(self.planes):
            if flags >> plane & 1:
                samples[plane] = self.filtered(plane, layer)
        return samples
