"""The parts of the mixed codec: map, boxes, fills, costs, choice; and files that no encoder wrote."""

from contextlib import suppress
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal

from experiments.coding.graphics_pictures import drawing
from qimg import codecs, images
from qimg.codecs import BitstreamError
from qimg.codecs.mixed import tile_costs
from qimg.codecs.mixed.bitstream import ALPHA, BLOCK, CONTOUR, MAP, Header, embedded, parse, whole, write
from qimg.codecs.mixed.fill import filled
from qimg.codecs.mixed.tile_costs import Costs, best_map, block_costs, contour_costs
from qimg.codecs.mixed.tile_map import TILE, box_of, decode_map, encode_map, pixels_of, shape_of
from qimg.codecs.quality import weight_of_quality

PHOTO = images.box_mean(images.bundled("coffee"), 6)[:40, :56]
MAPS = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(MAPS)
def test_maps_come_back(tiles) -> None:
    assert_array_equal(decode_map(encode_map(tiles), tiles.shape), tiles)


@pytest.mark.parametrize("value", [False, True])
def test_maps_of_one_kind_take_next_to_nothing(value) -> None:
    assert len(encode_map(np.full((60, 80), value))) <= 12


@given(MAPS, st.binary(max_size=12))
def test_other_payloads_are_refused_or_give_a_map(tiles, payload) -> None:
    with suppress(BitstreamError):
        assert decode_map(payload, tiles.shape).shape == tiles.shape


