"""The restoration network in integers: residual convolutions at half the resolution."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from qimg.codecs.learned.design import COLOURS, SAMPLE_FRACTION, STEP_FRACTION, Design
from qimg.core import Array, require_shape
from qimg.core.records import short_repr
from qimg.integer_networks.layers import IntegerLayer

FACTOR = 2
"""Rows and columns of pixels per feature."""
SMOOTH = 4
"""Rows and columns of the squares whose means are subtracted from the detail."""
INPUT_BOUND = 255
"""Largest magnitude of an integer input."""
INPUT_FRACTION = 5
"""Binary digits after the point of the inputs: pictures in units of 64 code values, and details in half steps."""
PICTURE_SCALE, DETAIL_SCALE = 64.0, 0.5
"""Units of the inputs: of pictures in code values, and of details in steps."""
HIDDEN_HIGH = 255
"""Largest integer of a rectified feature."""
CHANGE_FRACTION = 8
"""Binary digits after the point of changes, in quantization steps."""
FURTHEST = (1 << 15) - 1
"""Largest magnitude of the residual stream and of changes."""
_PICTURE_DROP = SAMPLE_FRACTION - INPUT_FRACTION + 6  # 2^6 is the scale of pictures


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerRestoration:
    """Changes of a decoded picture, which `qimg.codecs.learned.training.restoration` learns."""

    first: IntegerLayer
    before: tuple[IntegerLayer, ...]
    """First convolutions of the residual blocks."""
    after: tuple[IntegerLayer, ...]
    """Second convolutions of the residual blocks."""
    last: IntegerLayer

    @property
    def reach(self) -> int:
        """Radius of the receptive field in pixels."""
        return FACTOR * (1 + 2 * len(self.before)) + SMOOTH

    @property
    def multiply_accumulates(self) -> float:
        """Products per pixel."""
        return sum(layer.multiply_accumulates for _, layer in self._layers()) / FACTOR**2

    def changes(self, samples: Array, step: int, conditions: Array, *, dtype: DTypeLike = np.float32) -> Array:
        """Changes of samples in units of 2^-6 code values, (3, H, W) int64.

        Args:
            samples: (3, H, W) int64 code values minus 128 in units of 2^-6; sides are multiples of 4.
            step: quantization step in units of 2^-6.
            conditions: (conditions,) integers.
            dtype: precision of the products, which does not change the result.
        """
        inputs = _inputs(samples, step)
        described = np.broadcast_to(conditions[:, None, None], (len(conditions), *inputs.shape[1:]))
        stream = self.first(np.concatenate([inputs, described]).astype(dtype))
        for before, after in zip(self.before, self.after, strict=True):
            stream += after(before(np.clip(stream, 0, HIDDEN_HIGH)))
        changes = _spread(self.last(np.clip(stream, 0, HIDDEN_HIGH))).astype(np.int64) * step
        drop = CHANGE_FRACTION + STEP_FRACTION - SAMPLE_FRACTION
        return (changes + (1 << (drop - 1))) >> drop

    def check(self, design: Design) -> None:
        """Raise `ValueError` where the layers do not fit a design."""
        inputs, outputs = 2 * COLOURS * FACTOR**2 + design.conditions, COLOURS * FACTOR**2
        shapes = {"first": (design.width, inputs, 3, 3), "last": (outputs, design.width, 1, 1)}
        for name, layer in self._layers():
            shape = shapes.get(name, (design.width, design.width, 3, 3))
            require_shape(layer.weight.shape == shape, name, f"{shape}", layer.weight)

    def arrays(self, prefix: str) -> dict[str, Array]:
        """The arrays of all layers by name, for a file."""
        parts = [layer.arrays(f"{prefix}{name}.") for name, layer in self._layers()]
        return {name: array for part in parts for name, array in part.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, ArrayLike], prefix: str, blocks: int) -> "IntegerRestoration":
        """The network with arrays of `arrays`."""

        def layer(name: str) -> IntegerLayer:
            return IntegerLayer.of_arrays(arrays, f"{prefix}{name}.")

        return cls(
            first=layer("first"),
            before=tuple(layer(f"before{number}") for number in range(blocks)),
            after=tuple(layer(f"after{number}") for number in range(blocks)),
            last=layer("last"),
        )

    def _layers(self) -> Iterator[tuple[str, IntegerLayer]]:
        yield "first", self.first
        yield from ((f"before{number}", layer) for number, layer in enumerate(self.before))
        yield from ((f"after{number}", layer) for number, layer in enumerate(self.after))
        yield "last", self.last


def _inputs(samples: Array, step: int) -> Array:
    """(24, H / 2, W / 2) int64 pictures and details, space to depth, rounded half up."""
    _, height, width = samples.shape
    squares = samples.reshape(COLOURS, height // SMOOTH, SMOOTH, width // SMOOTH, SMOOTH)
    # The detail in half steps with 5 digits after the point is 64 (x − mean) / step, and the mean is a sum over 16.
    detail = (squares * SMOOTH**2 - squares.sum(axis=(2, 4), keepdims=True)).reshape(samples.shape)
    rounded = (8 * detail + step) // (2 * step)
    pictures = (samples + (1 << (_PICTURE_DROP - 1))) >> _PICTURE_DROP
    both = np.clip(np.concatenate([pictures, rounded]), -INPUT_BOUND, INPUT_BOUND)
    blocks = both.reshape(2 * COLOURS, height // FACTOR, FACTOR, width // FACTOR, FACTOR)
    return blocks.transpose(0, 2, 4, 1, 3).reshape(-1, height // FACTOR, width // FACTOR)


def _spread(features: Array) -> Array:
    """(3, H, W) of features (12, H / 2, W / 2), depth to space."""
    _, height, width = features.shape
    blocks = features.reshape(COLOURS, FACTOR, FACTOR, height, width).transpose(0, 3, 1, 4, 2)
    return blocks.reshape(COLOURS, FACTOR * height, FACTOR * width)
