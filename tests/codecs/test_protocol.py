"""Laws of the protocol, over every codec of the registry that is installed, and over a pack of pictures."""

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import ArrayLike

from qimg import codecs, images, metrics
from qimg.codecs import registry
from qimg.codecs.envelope import Envelope, Reader, assemble, varint
from qimg.codecs.protocol import (
    MAX_PIXELS,
    METADATA,
    TARGETS,
    Codec,
    DecodeOptions,
    EncodeOptions,
    PackCodec,
    listed,
)
from qimg.core import Array

INSTALLED = [codec for codec in registry.codecs() if codec.installed()]
VALUES = {
    "quality": 60,
    "size": 3000,
    "bits_per_pixel": 2.0,
    "psnr_db": 32.0,
    "distance": 2.0,
    "reduction": 10.0,
    "lossless": True,
    "max_error": 4,
    "effort": 1,
    "progressive": True,
    "stable": True,
    "tune": "tangent",
    "colour": "ycbcr",
    "profile": "max",
    "importance": lambda image: np.linspace(1, 9, image[..., 0].size).reshape(image.shape[:2]),
    "icc_profile": b"profile",
    "exif": b"II*\0\x08\0\0\0\0\0\0\0\0\0",
    "xmp": b"<x/>",
}
"""One value of every option but the tables."""


@pytest.fixture(params=INSTALLED, ids=lambda codec: codec.id)
def codec(request) -> Codec:
    return request.param


@pytest.fixture(scope="module")
def photo() -> Array:
    pixels = images.box_mean(images.bundled("coffee"), 5)
    pixels.setflags(write=False)
    return pixels


def good(codec: Codec) -> dict[str, Any]:
    """The best setting of the codec's curve; without one no loss, or a quality; of sketches, 120 bytes."""
    if codec.curve:
        return codec.curve.at(codec.curve.settings[-1])
    options = codec.capabilities.options
    if "lossless" in options:
        return {"lossless": True}
    if "quality" in options:
        return {"quality": 70}
    return {"size": 120, "effort": 1} if "size" in options else {}


def value_of(codec: Codec, option: str) -> Any:
    """A value of an option; sketches have a few hundred bytes."""
    return 90 if (codec.id, option) == ("sketch", "size") else VALUES[option]


def kinds(photo: Array) -> dict[str, Array]:
    alpha = np.dstack([photo, photo[..., 1]])
    every = {"gray": photo[..., 1], "RGB": photo, "gray + alpha": alpha[..., 2:], "RGB + alpha": alpha}
    return every | {f"{name}, 16 bits": image.astype(np.uint16) * 257 for name, image in every.items()}


def test_every_codec_has_the_protocol_and_its_id(codec) -> None:
    assert isinstance(codec, Codec)
    assert registry.codec(codec.id) is codec
    assert codec.suffix.startswith(".")
    assert codec.capabilities.options <= {field.name for field in fields(EncodeOptions)}
    if codec.curve:
        assert codec.curve.option in codec.capabilities.options
        assert codec.curve.option in TARGETS


def test_pictures_that_are_declared_come_back_close_and_in_shape_and_others_are_refused(codec, photo) -> None:
    can = codec.capabilities
    for name, image in kinds(photo).items():
        if ("alpha" in name and not can.alpha) or ("16" in name and not can.sixteen_bit):
            with pytest.raises(
                ValueError, match=rf"codec {codec.id} supports (8 bits|no alpha).*; codecs that support"
            ):
                codecs.encode(image, codec=codec.id, **good(codec))
            continue
        before = image.copy()
        shown = codecs.decode(codecs.encode(image, codec=codec.id, **good(codec)), codec=codec.id)
        assert_array_equal(image, before)
        assert shown.dtype == image.dtype
        if can.lossless:
            assert_array_equal(shown, image)
            continue
        assert shown.shape == (image.shape if can.gray or image.ndim == 3 else (*image.shape, 3))
        if images.has_alpha(image):
            assert_array_equal(shown[..., -1], image[..., -1])
        reference = image if shown.ndim == image.ndim else np.dstack([image] * 3)
        # Curves end near 40 dB on large colour photographs; a small picture shows 4:2:0 most, and gray has a third
        # of the raw bytes of which JPEG 2000 keeps a share. A sketch has few bytes.
        least = 29 if "size" not in good(codec) else 18
        assert metrics.psnr_db(images.without_alpha(reference), images.without_alpha(shown)) > least


