"""The registry: a new codec is one file and one line; codecs load when they are asked for; files find their codec."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import qimg
import qimg.pillow
from qimg import codecs
from qimg.cli import main
from qimg.codecs import registry
from qimg.codecs.envelope import Envelope

TOY = '''
"""Rows of a gray picture, without loss."""

from dataclasses import dataclass

import numpy as np

from qimg.codecs.envelope import Envelope, Reader, assemble, varint
from qimg.codecs.protocol import Capabilities, Decoded, Encoded, Info


@dataclass(frozen=True)
class Toy:
    id = "toy"
    name = "toy"
    about = "pixels as they are"
    suffix = ".toy"
    capabilities = Capabilities(options=frozenset(), lossless=True)
    curve = None
    needs = ""

    def installed(self):
        return True

    def encode(self, image, options, *, track=iter):
        header = Envelope(number=200).to_bytes() + varint(image.shape[0]) + varint(image.shape[1])
        data = assemble(header, [(b"S", image.tobytes())])
        return Encoded(data=data, bits_per_pixel=8 * len(data) / image.size)

    def _opened(self, data):
        reader = Reader(data)
        reader.envelope_of(self.id, 200, version=1)
        sides = reader.varint("the height"), reader.varint("the width")
        reader.check("the header")
        return sides, b"".join(chunk.payload for chunk in reader.chunks((b"S",)))

    def decode(self, data, options):
        sides, payload = self._opened(data)
        return Decoded(image=np.frombuffer(payload, np.uint8).reshape(sides))

    def info(self, data):
        (height, width), payload = self._opened(data)
        parts = {"pixels": len(payload), "structure": len(data) - len(payload)}
        return Info(codec=self.id, width=width, height=height, channels=1, bit_depth=8, parts=parts)


CODEC = Toy()
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A codec in one file, registered by one line."""
    (tmp_path / "toy_codec.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    registry.register("toy", "toy_codec:CODEC", number=200)
    yield
    sys.modules.pop("toy_codec", None)


def test_a_new_codec_is_one_file_and_one_line(toy, tmp_path, capsys) -> None:
    picture = np.arange(60, dtype=np.uint8).reshape(6, 10)
    assert "toy_codec" not in sys.modules
    data = qimg.encode(picture, codec="toy")
    assert_array_equal(qimg.decode(data), picture)
    assert (qimg.info(data).codec, qimg.info(data).parts["pixels"]) == ("toy", 60)
    others = "block, learned, contour, mixed, jpeg-recompression, peer:"
    with pytest.raises(ValueError, match=f"no effect with codec toy; codecs that support it: {others}"):
        qimg.encode(picture, codec="toy", quality=50)

    source, file, back = (str(tmp_path / name) for name in ("a.png", "a.toy", "b.png"))
    qimg.save(picture, source)
    main(["encode", source, file, "--codec", "toy"])
    main(["info", file])
    assert "toy" in capsys.readouterr().out
    main(["decode", file, back])
    assert_array_equal(qimg.load(back), picture)

    with Image.open(file) as shown:
        assert_array_equal(np.asarray(shown), picture)


def test_ids_and_numbers_are_given_once(toy) -> None:
    with pytest.raises(ValueError, match="codec_id must be new, but block is already registered"):
        registry.register("block", "somewhere:CODEC")
    with pytest.raises(ValueError, match="number must be new, but 200 belongs to codec toy"):
        registry.register("other", "somewhere:CODEC", number=200)


def test_unknown_codecs_are_refused_by_name() -> None:
    picture = np.zeros((4, 4), np.uint8)
    with pytest.raises(ValueError, match=r"codec must be one of block, .*peer:avif, .*, but codec='webp'"):
        qimg.encode(picture, codec="webp", quality=50)
    unknown = "^the file needs codec 200, which this version of qimg does not have, at offset 4$"
    newer = "^the block stream version must be at most 4 for this version of qimg, but is 5, at offset 5$"
    for function in (qimg.decode, qimg.info):
        with pytest.raises(codecs.BitstreamError, match=unknown):
            function(Envelope(number=200).to_bytes() + b"more")
        with pytest.raises(codecs.BitstreamError, match=newer):
            function(Envelope(number=1, version=5).to_bytes() + b"more")


def test_files_of_peers_are_read_where_their_codec_is_named() -> None:
    picture = np.full((8, 8, 3), 90, np.uint8)
    data = qimg.encode(picture, codec="peer:jpeg", quality=90)
    with pytest.raises(codecs.BitstreamError, match="not a qimg picture"):
        qimg.decode(data)
    assert np.abs(qimg.decode(data, codec="peer:jpeg").astype(int) - 90).max() <= 2


def test_auto_is_block_for_smooth_pictures() -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert qimg.encode(picture, quality=50) == qimg.encode(picture, codec="block", quality=50)
    assert registry.codec("auto").id == registry.AUTO == "block"


def test_numbers_are_those_of_the_files() -> None:
    picture = np.zeros((4, 4), np.uint8)
    for codec in ("block", "contour"):
        assert registry.id_of(qimg.encode(picture, codec=codec, quality=50)) == codec


def test_the_registry_loads_no_codec() -> None:
    names = "('numba', 'qimg.codecs.block', 'qimg.codecs.peers')"
    script = f"import sys, qimg.codecs.registry; print([name for name in sys.modules if name.startswith({names})])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
