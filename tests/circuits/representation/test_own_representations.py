"""A representation of one's own in a few lines: all functions accept it, and a wrong one is refused with the rule."""

import inspect
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import QuantumCircuit
from qiskit.quantum_info import Statevector

import circuits
from circuits.representation import definitions, registry
from circuits.representation.registry import BUILT_IN, REPRESENTATIONS
from experiments.circuits import noise, representations, shots
from qimg import cli, images

LONGEST = 40
"""Lines of the file of a representation, its imports and docstrings included."""


class Halves(circuits.ColourAngles):
    """The high and the low half of the bits, each as the angle of a colour qubit."""

    def to_angles(self, levels, bits):
        base = 2 ** (bits // 2)
        return np.pi * np.concatenate([levels // base, levels % base]) / (base - 1)

    def to_levels(self, angles, bits):
        base = 2 ** (bits // 2)
        high, low = np.rint(angles * (base - 1) / np.pi)
        return (high * base + low)[None]


class Reflected(circuits.ColourAngles):
    """The bits of the Gray code of a level, which is no increasing function of them."""

    def to_angles(self, levels, bits):
        whole = levels[0].astype(np.int64)
        code = whole ^ (whole >> 1)
        return np.pi * np.stack([code >> bit & 1 for bit in range(bits)])

    def to_levels(self, angles, bits):
        flipped = np.cumsum(np.rint(angles[::-1] / np.pi).astype(np.int64), axis=0)[::-1] & 1
        return sum(flipped[bit] << bit for bit in range(bits))[None]


class Tilted(circuits.ColourAngles):
    """Real levels on an angle between π/4 and 3π/4, which falls with the level, and the same twice."""

    def to_angles(self, levels, bits):
        angle = np.pi * (0.75 - levels / (2**bits - 1) / 2)
        return np.concatenate([angle, angle])

    def to_levels(self, angles, bits):
        share = (0.75 - angles.mean(axis=0, keepdims=True) / np.pi) * 2
        return np.clip(share, 0, 1) * (2**bits - 1)


class Roots(circuits.Amplitudes):
    """Pixels as probabilities: amplitudes are the roots of the levels."""

    def to_weights(self, levels, bits):
        return np.sqrt(levels)

    def to_levels(self, weights, bits):
        return np.square(weights)


class Haar(circuits.TransformedAmplitudes):
    """Blocks of 2×2 pixels in Morton order by their Haar coefficients."""

    def coefficient_bits(self, count):
        return tuple(range(count))


class Columns(circuits.Representation):
    """NEQR with X gates, one pixel after another: the interface without a family."""

    def encode(self, levels, *, bits, kept):
        return circuits.LoadedContents(levels, (), colour_qubits=bits)

    def circuit(self, encoded):
        positions = encoded.position_qubits
        circuit = QuantumCircuit(encoded.n_qubits)
        circuit.h(range(positions))
        for place, level in enumerate(encoded.table[0].astype(int).tolist()):
            for bit in (bit for bit in range(encoded.colour_qubits) if level >> bit & 1):
                open_or_closed = format(place, f"0{positions}b")
                circuit.mcx(list(range(positions)), positions + bit, ctrl_state=open_or_closed)
        return circuit

    def levels_of_counts(self, encoded, counts):
        table = counts.reshape(-1, 2**encoded.position_qubits)
        return np.where(table.sum(axis=0) > 0, table.argmax(axis=0), np.nan)[None]


OWN = {
    "halves": Halves(name="halves", whole=True),
    "reflected": Reflected(name="reflected", whole=True, square=False),
    "tilted": Tilted(name="tilted"),
    "roots": Roots(name="roots", padding="constant", takes_black=False, channels=(1, 3)),
    "halves_in_colour": Halves(name="halves_in_colour", whole=True, channels=(3,)),
}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """The own representations, registered for one test; the trial itself is tested once below."""
    before = dict(REPRESENTATIONS)
    REPRESENTATIONS.update(OWN)
    yield
    REPRESENTATIONS.clear()
    REPRESENTATIONS.update(before)


def picture(one: circuits.Representation, *sides: int, seed: int = 0) -> np.ndarray:
    shape = (*sides, *((one.channels[-1],) if one.in_colour else ()))
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_representation_of_qimg_is_a_file_of_at_most_40_lines(name):
    file = Path(definitions.__file__).parent / f"{name}.py"
    assert len(file.read_text("utf-8").splitlines()) <= LONGEST
    one = REPRESENTATIONS[name]
    assert vars(__import__(f"{definitions.__name__}.{name}", fromlist=["x"]))[name.upper()] is one


def test_own_representations_of_the_tests_are_short_too():
    for one in (*OWN.values(), Columns(name="columns")):
        assert len(inspect.getsource(type(one)).splitlines()) <= LONGEST


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (1, 1)])
@pytest.mark.parametrize("name", OWN)
def test_state_circuit_costs_and_decoding_come_for_nothing(name, shape):
    image = picture(OWN[name], *shape) | 1
    encoded = circuits.encode_image(image, name)
    state, circuit = circuits.image_state(encoded), circuits.image_circuit(encoded)
    # Hundreds of gates of rounding 1e-16 each.
    np.testing.assert_allclose(Statevector(circuit).data, state, atol=1e-11)
    assert circuits.image_cost(encoded).cx == circuits.count_gates(circuit).cx
    np.testing.assert_array_equal(circuits.decode_state(encoded, state), image)
    np.testing.assert_array_equal(circuits.decode_counts(encoded, state**2), image)


@pytest.mark.parametrize("shots", [1, 10, 400])
@pytest.mark.parametrize("name", OWN)
def test_intervals_cover(name, shots):
    level, draws = 0.95, 60
    image = picture(OWN[name], 4, 4, seed=3)
    encoded = circuits.encode_image(image, name)
    weights, held = circuits.image_state(encoded) ** 2, []
    for counts in np.random.default_rng(shots).multinomial(shots, weights / weights.sum(), size=draws):
        low, high = circuits.decode_intervals(encoded, counts, level=level)
        held.append((low <= image) & (image <= high))
    # Pixels of a draw are nearly independent; three standard errors of all.
    assert np.mean(held) >= level - 3 * np.sqrt(level * (1 - level) / np.size(held))
    low, high = circuits.decode_intervals(encoded, np.rint(weights * 1e15))
    # A probability of 1e15 shots is known to 1e-7, and a level near the ends of an angle to its root.
    assert ((low <= image + 0.1) & (image - 0.1 <= high)).all()
    assert (high - low).max() <= 1


@given(st.integers(0, 255), st.data())
@settings(max_examples=60, deadline=None)
def test_intervals_of_whole_levels_are_all_that_agree(level, data):
    one = OWN["reflected"]
    encoded = circuits.encode_image(np.full((1, 1), level, np.uint8), "reflected")
    wanted = np.sin(one.to_angles(np.full((1, 1), level), 8) / 2) ** 2
    spread = np.array([data.draw(st.sampled_from([0.0, 0.3, 1.0])) for _ in range(8)])[:, None]
    low, high = np.maximum(wanted - spread, 0), np.minimum(wanted + spread, 1)
    ends = one.levels_between(encoded, low, high)
    every = np.sin(one.to_angles(np.arange(256)[None], 8) / 2) ** 2
    agreeing = np.flatnonzero(((low <= every + 1e-9) & (every - 1e-9 <= high)).all(axis=0))
    assert [int(end.item()) for end in ends] == [agreeing.min(), agreeing.max()]


def test_noise_and_compression_come_for_nothing():
    image = picture(OWN["halves"], 4, 4)
    encoded = circuits.encode_image(image, "halves")
    circuit = circuits.image_circuit(encoded)
    clean, noisy = (
        circuits.noisy_states(circuit, "depolarizing", strength=strength)[0].diagonal().real for strength in (0, 0.02)
    )
    np.testing.assert_array_equal(circuits.decode_counts(encoded, np.clip(clean, 0, None)), image)
    assert (circuits.decode_counts(encoded, np.clip(noisy, 0, None)) != image).any()
    small = circuits.compress_image(encoded, 0.5)
    np.testing.assert_allclose(Statevector(circuits.image_circuit(small)).data, circuits.image_state(small), atol=1e-12)
    assert circuits.image_cost(small).cx < circuits.image_cost(encoded).cx


@pytest.mark.parametrize("name", OWN)
def test_a_video_is_encoded_as_a_picture_is(name):
    image = picture(OWN[name], 3, 2, 4) | 1
    encoded = circuits.encode_image(image, name, axes=3, order="morton")
    state = circuits.image_state(encoded)
    np.testing.assert_allclose(Statevector(circuits.image_circuit(encoded)).data, state, atol=1e-11)
    np.testing.assert_array_equal(circuits.decode_state(encoded, state), image)


@pytest.fixture
def empty():
    """No own representation."""
    for name in OWN:
        del REPRESENTATIONS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OWN, "columns", "haar"])
