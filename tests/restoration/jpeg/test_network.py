"""The light network: laws of its architecture, files of weights, and `qimg.restore(method="network")`."""

import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import qimg
from qimg import images, restoration
from qimg.cli import main
from qimg.core import Array, artifacts
from qimg.core.artifacts import ArtifactError
from qimg.images.jpeg import blocks as jpeg_blocks
from qimg.images.jpeg.coefficients import read_jpeg
from qimg.restoration import restore, restore_picture
from qimg.restoration.jpeg import cascade
from qimg.restoration.jpeg.calibration import COARSENESS, LEVELS, PREDICTED, Calibration
from qimg.restoration.jpeg.estimator import in_strips
from qimg.restoration.jpeg.network import Architecture, Learned, Network, load
from qimg.restoration.jpeg.network.architecture import from_blocks, table_scales, to_blocks
from qimg.restoration.jpeg.network.weights import SHIPPED as NAMES
from qimg.restoration.jpeg.network.weights import estimate
from qimg.restoration.jpeg.quantization_bins import WIDTH

COFFEE = images.bundled("coffee")[:200, :264]
SEEDS = st.integers(0, 2**32 - 1)
SHIPPED = Path(str(files("qimg.restoration.jpeg.network")))
EFFORTS = [
    pytest.param(effort, marks=pytest.mark.skipif(not (SHIPPED / f"{name}.network").exists(), reason="is not there"))
    for effort, name in zip((1, 5), NAMES, strict=True)
]


