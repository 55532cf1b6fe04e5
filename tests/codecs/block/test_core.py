"""The codec's core: each stage against its definition, and decoding that is exact everywhere."""

import hashlib
import os
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from qimg.codecs.block.bitstream import strip_coder
from qimg.codecs.block.bitstream.parameters import Parameters
from qimg.codecs.block.bitstream.strip_coder import strip_rows
from qimg.codecs.block.decoder.strips import decode_strips
from qimg.codecs.block.encoder.effort import Search
from qimg.codecs.block.encoder.strips import encode_strips
from qimg.codecs.block.model import contexts, tables
from qimg.codecs.block.transform import blocks, dequantization, geometry, smoothing
from qimg.codecs.errors import BitstreamError
from qimg.entropy import mixing as model
from qimg.entropy import range_coder
from qimg.images import bundled


@pytest.fixture(scope="module")
def known():
    return tables.default()


@pytest.fixture(scope="module")
def samples():
    """Samples (3, 96, 128) of a photograph's part with edges, texture and a flat sky."""
    from qimg.codecs.block.transform.colour import to_samples

    return to_samples(np.ascontiguousarray(bundled("astronaut")[64:160, 160:288]), 3)


def coded(samples, known, parameters, **options):
    decoded = []
    payloads = list(encode_strips([samples], known, parameters, decoded=decoded, **options))
    return payloads, decoded[0]


# --- geometry ---------------------------------------------------------------------------------------------------


def order_of_decoding():
    """Cells of a superblock in the order in which a quadtree visits them, by recursion."""

    def visit(row, column, side):
        if side == 1:
            return [(row, column)]
        half = side // 2
        return [block_4x4 for i, j in product((0, half), repeat=2) for block_4x4 in visit(row + i, column + j, half)]

    return visit(0, 0, 8)


def test_cells_are_decoded_in_the_order_of_the_quadtree():
    assert [geometry.interleaved(row, column) for row, column in order_of_decoding()] == list(range(64))


