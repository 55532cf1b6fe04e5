"""`qimg warmup`: compiles all loops before their first use."""


def warmup() -> None:
    """Compile all loops, which is necessary once for each release of qimg, NumPy and Numba.

    The compiled code is stored in NUMBA_CACHE_DIR if that is set, otherwise in the user's cache folder, or in the
    folder of temporary files if neither is writable.
    """
    from qimg.cli.progress import bar
    from qimg.core.compiled_cache import folders_in_use

    with bar("compiling") as track:
        for step in track(range(len(STEPS))):
            STEPS[step]()
    places = ", ".join(str(folder) for folder in folders_in_use())
    print(f"compiled loops are in {places}" if places else "no folder is writable: compiled loops are not stored")


def _codec() -> None:
    import numpy as np

    import qimg

    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for image in (picture, picture[..., 0]):
        qimg.decode(qimg.encode(image, quality=50))


def _progressive() -> None:
    import numpy as np

    import qimg

    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for image in (picture, picture[..., 0]):
        qimg.decode(qimg.encode(image, quality=60, progressive=True))


def _learned() -> None:
    import numpy as np

    import qimg
    from qimg.codecs import get

    picture = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    qimg.decode(qimg.encode(picture, codec="learned", quality=50))
    digits = np.zeros((1, 28, 28), np.uint8)
    digits[0, 5:23, 12:15] = 253
    packs: dict[str, dict[str, float]] = {
        "mnist-autoencoder": {"rate": 0.5},
        "mnist-contours": {"rate": 0.5},
        "mnist-raster": {"levels": 4},
    }
    for name, options in packs.items():
        get(name).decode(get(name).encode(digits, **options))


def _lossless() -> None:
    import numpy as np

    import qimg

    picture = np.random.default_rng(0).integers(0, 64, (16, 16, 3), np.uint8)
    qimg.decode(qimg.encode(picture, codec="lossless"))


def _recompression() -> None:
    import numpy as np

    import qimg

    picture = np.random.default_rng(0).integers(0, 64, (16, 16, 3), np.uint8)
    qimg.decode(qimg.encode(picture, codec="jpeg-recompression", quality=75))


def _contours() -> None:
    import numpy as np

    import qimg

    picture = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    shade = (np.indices((32, 32)).sum(axis=0) * 3 + np.tile(picture % 16, (2, 2))).astype(np.uint8)
    for graphic in (picture, shade):
        for codec in ("contour", "mixed"):
            qimg.decode(qimg.encode(graphic, codec=codec, quality=50))
    qimg.decode(qimg.encode(picture, codec="sketch", size=60, effort=1))


def _preparation() -> None:
    import numpy as np

    import circuits

    vector = np.random.default_rng(0).normal(size=16)
    for amplitudes in (vector, vector * (1 + 1j * vector)):
        circuits.prepare(amplitudes / np.linalg.norm(amplitudes), fidelity=0.9)
    circuits.prepare_in_layers(vector[None], layers=1)


def _jpeg() -> None:
    import numpy as np

    from qimg import images
    from qimg.images.jpeg import read_jpeg

    read_jpeg(images.jpeg_round_trip(np.zeros((16, 16), np.uint8), quality=50).file)


def _circuits() -> None:
    import numpy as np

    import circuits
    from circuits.representation.multiplexed import parity_path

    circuits.grow_transforms(np.diag([0.4, 0.3, 0.2, 0.1]) + 0.05, max_cx=1)
    parity_path(np.array([1.0, 1.0, 0.0, 1.0]))


STEPS = (_codec, _progressive, _learned, _lossless, _recompression, _contours, _jpeg, _preparation, _circuits)
COMMAND = warmup
