"""
Streams are declared, as endpoints are.

.. code-block:: python

    class Streams(Section):
        @stream("{symbol}@depth{level}@{interval}", overflow="latest", beside=("dataType", "ts"))
        def depth_stream(
            self, symbol: str, level: int = 20, interval: str = "500ms"
        ) -> Stream[DepthEvent]:
            \"\"\"Follow the best levels of an order book.\"\"\"
            ...

The decorator holds the topic, the signature what varies in it, the return type the event, the
docstring the help. Calling the method subscribes to nothing yet: it returns a
:class:`~bingx_async.stream.Stream`, which does when it is read.

Events of an account (``account=True``) need no subscription. They come, all on one connection,
once that was opened with a listen key, and are told apart by the name of the event.
"""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypedDict, TypeVar, Unpack, cast

import attrs

from bingx_async.converter import converter
from bingx_async.endpoint import Caller, Section
from bingx_async.errors import DecodeError, InvalidRequest
from bingx_async.stream import Inbox, Overflow, Stream
from bingx_async.wire import WireError, encode

__all__ = ["Channel", "Streamer", "Supplier", "channels_of", "stream", "stream_from"]

Stub = TypeVar("Stub", bound=Callable[..., Stream[Any]])

_PACKAGE: Final = "bingx_async."