@pytest.mark.parametrize("side", geometry.SIDES)
def test_the_upper_right_exists_when_all_its_cells_are_decoded_before(side):
    rank = {block_4x4: k for k, block_4x4 in enumerate(order_of_decoding())}
    width, rows = 96, 64

    def when(row, column):
        """Position in the whole strip's order of decoding."""
        return (row // 32 * 3 + column // 32) * 64 + rank[row % 32 // 4, column % 32 // 4]

    for y, x in product(range(0, rows, side), range(0, width, side)):
        exists = y > 0 and x + side < width
        expected = exists and all(when(y - 1, x + side + j) < when(y, x) for j in range(side))
        assert geometry.has_top_right(y, x, side, width, False) == expected


def test_a_ring_is_relative_to_its_rounded_mean():
    plane = np.random.default_rng(0).integers(0, 16321, (65, 64)).astype(np.int16)
    ring = np.zeros(97, np.int32)
    level = geometry.gather_ring(plane, 32, 8, 8, False, ring)
    above, left = plane[32, 7:24].astype(int), plane[33:41, 7].astype(int)
    expected = np.concatenate([above, left])
    assert level == int(np.floor(expected.mean() + 0.5))
    assert np.array_equal(ring[:25], expected - level)


@pytest.mark.parametrize(("y", "x"), [(0, 0), (0, 8), (8, 0), (32, 56)])
def test_what_is_missing_takes_the_nearest_value(y, x):
    plane = np.random.default_rng(1).integers(0, 16321, (65, 64)).astype(np.int16)
    ring = np.zeros(97, np.int32)
    level = geometry.gather_ring(plane, y, x, 8, False, ring)
    pixels = ring[:25] + level
    if y == 0 and x == 0:
        assert np.all(pixels == geometry.MIDDLE)
    elif y == 0:
        assert np.all(pixels[:17] == plane[1, x - 1])
        assert np.array_equal(pixels[17:], plane[1:9, x - 1])
    elif x == 0:
        assert np.all(pixels[17:] == plane[y, 0])
        assert pixels[0] == plane[y, 0]
    else:
        assert np.all(pixels[9:17] == plane[y, x + 7])  # the picture ends there


# --- prediction and bases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", range(4))
def test_prediction_is_the_rounded_matrix_product(t, known):
    rng = np.random.default_rng(t)
    plane = rng.integers(0, 16321, (65, 96)).astype(np.int16)
    side = 4 << t
    work, ring = blocks.new_work(), np.zeros(97, np.int32)
    level = geometry.gather_ring(plane, 32, 32, side, False, ring)
    seen = ring[: 3 * side + 1].astype(np.int64)
    if t == 3:
        seen = np.concatenate([seen[:1], (seen[1::2] + seen[2::2] + 1) >> 1])
    weights = known.bases.predictor[t][1].astype(np.int64)
    expected = level + ((seen @ weights + 2048) >> 12)
    assert blocks.predict(known.bases, work, plane, t, 1, 32, 32, False) == level
    assert np.array_equal(work.prediction[: weights.shape[1]], expected)


@pytest.mark.parametrize("t", range(4))
def test_bases_are_unitary_to_their_last_bit(t, known):
    if t < 2:
        factors = known.bases.full[t] / 8192
    else:
        factors = np.concatenate([known.bases.rows[t - 2], known.bases.columns[t - 2]]) / 8192
    n = factors.shape[-1]
    # Entries are rounded to 2^-14; n of them in each product.
    assert np.abs(factors @ np.swapaxes(factors, 1, 2) - np.eye(n)).max() < 3 * np.sqrt(n) * 2.0**-14
    up = known.bases.upsampling / 8192
    assert np.abs(up.T @ up - np.eye(16)).max() < 1e-3


@pytest.mark.parametrize("t", range(4))
def test_reconstruction_is_the_adjoint_of_the_class_basis(t, known):
    rng = np.random.default_rng(t)
    side, label = 4 << t, 3
    work = blocks.new_work()
    n = min(side * side, 256)
    work.prediction[:n] = 8000 // (2 if t == 3 else 1) * (2 if t == 3 else 1)
    coefficients = np.where(rng.random(n) < 0.2, rng.integers(-4000, 4000, n), 0)
    work.coefficients[:n] = coefficients
    plane = np.zeros((1 + side, side), np.int16)
    blocks.reconstruct(known.bases, work, plane, t, label, 0, 0)
    if t < 2:
        residual = (coefficients @ (known.bases.full[t][label] / 8192)).reshape(side, side)
    else:
        square = np.zeros((16, 16))
        square.ravel()[known.bases.order[t][label]] = coefficients
        rows, columns = (factor[t - 2][label] / 8192 for factor in (known.bases.rows, known.bases.columns))
        residual = rows.T @ square @ columns
        if t == 3:
            up = known.bases.upsampling / 8192
            residual = up @ residual @ up.T
    expected = np.clip(8000 + residual, 0, 16320)
    # Products are floored and rounded a few times on the way: less than two units of 1/64 code value.
    assert np.abs(plane[1:] - expected).max() < 2


# --- quantization -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [16, 64, 100, 640, 1000, 6400, 65535])
def test_the_logarithm_of_a_step_is_rounded_to_eighths(step):
    assert abs(dequantization.log_step(step) - 8 * np.log2(step / 64)) <= 0.5 + 1e-9


def test_reconstruction_points_are_shifted_towards_zero(known):
    q = np.array([0, 1, -1, 2, -5, 0, 7], np.int32)
    sigma = np.full(7, 24, np.int16)
    out = np.zeros(7, np.int64)
    dequantization.dequantize(q, 7, known.points, sigma, 24, 640, out)
    shift = known.points[40, np.minimum(np.abs(q), 3) - 1] / 256
    expected = np.where(q == 0, 0, np.sign(q) * (np.abs(q) - shift) * 640)
    assert np.abs(out - expected).max() <= 0.5


# --- entropy model ----------------------------------------------------------------------------------------------


def test_stretch_and_squash_are_inverse_to_a_step(known):
    state = known.new_model()
    for p in (1, 100, 2048, 4000, 4094):
        squashed = state.squash[state.stretch[p] + 2048] / 65536
        assert abs(squashed - (p + 0.5) / 4096) < 2e-3


def test_a_context_learns_the_probability_of_its_bits():
    rng = np.random.default_rng(0)
    stretch, squash, rate = model.logistic_tables()
    state = model.Model(
        np.full(8, 1 << 21, np.int32), np.zeros(8, np.uint8), np.full((1, 6), 65536 // 6, np.int32), stretch, squash,
        rate, np.zeros(6, np.int64), np.zeros(6, np.int64),
    )  # fmt: skip
    count = 4000
    coder = model.Coder(
        True, np.zeros(count, np.uint8), np.zeros(count, np.uint16), np.zeros(1, np.int64), np.zeros(0, np.uint32),
        np.zeros(4, np.uint64),
    )  # fmt: skip
    for bit in rng.random(count) < 0.1:
        model.code_bit(coder, state, 0, int(bit))
    # The standard error of the last 250 bits is 0.02.
    assert abs(state.probability[0] / 2**22 - 0.1) < 0.06
    ideal = -np.log2(np.where(coder.bits == 1, coder.probabilities, 65536 - coder.probabilities.astype(int)) / 65536)
    entropy = -(0.1 * np.log2(0.1) + 0.9 * np.log2(0.9))
    assert ideal.mean() < 1.1 * entropy


@pytest.mark.parametrize("excess", [0, 1, 2, 3, 100, 12345, (1 << 24) - 2])
def test_escapes_return_any_magnitude(excess, known):
    bits, probabilities = np.zeros(100, np.uint8), np.zeros(100, np.uint16)
    position = np.zeros(1, np.int64)
    writer = model.Coder(True, bits, probabilities, position, np.zeros(0, np.uint32), np.zeros(4, np.uint64))
    contexts.code_excess(writer, known.new_model(), excess)
    words = range_coder.encode_bits(bits[: position[0]], probabilities[: position[0]])
    reader = model.Coder(False, bits, probabilities, position, words, range_coder.start(words))
    assert contexts.code_excess(reader, known.new_model(), 0) == excess


# --- filter -----------------------------------------------------------------------------------------------------


def class_of_a_cell(padded, y, x, step):
    """The definition in docs/formats/block.md, sample by sample."""
    sums = []
    for u, v in ((0, 1), (1, 0), (-1, 1), (1, 1)):
        square = product(range(y + 2, y + 8), range(x + 2, x + 8))
        sums.append(sum(abs(2 * padded[i, j] - padded[i - u, j - v] - padded[i + u, j + v]) for i, j in square))
    horizontal, vertical, rising, falling = (int(total) for total in sums)
    level = sum((horizontal + vertical) // 9 > ((step >> 1) << k) for k in range(6))
    pairs = [(horizontal, vertical, 1, 3), (rising, falling, 5, 7)]
    more, less = zip(*((max(pair[:2]) + 1, min(pair[:2]) + 1) for pair in pairs), strict=True)
    kind = 0 if more[0] * less[1] > more[1] * less[0] else 1
    first, second, if_first, if_second = pairs[kind]
    direction = if_first if first > second else if_second
    if 2 * more[kind] <= 3 * less[kind]:
        return 9 * level
    return 9 * level + direction + (more[kind] > 3 * less[kind])


def filtered_by_definition(padded, sizes, step, weights):
    """`smoothing.smooth`, sample by sample."""
    padded, weights = padded.astype(np.int64), weights.astype(np.int64)
    small, large = max(step // 4, 1), max(step, 2)
    out = np.zeros((padded.shape[0] - 6, padded.shape[1] - 6), np.int16)
    for y, x in np.ndindex(out.shape):
        block_4x4, side = (y // 4, x // 4), 4 << sizes[y // 4, x // 4]
        row, column = (1 if at % side == 0 else 2 if at % side == side - 1 else 0 for at in (y, x))
        label = class_of_a_cell(padded, 4 * block_4x4[0], 4 * block_4x4[1], step)
        here = padded[y + 3, x + 3]
        differences = padded[y + 3 + smoothing.TAPS[:, 0], x + 3 + smoothing.TAPS[:, 1]] - here
        near = np.clip(differences, -small, small)
        said = np.concatenate([near, np.clip(differences, -large, large) - near])
        total = (2048 + said @ weights[label, 3 * row + column]).astype(np.int32)  # sums have 32 bits
        out[y, x] = np.clip(here + (int(total) >> 12), 0, 255 * 64)
    return out


@pytest.mark.parametrize("shape", [(4, 4), (8, 20), (32, 4), (16, 32)])
@pytest.mark.parametrize(
    ("step", "spread"), [(4, 16320), (64, 3), (64, 3000), (1000, 200), (1000, 16320), (261120, 900)]
)
def test_the_filter_is_its_definition(shape, step, spread, known):
    rng = np.random.default_rng([*shape, step, spread])
    noise = rng.integers(0, spread, (shape[0] + 6, shape[1] + 6), endpoint=True)
    noise += rng.integers(0, 5, 1) * np.arange(shape[1] + 6) * (step // 8)
    padded = np.clip(noise, 0, 255 * 64).astype(np.int16)
    sizes = rng.integers(0, 4, (shape[0] // 4, shape[1] // 4), np.int8)
    any_weights = rng.integers(-32768, 32767, known.filters[0].shape, np.int16, endpoint=True)
    for weights in (known.filters[1], any_weights):
        out = np.zeros(shape, np.int16)
        steps = np.full([-(-side // 32) for side in shape], step)
        smoothing.smooth(padded, sizes, steps, weights, out)
        assert np.array_equal(out, filtered_by_definition(padded, sizes, step, weights))


def test_every_class_of_the_filter_is_its_definition():
    rng = np.random.default_rng(5)
    labels, sums, row = set(), np.zeros((4, 42), np.int32), np.zeros(10, np.int64)
    waves = [(u, v) for u in range(-3, 4) for v in range(-3, 4)]
    for (u, v), amplitude, noise in product(waves, (0, 4, 10, 20, 50, 100, 400, 1600, 6000), (0, 0.2, 0.5)):
        i, j = np.mgrid[:10, :46]
        plane = np.sin(u * i + v * j + rng.uniform(0, 6)) + noise * rng.standard_normal(i.shape)
        plane = np.clip(8000 + amplitude * plane, 0, 255 * 64).astype(np.int16)
        smoothing.block_4x4_classes(plane, 0, np.full(2, 200), sums, row)
        expected = [class_of_a_cell(plane.astype(int), 0, 4 * cx, 200) for cx in range(0, 10, 3)]
        assert row[::3].tolist() == expected
        labels |= set(expected)
    assert labels == set(range(smoothing.CLASSES))


def test_the_filter_leaves_a_constant_plane_as_it_is(known):
    plane = np.full((38, 38), 5000, np.int16)
    out = np.zeros((32, 32), np.int16)
    smoothing.smooth(plane, np.full((8, 8), 1, np.int8), np.full((1, 1), 1000), known.filters[0], out)
    assert np.all(out == 5000)


def test_the_filter_is_linear_in_its_features(known):
    rng = np.random.default_rng(0)
    plane = (8000 + 500 * rng.standard_normal((38, 38))).astype(np.int16)
    sizes = np.full((8, 8), 1, np.int8)
    out = np.zeros((32, 32), np.int16)
    smoothing.smooth(plane, sizes, np.full((1, 1), 1000), known.filters[0], out)
    y, x = 13, 18
    label = class_of_a_cell(plane.astype(int), 12, 16, 1000)
    place = smoothing.place_of(sizes, 3, 4, 1, 2)
    said = np.zeros(smoothing.FEATURES, np.int32)
    smoothing.features(plane, y + 3, x + 3, *smoothing.thresholds(1000), said)
    weights = known.filters[0][label, place].astype(int)
    assert out[y, x] == plane[y + 3, x + 3] + ((said @ weights + 2048) >> 12)
    assert place == 0


# --- strips -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 96, 128), (1, 33, 31), (3, 5, 70), (1, 64, 1)])
@pytest.mark.parametrize("step", [64, 1600])
def test_decoding_returns_what_the_encoder_said(shape, step, samples, known):
    planes, height, width = shape
    part = np.ascontiguousarray(samples[:planes, :height, :width])
    payloads, expected = coded(part, known, Parameters(step))
    (decoded,) = decode_strips(payloads, [height], planes, width, known, Parameters(step))
    assert decoded.shape == shape
    assert np.array_equal(decoded, expected)
    assert np.abs(decoded.astype(int) - part).mean() < step


@pytest.mark.parametrize("search", [Search(), Search(sizes=(8,)), Search(optimised=False), Search(filtered=False)])
def test_every_search_writes_what_every_decoder_reads(search, samples, known):
    payloads, expected = coded(samples, known, Parameters(1000), search=search)
    (decoded,) = decode_strips(payloads, [96], 3, 128, known, Parameters(1000))
    assert np.array_equal(decoded, expected)


def test_random_samples_survive_the_finest_step(known):
    noise = np.random.default_rng(0).integers(0, 16321, (3, 40, 40)).astype(np.int16)
    payloads, _ = coded(noise, known, Parameters(16, (64, 64)), search=Search(optimised=False))
    (decoded,) = decode_strips(payloads, [40], 3, 40, known, Parameters(16, (64, 64)))
    # Coefficients of a unitary basis are off by half a step of 16 / 64 at most, samples by its root mean square and
    # the few units that integer bases round: far below one code value of 64 units.
    assert np.sqrt(np.mean((decoded.astype(float) - noise) ** 2)) < 16


def test_strips_continue_each_other(samples, known, monkeypatch):
    whole, _ = coded(samples, known, Parameters(1500))
    monkeypatch.setattr(strip_coder, "_STRIP", 1 << 12)
    rows = strip_rows(96, 128)
    assert rows == [32, 32, 32]
    strips = [samples[:, first : first + 32] for first in (0, 32, 64)]
    decoded: list[np.ndarray] = []
    payloads = list(encode_strips(strips, known, Parameters(1500), decoded=decoded))
    got = list(decode_strips(payloads, rows, 3, 128, known, Parameters(1500)))
    assert np.array_equal(np.concatenate(got, axis=1), np.concatenate(decoded, axis=1))
    # The model and the prediction run on: three strips cost a few words more than one.
    assert sum(map(len, payloads)) < len(whole[0]) + 60


def test_the_filter_never_makes_a_strip_worse(samples, known):
    _, plain = coded(samples, known, Parameters(2500), search=Search(filtered=False))
    _, smooth = coded(samples, known, Parameters(2500))
    for plane in range(3):
        before, after = (np.sum((x[plane].astype(np.int64) - samples[plane]) ** 2) for x in (plain, smooth))
        assert after <= before


def test_finer_steps_cost_more_and_err_less(samples, known):
    sizes, errors = [], []
    for step in (500, 1000, 2000, 4000):
        payloads, decoded = coded(samples, known, Parameters(step))
        sizes.append(len(payloads[0]))
        errors.append(np.mean((decoded.astype(float) - samples) ** 2))
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)


@pytest.mark.parametrize("keep", [0, 1, 5, 40])
def test_a_cut_payload_is_an_error(keep, samples, known):
    payloads, _ = coded(samples, known, Parameters(1000))
    with pytest.raises(BitstreamError):
        list(decode_strips([payloads[0][:keep]], [96], 3, 128, known, Parameters(1000)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Parameters(15), "step must be in .*step=15"),
        (lambda: Parameters(70000), "step must be in .*step=70000"),
        (lambda: Parameters(100, (1, 48)), "chroma must be in .*chroma=1"),
        (lambda: Search.of_effort(0), "effort must be in .*effort=0"),
    ],
)
def test_parameters_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- exact everywhere -------------------------------------------------------------------------------------------

GOLDEN = Path(__file__).parents[2] / "golden"


def test_golden_streams_decode_to_their_pixels():
    from qimg.codecs import get, registry

    streams = sorted(GOLDEN.glob("*.qimg"))
    assert len(streams) >= 4
    for stream in streams:
        data = stream.read_bytes()
        pixels = get(registry.id_of(data)).decode(data)
        about = f"{pixels.dtype} {pixels.shape} ".encode()
        expected = stream.with_suffix(".sha256").read_text().strip()
        assert hashlib.sha256(about + pixels.tobytes()).hexdigest() == expected, stream.name


_DECODE = """
import hashlib, pathlib, sys
from qimg.codecs import get, registry
for name in sorted(pathlib.Path(sys.argv[1]).glob("*.qimg")):
    data = name.read_bytes()
    pixels = get(registry.id_of(data)).decode(data)
    print(hashlib.sha256(f"{pixels.dtype} {pixels.shape} ".encode() + pixels.tobytes()).hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_NUM_THREADS": "1"},
        {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"},
        {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3", "NUMBA_NUM_THREADS": "1"},
    ],
)
def test_decoding_does_not_depend_on_blas_threads_or_instructions(setting):
    run = [sys.executable, "-W", "ignore", "-c", _DECODE, str(GOLDEN)]
    said = subprocess.run(run, env=os.environ | setting, capture_output=True, text=True, check=True, timeout=600)
    expected = [path.with_suffix(".sha256").read_text().strip() for path in sorted(GOLDEN.glob("*.qimg"))]
    assert said.stdout.split() == expected


@pytest.mark.slow
def test_decoding_does_not_depend_on_the_compiler(tmp_path):
    """Without Numba's compiler NumPy's own integers are used: none of them overflows, and the pixels are the same."""
    names = ("noise", "one")
    for name in names:
        shutil.copy(GOLDEN / f"{name}.qimg", tmp_path)
    run = [sys.executable, "-W", "error::RuntimeWarning", "-c", _DECODE, str(tmp_path)]
    setting = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    said = subprocess.run(run, env=setting, capture_output=True, text=True, check=True, timeout=600)
    assert said.stdout.split() == [(GOLDEN / f"{name}.sha256").read_text().strip() for name in names]