@pytest.mark.parametrize("option", VALUES)
def test_options_that_are_declared_change_the_file_and_others_are_refused(codec, photo, option) -> None:
    value = value_of(codec, option)
    target = {name: one for name, one in good(codec).items() if option not in TARGETS or name not in TARGETS}
    if (codec.id, option) == ("contour", "tune"):  # which chooses between files of a size
        target = {"size": 3000}
    if option not in codec.capabilities.options:
        able = [other.id for other in registry.codecs() if option in other.capabilities.options]
        words = f"{option} has no effect with codec {codec.id}; codecs that support it: {', '.join(able)}"
        with pytest.raises(ValueError, match=words):
            codecs.encode(photo, codec=codec.id, **{**target, option: value})
        return
    data = codecs.encode(photo, codec=codec.id, **{**target, option: value})
    assert value == good(codec).get(option) or data != codecs.encode(photo, codec=codec.id, **good(codec))
    if option in METADATA:
        assert getattr(codecs.decode_picture(data, codec=codec.id), option) == value
        assert getattr(codecs.info(data, codec=codec.id), option) == value


def test_info_describes_what_decoding_gives(codec, photo) -> None:
    data = codecs.encode(photo, codec=codec.id, **good(codec))
    info = codecs.info(data, codec=codec.id)
    assert (info.codec, info.height, info.width, info.channels) == (codec.id, *photo.shape)
    assert (info.bit_depth, info.has_alpha, info.complete) == (8, False, True)
    assert sum(info.parts.values()) == len(data)
    encoded = codecs.encode_picture(photo, codec=codec.id, **good(codec))
    assert info.bits_per_pixel == encoded.bits_per_pixel == 8 * len(data) / photo[..., 0].size


def test_a_rectangle_is_that_of_the_whole_picture(codec, photo) -> None:
    data = codecs.encode(photo, codec=codec.id, **good(codec))
    whole = codecs.decode(data, codec=codec.id)
    for top, left, height, width in ((0, 0, 80, 120), (0, 7, 3, 20), (33, 50, 30, 41), (79, 119, 1, 1)):
        part = codecs.decode(data, codec=codec.id, crop=(top, left, height, width))
        assert_array_equal(part, whole[top : top + height, left : left + width])
    with pytest.raises(
        ValueError, match=r"crop must be within the picture of 80 rows and 120 columns, but crop=\(70, "
    ):
        codecs.decode(data, codec=codec.id, crop=(70, 0, 11, 5))


@pytest.mark.parametrize(
    ("crop", "words"),
    [
        ((0, 0, 5), r"crop must be top, left, height and width, but crop=\(0, 0, 5\)"),
        (4, "crop must be top, left, height and width, but crop=4"),
        ((0, 0, 0, 5), "crop must be an integer of at least 1, but crop=0"),
        ((-1, 0, 5, 5), "crop must be an integer of at least 0, but crop=-1"),
        ((0, 0.5, 5, 5), "crop must be an integer of at least 0, but crop=0.5"),
    ],
)
def test_other_rectangles_are_refused(crop, words) -> None:
    with pytest.raises(ValueError, match=words):
        DecodeOptions(crop=crop)


def test_large_pictures_and_other_files_are_refused(codec, photo) -> None:
    data = codecs.encode(photo, codec=codec.id, **good(codec))
    with pytest.raises(codecs.BitstreamError, match="must have at most max_pixels=9599, but has 9600"):
        codecs.decode(data, codec=codec.id, max_pixels=9599)
    least = 8 if codec.id == "sketch" else len(data) // 20  # sketches may be cut anywhere behind their header
    for damaged in (b"", b"no picture at all", data[:least]):
        with pytest.raises(codecs.BitstreamError):
            codecs.decode(damaged, codec=codec.id)
        with pytest.raises(codecs.BitstreamError):
            codecs.info(damaged[:10], codec=codec.id)


def test_tables_are_refused_where_they_have_no_effect(codec, photo) -> None:
    data = codecs.encode(photo, codec=codec.id, **good(codec))
    if "tables" not in codec.capabilities.options:
        with pytest.raises(ValueError, match=f"tables has no effect with codec {codec.id}; .* it: block"):
            codecs.decode(data, codec=codec.id, tables=object())


