"""Who was sent what."""

from __future__ import annotations

from typing import Any, Literal

from attrs import field, frozen

from bingx_async.emulator.streams.frames import unpack
from bingx_async.wire import WireError, decode

__all__ = ["Kind", "Sent"]

Kind = Literal[
    "opened", "closed", "cut", "refused", "ack", "ping", "push", "lost", "garbage", "dropped"
]
"""
What happened to a websocket, or to a message on its way there.

A request that is not granted is ``refused``, and so is a connection. A connection that ends by
itself, or after a farewell, is ``closed``; one that the exchange aborts is ``cut``. A message is a
``push``, or it is ``lost``, or ``garbage`` or the end of the connection (``dropped``) came in its
place.
"""


@frozen
class Sent:
    """
    One line of the ledger of the streams.

    Attributes:
        time: When, in seconds of the monotonic clock.
        socket: The number of the websocket; 0 if the connection was refused.
        uid: Whose events it carries; ``None`` for the market alone.
        kind: What happened.
        topic: The topic, or the name of the event; what a request was about.
        number: What the message is known by: the number of the last trade that it tells of, of the
            change of the book, of the order; of a refusal the code.
    """

    time: float
    socket: int
    uid: str | None
    kind: Kind
    topic: str = ""
    number: int | None = None
    _frame: bytes = field(default=b"", repr=False)

    @property
    def message(self) -> Any:
        """What was sent: JSON that is decoded, or text; ``None`` if nothing was, or garbage."""
        if not self._frame or self.kind == "garbage":
            return None
        text = unpack(self._frame)
        try:
            return decode(text)
        except WireError:
            return text.decode()
