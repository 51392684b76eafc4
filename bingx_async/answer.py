"""
An answer of the exchange becomes a model or the right error; no network, no clock.

Status and body go in, an instance of the endpoint's declared class comes out, or the error of
:mod:`bingx_async.errors` that says what the caller should do.
"""

from __future__ import annotations

from typing import Any, Final, cast

from bingx_async.converter import converter
from bingx_async.endpoint import Endpoint
from bingx_async.errors import DecodeError, api_error, http_error
from bingx_async.wire import WireError, decode

__all__ = ["read"]

_MISSING: Final = object()
_REDIRECT: Final = 300
_REFUSED: Final = 400
_NO_ENVELOPE: Final = frozenset({"bare", "file"})


def read(endpoint: Endpoint, status: int, body: bytes) -> Any:
    """
    Read one answer.

    Args:
        endpoint: What was called.
        status: The HTTP status.
        body: The whole body, decompressed.

    Returns:
        An instance of ``endpoint.returns``.

    Raises:
        ApiError: The exchange said no; the subclass tells the reaction.
        OutcomeUnknown: HTTP 504: the exchange's gateway gave up on its backend.
        DecodeError: The answer cannot be read, or lacks what makes it one.
    """
    if endpoint.answer in _NO_ENVELOPE and status < _REDIRECT and _is_all(endpoint, body):
        return body if endpoint.returns is bytes else None
    envelope = _accepted(endpoint, status, body)
    if endpoint.returns is type(None):
        return None
    value, path = _locate(endpoint.steps, envelope)
    try:
        if value is _MISSING:
            raise WireError("missing")
        return endpoint.structure(value, endpoint.returns)
    except WireError as exc:
        raise _unreadable(endpoint, status, body, exc.under(*path)) from None


def _accepted(endpoint: Endpoint, status: int, body: bytes) -> dict[str, object]:
    """Return the envelope of an answer that says yes."""
    try:
        envelope = decode(body)
        if envelope.__class__ is not dict:
            raise WireError("expected an envelope {code, msg, data}")
        code = envelope.get("code")
        if code.__class__ is not int:
            code = _code(envelope, bare=endpoint.answer == "bare")
    except WireError as exc:
        if status >= _REFUSED:
            raise http_error(status, endpoint=endpoint.name) from None
        raise _unreadable(endpoint, status, body, exc) from None
    if code:
        message = envelope.get("msg") or envelope.get("debugMsg") or ""
        raise api_error(code, str(message), status=status, endpoint=endpoint.name)
    if status >= _REFUSED:  # a status that says no under an envelope that says yes
        raise http_error(status, endpoint=endpoint.name)
    if status >= _REDIRECT:
        raise _unreadable(endpoint, status, body, WireError("a redirection is no answer"))
    return envelope


def _is_all(endpoint: Endpoint, body: bytes) -> bool:
    """Tell whether a body is a file, or the emptiness of an answer that says nothing."""
    if endpoint.answer == "file":
        return not body.lstrip().startswith(b"{")
    return not body.strip() and endpoint.returns is type(None)


def _locate(steps: tuple[str, ...], envelope: dict[str, object]) -> tuple[object, tuple[str, ...]]:
    """Find where the answer sits, and the path that led there."""
    if not steps:
        return envelope, steps
    value, path = envelope.get(steps[0], _MISSING), steps[:1]
    for step in steps[1:]:
        # Newer answers leave wrappers out, so one that is not there was not needed.
        if step in (wrapper := _object(value)):
            value = wrapper[step]
            path = (*path, step)
    return value, path


def _object(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _code(envelope: dict[str, object], *, bare: bool) -> int:
    if "code" not in envelope:
        if bare:
            return 0
        raise WireError("missing", ("code",))
    try:
        return converter.structure(envelope["code"], int)
    except WireError as exc:
        raise exc.under("code") from None


def _unreadable(endpoint: Endpoint, status: int, body: bytes, exc: WireError) -> DecodeError:
    return DecodeError(
        f"{exc.reason} (HTTP {status}, {len(body)} bytes, kept in .body)",
        endpoint=endpoint.name,
        body=body,
        field=exc.field,
    )
