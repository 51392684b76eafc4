"""
The errors of this package, one class for each reaction of the caller.

.. code-block:: text

    BingXError
    |-- TransportError        no usable answer
    |   |-- NotSent              it never left: safe to repeat
    |   `-- OutcomeUnknown       it may have been executed: look before you repeat
    |-- DecodeError           an answer we could not read (carries the raw body)
    |-- QuotaTimeout          the wait would exceed max_wait; nothing was sent
    |-- GovernorUnavailable   the shared governor cannot be asked; nothing was sent
    |-- StreamOverflow        a stream's consumer is too slow: read faster, or let it drop
    `-- ApiError              the exchange said no: .code .message .endpoint
        |-- AuthError            fix the key, the clock or the permission
        |-- RateLimited          wait: .retry_at
        |-- InvalidRequest       fix the arguments
        |-- Rejected             the account or the market does not allow it now
        `-- Unavailable          their side: try again later

The exchange's code is an attribute, never a class: codes change their numbers and share their
meanings, the reaction stays. No message, repr or attribute holds a secret or a signature.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from bingx_async.quota import Scope

__all__ = [
    "ApiError",
    "AuthError",
    "BingXError",
    "DecodeError",
    "GovernorUnavailable",
    "InvalidRequest",
    "NotSent",
    "OutcomeUnknown",
    "QuotaTimeout",
    "RateLimited",
    "Rejected",
    "StreamOverflow",
    "TransportError",
    "Unavailable",
    "api_error",
    "http_error",
]


class BingXError(Exception):
    """Whatever this package raises on purpose."""

    endpoint: str | None = None
    """The endpoint's dotted name, such as ``swap.set_leverage``, where there is one."""

    def __init__(self, message: str, *, endpoint: str | None = None) -> None:
        super().__init__(message if endpoint is None else f"{endpoint}: {message}")
        self.endpoint = endpoint


class TransportError(BingXError):
    """There is no usable answer."""


class NotSent(TransportError):  # noqa: N818 - the name is the reaction
    """The request certainly never left this host: repeating it is safe."""


class OutcomeUnknown(TransportError):  # noqa: N818
    """The request may have been executed: look before you repeat it."""


class DecodeError(BingXError):
    """
    The answer could not be read.

    The exchange has executed the request nevertheless, unless it says otherwise in the body.

    Attributes:
        body: The answer as it came, to the byte.
        field: Where it could not be read, such as ``data[3].symbol``; ``""`` for all of it.
    """

    def __init__(
        self, message: str, *, endpoint: str | None = None, body: bytes = b"", field: str = ""
    ) -> None:
        super().__init__(f"{field}: {message}" if field else message, endpoint=endpoint)
        self.body = body
        self.field = field


class QuotaTimeout(BingXError):  # noqa: N818
    """
    The quota leaves no room within ``max_wait``; nothing was sent.

    Attributes:
        wait: Seconds that the call would have to wait at the very least.
        max_wait: Seconds that the caller was willing to wait.
        bucket: The bucket that binds, in words.
    """

    def __init__(self, *, endpoint: str | None, wait: float, max_wait: float, bucket: str) -> None:
        super().__init__(
            f"needs to wait {wait:.3f} s or longer for {bucket}, more than max_wait={max_wait:g} s;"
            " nothing was sent",
            endpoint=endpoint,
        )
        self.wait = wait
        self.max_wait = max_wait
        self.bucket = bucket


class GovernorUnavailable(BingXError):  # noqa: N818
    """A shared governor cannot reach what it shares the quotas through; nothing was sent."""


class StreamOverflow(BingXError):  # noqa: N818
    """A consumer of a stream did not read in time, so that events would have been lost."""


class ApiError(BingXError):
    """
    The exchange said no.

    Attributes:
        message: The exchange's own words.
        code: The exchange's code; ``None`` if this package refused before anything was sent, or
            if the answer had an HTTP status only.
        status: The HTTP status; ``None`` if nothing was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        status: int | None = None,
        endpoint: str | None = None,
    ) -> None:
        origin = f"[{code}] " if code is not None else f"[HTTP {status}] " if status else ""
        super().__init__(f"{origin}{message}", endpoint=endpoint)
        self.message = message
        self.code = code
        self.status = status


class AuthError(ApiError):
    """Fix the key, its permission, or the clock."""

    @property
    def is_about_the_clock(self) -> bool:
        """Whether the timestamp was refused, so that nothing was executed."""
        return self.code in _CLOCK


class RateLimited(ApiError):  # noqa: N818
    """
    The exchange refused because of a limit; the request was not executed.

    Attributes:
        retry_at: When the exchange said that it accepts requests again, in UTC by the exchange's
            clock; ``None`` if it named no time.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        status: int | None = None,
        endpoint: str | None = None,
    ) -> None:
        super().__init__(message, code=code, status=status, endpoint=endpoint)
        named = _UNBLOCKED.search(message)
        self.retry_at: datetime | None = (
            _EPOCH + timedelta(milliseconds=int(named[1])) if named else None
        )

    @property
    def scope(self) -> Scope:
        """
        What the exchange shut, as far as the answer tells.

        The IP address as a whole after an HTTP status without a code; the endpoint for this
        address if the message speaks of the IP; else the endpoint for this account.
        """
        if self.code is None:
            return Scope.ADDRESS
        return Scope.ADDRESS_ENDPOINT if _OF_IP.search(self.message) else Scope.ENDPOINT

    @property
    def repeated_code(self) -> int | None:
        """
        The error code that came too often, if that is why the exchange refuses.

        After more than twenty equal errors within eight minutes it shuts the endpoint: what made
        the errors needs to be fixed.
        """
        found = _BURST.search(self.message)
        return int(found[1]) if found else None


