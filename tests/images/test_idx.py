"""IDX files: what is written is read, compressed or not, and every other file is refused by name."""

import gzip

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from qimg import images
from qimg.core import Array


def idx(values: Array) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape) + values.tobytes()


@pytest.mark.parametrize("shape", [(3, 4, 5), (7,), (0, 4, 5)])
@pytest.mark.parametrize("written", [bytes, gzip.compress])
def test_values_are_read_as_they_are_stored(tmp_path, shape, written):
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    path = tmp_path / "values"
    path.write_bytes(written(idx(values)))
    assert_array_equal(images.read_idx(path, len(shape)), values, strict=True)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\0\0\x08\x01" + bytes(12), "it begins with"),
        (b"\0\0\x08\x03" + bytes(9), "its lengths need 16 bytes, but it has 13"),
        (idx(np.zeros((2, 2, 2), np.uint8))[:-1], r"it has 7 values, but its lengths \[2, 2, 2\] need 8"),
        (idx(np.zeros((2, 2, 2), np.uint8)) + b"\0", "it has 9 values"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "it has 0 values"),
        (gzip.compress(idx(np.zeros((2, 2, 2), np.uint8)))[:-9], "end-of-stream"),
        (b"\x1f\x8b is not gzip", "compression method"),
        (b"", "it begins with b''"),
    ],
    ids=["dimensions", "short", "cut", "long", "huge", "cut gzip", "no gzip", "empty"],
)
def test_other_files_are_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "digits.gz"
    path.write_bytes(content)
    with pytest.raises(images.ImageError, match=rf"digits.gz: is no IDX file of 3 dimensions and 8 bits \(.*{reason}"):
        images.read_idx(path, 3)


def test_missing_files_are_refused_by_name(tmp_path):
    with pytest.raises(images.ImageError, match=r"none\.gz: no such file"):
        images.read_idx(tmp_path / "none.gz", 3)
    with pytest.raises(ValueError, match="dimensions must be in"):
        images.read_idx(tmp_path / "none.gz", 0)
