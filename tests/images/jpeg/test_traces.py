"""Pictures that were compressed by JPEG before are recognised; originals and resized pictures are not."""

import numpy as np
import pytest
from PIL import Image

from qimg import images
from qimg.images.jpeg.traces import jpeg_grid, lossy_format

PHOTOS = {name: images.bundled(name) for name in images.BUNDLED}


@pytest.mark.parametrize("quality", [10, 50, 90, 95, 98])
def test_the_grid_of_decoded_pictures_is_found(quality):
    for name, photo in PHOTOS.items():
        shown = images.jpeg_round_trip(photo[:300, :340], quality=quality).image
        assert jpeg_grid(shown) == (0, 0), name
        assert jpeg_grid(shown[3:, 6:]) == (5, 2), name
        assert jpeg_grid(shown[..., 1]) == (0, 0), name


def test_originals_have_no_grid(rng):
    for name, photo in PHOTOS.items():
        # scikit-image's cat is a JPEG file that was stored as PNG
        assert jpeg_grid(photo) == ((0, 0) if name == "chelsea" else None)
        shown = images.jpeg_round_trip(photo, quality=75).image
        assert jpeg_grid(images.to_uint8(images.code_values(images.box_mean(shown, 2)))) is None
    assert jpeg_grid(rng.integers(0, 256, (200, 200), np.uint8)) is None
    assert jpeg_grid(np.full((200, 200), 77, np.uint8)) is None
    assert jpeg_grid(np.zeros((8, 8), np.uint8)) is None


def test_lossy_formats_are_recognised_by_content(tmp_path):
    photo = Image.fromarray(PHOTOS["coffee"][:40, :40])
    photo.save(tmp_path / "a.png", "JPEG", quality=90)
    photo.save(tmp_path / "b.webp", quality=90)
    photo.save(tmp_path / "c.webp", lossless=True)
    photo.save(tmp_path / "d.png")
    names = {path.name: lossy_format(path) for path in sorted(tmp_path.iterdir())}
    assert names == {"a.png": "JPEG", "b.webp": "WebP", "c.webp": "", "d.png": ""}
    assert lossy_format(tmp_path / "none") == ""