def test_representations_that_keep_the_contract_are_registered(empty, name):
    others = {
        "columns": Columns(name="columns", whole=True),
        "haar": Haar(
            name="haar",
            transform="haar_2d",
            block_qubits=2,
            order="morton",
            takes_kept=True,
            takes_black=False,
        ),
    }
    one = {**OWN, **others}[name]
    assert circuits.register_representation(one) is one is circuits.representation_of(name)
    with pytest.raises(ValueError, match="name must be new; replace=True replaces"):
        circuits.register_representation(one)
    assert circuits.register_representation(one, replace=True) is one
    if name == "columns":
        assert not one.has_intervals
        encoded = circuits.encode_image(picture(one, 2, 2), name)
        with pytest.raises(ValueError, match="encoded must be in a representation with outcomes"):
            circuits.decode_intervals(encoded, np.ones(2**encoded.n_qubits))


def changed(base: circuits.Representation, **methods) -> circuits.Representation:
    """The same representation under the name "changed", with other methods."""
    kind = type("Changed", (type(base),), methods)
    return kind(name="changed", whole=base.whole)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Halves, "representation must be an object, but is the class Halves"),
        (lambda: 3, "must be an instance of a subclass of circuits.Representation, but representation='int'"),
        (lambda: Halves(name="my code", whole=True), r"name must be a word of letters, digits and \._\+-"),
        (lambda: Halves(name="frqi", whole=True), "must be new, and not that of a representation of qimg"),
        (lambda: Halves(name="changed", channels=()), r"channels must be a tuple of integers of at least 1"),
        (lambda: Halves(name="changed", order="snake"), "order must be None or one of row_major, morton, blocks"),
        (
            lambda: changed(OWN["halves"], to_angles=lambda self, levels, bits: levels[:, :3]),
            r"to_angles must have shape \(qubits, 16\) for changed, but has shape \(1, 3\)",
        ),
        (
            lambda: changed(OWN["halves"], to_angles=lambda self, levels, bits: 2 * np.pi * levels / 255),
            r"to_angles must be in \[0, π\] for changed, .*, but to_angles=\(",
        ),
        (
            lambda: changed(OWN["halves"], to_levels=lambda self, angles, bits: angles[:1] * 0 + 7),
            r"representation changed must give \d+ back at pixel \(\d, \d\) from its exact state, but has 7",
        ),
        (
            lambda: changed(OWN["halves"], to_levels=lambda self, angles, bits: 1 / 0),
            r"changed fails on a picture of shape \(4, 4\) and uint8 \(ZeroDivisionError",
        ),
        (
            lambda: changed(OWN["halves"], levels_between=lambda self, encoded, low, high: (low[:1], high[:1])),
            r"must have intervals that hold \d+ at pixel \(\d, \d\) from exact probabilities",
        ),
        (
            lambda: changed(OWN["halves"], cost=lambda self, encoded: circuits.GateCount(cx=1, one_qubit=1)),
            r"must cost \d+ to \d+ CX, as its circuit does, but has 1",
        ),
        (
            lambda: changed(OWN["halves"], state=lambda self, encoded: np.full(64, 0.25)),
            r"must have a state of norm 1, but has 2\.0",
        ),
        (
            lambda: changed(OWN["halves"], circuit=lambda self, encoded: QuantumCircuit(encoded.n_qubits)),
            r"must have the state of its circuit; the largest difference is shown, but has 0\.",
        ),
        (
            lambda: changed(OWN["roots"], to_weights=lambda self, levels, bits: levels - 300),
            r"to_weights must not be negative for changed, but to_weights=-\d+",
        ),
        (
            lambda: changed(
                OWN["tilted"], to_levels=lambda self, angles, bits: np.rint(Tilted.to_levels(self, angles, bits))
            ),
            "must give real code values back within 0.001 from its exact state",
        ),
        (
            lambda: changed(
                OWN["halves"], to_angles=lambda self, levels, bits: np.repeat(levels, 15, axis=0) / 255
            ),
            "must need at most 18 qubits for 4×4 pixels, but has 19",
        ),
    ],
)  # fmt: skip
def test_a_representation_that_breaks_the_contract_is_refused(empty, make, message):
    with pytest.raises(ValueError, match=message):
        circuits.register_representation(make())
    assert tuple(REPRESENTATIONS) == BUILT_IN


