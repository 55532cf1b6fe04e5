"""The experiment on sketches: BlurHash keeps means, and files fit where a codec has such files."""

import numpy as np
import pytest

from experiments.coding import blurhash, sketch
from qimg import images
from qimg.codecs import decode

COFFEE = np.ascontiguousarray(images.bundled("coffee")[::8, ::8])


@pytest.mark.parametrize("image", [COFFEE, COFFEE[..., 1]], ids=["RGB", "gray"])
def test_a_hash_of_one_component_is_the_mean_in_linear_light(image) -> None:
    shown, length = blurhash.round_trip(image, (1, 1))
    assert length == 6
    assert (shown == shown[0, 0]).all()
    share = image / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4).mean((0, 1))
    assert np.abs(255 * (1.055 * linear ** (1 / 2.4) - 0.055) - shown[0, 0]).max() <= 1


def test_more_components_are_nearer() -> None:
    errors = []
    for count in (1, 3, 6):
        shown, length = blurhash.round_trip(COFFEE, (count, count))
        assert length == 4 + 2 * count**2
        errors.append(np.square(shown.astype(float) - COFFEE).mean())
    assert errors == sorted(errors, reverse=True)


def test_the_largest_file_within_a_size_is_found() -> None:
    sizes = [len(sketch.within(COFFEE, "peer:webp", size)) for size in (400, 600)]
    assert sizes[0] <= 400
    assert sizes[0] < sizes[1] <= 600
    smallest = sketch.within(COFFEE, "peer:jpeg-optimised", 100)
    assert decode(smallest, codec="peer:jpeg-optimised").shape == COFFEE.shape
    assert len(smallest) > 100


def test_sizes_out_of_range_are_refused() -> None:
    for size in (39, 512):
        with pytest.raises(ValueError, match=rf"sizes must be in \[40, 511\], but sizes={size}"):
            sketch.Params(sizes=(100, size))
