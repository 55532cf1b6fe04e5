"""Damaged files are refused where damaged, or give the picture. `python -m benchmarks fuzz` reads a million of them."""

import numpy as np
import pytest

from benchmarks import fuzz
from qimg import codecs
from qimg.codecs import envelope
from qimg.codecs.block.bitstream import container


@pytest.mark.parametrize(
    ("count", "seed"),
    [
        (2000, 3),
        pytest.param(20_000, 2, marks=pytest.mark.slow),
        pytest.param(100_000, 1, marks=pytest.mark.full),
    ],
)
def test_damaged_files_are_refused_or_exact(count, seed):
    tally = fuzz.fuzz(count, seed, share_forged=0.2)
    assert tally.refused + tally.exact + tally.partial + tally.other == count
    assert 0 < tally.partial < 0.1 * count  # progressive files that are cut
    # Moving a chunk to its own place and replacing bytes by themselves do no harm; the rest is refused.
    assert 0 < tally.exact < 0.1 * count
    # Of the forged files, some payloads decode to something else; without checksums nothing tells them apart.
    assert 0 < tally.other < 0.05 * count
    assert len(tally.reasons) > 20
    assert tally.slowest < 2  # seconds, for pictures of up to 128×128: nothing hangs


def test_the_fuzzer_notices_what_may_not_happen(monkeypatch):
    monkeypatch.setattr(envelope.zlib, "crc32", lambda *_: 0)
    with pytest.raises(AssertionError, match="the file is"):
        fuzz.fuzz(2000, 0, share_forged=0)


def test_forged_files_pass_the_checksums():
    rng = np.random.default_rng(0)
    (of, *_) = fuzz.samples()
    said = [what_is_said(fuzz.forged(of, rng)) for _ in range(200)]
    # Behind damage to the widths of header fields, the reader looks for the header's checksum in a wrong place.
    assert [words for words in said if "is altered" in words and "the header" not in words] == []
    assert said.count("") > 100


def what_is_said(data: bytes) -> str:
    try:
        container.parse(data)
    except codecs.BitstreamError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("seed", range(3))
def test_every_payload_of_noise_is_refused_or_a_picture(seed):
    rng = np.random.default_rng(seed)
    for of in fuzz.samples():
        tally = fuzz.Tally()
        for length in (0, 4, 40, 400, 4000):
            parts = [(tag, rng.bytes(length) if tag == b"S" else payload) for tag, payload in of.parts]
            fuzz.check_outcome(fuzz.seal(of.start, parts), of, tally, is_forged=True)
        assert tally.refused + tally.other + tally.exact + tally.partial == 5


def test_wide_pictures_without_content_end_soon():
    # As wide as a header can say: one row of superblocks is decoded before the payload is found to be too short.
    (of, *_) = fuzz.samples()
    header = container.parse(of.data).header
    wide = container.Header(
        width=1 << 20,
        height=16,
        channels=3,
        bits=8,
        planes=3,
        identity=header.identity,
        parameters=header.parameters,
        version=header.version,
    )
    with pytest.raises(codecs.BitstreamError, match="payload"):
        codecs.decode(container.assemble(wide, [(b"S", bytes(64))]))