class InvalidRequest(ApiError):  # noqa: N818
    """Fix the arguments."""


class Rejected(ApiError):  # noqa: N818
    """The account or the market does not allow it now."""


class Unavailable(ApiError):  # noqa: N818
    """
    The exchange's side failed: try again later.

    A write may have been executed all the same: look before you repeat it.
    """


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_OF_IP: Final = re.compile(r"\bip\b", re.IGNORECASE)
_BURST: Final = re.compile(r"over \d+ error code:\s*(\d+)")

# The two shapes in which a time is named: "will be unblocked after <ms>" and
# "can retry after time: <ms>".
_UNBLOCKED: Final = re.compile(r"(?:unblocked after|retry after time:?)\s*(\d{13})(?!\d)")

_CLOCK: Final = frozenset({100421, 109400, 80014})
_AUTH: Final = frozenset({100001, 100004, 100401, 100403, 100412, 100413, 100419})
_RATE: Final = frozenset({100409, 100410, 109429})
_UNAVAILABLE: Final = frozenset(
    {80012, 80019, 100500, 100503, 101500, 109423, 109500, 109701, 110500}
)
_INVALID: Final = frozenset(
    {
        *(80014, 80016, 100204, 100400, 100404, 100437, 100450),
        *(101202, 101400, 101414, 101481, 101485),
        *(109201, 109400, 109414, 109421, 109425),
        *(110400, 110402, 110415, 110418, 110422, 110425, 110426, 110427, 110428),
    }
)


def _class_of(code: int, message: str) -> type[ApiError]:
    if code in _RATE:
        return RateLimited
    text = message.lower()
    # 100421, 109400 and 80014 stand for a clock that is off in one place and for a refusal in
    # another; 109500 and 100500 for a failure of theirs and for a symbol nobody knows.
    if code in _CLOCK and "timestamp" in text:
        return AuthError
    if code in {109500, 100500} and "not exist" in text:
        return InvalidRequest
    if code in _AUTH:
        return AuthError
    if code in _UNAVAILABLE:
        return Unavailable
    return InvalidRequest if code in _INVALID else Rejected


def api_error(
    code: int, message: str, *, status: int | None = None, endpoint: str | None = None
) -> ApiError:
    """
    Make the error that answers a refusal's ``code`` and ``message``.

    Args:
        code: The envelope's code, not 0.
        message: The envelope's message; it decides where one code has several meanings.
        status: The HTTP status of the answer.
        endpoint: The endpoint's dotted name.

    Returns:
        An error of the right class, not raised; an unknown code is :class:`Rejected`.

    Source: https://bingx-api.github.io/docs-v3/ (error codes, change log of October 2025)
    """
    error = _class_of(code, message)
    return error(message or "no message", code=code, status=status, endpoint=endpoint)


def http_error(status: int, *, endpoint: str | None = None) -> ApiError | TransportError:
    """
    Make the error for an HTTP status that came without a readable envelope.

    Args:
        status: An HTTP status from 400 to 599.
        endpoint: The endpoint's dotted name.

    Returns:
        ``RateLimited`` for 403, 418 and 429 (the exchange's firewall and its bans),
        ``AuthError`` for 401, ``OutcomeUnknown`` for 504, ``Unavailable`` for the other 5xx,
        ``InvalidRequest`` for the rest.

    Source: https://bingx-api.github.io/docs-v3/ (HTTP status codes)
    """
    gateway_timeout = 504
    server_error = 500
    if status == gateway_timeout:
        return OutcomeUnknown(
            "HTTP 504: the exchange's backend did not answer in time", endpoint=endpoint
        )
    if status in {403, 418, 429}:
        return RateLimited(
            "the exchange shuts this IP address out for now", status=status, endpoint=endpoint
        )
    if status == 401:  # noqa: PLR2004
        return AuthError("the API key was refused", status=status, endpoint=endpoint)
    if status >= server_error:
        return Unavailable("the exchange failed to answer", status=status, endpoint=endpoint)
    return InvalidRequest("the request was not understood", status=status, endpoint=endpoint)
