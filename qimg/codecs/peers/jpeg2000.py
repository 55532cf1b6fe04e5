"""JPEG 2000 by Pillow (OpenJPEG); the target is raw bytes per byte of the file."""

from PIL import features

from qimg.codecs.peers.peer import Peer, save
from qimg.codecs.protocol import Capabilities, CurveSettings, EncodeOptions
from qimg.core import Array, arguments


def _write(image: Array, options: EncodeOptions) -> bytes:
    reduction = options.reduction or 0.0
    arguments.require(reduction > 1, "reduction", "must be more than 1", options.reduction)
    # OpenJPEG refuses more halvings than the shorter side allows.
    halvings = min(5, min(image.shape[:2]).bit_length() - 1)
    wavelet = {"irreversible": True, "mct": int(image.ndim == 3), "num_resolutions": halvings + 1}
    return save(image, "JPEG2000", quality_mode="rates", quality_layers=[reduction], **wavelet)


CODEC = Peer(
    id="peer:jpeg2000",
    name="JPEG 2000",
    about="OpenJPEG by Pillow, irreversible 9/7 wavelet, by raw bytes per byte of the file",
    suffix=".jp2",
    form="JPEG2000",
    capabilities=Capabilities(options=frozenset({"reduction"})),
    curve=CurveSettings(option="reduction", settings=(300, 200, 120, 80, 50, 32, 20, 13, 9), whole=False),
    write=_write,
    needs="Pillow with OpenJPEG",
    is_installed=lambda: bool(features.check("jpg_2000")),
)
