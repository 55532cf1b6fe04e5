"""Streams that no encoder writes: numbers out of range, absurd decisions, sizes without contents."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from benchmarks import absurd, bombs, fuzz
from benchmarks.reliability import streams, threads
from benchmarks.timing import printed
from qimg import codecs
from qimg.codecs.block import truncate
from qimg.codecs.block.bitstream import container
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import settings_for
from qimg.codecs.block.decoder.strips import StripReader
from qimg.codecs.block.layers.picture import SHOWN_WITHOUT_MEANS, LayeredPicture, steps_of
from qimg.codecs.block.model import tables
from qimg.codecs.block.transform.blocks import LARGEST_COEFFICIENT, largest_magnitude
from qimg.codecs.errors import BitstreamError
from qimg.entropy.mixing import UNLIKELY, new_script
from qimg.entropy.range_coder import encode_bits

SMALLEST = Parameters(16, (16, 16))


def outcomes(**counts: int) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for row in streams.measure(seed=5, **counts):
        rows.setdefault(row.what, {})[row.quantity] = row.value
    return rows


def test_streams_are_refused_or_give_the_picture_of_their_decisions():
    rows = outcomes(compiled=60, checked=0, interpreted=0)
    assert set(rows) == {f"{kind}, compiled" for kind in ("damaged", "forged", "absurd and forged", "absurd")}
    assert all(row["forbidden"] == 0 and row["tried"] == 60 for row in rows.values())
    assert min(rows["absurd, compiled"]["refused"], rows["absurd, compiled"]["exact"]) > 10


@pytest.mark.slow
def test_the_outcome_does_not_depend_on_how_the_decoder_runs():
    rows = outcomes(compiled=600, checked=300, interpreted=20)
    assert len(rows) == 12
    assert all(row["forbidden"] == 0 for row in rows.values())
    assert sum(row["tried"] for what, row in rows.items() if what.endswith("not compiled")) == 80


def test_a_decoder_that_goes_wrong_is_noticed(monkeypatch):
    decode = codecs.decode_picture

    def inverted(data, **options):
        decoded = decode(data, **options)
        return replace(decoded, image=decoded.image ^ 1)

    monkeypatch.setattr(codecs, "decode_picture", inverted)
    with pytest.raises(AssertionError, match="forbidden outcomes; the file is 8971690a01"):
        outcomes(compiled=40, checked=0, interpreted=0)


def test_a_magnitude_that_grows_through_layers_is_refused():
    # 2²⁵ in the coarse picture becomes −2³¹ after four divisions in 32 bits.
    data = bytes.fromhex(
        "8971690a0111fa35f187100030302020b5aa575a502104000000000d000000808080"
        "00414c85007bddab64229dbd4ac22a008000f59ab78739313845000a1710e7"
    )
    with pytest.raises(BitstreamError, match="the payload ends or is broken in row 0, column 0 of its strip"):
        codecs.decode(data)


def gamma(value: int) -> list[int]:
    """Elias-gamma code of a positive number as decisions."""
    digits = [int(digit) for digit in f"{value:b}"]
    return [1] * (len(digits) - 1) + [0] + digits[1:]


def one_coefficient(magnitude: int) -> list[int]:
    """Decisions of a gray superblock of class 0 whose first coefficient has a magnitude of 16 or more."""
    classes = int(np.log2(tables.default().classes[3]))
    return [0, *[0] * classes, 1, *[1] * 16, *gamma(magnitude - 15), 0, 0]


@pytest.mark.parametrize("step", [16, 1000, 65535])
def test_magnitudes_are_bounded_where_they_are_read(step):
    parameters = Parameters(step)
    reader = StripReader(32, tables.default(), settings_for(tables.default(), parameters, 1))
    largest = int(largest_magnitude(step))
    coder = new_script(np.array(one_coefficient(largest), np.uint8))
    assert reader.read_decisions(coder, 32) == 32
    assert coder.position[0] == len(coder.bits)
    assert reader.maps.size[1, 0] == 3
    assert largest * step <= LARGEST_COEFFICIENT < (largest + 1) * step
    coder = new_script(np.array(one_coefficient(largest + 1), np.uint8))
    with pytest.raises(BitstreamError, match="the payload ends or is broken in row 0, column 0 of its strip"):
        StripReader(32, tables.default(), settings_for(tables.default(), parameters, 1)).read_decisions(coder, 32)


def test_magnitudes_are_bounded_in_layers():
    steps = steps_of(Parameters(16))
    settings = [settings_for(tables.default(), each, 1) for each in steps]
    classes = int(np.log2(tables.default().classes[3]))
    largest = int(largest_magnitude(steps[1].step))
    for magnitude, complete in ((largest, True), (largest + 1, False)):
        reader = StripReader(32, tables.default(), settings[0], keep=True)
        reader.read_decisions(new_script(np.zeros(2 + classes, np.uint8)), 32)
        picture = LayeredPicture(reader, settings)
        script = [1, 1, 0, *[1] * 11, *gamma(magnitude - 11), *[0] * 8]
        coder = new_script(np.array(script, np.uint8))
        assert picture.code_row(coder, 1, 0, source=np.zeros((1, 1, 1), np.int16)) is complete
        assert picture.layer.q[0, 0, 0] == largest


def test_the_largest_pictures_of_an_encoder_stay_far_below_the_bound():
    rng = np.random.default_rng(0)
    extremes = rng.integers(0, 2, (64, 96, 3), np.uint8) * np.uint8(255)
    extremes[:32, :32] = 255 * np.indices((32, 32)).sum(axis=0)[..., None] % 510
    for progressive in (False, True):
        data = codecs.encode(extremes, quality=100, progressive=progressive)
        assert np.abs(codecs.decode(data).astype(int) - extremes).max() < 10


def test_tables_that_could_overflow_are_refused():
    arrays = {name: array.copy() for name, array in tables.default().contents.arrays.items()}
    arrays["predictor 16"][3, :, 7] = 4000
    with pytest.raises(ValueError, match=r"predictor 16 must have weights of total magnitude ≤ 31 a sample"):
        tables.Tables.assemble(arrays, {}).check_values()


def test_a_script_is_read_as_its_words_are():
    rng = np.random.default_rng(3)
    coder = new_script(rng.choice([0, 1, 2, UNLIKELY], 50_000, p=[0.2, 0.05, 0.7, 0.05]).astype(np.uint8))
    settings = settings_for(tables.default(), Parameters(500), 1)
    first, second = (StripReader(40, tables.default(), settings) for _ in range(2))
    first.read_decisions(coder, 64)
    payload = b"\1" + encode_bits(*coder.coded).astype("<u4").tobytes()
    assert_array_equal(second.read(payload, 64), first.samples(64, 1))


@pytest.mark.slow
def test_threads_beside_the_codec():
    rows = threads.measure(side=64, repeats=1)
    assert {row.what for row in rows} >= {"encode, effort 5", "encode, size", "decode, progressive", "two threads"}
    assert all(row.value > 0 for row in rows if row.quantity == "gain")
    # The former encoder held the interpreter for a second at a time; a busy machine delays a thread by less.
    assert max(row.value for row in rows if row.quantity == "longest standstill") < 500  # ms


# --- announced sizes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [1, 2, 3])
def test_data_that_end_early_are_refused_at_the_next_superblock(words):
    reader = StripReader(1 << 15, tables.default(), settings_for(tables.default(), SMALLEST, 3))
    with pytest.raises(BitstreamError, match="row 0, column"):
        reader.read(b"\0" + bytes(4 * words), 32)
    # Zeros are the cheapest decisions: a word lasts for some superblocks at first.
    assert reader.whole < 40 * words


def test_announced_sizes_cost_what_the_file_holds():
    """Time and memory of every bomb, in another process; a photograph of 600×400 pixels is the unit of time."""
    report = json.loads(printed("from benchmarks import bombs; bombs.main()"))
    assert set(report) == set(bombs.files())
    for name, (outcome, photographs, mebibytes) in report.items():
        assert outcome.startswith("BitstreamError: "), name
        assert photographs < 5, name  # decoded whole, 16384² pixels would take a thousand
        assert mebibytes < 64, name


def test_a_cut_progressive_file_needs_the_means_of_a_large_picture():
    for side, least in ((1024, 0), (1040, 1 + 4 + 4 + 3 * 81)):
        payload = bytes([4, 0, 0, 0, 0, 0, 0, 0, 0]) + bytes(3 * (-(-side // 128)) ** 2) + bytes(4000)
        data = bombs.stream(side, side, [(b"P", payload)], progressive=True, step=16)
        cut = truncate(data, 200 + least)
        kept = sum(len(chunk.payload) for chunk in container.parse(cut).chunks)
        assert kept >= max(least, 100)
        assert (side * side <= SHOWN_WITHOUT_MEANS) == (least == 0)
        bare = bombs.stream(side, side, [], progressive=True, step=16)[:-6]
        if least:
            with pytest.raises(ValueError, match="size must be at least"):
                truncate(data, least)
            with pytest.raises(BitstreamError, match=f"must have its means and {least} bytes, but has 0"):
                codecs.decode(bare)
        else:
            assert (codecs.decode_picture(bare).image == 128).all()


def test_a_progressive_file_without_segments_cannot_be_truncated():
    with pytest.raises(BitstreamError, match="must have segments, but has none"):
        truncate(bombs.stream(40, 40, [], progressive=True), 20)


def test_absurd_files_differ():
    files = [absurd.absurd(np.random.default_rng(seed)) for seed in range(30)]
    assert len({one.data for one in files}) == 30
    assert {bool(container.parse(one.data).header.progressive) for one in files} == {False, True}
    assert fuzz.outcome(files[0].data) == fuzz.outcome(bytes(files[0].data))
