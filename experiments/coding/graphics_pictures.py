"""Graphics drawn by a script: cartoons, logos, maps, screenshots, pages of text, slides and pixel art."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from qimg.core import Array

KINDS = ("cartoon", "logo", "map", "screenshot", "text", "slide", "pixel art")
"""The kinds of drawings."""

_WORDS = [
    *("the", "state", "of", "a", "register", "is", "vector", "and", "its", "norm", "beside", "contour", "has", "two"),
    *("sides", "colour", "area", "edge", "index", "where", "field", "picture", "region", "layer", "plane"),
]
_OVERSAMPLING = 4


def drawing(kind: str, *, side: int, seed: int) -> Array:
    """A drawing of a kind.

    Args:
        kind: one of `KINDS`.
        side: rows and columns, at least 64.
        seed: of the random numbers.

    Returns:
        (side, side, 3) `uint8`, or (side, side) of the values 0 and 255 for text.
    """
    return _DRAWN[kind](side, np.random.default_rng(seed))


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _colour(rng: np.random.Generator, low: int = 0, high: int = 256) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(low, high, 3))
    return red, green, blue


def _blob(rng: np.random.Generator, side: int, *, size: float) -> list[tuple[float, float]]:
    """A closed smooth outline around a random centre, with a few Fourier descriptors."""
    angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = np.full_like(angles, size)
    for order in (1, 2, 3, 5):
        radius += size * rng.normal(0, 0.25 / order) * np.cos(order * angles + rng.uniform(0, 2 * np.pi))
    row, column = rng.uniform(0, side, 2)
    return [(column + r * np.cos(a), row + r * np.sin(a)) for r, a in zip(radius, angles, strict=True)]


def _sentence(rng: np.random.Generator, count: int) -> str:
    return " ".join(str(word) for word in rng.choice(_WORDS, count))


def _paragraph(
    draw: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    box: tuple[int, int, int, int],
    size: int,
    ink: int | tuple[int, int, int],
) -> None:
    """Lines of words in a box of left, top, right and bottom."""
    font, (left, top, right, bottom) = _font(size), box
    for row in range(top, bottom - size, round(1.4 * size)):
        line = _sentence(rng, 30)
        while draw.textlength(line, font=font) > right - left and " " in line:
            line = line.rsplit(" ", 1)[0]
        draw.text((left, row), line, font=font, fill=ink)


def _cartoon(side: int, rng: np.random.Generator) -> Array:
    """Flat areas with black outlines and hard edges, some of them of two alternating colours."""
    picture = Image.new("RGB", (side, side), _colour(rng, 128))
    draw = ImageDraw.Draw(picture)
    palette = [_colour(rng) for _ in range(14)]
    rows, columns = np.indices((side, side))
    patterns = ((rows + columns) % 2, rows % 2, (rows % 4 < 2) ^ (columns % 4 < 2), ((rows * 2 + columns) % 5) == 0)
    for _ in range(40):
        outline = _blob(rng, side, size=side * rng.uniform(0.02, 0.18))
        colour = palette[rng.integers(len(palette))]
        draw.polygon(outline, fill=colour, outline=(0, 0, 0), width=int(rng.integers(1, 4)))
        if rng.random() < 0.2:
            mask = Image.new("1", (side, side))
            ImageDraw.Draw(mask).polygon(outline, fill=1)
            pixels = np.array(picture)
            pattern = patterns[rng.integers(len(patterns))].astype(bool)
            place = np.asarray(mask) & pattern & (pixels == colour).all(axis=2)
            pixels[place] = palette[rng.integers(len(palette))]
            picture = Image.fromarray(pixels)
            draw = ImageDraw.Draw(picture)
    for _ in range(30):
        points = [
            tuple(point) for point in rng.uniform(0, side, 2) + np.cumsum(rng.normal(0, side / 16, (6, 2)), axis=0)
        ]
        draw.line(points, fill=(0, 0, 0), width=int(rng.integers(1, 4)))
    return np.asarray(picture)


def _logo(side: int, rng: np.random.Generator) -> Array:
    """A few anti-aliased shapes and a name."""
    large = _OVERSAMPLING * side
    picture = Image.new("RGB", (large, large), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    for _ in range(5):
        draw.polygon(_blob(rng, large, size=large * rng.uniform(0.08, 0.2)), fill=_colour(rng))
    draw.text((large // 12, large * 3 // 4), "qimg", font=_font(large / 5), fill=_colour(rng, 0, 128))
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def _map(side: int, rng: np.random.Generator) -> Array:
    """Regions of nearest towns, roads of two widths, and names."""
    towns = rng.uniform(0, side, (24, 2))
    rows, columns = np.indices((side, side))
    shift = 6 * np.sin(rows / 11 + 2 * np.sin(columns / 17)), 6 * np.sin(columns / 13 + 2 * np.sin(rows / 19))
    places = np.stack([rows + shift[0], columns + shift[1]], axis=-1)
    owner = np.argmin([np.square(places - town).sum(axis=-1) for town in towns], axis=0)
    palette = np.array([_colour(rng, 150) for _ in range(6)], np.uint8)
    picture = Image.fromarray(palette[owner % 6])
    draw = ImageDraw.Draw(picture)
    order = [(float(column), float(row)) for row, column in towns]
    draw.line(order[:12], fill=(120, 60, 40), width=5)
    draw.line(order[:12], fill=(250, 220, 90), width=3)
    draw.line(order[12:], fill=(90, 110, 220), width=2)
    for column, row in order:
        draw.ellipse((column - 3, row - 3, column + 3, row + 3), fill=(255, 255, 255), outline=(0, 0, 0))
        draw.text((column + 5, row - 6), _sentence(rng, 1).title(), font=_font(11), fill=(20, 20, 20))
    return np.asarray(picture)


def _screenshot(side: int, rng: np.random.Generator) -> Array:
    """Windows with bars, buttons and small anti-aliased text, before a smooth background."""
    ramp = np.linspace(0, 1, side)
    sky = np.stack([40 + 60 * ramp, 90 + 70 * ramp, 150 + 90 * ramp], axis=-1)
    picture = Image.fromarray(np.broadcast_to(sky[:, None], (side, side, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(3):
        left, top = (int(value) for value in rng.integers(0, side // 2, 2))
        right, bottom = left + int(side * rng.uniform(0.4, 0.6)), top + int(side * rng.uniform(0.3, 0.6))
        draw.rectangle((left, top, right, bottom), fill=(246, 246, 246), outline=(120, 120, 120))
        draw.rectangle((left, top, right, top + 20), fill=_colour(rng, 100))
        draw.text((left + 6, top + 3), _sentence(rng, 3).title(), font=_font(12), fill=(255, 255, 255))
        for column in range(left + 8, right - 60, 70):
            draw.rounded_rectangle(
                (column, top + 26, column + 60, top + 42), 4, fill=(225, 228, 235), outline=(160, 160, 170)
            )
            draw.text((column + 8, top + 28), _sentence(rng, 1), font=_font(11), fill=(30, 30, 30))
        _paragraph(draw, rng, (left + 8, top + 50, right - 8, bottom - 4), 12, (25, 25, 25))
    return np.asarray(picture)


def _text(side: int, rng: np.random.Generator) -> Array:
    """A page of text in black and white."""
    page = Image.new("1", (side, side), 1)
    draw = ImageDraw.Draw(page)
    draw.fontmode = "1"
    margin = side // 16
    draw.text((margin, margin // 2), _sentence(rng, 4).title(), font=_font(22), fill=0)
    _paragraph(draw, rng, (margin, margin + 30, side - margin, side - margin), 14, 0)
    return np.where(np.asarray(page), np.uint8(255), np.uint8(0))


def _slide(side: int, rng: np.random.Generator) -> Array:
    """A title, points, and a chart of bars with smooth fills."""
    picture = Image.new("RGB", (side, side), (252, 252, 250))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, side, side // 8), fill=(30, 60, 110))
    draw.text((side // 20, side // 36), _sentence(rng, 3).title(), font=_font(side / 16), fill=(255, 255, 255))
    for row in range(side // 5, side // 2, side // 12):
        draw.ellipse((side // 20, row + 6, side // 20 + 8, row + 14), fill=(200, 80, 40))
        draw.text((side // 12, row), _sentence(rng, 6), font=_font(side / 26), fill=(40, 40, 40))
    pixels = np.array(picture)
    for bar in range(6):
        left, height = side // 8 + bar * side // 8, int(side * rng.uniform(0.1, 0.35))
        shade = np.linspace(1, 0.5, height)[:, None, None] * np.array(_colour(rng, 90))
        pixels[side * 15 // 16 - height : side * 15 // 16, left : left + side // 11] = shade.astype(np.uint8)
    return pixels


def _pixel_art(side: int, rng: np.random.Generator) -> Array:
    """Sprites of 16 × 16 pixels that repeat on a grid, each symmetric and of few colours."""
    palette = np.array([_colour(rng) for _ in range(12)], np.uint8)
    sprites = []
    for _ in range(9):
        half = palette[rng.choice(rng.integers(0, 12, 4), (8, 4))]
        half = half.repeat(2, axis=0).repeat(2, axis=1)
        sprites.append(np.concatenate([half, half[:, ::-1]], axis=1))
    count = -(-side // 16)
    grid = rng.integers(0, 9, (count, count)) * (rng.random((count, count)) < 0.5)
    rows = [np.concatenate([sprites[index] for index in row], axis=1) for row in grid]
    return np.ascontiguousarray(np.concatenate(rows)[:side, :side])


_DRAWN: dict[str, Callable[[int, np.random.Generator], Array]] = dict(
    zip(KINDS, (_cartoon, _logo, _map, _screenshot, _text, _slide, _pixel_art), strict=True)
)