MODULE = """
import numpy as np
import circuits

class Halves(circuits.ColourAngles):
    def to_angles(self, levels, bits):
        base = 2 ** (bits // 2)
        return np.pi * np.concatenate([levels // base, levels % base]) / (base - 1)

    def to_levels(self, angles, bits):
        base = 2 ** (bits // 2)
        high, low = np.rint(angles * (base - 1) / np.pi)
        return (high * base + low)[None]

HALVES = Halves(name="own-halves", whole=True)
WRONG = Halves(name="wrong", whole=True, order="snake")
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a module of representations."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_halves", raising=False)
    (tmp_path / "own_halves.py").write_text(MODULE)
    images.save(images.bundled("coffee")[80:96, 80:96], tmp_path / "photo.png")
    return tmp_path


def test_a_representation_has_an_import_name(here):
    image = picture(OWN["halves"], 4, 4)
    encoded = circuits.encode_image(image, "own_halves:HALVES")
    assert encoded.representation == "own-halves"
    assert circuits.representation_of("own_halves:HALVES") is circuits.representation_of("own-halves")
    np.testing.assert_array_equal(circuits.decode_state(encoded, circuits.image_state(encoded)), image)
    for name, message in {
        "own_halves:WRONG": "own_halves:WRONG: order must be None or one of",
        "own_halves:NONE": "the module own_halves has no NONE",
        "no_such_module:X": "no_such_module:X: cannot be imported",
        "own_halves:np": "own_halves:np: representation must be an instance",
        "qpie": "representation must be one of amplitude",
    }.items():
        with pytest.raises(ValueError, match=message):
            circuits.encode_image(image, name)


def test_the_command_line_takes_an_import_name(here, capsys):
    command = ["run", "photo.png", "--size", "4", "--representation", "own_halves:HALVES", "--shots", "20000"]
    cli.main(["circuit", *command, "--width", "0"])
    assert "95 % intervals from shots alone" in capsys.readouterr().out


@pytest.mark.slow
def test_experiments_take_an_import_name(here):
    own, photo = ("frqi", "own_halves:HALVES"), ("photo.png",)
    crops = representations.run(representations.Params(images=photo, representations=own, shots=(64,), kept=(1,)))
    exact = {row.representation: row.psnr_db for row in crops if row.part == "crop" and row.shots == 0}
    assert exact == {"frqi": np.inf, "own-halves": np.inf}
    params = shots.Params(images=photo, representations=own, shots_per_patch=(64,), repeats=1, patches_each=2)
    assert {row.representation for row in shots.run(params)} == {"amplitude", "frqi", "own-halves"}
    assert len(params.files()["own_halves:HALVES"]) == 64
    small = noise.Params(
        images=photo, side=4, patches=2, kinds=("depolarizing",), strengths=(1e-4, 0.1), representation=own[1]
    )
    rows = {(row.source, row.setting): row.psnr_db for row in noise.run(small)}
    assert rows["depolarizing", 1e-4] > rows["depolarizing", 0.1]
    with pytest.raises(
        ValueError, match=r"must need at most 10 qubits for 4×4 pixels, but representation='neqr with 12"
    ):
        noise.run(noise.Params(images=photo, side=4, patches=2, representation="neqr"))
    with pytest.raises(ValueError, match="representation must take luma, but representation='mcrqi'"):
        noise.run(noise.Params(images=photo, side=4, patches=2, representation="mcrqi"))


def test_the_list_of_names_is_that_of_qimg():
    assert registry.WITH_INTERVALS == ("amplitude", "frqi", "mcrqi", "frqci", "neqr", "ineqr", "ifrqi")
