"""Pictures of a single color, generated so that products have images without any files."""

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def square(color: tuple[int, int, int], size: int = 64) -> bytes:
    """Return a PNG of `size` by `size` pixels: a disc of the color on a paler background."""
    pale = bytes(128 + each // 2 for each in color)
    middle, radius = (size - 1) / 2, size * 0.36
    rows = b"".join(
        b"\0"
        + b"".join(
            bytes(color) if (x - middle) ** 2 + (y - middle) ** 2 <= radius**2 else pale for x in range(size)
        )
        for y in range(size)
    )
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )
