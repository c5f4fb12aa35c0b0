"""Files that are made to harm."""

import os
import struct
import zlib
from pathlib import Path
from typing import Any


def chunk(content: bytes) -> bytes:
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


BOMB = b"".join(
    [
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)),
        chunk(b"IDAT" + zlib.compress(bytes(1000))),
        chunk(b"IEND"),
    ]
)
"""A file of some 100 bytes that asks for 30,000 x 30,000 pixels."""


class Harmful:
    """Unpickled, it makes a folder: whoever does not look makes it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.mark),)
