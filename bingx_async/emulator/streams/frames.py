"""
Frames of a websocket: all that the exchange says is compressed, and binary.

A frame is made once, however many sockets it goes to: those of a server are not masked, so they are
the same for all.

Source: https://www.rfc-editor.org/rfc/rfc6455 (5.2, Base Framing Protocol)
"""

from __future__ import annotations

import gzip
from typing import Final

__all__ = ["closing", "frame", "pack", "unpack"]

_BINARY: Final = 0x82
_CLOSE: Final = 0x88
_TWO_BYTES, _EIGHT_BYTES = 126, 127
"""What stands in place of a length, if it is told in so many bytes more."""


def frame(content: bytes) -> bytes:
    """Make a binary frame."""
    size = len(content)
    if size < _TWO_BYTES:
        return bytes((_BINARY, size)) + content
    if size < 1 << 16:
        return bytes((_BINARY, _TWO_BYTES)) + size.to_bytes(2) + content
    return bytes((_BINARY, _EIGHT_BYTES)) + size.to_bytes(8) + content


def pack(text: bytes) -> bytes:
    """Make the frame of a message."""
    return frame(gzip.compress(text, 1, mtime=0))


def unpack(framed: bytes) -> bytes:
    """
    Take the message out of its frame.

    Raises:
        OSError: It is not compressed.
    """
    return gzip.decompress(framed[{_TWO_BYTES: 4, _EIGHT_BYTES: 10}.get(framed[1], 2) :])


def closing(code: int) -> bytes:
    """Make the frame that closes a websocket."""
    return bytes((_CLOSE, 2)) + code.to_bytes(2)
