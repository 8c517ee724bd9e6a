"""Rooms drawn with Pillow: each seed another palette and arrangement, the same seed the same bytes."""

# Pillow describes some arguments with types of numpy, which it does not need and is not here.
# pyright: reportUnknownMemberType=false
from __future__ import annotations

import io
from random import Random
from typing import NamedTuple

from PIL import Image, ImageColor, ImageDraw, ImageFont

WIDTH, HEIGHT = 768, 512
_FINE = 2  # Drawn this many times larger and scaled down, so that slanted edges are smooth.
_CAPTION_HEIGHT = 34

Color = tuple[int, int, int]
Point = tuple[float, float]


class _Palette(NamedTuple):
    wall: str
    floor: str
    fabric: str
    accent: str
    wood: str
    sky: tuple[str, str]
    ground: str


_PALETTES = (
    _Palette("#e9e1d4", "#b98a5e", "#5f7a76", "#d98e5f", "#7a5236", ("#7fb6e2", "#e6f2f8"), "#7d9c6b"),
    _Palette("#dfe5e3", "#9c7a5b", "#b0685a", "#e3b95b", "#5e4634", ("#8ec5ea", "#fdf0d8"), "#88a578"),
    _Palette("#efe6df", "#c8a27a", "#46617f", "#c8574b", "#8a6244", ("#f3a76f", "#fbe3bd"), "#6b6f86"),
    _Palette("#d9e0e8", "#8d8177", "#c29a5b", "#43667d", "#4d4038", ("#5f8fce", "#cfe3f5"), "#5f7f74"),
    _Palette("#e6e8dc", "#a97f55", "#7a5c86", "#d7a24a", "#6a4a31", ("#91cfe0", "#eef6ee"), "#769a68"),
    _Palette("#efe2da", "#7f6a5c", "#3f6b57", "#d0756b", "#4f3a2c", ("#41508c", "#e59a86"), "#39405f"),
)


def draw(seed: str, caption: str) -> bytes:
    """Draw a room.

    Args:
        seed: Decides palette and arrangement.
        caption: Written below the room.

    Returns:
        A PNG file of 768 by 512 pixels.
    """
    room = _Room(Random(seed))  # noqa: S311 - a picture needs no secrecy
    room.shell()
    room.window()
    room.picture()
    room.rug()
    room.furniture()
    image = room.image.reduce(_FINE)
    _write_caption(image, caption)
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=4)
    return file.getvalue()


