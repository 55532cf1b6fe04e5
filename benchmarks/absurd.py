"""Absurd files of the codec: valid to the last decision, but such as no encoder writes.

A decoder reads decisions from a script instead of words: random ones, always the likely ones, or always the unlikely
ones. The range coder makes words of them with the decoder's own probabilities. Files whose numbers leave their range
must be refused; all others must decode to the picture that the scripted decoder computed.
"""

from dataclasses import replace

import numpy as np

from benchmarks.fuzz import Sample, seal
from qimg.codecs import BitstreamError
from qimg.codecs.block.bitstream.alpha import encode_alpha
from qimg.codecs.block.bitstream.container import ALPHA, STRIP, Header, segments
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import settings_for
from qimg.codecs.block.decoder.strips import StripReader
from qimg.codecs.block.layers.picture import LENGTH, TILE, LayeredPicture, steps_of
from qimg.codecs.block.model import tables
from qimg.codecs.block.transform import colour
from qimg.codecs.block.transform.colour_space import eigenbasis
from qimg.codecs.block.transform.fold import is_thin
from qimg.codecs.block.transform.geometry import padded
from qimg.codecs.envelope import END
from qimg.core import Array
from qimg.entropy.mixing import LIKELY, UNLIKELY, Coder, new_script
from qimg.entropy.range_coder import encode_bits
from qimg.images import without_alpha

_SCRIPT = 1 << 18
"""Decisions of a script; a file that needs more is broken."""
_SHARES = (
    (1, 1, 0, 0),
    (0, 1, 0, 0),
    (0, 1, 1, 0),
    (1, 9, 0, 0),
    (0, 0, 1, 9),
    (0, 0, 0, 1),
    (1, 1, 1, 1),
    (0, 1, 20, 1),
)
"""Shares of the decisions 0, 1, likely and unlikely."""


def absurd(rng: np.random.Generator, *, side: int = 70, decisions: int = 4000) -> Sample:
    """An absurd file and its picture; without a picture if it must be refused.

    Args:
        rng: of the header and of the decisions.
        side: largest side of the picture.
        decisions: largest number of decisions before the likely ones that end a script.
    """
    width, height = (int(length) for length in rng.integers(1, side + 1, 2))
    colours, alpha = bool(rng.integers(2)), bool(rng.random() < 0.2)
    dtype = np.uint16 if rng.integers(2) else np.uint8
    step = int(rng.choice([16, 65535, rng.integers(16, 48), rng.integers(16, 65536), 16 * 2 ** rng.integers(12)]))
    ratios = [int(ratio) for ratio in rng.choice([16, 48, 255], 2)]
    parameters = Parameters(step, (ratios[0], ratios[1]))
    if not is_thin(height, width):  # version 3 would fold it
        parameters = _parameters(rng, parameters)
    progressive = not parameters.matching and bool(rng.integers(2))
    header = Header(
        width=width,
        height=height,
        channels=(3 if colours else 1) + alpha,
        bits=8 * np.dtype(dtype).itemsize,
        planes=3 if colours and rng.random() < 0.8 else 1,
        progressive=progressive,
        identity=tables.default().identity,
        parameters=parameters.to_bytes(parameters.version),
        version=parameters.version,
    )
    code = _segments if header.progressive else _strip
    payload, samples = code(header, parameters, rng, decisions)
    parts = list(segments(payload)) if header.progressive else [(STRIP, payload)]
    image = np.empty((height, width, header.channels) if header.channels > 1 else (height, width), dtype)
    if alpha:
        image[..., -1] = rng.integers(np.iinfo(dtype).max, size=(height, width), endpoint=True)
        parts.insert(int(rng.integers(2)), (ALPHA, encode_alpha(image[..., -1]) or b""))
    if samples is not None:
        colour.to_pixels(samples[:, :height, :width], without_alpha(image), parameters.space)
    start, parts = header.to_bytes(), [*parts, (END, b"")]
    return Sample(data=seal(start, parts), image=None if samples is None else image, start=start, parts=parts)


def _parameters(rng: np.random.Generator, steps: Parameters) -> Parameters:
    """The parameters of stream version 1, or those of version 3 or 4 with any matrix, hidden signs and matching."""
    if rng.random() < 0.4:
        return steps
    parameters = replace(steps, hidden_signs=bool(rng.integers(2)), matching=rng.random() < 0.3)
    matrix = rng.integers(-128, 128, 9).astype(np.int8)
    if rng.random() < 0.3 or round(np.linalg.det(matrix.reshape(3, 3).astype(float))) == 0:
        return parameters
    return replace(parameters, space=eigenbasis(matrix.tobytes()))


def _script(rng: np.random.Generator, decisions: int) -> Coder:
    script = np.full(_SCRIPT, LIKELY, np.uint8)
    begin = 0
    for _ in range(int(rng.integers(1, 4))):
        shares = np.array(_SHARES[int(rng.integers(len(_SHARES)))]) + 1e-9
        length = int(rng.integers(1 + decisions // 3))
        script[begin : begin + length] = rng.choice([0, 1, LIKELY, UNLIKELY], length, p=shares / shares.sum())
        begin += length
    return new_script(script)


def _words(coder: Coder) -> bytes:
    return encode_bits(*coder.coded).astype("<u4").tobytes()


def _strip(
    header: Header, parameters: Parameters, rng: np.random.Generator, decisions: int
) -> tuple[bytes, Array | None]:
    reader = StripReader(header.width, tables.default(), settings_for(tables.default(), parameters, header.planes))
    return _read(reader, header, rng, decisions)


def _read(reader: StripReader, header: Header, rng: np.random.Generator, decisions: int) -> tuple[bytes, Array | None]:
    """The payload of a strip, and its samples if it is not broken."""
    coder, rows, flags = _script(rng, decisions), padded(header.height), int(rng.integers(1 << header.planes))
    try:
        reader.read_decisions(coder, rows)
    except BitstreamError:
        return bytes([flags]) + _words(coder), None
    return bytes([flags]) + _words(coder), reader.samples(rows, flags)


def _segments(
    header: Header, parameters: Parameters, rng: np.random.Generator, decisions: int
) -> tuple[bytes, Array | None]:
    steps = steps_of(parameters)
    settings = [settings_for(tables.default(), each, header.planes) for each in steps]
    reader = StripReader(header.width, tables.default(), settings[0], keep=True)
    coarse, samples = _read(reader, header, rng, decisions)
    layers, words = len(steps) - 1, b""
    filters = [int(flags) for flags in rng.integers(1 << header.planes, size=layers)]
    if samples is not None and layers:
        picture, coder, nothing = (
            LayeredPicture(reader, settings),
            _script(rng, decisions),
            np.zeros((1, 1, 1), np.int16),
        )
        rows = [(layer, row) for layer in range(1, layers + 1) for row in range(picture.rows)]
        complete = all(picture.code_row(coder, layer, row, source=nothing) for layer, row in rows)
        words, samples = _words(coder), picture.decoded(layers, filters[-1]) if complete else None
    head = bytes([layers, *filters]) + len(coarse).to_bytes(LENGTH, "little")
    means = header.planes * -(-header.height // TILE) * -(-header.width // TILE)
    return head + rng.bytes(means) + coarse + words, samples