@attrs.frozen(eq=False, slots=False)
class Channel:
    """
    One kind of stream, as a value.

    Attributes:
        name: Dotted name, product first, such as ``swap.trades_stream``.
        topics: What the exchange calls it, with the parameters in braces, such as
            ``{symbol}@trade``; of account events the names of the event, of which the first is the
            documented one.
        account: Whether it tells of the account, so that it needs a key.
        overflow: What happens to a consumer that is too slow, unless it says otherwise.
        at: The key under which a message holds its event, or a list of events.
        beside: Keys beside that one which belong to each event as well.
        silence: Seconds without an event after which something must be wrong; ``None`` where an
            event comes only when something happens.
        snapshot: Whether it begins with how things stand, and tells of changes from then on; then
            whoever comes later needs the beginning as well.
        stub: The declared method.
    """

    name: str
    topics: tuple[str, ...]
    account: bool
    overflow: Overflow
    at: str
    beside: tuple[str, ...]
    silence: float | None
    snapshot: bool
    stub: Callable[..., Stream[Any]] = attrs.field(repr=False)

    @functools.cached_property
    def _hints(self) -> dict[str, Any]:
        return typing.get_type_hints(self.stub, include_extras=True)

    @functools.cached_property
    def _signature(self) -> inspect.Signature:
        signature = inspect.signature(self.stub)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    @functools.cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of what varies in the topic."""
        return tuple(self._signature.parameters)

    @functools.cached_property
    def event(self) -> type[Any]:
        """The attrs class of its events."""
        (event,) = typing.get_args(self._hints["return"])
        return cast("type[Any]", event)

    @functools.cached_property
    def structure(self) -> Callable[[Any, Any], Any]:
        """Turn decoded JSON into :attr:`event`; raises ``WireError`` where it does not fit."""
        hook: Callable[..., Any] = converter.get_structure_hook(self.event)
        return hook

    def topic(self, *args: Any, **kwargs: Any) -> str:
        """
        Write the topic for some arguments.

        Raises:
            TypeError: The arguments do not fit the signature.
            InvalidRequest: One of them cannot be a part of a topic.
        """
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            text = str(value)
            if not text or not text.isascii() or not text.isprintable() or set(text) & set(" @{}"):
                raise InvalidRequest(f"{name} must not be {value!r}", endpoint=self.name)
        return self.topics[0].format_map(bound.arguments)

    def read(self, message: dict[str, Any]) -> Sequence[Any]:
        """
        Make events of a message.

        Raises:
            DecodeError: It holds something else.
        """
        try:
            return self._events(message)
        except WireError as exc:
            what = message.get("dataType") or message.get("e")
            raise DecodeError(
                f"{exc.reason} (an event of {what}, kept in .body)",
                endpoint=self.name,
                body=encode(message),
                field=exc.field,
            ) from None

    def _events(self, message: dict[str, Any]) -> Sequence[Any]:
        try:
            found = message[self.at]
        except KeyError:
            raise WireError("missing", (self.at,)) from None
        structure, event = self.structure, self.event
        rows = found if found.__class__ is list else (found,)
        if not self.beside:
            return [structure(row, event) for row in rows]
        beside = {key: message[key] for key in self.beside if key in message}
        return [structure(beside | _object(row), event) for row in rows]


def _object(row: Any) -> dict[str, Any]:
    if row.__class__ is not dict:
        raise WireError("expected an object")
    return cast("dict[str, Any]", row)


class Supplier(Protocol):
    """Whoever supplies the events of channels; see :class:`~bingx_async.stream.Source`."""

    async def join(self, inbox: Inbox, channel: Channel) -> None:
        """Let events of a channel come."""
        ...

    def leave(self, inbox: Inbox) -> None:
        """Let nothing more come."""
        ...

    async def resubscribe(self, inbox: Inbox) -> None:
        """Begin from the beginning."""
        ...


def stream_from(supplier: Supplier, channel: Channel, topic: str) -> Stream[Any]:
    """Make a stream of one topic of a channel."""
    inbox = Inbox(topic, name=channel.name, overflow=channel.overflow)
    return Stream(_Source(supplier, channel), inbox)


class _Source:
    """A supplier, as the stream of one channel sees it."""

    def __init__(self, supplier: Supplier, channel: Channel) -> None:
        self._supplier = supplier
        self._channel = channel

    async def join(self, inbox: Inbox) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        await self._supplier.join(inbox, self._channel)

    def leave(self, inbox: Inbox) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        self._supplier.leave(inbox)

    async def resubscribe(self, inbox: Inbox) -> None:
        """See :class:`~bingx_async.stream.Source`."""
        await self._supplier.resubscribe(inbox)


class Streamer(Caller, Protocol):
    """Whoever carries out calls and opens streams as well."""

    def stream(self, channel: Channel, topic: str) -> Stream[Any]:
        """
        Make a stream, which begins when it is read.

        Args:
            channel: Its declaration.
            topic: What the exchange calls it.
        """
        ...


class Terms(TypedDict, total=False):
    """
    What the decorator takes beside the topic; see :class:`Channel`.

    Attributes:
        account: By default it does not tell of the account.
        overflow: ``"latest"`` by default.
        at: ``"data"`` by default.
        beside: None by default.
        silence: None by default.
        snapshot: False by default.
    """

    account: bool
    overflow: Overflow
    at: str
    beside: tuple[str, ...]
    silence: float
    snapshot: bool


def stream(*topics: str, **terms: Unpack[Terms]) -> Callable[[Stub], Stub]:
    """Declare a stream by its topic and its :class:`Terms`."""

    def decorate(stub: Stub) -> Stub:
        product = stub.__module__.removeprefix(_PACKAGE).partition(".")[0]
        channel = Channel(
            name=f"{product}.{stub.__name__}",
            topics=topics,
            account=terms.get("account", False),
            overflow=terms.get("overflow", "latest"),
            at=terms.get("at", "data"),
            beside=terms.get("beside", ()),
            silence=terms.get("silence"),
            snapshot=terms.get("snapshot", False),
            stub=stub,
        )

        @functools.wraps(stub)
        def call(self: Section, /, *args: Any, **kwargs: Any) -> Stream[Any]:
            caller = cast("Streamer", self._caller)
            return caller.stream(channel, channel.topic(*args, **kwargs))

        kind = "Events of the account" if channel.account else f"Topic: ``{topics[0]}``"
        call.__doc__ = (
            f"{inspect.cleandoc(stub.__doc__ or '')}\n\n{kind}. Overflow: ``{channel.overflow}``."
        )
        call.__channel__ = channel  # type: ignore[attr-defined]
        return cast("Stub", call)

    return decorate


def channels_of(section: type[Section]) -> dict[str, Channel]:
    """Return the streams that a section declares or inherits, by the name of the method."""
    found: dict[str, Channel] = {}
    for cls in reversed(section.__mro__):
        for name, member in vars(cls).items():
            channel = getattr(member, "__channel__", None)
            if isinstance(channel, Channel):
                found[name] = channel
    return found