class _Room:
    """A room in one-point perspective; lengths are in pixels of the finished picture."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._palette = chance.choice(_PALETTES)
        self.image = Image.new("RGB", (WIDTH * _FINE, HEIGHT * _FINE))
        self._pen = ImageDraw.Draw(self.image)
        inset = chance.uniform(0.15, 0.21)
        shift = chance.uniform(-36, 36)
        self._left, self._right = WIDTH * inset + shift, WIDTH * (1 - inset) + shift
        self._top, self._bottom = chance.uniform(52, 72), chance.uniform(316, 338)
        # The window stands on one side of the wall, the picture on the other.
        self._window_first = chance.random() < 0.5

    def shell(self) -> None:
        """Ceiling, walls and floor, with planks that run to the vanishing point."""
        wall = _rgb(self._palette.wall)
        left, right, top, bottom = self._left, self._right, self._top, self._bottom
        floor_end = HEIGHT + 4.0
        self._polygon([(0, 0), (WIDTH, 0), (right, top), (left, top)], _shade(wall, 1.06))
        self._floor(floor_end)
        lit, dark = (0.86, 0.93) if self._window_first else (0.93, 0.86)
        self._polygon([(0, 0), (left, top), (left, bottom), (0, floor_end)], _shade(wall, lit))
        self._polygon([(WIDTH, 0), (right, top), (right, bottom), (WIDTH, floor_end)], _shade(wall, dark))
        self._fade((left, top, right, bottom), _shade(wall, 1.0), _shade(wall, 0.95))
        skirting = _shade(wall, 1.12)
        self._box(left, bottom - 9, right, bottom, skirting)
        self._polygon([(left, bottom - 9), (left, bottom), (0, floor_end), (0, floor_end - 26)], _shade(skirting, lit))
        self._polygon(
            [(right, bottom - 9), (right, bottom), (WIDTH, floor_end), (WIDTH, floor_end - 26)], _shade(skirting, dark)
        )

    def _floor(self, end: float) -> None:
        wood = _rgb(self._palette.floor)
        planks = 15  # They run out of the picture at both sides; the side walls are drawn over them.
        near_left, near_right = -150.0, WIDTH + 150.0
        for plank in range(planks):
            far = [self._left + (self._right - self._left) * edge / planks for edge in (plank, plank + 1)]
            near = [near_left + (near_right - near_left) * edge / planks for edge in (plank, plank + 1)]
            tone = _shade(wood, self._chance.uniform(0.93, 1.05))
            self._polygon([(far[0], self._bottom), (far[1], self._bottom), (near[1], end), (near[0], end)], tone)
            joint = self._chance.uniform(0.15, 0.9) ** 2  # Nearer joints lie further apart.
            at = self._bottom + (end - self._bottom) * joint
            across = [start + (stop - start) * joint for start, stop in zip(far, near, strict=True)]
            self._box(across[0], at, across[1], at + 1.5, _shade(wood, 0.8))

    def window(self) -> None:
        """A window with sky, hills and a sun, curtains and the light that it throws."""
        palette = self._palette
        width, height = self._chance.uniform(128, 168), self._chance.uniform(150, 176)
        x = self._left + 44 if self._window_first else self._right - 44 - width
        y = self._top + 34
        self._box(x - 8, y - 8, x + width + 8, y + height + 8, _shade(_rgb(palette.wall), 1.16))
        sky = (x, y, x + width, y + height)
        self._fade(sky, _rgb(palette.sky[0]), _rgb(palette.sky[1]))
        sun = self._chance.uniform(0.25, 0.75)
        self._disc(x + width * sun, y + height * 0.36, 13, (255, 246, 214))
        ground = _rgb(palette.ground)
        for depth, tone in ((0.62, 1.18), (0.76, 1.0)):
            heights = [y + height * (depth + self._chance.uniform(-0.07, 0.07)) for _ in range(6)]
            ridge = [(x + width * step / 5, level) for step, level in enumerate(heights)]
            self._polygon([(x, y + height), *ridge, (x + width, y + height)], _shade(ground, tone))
        frame = _shade(_rgb(palette.wall), 1.2)
        self._box(x + width / 2 - 3, y, x + width / 2 + 3, y + height, frame)
        self._box(x, y + height * 0.42 - 2, x + width, y + height * 0.42 + 2, frame)
        self._box(x - 16, y + height + 6, x + width + 16, y + height + 15, _shade(frame, 0.95))
        accent = _mix(_rgb(palette.accent), _rgb(palette.wall), 0.45)
        for side in (x - 26, x + width - 8):
            for fold in range(4):
                drape = _shade(accent, 1.05 if fold % 2 else 0.92)
                self._box(side + fold * 8.5, y - 16, side + fold * 8.5 + 8.5, self._bottom - 4, drape)
        self._box(x - 36, y - 21, x + width + 36, y - 16, _rgb(palette.wood))

    def picture(self) -> None:
        """A framed abstract on the wall beside the window."""
        width, height = self._chance.uniform(92, 124), self._chance.uniform(76, 104)
        center = self._right - 158 if self._window_first else self._left + 158
        x, y = center - width / 2, self._top + 44
        self._box(x + 4, y + 5, x + width + 4, y + height + 5, _shade(_rgb(self._palette.wall), 0.8))
        self._box(x, y, x + width, y + height, _rgb(self._palette.wood))
        self._box(x + 6, y + 6, x + width - 6, y + height - 6, (248, 246, 240))
        for name in (self._palette.accent, self._palette.fabric, self._palette.floor):
            color = _rgb(name)
            size = self._chance.uniform(11, 19)
            at_x = self._chance.uniform(x + 14 + size, x + width - 14 - size)
            at_y = self._chance.uniform(y + 12 + size, y + height - 12 - size)
            if self._chance.random() < 0.5:
                self._disc(at_x, at_y, size, color)
            else:
                self._box(at_x - size, at_y - size * 0.7, at_x + size, at_y + size * 0.7, color)

    def rug(self) -> None:
        """A rug that lies on the floor in perspective."""
        accent = _mix(_rgb(self._palette.accent), (255, 250, 240), 0.45)
        middle = (self._left + self._right) / 2
        for inset, tone in ((0, 0.9), (10, 1.06), (18, 0.96), (24, 1.08)):
            self._polygon(
                [
                    (middle - 196 + inset, self._bottom + 46 + inset * 0.5),
                    (middle + 196 - inset, self._bottom + 46 + inset * 0.5),
                    (middle + 268 - inset * 1.6, self._bottom + 122 - inset * 0.7),
                    (middle - 268 + inset * 1.6, self._bottom + 122 - inset * 0.7),
                ],
                _shade(accent, tone),
            )

    def furniture(self) -> None:
        """A sofa or a bed, a lamp on one side of it and a plant on the other."""
        middle = (self._left + self._right) / 2 + self._chance.uniform(-18, 18)
        half = self._sofa(middle) if self._chance.random() < 0.6 else self._bed(middle)
        side = 1 if self._window_first else -1
        self._lamp(middle + side * (half + 46))
        self._plant(middle - side * (half + 50))

    def _sofa(self, middle: float) -> float:
        fabric = _rgb(self._palette.fabric)
        wood = _rgb(self._palette.wood)
        half, base = self._chance.uniform(132, 152), self._bottom + 74
        self._shadow(middle, base + 8, half + 16, 13)
        for leg in (-half + 14, half - 20):
            self._box(middle + leg, base - 10, middle + leg + 7, base + 9, wood)
        self._round(middle - half + 8, base - 112, middle + half - 8, base - 22, 15, _shade(fabric, 0.84))
        seats = self._chance.choice((2, 3))
        span = (2 * half - 48) / seats
        for seat in range(seats):
            start = middle - half + 24 + seat * span
            self._round(start + 1, base - 104, start + span - 1, base - 42, 12, _shade(fabric, 0.98))
            self._round(start + 1, base - 50, start + span - 1, base - 24, 9, _shade(fabric, 1.14))
        self._round(middle - half + 4, base - 32, middle + half - 4, base - 4, 8, _shade(fabric, 0.9))
        for arm in (middle - half - 8, middle + half - 22):
            self._round(arm, base - 76, arm + 30, base - 4, 13, _shade(fabric, 1.04))
        accent = _rgb(self._palette.accent)
        self._polygon(_tilted(middle - half + 62, base - 66, 25, 0.22), accent)
        self._polygon(_tilted(middle + half - 62, base - 66, 24, -0.3), _mix(accent, (255, 250, 240), 0.5))
        return half

    def _bed(self, middle: float) -> float:
        fabric = _rgb(self._palette.fabric)
        wood = _rgb(self._palette.wood)
        linen: Color = (247, 244, 238)
        half, base = self._chance.uniform(118, 136), self._bottom + 92
        self._shadow(middle, base + 4, half + 40, 14)
        self._round(middle - half, base - 176, middle + half, base - 60, 13, wood)
        self._round(middle - half + 9, base - 167, middle + half - 9, base - 60, 9, _shade(wood, 1.18))
        top = [(middle - half + 4, base - 104), (middle + half - 4, base - 104)]
        self._polygon([*top, (middle + half + 32, base - 42), (middle - half - 32, base - 42)], linen)
        for pillow in (middle - half + 16, middle + 8):
            self._round(pillow, base - 132, pillow + half - 24, base - 94, 15, _shade(linen, 0.93))
            self._round(pillow + 3, base - 130, pillow + half - 29, base - 99, 13, linen)
        self._round(middle - 34, base - 114, middle + 34, base - 84, 11, _rgb(self._palette.accent))
        cover = [(middle - half - 12, base - 78), (middle + half + 12, base - 78)]
        self._polygon([*cover, (middle + half + 36, base - 40), (middle - half - 36, base - 40)], _shade(fabric, 1.12))
        self._round(middle - half - 36, base - 42, middle + half + 36, base - 2, 8, fabric)
        self._box(middle - half - 14, base - 80, middle + half + 14, base - 73, _shade(linen, 0.97))
        return half + 26

    def _lamp(self, x: float) -> None:
        base = self._bottom + 42
        metal: Color = (64, 58, 54)
        glow: Color = (255, 231, 178)
        halo = Image.radial_gradient("L").point([max(0, 105 - distance) for distance in range(256)])
        halo = halo.resize((300 * _FINE, 300 * _FINE), Image.Resampling.BILINEAR)
        self.image.paste(glow, (round((x - 150) * _FINE), round((base - 340) * _FINE)), halo)
        self._shadow(x, base, 26, 6)
        self._box(x - 2.5, base - 180, x + 2.5, base, metal)
        self._pen.ellipse(_scaled(x - 21, base - 5, x + 21, base + 5), fill=metal)
        self._polygon([(x - 22, base - 224), (x + 22, base - 224), (x + 38, base - 170), (x - 38, base - 170)], glow)
        self._polygon(
            [(x + 4, base - 224), (x + 22, base - 224), (x + 38, base - 170), (x + 6, base - 170)], _shade(glow, 0.95)
        )

    def _plant(self, x: float) -> None:
        base = self._bottom + 52
        pot = _rgb(self._palette.accent)
        self._shadow(x, base, 27, 6)
        for leaf in range(9):
            lean = (leaf - 4) * 0.24 + self._chance.uniform(-0.06, 0.06)
            length = self._chance.uniform(74, 112) * (1 - abs(leaf - 4) * 0.07)
            tip = (x + length * lean * 0.95, base - 44 - length * (1 - abs(lean) * 0.42))
            belly = (x + length * lean * 0.35, base - 44 - length * 0.52)
            green = _shade((74, 118, 82), self._chance.uniform(0.78, 1.2))
            self._polygon([(x, base - 40), (belly[0] - 9, belly[1]), tip, (belly[0] + 9, belly[1])], green)
        self._polygon([(x - 24, base - 46), (x + 24, base - 46), (x + 17, base + 2), (x - 17, base + 2)], pot)
        self._polygon(
            [(x + 6, base - 46), (x + 24, base - 46), (x + 17, base + 2), (x + 5, base + 2)], _shade(pot, 0.9)
        )
        self._box(x - 26, base - 51, x + 26, base - 42, _shade(pot, 1.1))

    def _polygon(self, points: list[Point], color: Color) -> None:
        self._pen.polygon([(x * _FINE, y * _FINE) for x, y in points], fill=color)

    def _box(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        self._pen.rectangle(_scaled(left, top, right, bottom), fill=color)

    def _round(self, left: float, top: float, right: float, bottom: float, radius: float, color: Color) -> None:
        self._pen.rounded_rectangle(_scaled(left, top, right, bottom), radius * _FINE, fill=color)

    def _disc(self, x: float, y: float, radius: float, color: Color) -> None:
        self._pen.ellipse(_scaled(x - radius, y - radius, x + radius, y + radius), fill=color)

    def _fade(self, box: tuple[float, float, float, float], top: Color, bottom: Color) -> None:
        left, upper, right, lower = (round(edge) for edge in _scaled(*box))
        ramp = Image.new("RGB", (1, 2))
        ramp.putpixel((0, 0), top)
        ramp.putpixel((0, 1), bottom)
        self.image.paste(ramp.resize((right - left, lower - upper), Image.Resampling.BILINEAR), (left, upper))

    def _shadow(self, x: float, y: float, half_width: float, half_height: float) -> None:
        size = (round(half_width * 2 * _FINE), round(half_height * 2 * _FINE))
        soft = Image.new("L", (24, 24))
        ImageDraw.Draw(soft).ellipse((3, 3, 20, 20), fill=105)
        mask = soft.resize((10, 10), Image.Resampling.BOX).resize(size, Image.Resampling.BICUBIC)
        self.image.paste((40, 28, 20), (round((x - half_width) * _FINE), round((y - half_height) * _FINE)), mask)


def _write_caption(image: Image.Image, caption: str) -> None:
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, HEIGHT - _CAPTION_HEIGHT, WIDTH, HEIGHT), fill=(36, 33, 31))
    font = ImageFont.load_default(17)
    pen.text((16, HEIGHT - _CAPTION_HEIGHT / 2), caption, fill=(244, 240, 232), font=font, anchor="lm")


def _scaled(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
    return left * _FINE, top * _FINE, right * _FINE, bottom * _FINE


def _rgb(name: str) -> Color:
    red, green, blue = ImageColor.getrgb(name)[:3]
    return red, green, blue


def _shade(color: Color, factor: float) -> Color:
    red, green, blue = (min(255, round(part * factor)) for part in color)
    return red, green, blue


def _mix(first: Color, second: Color, share: float) -> Color:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _tilted(x: float, y: float, half: float, lean: float) -> list[Point]:
    return [
        (x + half * (dx - dy * lean), y + half * (dy + dx * lean)) for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