def jpeg(pixels: Array, **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def shown(content: bytes) -> Array:
    with Image.open(io.BytesIO(content)) as file:
        return np.array(file)


def tiny(*, width: int = 6, blocks: int = 2, seed: int = 0, size: float = 0.1, **options) -> Network:
    """A network that changes pictures: nothing about it is learnt."""
    torch.manual_seed(seed)
    network = Network(Architecture(width=width, blocks=blocks, **options)).eval()
    with torch.no_grad():
        for values in network.parameters():
            values += size * torch.randn_like(values)
    return network.requires_grad_(False)


def planes(seed: int, count: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Decoded planes and their tables, of several qualities."""
    rng = np.random.default_rng(seed)
    tables = [images.quantization_table(int(quality)) for quality in rng.integers(5, 96, count)]
    blocks = rng.integers(-4, 5, (count, height // 8, width // 8, 8, 8)) * (rng.random((8, 8)) < 0.3)
    decoded = [jpeg_blocks.decoded(one, table) for one, table in zip(blocks, tables, strict=True)]
    return torch.from_numpy(np.array(decoded))[:, None], torch.tensor(np.array(tables), dtype=torch.float32)


@pytest.fixture(scope="module")
def learned() -> Learned:
    scales = np.linspace(0.5, 2, len(COARSENESS) * len(PREDICTED)).reshape(len(COARSENESS), -1)
    quantiles = np.broadcast_to(np.linspace(0.6, 3, len(LEVELS)), (len(COARSENESS), len(LEVELS)))
    shapes = np.full((len(cascade.COUNTS) + 1, 64), 1.0)
    calibration = Calibration(scales=scales, quantiles=quantiles, shapes=shapes)
    return Learned.assemble(tiny(), calibration, {"inputs": ["one", "two"], "steps": 0})


# The architecture.


@given(SEEDS, st.sampled_from([0.0, 0.7]))
def test_an_untrained_network_gives_the_decoded_plane(seed, cell):
    torch.manual_seed(seed)
    decoded, tables = planes(seed, 2, 16, 24)
    with torch.inference_mode():
        mean, spread = Network(Architecture(width=4, blocks=1, cell=cell))(decoded, tables)
    assert torch.equal(mean, decoded)
    assert not spread.any()


@given(SEEDS, st.sampled_from([0.2, 0.7, 1.0]))
def test_outputs_lie_in_the_middle_of_their_cells(seed, cell):
    decoded, tables = planes(seed, 2, 16, 24)
    free, confined = (tiny(seed=seed, size=0.5, cell=share) for share in (0.0, cell))

    def shares(network: Network) -> torch.Tensor:
        change = to_blocks(network(decoded, tables)[0] - decoded) @ torch.from_numpy(jpeg_blocks.DCT.T)
        return (change / tables.view(2, 1, 64)).abs()

    # Code values of a few hundred carry rounding of 1e-5 each, 64 of them make a coefficient; the least step is 1.
    assert shares(confined).max() <= cell / 2 + 1e-3
    assert shares(free).max() > cell / 2 + 1e-3


@pytest.mark.parametrize("cell", [0.0, 0.7])
@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 5])
def test_nothing_beyond_its_reach_changes_an_output(blocks, cell):
    network = tiny(blocks=blocks, cell=cell).double()
    with torch.no_grad():
        for values in network.parameters():
            values.abs_()  # so that no rectifier stops a change
    reach = network.architecture.reach // 8
    rng = np.random.default_rng(0)
    table = images.quantization_table(30)
    one = rng.integers(-3, 4, (1, 2 * reach + 3, 8, 8))
    other = one.copy()
    other[:, 0] += 1

    def run(coefficients: Array) -> torch.Tensor:
        decoded = 128 + torch.from_numpy(coefficients * table).reshape(-1, 64) @ network.dct
        plane = from_blocks(decoded[None], 8, 8 * coefficients.shape[1])
        return torch.cat(network(plane, torch.from_numpy(table)[None]), dim=1)

    differs = to_blocks((run(one) != run(other)).any(dim=1, keepdim=True)).any(dim=2)[0]
    assert not differs[reach + 1 :].any()
    if cell == 0:  # where it is confined, changes that small may be cut off
        assert differs[reach]


def test_strips_leave_no_seams(learned, monkeypatch):
    component = read_jpeg(jpeg(COFFEE, quality=20)).components[0]
    whole = in_strips(learned, component.coefficients, component.table)
    parts = []
    monkeypatch.setattr("qimg.restoration.jpeg.estimator.STRIP", 1)
    strips = in_strips(learned, component.coefficients, component.table, track=lambda some: parts.extend(some) or some)
    assert len(parts) > 2
    # Convolutions of other sizes sum in another order: single precision of code values.
    assert np.abs(strips.values - whole.values).max() < 1e-3
    assert np.allclose(strips.variance, whole.variance, rtol=1e-3)


@pytest.mark.parametrize("estimate", [False, True])
def test_a_batch_is_its_pictures_one_by_one(estimate):
    network = tiny(estimate=estimate)
    decoded, tables = planes(1, 3, 24, 32)
    advised = decoded + 3 if estimate else None
    with torch.inference_mode():
        together = network(decoded, tables, advised)
        for k in range(3):
            # One picture alone has its table's scales folded into the weights.
            alone = network(decoded[k : k + 1], tables[k : k + 1], None if advised is None else advised[k : k + 1])
            for one, many in zip(alone, together, strict=True):
                assert torch.allclose(one[0], many[k], atol=1e-3)
    assert (together[0] - decoded).abs().max() > 1


def test_units_and_blocks_are_those_of_the_explicit_estimator(rng):
    tables = np.stack([images.quantization_table(quality) for quality in (5, 40, 95)])
    found = table_scales(torch.tensor(tables)).flatten().tolist()
    assert found == pytest.approx([cascade.table_scale(table) for table in tables])
    several = rng.normal(size=(2, 1, 16, 24)).astype(np.float32)
    blocks = to_blocks(torch.from_numpy(several))
    for own, plane in zip(blocks, several[:, 0], strict=True):
        assert np.array_equal(own.numpy(), jpeg_blocks.to_blocks(plane))
    assert np.array_equal(from_blocks(blocks, 16, 24).numpy(), several)
    assert to_blocks(torch.zeros(2, 1, 0, 8)).shape == (2, 0, 64)


@pytest.mark.parametrize(("width", "blocks", "inputs"), [(6, 2, 2), (48, 5, 2), (8, 1, 3)])
def test_weights_are_counted(width, blocks, inputs):
    network = Network(Architecture(width=width, blocks=blocks, estimate=inputs == 3))
    first, tile = 4 * inputs * width * 9 + width, width * 16
    body = blocks * 2 * (width * width * 9 + width)
    told = 64 * 32 + 32 + (32 + 1) * 2 * width * blocks
    last = width * 4 * 9 + 4 + (width * 32 * 9 + 32) + (32 * 4 + 4)
    assert network.weights == first + tile + body + told + last


def test_what_makes_no_network_is_named(learned):
    with pytest.raises(ValueError, match="width must be an integer of at least 1, but width=0"):
        Architecture(width=0)
    with pytest.raises(ValueError, match="blocks must be an integer of at least 1, but blocks=0"):
        Architecture(blocks=0)
    with pytest.raises(ValueError, match=r"cell must be in \[0, 1\], but cell=2"):
        Architecture(cell=2)
    advised = tiny(estimate=True)
    with pytest.raises(ValueError, match="estimate must be given, because the architecture has this input"):
        advised(*planes(0, 1, 8, 8))
    with pytest.raises(ValueError, match="network must take only the decoded plane as input"):
        Learned.assemble(advised, learned.calibration, {})


# Files of weights.


def test_networks_are_files(learned, tmp_path):
    path = tmp_path / "own.network"
    learned.save(path)
    again = load(path)
    assert again.network.architecture == learned.network.architecture
    assert again.sha256 == learned.sha256
    assert again.provenance == {"inputs": ["one", "two"], "steps": 0}
    assert repr(again) == f"Learned(2 pictures, 6 channels, 2 blocks, {learned.network.weights} weights)"
    for name, values in learned.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], values.half().float())
    for name in ("scales", "quantiles", "shapes"):
        kept, given_ = getattr(again.calibration, name), getattr(learned.calibration, name)
        assert np.abs(kept - given_).max() <= 0.5 / 1024  # kept in steps of 1/1024
    again.save(tmp_path / "twice.network")
    assert load(tmp_path / "twice.network").sha256 == again.sha256
    content = jpeg(COFFEE, quality=20)
    assert np.array_equal(
        restore(content, method="network", model=again),
        restore(content, method="network", model=load(tmp_path / "twice.network")),
    )


def test_a_calibration_is_kept_alike_again_and_again():
    shapes = np.zeros((len(cascade.COUNTS) + 1, 64))
    first = Calibration(
        scales=np.full((17, 1), 1.23456), quantiles=np.full((17, 6), 2.34567), shapes=shapes
    ).to_integers()
    kept = Calibration.from_integers(first)
    assert kept.shapes.min() == 1 / 1024  # what errors never have can still be drawn
    assert all(np.array_equal(values, first[name]) for name, values in kept.to_integers().items())


def test_sixteen_bits_are_enough(tmp_path):
    large = load()
    generator = torch.Generator().manual_seed(0)
    fine = Network(large.network.architecture).eval()
    with torch.no_grad():  # weights between those that the file can hold, as a training leaves them
        for values, kept in zip(fine.parameters(), large.network.parameters(), strict=True):
            values.copy_(kept * (1 + 2.0**-11 * (2 * torch.rand(kept.shape, generator=generator) - 1)))
    own = Learned.assemble(fine, large.calibration, {})
    own.save(tmp_path / "own.network")
    plane = images.to_uint8(images.luma(COFFEE))
    component = read_jpeg(jpeg(plane, quality=10)).components[0]
    stored = load(tmp_path / "own.network")
    both = [estimate(one, component.coefficients, component.table).values for one in (fine, stored.network)]
    found = [qimg.psnr_db(plane.astype(float), one, data_range=255) for one in both]
    assert abs(found[0] - found[1]) < 1e-3
    assert not np.array_equal(*both)


def altered(content: bytes) -> bytes:
    """One bit of the last weight's."""
    return content[:-33] + bytes([content[-33] ^ 1]) + content[-32:]


def without(content: bytes, entry: str) -> bytes:
    """The file without an entry of its header."""
    contents = artifacts.unpack(content)
    return artifacts.pack({name: value for name, value in contents.header.items() if name != entry}, contents.arrays)


MISSING = "it does not hold what its header names"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content[:-100], "it is cut or altered: its last 32 bytes are not the SHA-256 of the rest"),
        (lambda content: content[:5], "it is cut: 5 bytes, but at least 48 are needed"),
        (lambda content: b"", "it must begin with QIMGPRIO at offset 0"),
        (lambda content: b"\x89PNG\r\n\x1a\n" + content, "it must begin with QIMGPRIO at offset 0"),
        (altered, "it is cut or altered: its last 32 bytes are not the SHA-256 of the rest"),
        (lambda content: without(content, "kind"), "it holds a prior"),
        (lambda content: without(content, "provenance"), f"{MISSING} (there is no 'provenance')"),
        (lambda content: without(content, "architecture"), f"{MISSING} (there is no 'architecture')"),
        (lambda content: artifacts.pack({"kind": "codec"}, {}), "it holds codec tables"),
        (lambda content: artifacts.pack({"kind": "poem"}, {}), "it holds data of the kind 'poem'"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_named(learned, tmp_path, change, said):
    path = tmp_path / "own.network"
    path.write_bytes(change(learned.to_bytes()))
    with pytest.raises(ArtifactError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: cannot be read as a network: {said}"


def test_weights_must_fit_their_architecture(learned, tmp_path):
    path = tmp_path / "own.network"
    arrays = dict(learned.contents.arrays)

    def refused(architecture: object, arrays: dict[str, Array]) -> str:
        header = {"kind": "network", "provenance": {}, "architecture": architecture}
        path.write_bytes(artifacts.pack(header, arrays))
        with pytest.raises(ArtifactError, match=r"own\.network: cannot be read as a network: ") as caught:
            load(path)
        return str(caught.value)

    assert "tile must be <f2 of shape (1, 8, 4, 4)" in refused({"width": 8, "blocks": 2}, arrays)
    assert "there is no 'before.2.weight'" in refused({"width": 6, "blocks": 3}, arrays)
    assert "unexpected keyword" in refused({"width": 6, "depth": 2}, arrays)
    assert "width must be" in refused({"width": 0, "blocks": 2}, arrays)
    assert "must take only the decoded plane as input" in refused(
        {"width": 6, "blocks": 2, "estimate": True}, arrays | {"first.weight": np.zeros((6, 12, 3, 3), np.float16)}
    )
    lost = {name: value for name, value in arrays.items() if name != "calibration.scales"}
    assert "calibration.scales" in refused({"width": 6, "blocks": 2}, lost)
    short = arrays | {"calibration.scales": np.zeros((0,), np.int32)}
    assert "calibration.scales must be <i4 of shape (17, 17), but is int32 (0,)" in refused(
        {"width": 6, "blocks": 2}, short
    )


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"none\.network: cannot be read as a network: No such file"):
        load(tmp_path / "none.network")
    with pytest.raises(ArtifactError, match=r"cannot be read as a network: Is a directory"):
        load(tmp_path)
    with pytest.raises(ValueError, match="effort has no effect with a path and must be left out, but effort=1"):
        load(tmp_path / "none.network", effort=1)


@pytest.mark.parametrize(
    ("effort", "sha256"),
    [
        (1, "9507b484461da7e11d1a0dcc4ff35434d0bb596e0c25d4da9a46602a37d9cb4f"),
        (5, "46d9a230944f0b4cd655906eae3a986379b0572909f5007eb9410eef9bcd34a9"),
    ],
)
def test_shipped_networks_have_the_numbers_of_their_safetensors_files(effort, sha256):
    """Those named this SHA-256 over architecture, weights and calibration in their metadata."""
    model = load(effort=effort)
    digest = hashlib.sha256(json.dumps(asdict(model.network.architecture), sort_keys=True).encode())
    numbers = {name: value.half().numpy() for name, value in model.network.state_dict().items()}
    numbers |= {f"calibration.{name}": value for name, value in model.calibration.to_integers().items()}
    for name in sorted(numbers):
        digest.update(name.encode() + numbers[name].tobytes())
    assert digest.hexdigest() == model.sha256 == sha256


@pytest.mark.parametrize("effort", EFFORTS)
def test_shipped_networks_were_trained_on_no_evaluation_picture(effort):
    model = load(effort=effort)
    assert model.network.weights <= 1_000_000
    inputs, held_out = set(model.provenance["inputs"]), set(model.provenance["held_out"])
    assert len(inputs) == 241
    assert inputs.isdisjoint(held_out)
    named = " ".join(inputs | held_out)
    assert not any(name in named for name in ("kodak", "live1", "classic5", "standards", "kodim"))
    assert {"recipe", "steps", "machine", "skipped", "log", "versions"} <= set(model.provenance)
    assert model.network.architecture.cell == WIDTH  # the share that `project` confines every estimate to


@pytest.mark.parametrize("effort", EFFORTS)
def test_shipped_networks_are_whole(effort, tmp_path):
    path = tmp_path / f"{NAMES[effort == 5]}.network"
    path.write_bytes(altered((SHIPPED / path.name).read_bytes()))
    with pytest.raises(ArtifactError, match=f"{path.stem}.*is cut or altered"):
        load(path)


def test_shipped_networks_are_small():
    assert sum(path.stat().st_size for path in SHIPPED.glob("*.network")) <= 4 << 20


def test_shipped_networks_saw_no_held_out_picture():
    splits = Path(os.environ.get("QIMG_DATA", "")) / "splits.json"
    if not splits.exists():
        pytest.skip("needs splits.json in QIMG_DATA")
    held_out = set(json.loads(splits.read_text())["holdout"])
    for effort, name in zip((1, 5), NAMES, strict=True):
        if (SHIPPED / f"{name}.network").exists():
            assert held_out.isdisjoint(load(effort=effort).provenance["inputs"])


# JPEG files.


@pytest.mark.parametrize("effort", EFFORTS)
def test_networks_gain_more_than_the_explicit_estimator(effort):
    plane = images.to_uint8(images.luma(COFFEE))
    content = jpeg(plane, quality=10)
    known = [qimg.psnr_db(plane, one) for one in (shown(content), restore(content))]
    found = qimg.psnr_db(plane, restore(content, method="network", effort=effort))
    assert known[1] > known[0] + 0.9
    assert found > known[1] + (0.1 if effort == 5 else 0)


@pytest.mark.parametrize(("quality", "least"), [(10, 1.1), (40, 1.1), (75, 0.7), (95, 0.1)])
def test_gray_pictures_gain_at_every_quality(quality, least):
    plane = images.to_uint8(images.luma(COFFEE))
    content = jpeg(plane, quality=quality)
    restored = restore(content, method="network")
    assert restored.shape == plane.shape
    assert restored.dtype == np.uint8
    assert qimg.psnr_db(plane, restored) - qimg.psnr_db(plane, shown(content)) > least


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_colour_gains_in_rgb(subsampling):
    content = images.jpeg_round_trip(COFFEE, quality=10, subsampling=subsampling).file
    restored = restore(content, method="network")
    assert qimg.psnr_db(COFFEE, restored) - qimg.psnr_db(COFFEE, shown(content)) > 1.0


@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (8, 8), (17, 64), (33, 1), (61, 75)])
def test_every_size_is_restored(shape):
    rows, columns = shape
    for pixels in (COFFEE[:rows, :columns], COFFEE[:rows, :columns, 1]):
        content = jpeg(np.ascontiguousarray(pixels), quality=50)
        restored = restore(content, method="network")
        assert restored.shape == pixels.shape
        assert np.abs(restored.astype(int) - shown(content)).max() < 100  # cells bound what can change


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright_as_load_does(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    Image.fromarray(COFFEE[:40, :64]).save(path, quality=90, exif=exif)
    loaded, restored = images.load(path), restore_picture(path, method="network")
    assert restored.image.shape == loaded.shape
    assert restored.deviation.shape == loaded.shape[:2]
    assert np.abs(restored.image.astype(int) - loaded).mean() < 4


@pytest.mark.parametrize("subsampling", ["gray", "4:4:4"])
def test_draws_give_the_files_coefficients_again(subsampling):
    if subsampling == "gray":
        content = jpeg(images.to_uint8(images.luma(COFFEE)), quality=20)
    else:
        content = images.jpeg_round_trip(COFFEE[:96, :128], quality=20, subsampling=subsampling).file

    def draw(seed: int) -> restoration.Restored:
        return restore_picture(content, method="network", tune="natural", rng=np.random.default_rng(seed))

    one, same, other = (draw(seed) for seed in (1, 1, 2))
    assert one.equal_coefficients >= 0.9999
    assert np.array_equal(one.image, same.image)
    assert not np.array_equal(one.image, other.image)


def test_draws_have_the_energy_that_means_lack():
    plane = images.to_uint8(images.luma(COFFEE))
    content = jpeg(plane, quality=20)
    mean, drawn = (restore(content, method="network", tune=tune) for tune in ("psnr", "natural"))
    true, smooth, rough = (float(np.diff(image.astype(float), axis=1).var()) for image in (plane, mean, drawn))
    assert smooth < rough
    assert abs(np.log(rough / true)) < abs(np.log(smooth / true))


@pytest.mark.parametrize("effort", [EFFORTS[0], pytest.param(2, marks=[*EFFORTS[1].marks, pytest.mark.slow])])
@pytest.mark.parametrize("quality", [20, *(pytest.param(quality, marks=pytest.mark.slow) for quality in (10, 40))])
def test_intervals_cover_what_they_say_on_bundled_photographs(quality, effort):
    inside, pixels = 0, 0
    for name in images.BUNDLED:
        plane = images.to_uint8(images.luma(images.bundled(name)))[:256, :256]
        restored = restore_picture(jpeg(plane, quality=quality), method="network", effort=effort)
        error = np.abs(restored.image.astype(float) - plane)
        inside += int((error <= restored.half_width(0.9) + 0.5).sum())
        pixels += error.size
    # Four crops of photographs scatter by several percent around what many pictures give (docs/results/restoration.md).
    assert 0.84 < inside / pixels < 0.96


@pytest.mark.parametrize("effort", EFFORTS)
def test_deviations_tell_smooth_blocks_from_rough_ones(effort):
    plane = images.to_uint8(images.luma(images.bundled("coffee")))[:256, :256]
    restored = restore_picture(jpeg(plane, quality=20), method="network", effort=effort)
    squares = np.square(np.stack([restored.image.astype(float) - plane, restored.deviation]))
    true, predicted = np.sqrt(squares.reshape(2, 32, 8, 32, 8).mean(axis=(2, 4))).reshape(2, -1)
    assert np.corrcoef(np.log(true + 0.3), np.log(predicted))[0, 1] > 0.7  # 0 where all blocks have one prediction


def test_options_are_checked(learned):
    content = jpeg(COFFEE, quality=60)
    for effort in (0, 10):
        with pytest.raises(ValueError, match=rf"effort must be in \[1, 9\], but effort={effort}"):
            restore(content, method="network", effort=effort)
    with pytest.raises(ValueError, match="effort has no effect with a network as model and must be left out"):
        restore(content, method="network", effort=1, model=learned)
    with pytest.raises(ValueError, match=r"model must be a network for this method, but model=Model\("):
        restore(content, method="network", model=restoration.load())
    with pytest.raises(ValueError, match=r"model must be an explicit estimator for this method, but model=Learned\("):
        restore(content, model=learned)


def test_the_command_takes_networks(tmp_path, capsys):
    source, out = tmp_path / "photo.jpg", tmp_path / "back.png"
    source.write_bytes(jpeg(COFFEE[:64, :80], quality=20))
    main(["restore", str(source), str(out), "--method", "network"])
    assert capsys.readouterr().out.startswith(f"{source} → {out}: 80 × 64, expected error ")
    assert np.array_equal(images.load(out), restore(source, method="network"))


def test_a_missing_package_is_named_with_what_installs_it(tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("qimg.restoration.jpeg.network")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    said = "method 'network' needs PyTorch: pip install 'qimg[learned]'"
    source = tmp_path / "photo.jpg"
    source.write_bytes(jpeg(COFFEE[:16, :16], quality=20))
    with pytest.raises(ImportError) as caught:
        restore(source, method="network")
    assert str(caught.value) == said
    with pytest.raises(SystemExit) as ended:
        main(["restore", str(source), str(tmp_path / "back.png"), "--method", "network"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"qimg: error: {said}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]
    restore(source, effort=1)  # goes on without


@pytest.mark.slow
def test_torch_is_imported_only_for_networks():
    script = (
        "import sys, qimg; from qimg import images; photo = images.bundled('coffee')[:16, :16]; "
        "qimg.restore(images.jpeg_round_trip(photo, quality=20).file, effort=1); "
        "print(*({'torch'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "\n"