@given(MAPS, st.integers(0, TILE - 1), st.integers(0, TILE - 1))
def test_boxes_hold_all_pixels_of_a_kind(tiles, less_rows, less_columns) -> None:
    height, width = TILE * tiles.shape[0] - less_rows, TILE * tiles.shape[1] - less_columns
    assert shape_of(height, width) == tiles.shape
    pixels, box = pixels_of(tiles, height, width), box_of(tiles, height, width)
    assert pixels.shape == (height, width)
    assert all(pixels[row, column] == tiles[row // TILE, column // TILE] for row, column in np.ndindex(height, width))
    if box is None:
        assert not pixels.any()
        return
    inside = pixels[box]
    assert inside.sum() == pixels.sum()
    assert all(inside[edge].any() for edge in (0, -1, np.s_[:, 0], np.s_[:, -1]))


def test_fills_take_the_most_frequent_colour_at_the_border() -> None:
    pixels = PHOTO.copy()
    wanted = np.ones(pixels.shape[:2], bool)
    wanted[8:16, 8:16] = wanted[24:40, :9] = False
    pixels[7, 8:16] = (1, 2, 3)
    pixels[8:16, 7] = (250, 0, 9)
    pixels[8:16, 16] = (250, 0, 9)
    result = filled(pixels, wanted)
    assert_array_equal(result[wanted], pixels[wanted])
    assert (result[8:16, 8:16] == (250, 0, 9)).all()
    assert len(np.unique(result[24:40, :9].reshape(-1, 3), axis=0)) == 1
    assert_array_equal(filled(pixels, np.ones_like(wanted)), pixels)


def test_costs_add_up_to_those_of_the_picture() -> None:
    weight = weight_of_quality(40, 3)
    block = block_costs(PHOTO, 40)
    data = codecs.encode(PHOTO, codec="block", quality=40)
    assert block.error.shape == block.bits.shape == shape_of(*PHOTO.shape[:2])
    assert block.error.sum() == ((codecs.decode(data).astype(int) - PHOTO) ** 2).sum()
    squares = PHOTO[:32, :32]  # no block extends beyond the picture
    size = codecs.info(codecs.encode(squares, codec="block", quality=40)).parts["pixels"]
    assert 0 < 8 * size - block_costs(squares, 40).bits.sum() < 48  # the last word, and a byte of flags
    assert block.weighted(weight).sum() == pytest.approx(block.error.sum() + weight * block.bits.sum())
    drawn = drawing("map", side=70, seed=0)
    shown = codecs.decode(codecs.encode(drawn, codec="contour", quality=40))
    contour = contour_costs(drawn, shown, 500)
    assert contour.bits.sum() == pytest.approx(4000)
    assert contour.error.sum() == ((shown.astype(int) - drawn) ** 2).sum()
    gray = block_costs(PHOTO[..., :1], 40)
    flat = codecs.decode(codecs.encode(PHOTO[..., 0], codec="block", quality=40))
    assert gray.error.sum() == ((flat.astype(int) - PHOTO[..., 0]) ** 2).sum()


def energy(tiles: np.ndarray, block: Costs, contour: Costs, weight: float) -> float:
    edges = (tiles[1:] != tiles[:-1]).sum() + (tiles[:, 1:] != tiles[:, :-1]).sum()
    own = np.where(tiles, block.weighted(weight), contour.weighted(weight)).sum()
    return float(own + weight * tile_costs._BORDER_BITS * edges)


@pytest.mark.parametrize("seed", range(6))
def test_no_single_tile_improves_the_map(seed) -> None:
    rng = np.random.default_rng(seed)
    block, contour = (Costs(rng.uniform(0, 900, (3, 4)), rng.uniform(0, 60, (3, 4))) for _ in range(2))
    tiles = best_map(block, contour, 20.0)
    least = energy(tiles, block, contour, 20.0)
    for place in product(range(3), range(4)):
        other = tiles.copy()
        other[place] ^= True
        assert energy(other, block, contour, 20.0) >= least
    every = (np.array(bits).reshape(3, 4) for bits in product((False, True), repeat=12))
    assert least <= 1.1 * min(energy(one, block, contour, 20.0) for one in every)


def test_without_borders_every_tile_takes_the_cheaper_codec(monkeypatch) -> None:
    monkeypatch.setattr(tile_costs, "_BORDER_BITS", 0.0)
    rng = np.random.default_rng(0)
    block, contour = (Costs(rng.uniform(0, 900, (5, 4)), rng.uniform(0, 60, (5, 4))) for _ in range(2))
    assert_array_equal(best_map(block, contour, 7.0), block.weighted(7.0) < contour.weighted(7.0))


@pytest.mark.parametrize("codec", ["block", "contour"])
def test_embedded_files_are_whole_again(codec) -> None:
    data = codecs.encode(PHOTO, codec=codec, quality=40, exif=b"II*\0")
    assert whole(embedded(data)) == data
    assert len(embedded(data)) == len(data) - 10


# Files that no encoder wrote. Their checksums are right, since `write` computes them.

HEADER = Header.of(PHOTO)
TILES = np.zeros(shape_of(*PHOTO.shape[:2]), bool)
TILES[1, 1:3] = True
FILES = {
    tag: embedded(codecs.encode(np.ascontiguousarray(PHOTO[box_of(own, *PHOTO.shape[:2])]), codec=codec, quality=30))
    for tag, own, codec in ((BLOCK, TILES, "block"), (CONTOUR, ~TILES, "contour"))
}
GOOD = {MAP: encode_map(TILES), **FILES}


def refusal(chunks: dict[bytes, bytes], header: Header = HEADER) -> str:
    with pytest.raises(BitstreamError) as refused:
        codecs.decode(write(header, list(chunks.items())))
    return str(refused.value)


def small(codec: str, image: np.ndarray, **options: object) -> bytes:
    return embedded(codecs.encode(image, codec=codec, **options))


def test_the_file_that_the_others_are_made_of_is_read() -> None:
    shown = codecs.decode(write(HEADER, list(GOOD.items())))
    assert shown.shape == PHOTO.shape
    assert codecs.info(write(HEADER, list(GOOD.items()))).complete


def test_chunks_must_fit_the_map() -> None:
    assert "must have a chunk M, but has none" in refusal(FILES)
    assert "chunk B must be in files whose map has tiles for it, and in no others, but is missing" in refusal(
        {MAP: GOOD[MAP], CONTOUR: GOOD[CONTOUR]}
    )
    uniform = {**GOOD, MAP: encode_map(np.zeros_like(TILES))}
    assert "chunk B must be in files whose map" in refusal(uniform)
    assert "the map is damaged" in refusal({**GOOD, MAP: GOOD[MAP] + b"\1\2\3\4\5\6\7\x08"})
    assert "chunk A must be in pictures with alpha" in refusal(
        {**GOOD, ALPHA: small("contour", PHOTO[..., 0], lossless=True)}
    )


def test_parts_must_fit_the_picture() -> None:
    wrong = "the block part must be a picture of shape"
    box = np.ascontiguousarray(PHOTO[16:32, 16:48])
    assert wrong in refusal({**GOOD, BLOCK: small("block", box[:8], quality=30)})
    assert wrong in refusal({**GOOD, BLOCK: small("block", box[..., 0], quality=30)})
    assert wrong in refusal({**GOOD, BLOCK: small("block", box.astype(np.uint16), quality=30)})
    assert "must have at most max_pixels" in refusal({**GOOD, BLOCK: small("block", PHOTO, quality=30)})
    assert "the block part is damaged: the file must be of codec 1" in refusal(
        {**GOOD, BLOCK: small("contour", box, quality=30)}
    )
    for part in (b"", b"\1", GOOD[BLOCK][:-9]):
        assert "the block part is damaged" in refusal({**GOOD, BLOCK: part})


def test_every_changed_byte_gives_a_picture_or_a_refusal() -> None:
    rng = np.random.default_rng(0)
    for index in range(150):
        tag = list(GOOD)[index % 3]
        part = bytearray(GOOD[tag])
        part[rng.integers(len(part))] ^= 1 << int(rng.integers(8))
        data = write(HEADER, list({**GOOD, tag: bytes(part)}.items()))
        with suppress(BitstreamError):
            assert codecs.decode(data).shape == PHOTO.shape
    data = write(HEADER, list(GOOD.items()))
    for cut in range(0, len(data), 37):
        for read in (codecs.decode, codecs.info):
            with pytest.raises(BitstreamError):
                read(data[:cut])
    assert len(parse(data).chunks) == 3
