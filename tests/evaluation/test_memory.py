"""Memory of codecs, measured in a process of its own."""

import subprocess
import sys

import numpy as np
import pytest

from qimg import codecs, images
from qimg.evaluation import memory


@pytest.mark.skipif(sys.platform != "linux", reason="needs the counters of Linux")
def test_memory_grows_at_least_by_the_output() -> None:
    picture = np.tile(images.bundled("coffee"), (3, 3, 1))
    data = codecs.encode(picture, codec="peer:jpeg", quality=50)
    encoding, decoding = memory.peak_mebibytes("peer:jpeg", picture, {"quality": 50}, data)
    # The counters of a thread are added to those of the process every few dozen pages: 1 MiB covers them.
    assert decoding > picture.nbytes / 2**20 - 1
    assert len(data) / 2**20 - 1 < encoding < 10 * picture.nbytes / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="needs the counters of Linux")
def test_memory_of_a_codec_that_fails_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        memory.peak_mebibytes("peer:jpeg", np.zeros((8, 8), np.uint8), {"quality": 50}, b"no JPEG")
