"""Layers of networks in integer arithmetic: products of integers that are exact in single precision.

A layer computes y = clamp((W x + b + 2^(s−1)) >> s, low, high), with one shift s for each output. The magnitude of
every partial sum is below 2^24 for all inputs of at most `bound`, which `IntegerLayer` checks; integers of this size
and their sums are exact in float32 in any order of summation, so that a product by any BLAS gives the same result.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from qimg.core import Array, require, require_shape
from qimg.core.cached import cached_property
from qimg.core.records import short_repr

LIMIT = 1 << 24
"""Integers below this magnitude are exact in single precision."""
WEIGHT_BITS = 8
"""Bits of a weight, with its sign."""

FIELDS = ("weight", "bias", "shift", "low", "high", "bound")
"""Arrays of a layer."""


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerLayer:
    """A dense layer or a convolution in integer arithmetic.

    Raises:
        ValueError: shapes differ, or an accumulator may reach 2^24.
    """

    weight: Array
    """(outputs, inputs) int8, or (outputs, inputs, rows, columns) with an odd number of rows and columns."""
    bias: Array
    """(outputs,) int32."""
    shift: Array
    """(outputs,) int8, 0 to 24: binary digits that are dropped, with rounding."""
    low: Array
    """() int32 least output."""
    high: Array
    """() int32 largest output."""
    bound: Array
    """() int32 largest magnitude of an input; inputs beyond it are an error of the caller."""

    def __post_init__(self) -> None:
        outputs = len(self.weight)
        require_shape(self.weight.ndim in (2, 4), "weight", "(outputs, inputs) or with rows and columns", self.weight)
        for name in ("bias", "shift"):
            one = getattr(self, name)
            require_shape(one.shape == (outputs,), name, f"({outputs},)", one)
        low, high = (int(one) for one in (self.shift.min(initial=0), self.shift.max(initial=0)))
        require(low >= 0 and high <= 24, "shift", "must be in [0, 24]", high if low >= 0 else low)
        require(int(self.low) <= int(self.high), "low", f"must be at most high={int(self.high)}", int(self.low))
        largest = int(self.largest_accumulator)
        require(largest < LIMIT, "weight", f"must keep accumulators below {LIMIT}", largest)

    @property
    def largest_accumulator(self) -> int:
        """The largest magnitude of a partial sum, over all inputs of at most `bound`."""
        weight = np.abs(self.weight.astype(np.int64)).reshape(len(self.weight), -1).sum(axis=1)
        rest = np.abs(self.bias.astype(np.int64)) + (1 << self.shift.astype(np.int64))
        return int((weight * int(self.bound) + rest).max(initial=0))

    @property
    def multiply_accumulates(self) -> int:
        """Products of an output position."""
        return int(self.weight.size)

    @cached_property
    def _rounded_bias(self) -> Array:
        """Bias plus half of the unit that the shift leaves, so that flooring rounds."""
        return self.bias + np.where(self.shift > 0, 1 << np.maximum(self.shift.astype(np.int64) - 1, 0), 0)

    def __call__(self, x: Array) -> Array:
        """Outputs (outputs, …) of inputs (inputs, …), or (outputs, H, W) of (inputs, H, W) for a convolution.

        Args:
            x: integers of magnitude at most `bound` as float32 or float64, which is the precision of the products.
        """
        if self.weight.ndim == 2:
            y = self.weight.astype(x.dtype) @ x.reshape(len(x), int(np.prod(x.shape[1:])))
            return self.scaled(y).reshape(len(self.weight), *x.shape[1:])
        return self.scaled(self._convolved(x)).reshape(len(self.weight), *x.shape[1:])

    def scaled(self, y: Array) -> Array:
        """Outputs (outputs, n) of products W x (outputs, n), which are overwritten: bias, shift and clamping."""
        y += self._rounded_bias.astype(y.dtype)[:, None]
        y *= np.ldexp(np.ones(1, y.dtype), -self.shift.astype(np.int32))[:, None]
        np.floor(y, out=y)
        return np.clip(y, int(self.low), int(self.high), out=y)

    def _convolved(self, x: Array) -> Array:
        """The sum of a product for each place of the kernel, on shifted views of padded inputs; (outputs, H W)."""
        rows, columns = self.weight.shape[2:]
        height, width = x.shape[1:]
        top, left = rows // 2, columns // 2
        stride = width + columns - 1
        padded = np.zeros((len(x), (height + rows) * stride), x.dtype)
        inside = padded[:, : (height + rows - 1) * stride].reshape(len(x), height + rows - 1, stride)
        inside[:, top : top + height, left : left + width] = x
        y = np.zeros((len(self.weight), height * stride), x.dtype)
        product = np.empty_like(y)
        for row in range(rows):
            for column in range(columns):
                start = row * stride + column
                weight = np.ascontiguousarray(self.weight[:, :, row, column]).astype(x.dtype)
                y += np.matmul(weight, padded[:, start : start + height * stride], out=product)
        return np.ascontiguousarray(y.reshape(-1, height, stride)[:, :, :width]).reshape(len(y), -1)

    def arrays(self, prefix: str) -> dict[str, Array]:
        """The arrays of the layer by name, for a file."""
        return {f"{prefix}{name}": getattr(self, name) for name in FIELDS}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, ArrayLike], prefix: str) -> "IntegerLayer":
        """The layer with arrays of `arrays`; a file may store a number as an array of one number."""
        stored = {name: np.asarray(arrays[f"{prefix}{name}"]) for name in FIELDS}
        numbers = {name: stored[name].reshape(()) for name in ("low", "high", "bound")}
        return cls(**{**stored, **numbers})


@short_repr
@dataclass(frozen=True, eq=False, kw_only=True)
class IntegerNetwork:
    """Layers that are applied one after the other.

    Raises:
        ValueError: a layer's outputs do not fit the next layer's inputs.
    """

    layers: tuple[IntegerLayer, ...]

    def __post_init__(self) -> None:
        for number, (before, after) in enumerate(zip(self.layers, self.layers[1:], strict=False)):
            inputs, outputs = after.weight.shape[1], len(before.weight)
            require(inputs == outputs, "layers", f"must have {outputs} inputs in layer {number + 1}", inputs)
            widest = max(abs(int(before.low)), abs(int(before.high)))
            bound = int(after.bound)
            require(widest <= bound, "layers", f"must have outputs of at most {bound} in layer {number}", widest)

    def __call__(self, x: Array) -> Array:
        """Outputs of the last layer; see `IntegerLayer`."""
        for layer in self.layers:
            x = layer(x)
        return x

    @property
    def multiply_accumulates(self) -> int:
        """Products of a position."""
        return sum(layer.multiply_accumulates for layer in self.layers)

    def arrays(self, prefix: str) -> dict[str, Array]:
        """The arrays of all layers by name, for a file."""
        parts = [layer.arrays(f"{prefix}{number}.") for number, layer in enumerate(self.layers)]
        return {name: array for part in parts for name, array in part.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, ArrayLike], prefix: str, layers: int) -> "IntegerNetwork":
        """The network with arrays of `arrays`."""
        return cls(layers=tuple(IntegerLayer.of_arrays(arrays, f"{prefix}{number}.") for number in range(layers)))
