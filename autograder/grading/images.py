"""Pictures that a student embedded: what is taken for one, and how much a browser makes of it.

Browsers look at the bytes, not at the declared kind, and some kilobytes can unpack to gigabytes. So a picture is kept
only where its first bytes are those of its kind and tell its size, and as long as the page has room for it.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

MOST_PIXELS = 50_000_000  # of one picture: 200 MB in a browser
STARTS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/gif": b"GIF8"}

_DATA_URL = re.compile(r"data:(image/(?:png|jpeg|gif));base64,([A-Za-z0-9+/=\s]*)\Z")
_FRAMES_OF_JPEG = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers that tell a size


@dataclass
class Room:
    """What the pictures of one page may come to together."""

    pixels: int = 250_000_000


def decode(kind: str, text: str, room: Room) -> bytes | None:
    """The picture of that kind in base64 `text`; None where it is none, is too large, or finds no room any more."""
    try:
        image = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    size = pixels_of(kind, image)
    if size is None or size > min(MOST_PIXELS, room.pixels):
        return None
    room.pixels -= size
    return image


def is_picture(url: str, room: Room) -> bool:
    """True for a data: URL of a picture that may be shown."""
    match = _DATA_URL.match(url)
    return match is not None and decode(match[1], match[2], room) is not None


def pixels_of(kind: str, image: bytes) -> int | None:
    """Width times height as a browser reads them; None where it is no picture of that kind."""
    if not image.startswith(STARTS[kind]):
        return None
    try:
        return {"image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif}[kind](image)
    except IndexError:  # it ends before it tells
        return None


def _png(image: bytes) -> int | None:
    is_first = image[12:16] == b"IHDR" and len(image) >= 24
    return int.from_bytes(image[16:20], "big") * int.from_bytes(image[20:24], "big") if is_first else None


def _jpeg(image: bytes) -> int | None:
    """Through the segments, a marker and a length each, to the one of the frame."""
    at = 2
    while image[at] == 0xFF:
        while image[at] == 0xFF:  # any number of them may stand before a marker
            at += 1
        if image[at] in _FRAMES_OF_JPEG:
            high, wide = image[at + 4 : at + 6], image[at + 6 : at + 8]
            return int.from_bytes(high, "big") * int.from_bytes(wide, "big") if len(wide) == 2 else None
        at += 1 + max(2, int.from_bytes(image[at + 1 : at + 3], "big"))
    return None


def _gif(image: bytes) -> int | None:
    """The screen, or the first frame where that is larger: it widens the screen."""
    at = 13 + _colours(image[10])
    while image[at] == 0x21:  # an extension: its label, blocks of a length each
        at += 2
        while image[at]:
            at += 1 + image[at]
        at += 1
    if image[at] != 0x2C or len(image) < at + 9:
        return None
    left, top, wide, high = (int.from_bytes(image[n : n + 2], "little") for n in range(at + 1, at + 9, 2))
    screen = [int.from_bytes(image[n : n + 2], "little") for n in (6, 8)]
    return max(screen[0], left + wide) * max(screen[1], top + high)


def _colours(flags: int) -> int:
    """Bytes of the table of colours that a byte of flags announces."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