def test_a_target_is_needed_where_there_is_one(codec, photo) -> None:
    targets = [name for name in TARGETS if name in codec.capabilities.options]
    if targets and not codec.capabilities.lossless:
        words = (
            "^one of quality, size.* must be set, but none is"
            if len(targets) > 1
            else f"^{targets[0]} must be set, but"
        )
        with pytest.raises(ValueError, match=words):
            codecs.encode(photo, codec=codec.id)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quality": 5, "size": 9}, "one of quality, size, bits_per_pixel and psnr_db must be set, but quality and"),
        ({"quality": 5, "distance": 1.0}, "but quality and distance are set"),
        ({"size": 0}, "size must be an integer of at least 1, but size=0"),
        ({"bits_per_pixel": math.nan}, "bits_per_pixel must be positive, but bits_per_pixel=nan"),
        ({"psnr_db": math.inf}, "psnr_db must be finite, but psnr_db=inf"),
        ({"effort": 0}, r"effort must be in \[1, 9\], but effort=0"),
        ({"colour": "rgb"}, "colour must be one of adaptive, ycbcr, but colour='rgb'"),
        ({"profile": "min"}, "profile must be one of max, standard, but profile='min'"),
        ({"tune": "ssim"}, "tune must be one of psnr, tangent, but tune='ssim'"),
        ({"effort": 2.5}, r"effort must be an integer in \[1, 9\], but effort=2.5"),
    ],
)
def test_options_are_checked_once_for_all_codecs(options, words) -> None:
    with pytest.raises(ValueError, match=words):
        EncodeOptions(**options)


def test_options_that_are_named_are_those_that_differ_from_their_defaults() -> None:
    assert EncodeOptions().named == {}
    assert EncodeOptions(tune="".join(["ps", "nr"])).named == {}
    assert EncodeOptions(tune="tangent").named == {"tune": "tangent"}
    assert EncodeOptions(quality=0, progressive=True, stable=False).named == {"quality": 0, "progressive": True}
    assert DecodeOptions().max_pixels == MAX_PIXELS
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


# Packs of many small pictures.


class SmallPack:
    """A pack codec in a few lines: the shape, then the pixels, without loss."""

    id, name, number = "small-pack", "small pack", 99

    def encode(self, images: ArrayLike, /, **options: Any) -> bytes:
        pixels = np.asarray(images, np.uint8)
        header = Envelope(number=self.number).to_bytes() + b"".join(varint(length) for length in pixels.shape)
        return assemble(header, [(b"S", pixels.tobytes())])

    def decode(self, data: bytes, /, **options: Any) -> Array:
        reader = Reader(data)
        reader.envelope_of(self.id, self.number, version=1)
        shape = [reader.varint("a length") for _ in range(3)]
        reader.check("the header")
        (chunk,) = reader.chunks((b"S",))
        return np.frombuffer(chunk.payload, np.uint8).reshape(shape)


PACK = SmallPack()


def test_a_pack_keeps_pictures_and_their_order() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 5, 7), np.uint8)
    data = PACK.encode(pictures)
    assert_array_equal(PACK.decode(data), pictures)
    with pytest.raises(codecs.BitstreamError, match="is altered"):
        PACK.decode(data[:-20] + b"x" + data[-19:])


def test_packs_and_single_pictures_are_told_apart(monkeypatch, photo) -> None:
    assert isinstance(PACK, PackCodec)
    assert not isinstance(PACK, Codec)
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))
    monkeypatch.setattr(registry, "PACK", PACK, raising=False)
    registry.register("small-pack", "qimg.codecs.registry:PACK", number=PACK.number)
    assert registry.pack_codec("small-pack") is PACK
    assert codecs.get("small-pack") is PACK
    with pytest.raises(ValueError, match="codec='block' is a codec for single pictures"):
        registry.pack_codec("block")
    with pytest.raises(ValueError, match="codec='small-pack' is a codec for packs of many pictures"):
        codecs.encode(photo, codec="small-pack", quality=5)
    for read in (codecs.decode, codecs.info):
        with pytest.raises(codecs.BitstreamError, match=r"is a pack: qimg.codecs.get\('small-pack'\) decodes it"):
            read(PACK.encode(photo[None, ..., 0]))


def test_codecs_by_name_have_two_verbs(photo) -> None:
    block = codecs.get("block")
    data = block.encode(photo, quality=50)
    assert data == codecs.encode(photo, codec="block", quality=50)
    assert_array_equal(block.decode(data), codecs.decode(data))
    assert codecs.get("auto").id == "block"
    with pytest.raises(ValueError, match="codec must be one of"):
        codecs.get("hologram")
