"""The gate of the emulated exchange: what was asked, who asks, and is it really them."""

from __future__ import annotations

import hmac
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

import msgspec

from bingx_async.converter import converter
from bingx_async.emulator.accounts import ApiKey
from bingx_async.endpoint import Endpoint
from bingx_async.errors import AuthError, InvalidRequest
from bingx_async.signing import SigningKey, pairs, sign
from bingx_async.wire import WireError

__all__ = ["Asked", "admit", "arguments", "parse"]

_OF_THE_GATE: Final = frozenset({"timestamp", "recvWindow", "signature"})
_DEFAULT_WINDOW: Final = 5000

# Numbers stay the text that they were, since that is what was signed.
_json: Final = msgspec.json.Decoder(dict[str, Any], float_hook=str)


class Asked(NamedTuple):
    """
    A request's parameters.

    Attributes:
        values: By name, as text, but for what a JSON body nested.
        signed: The text whose signature must fit.
        signature: What came as such.
    """

    values: dict[str, str]
    signed: str
    signature: str | None


def parse(query: str, content_type: str, body: bytes) -> Asked:
    """
    Read the parameters from a query string, a form body or a JSON body.

    Raises:
        InvalidRequest: They cannot be read.
    """
    try:
        if content_type == "application/json" and body:
            return _parse_json(body)
        return _parse_query(query or body.decode())
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise InvalidRequest("the parameters cannot be read", code=109400) from None


def _parse_query(text: str) -> Asked:
    """A query may be in any order: it is verified in the order in which it was sent."""
    values: dict[str, str] = {}
    for part in text.split("&") if text else []:
        name, equals, value = part.partition("=")
        if not equals or name in values:
            raise ValueError(part)
        values[name] = unquote_plus(value, errors="strict")
    signature = values.get("signature")
    signed = "&".join(f"{name}={value}" for name, value in values.items() if name != "signature")
    return Asked(values, signed, signature)


def _parse_json(body: bytes) -> Asked:
    """A JSON body is verified in the order of its keys."""
    values = {name: _text(value) for name, value in _json.decode(body).items()}
    signature = values.get("signature")
    names = sorted(values.keys() - {"signature"})
    return Asked(values, "&".join(f"{name}={values[name]}" for name in names), signature)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise ValueError(value)


def admit(endpoint: Endpoint, key: ApiKey | None, asked: Asked, clocks: tuple[int, int]) -> None:
    """
    Check key, timestamp, signature and permission of a private request.

    Args:
        endpoint: What is asked for.
        key: The key named in the header, if it is known.
        asked: The parameters.
        clocks: The exchange's clock without and with the time that a test let pass, in
            milliseconds; a timestamp may fit either, or lie between them.

    Raises:
        AuthError: Something of it does not hold.
    """
    if key is None:
        raise AuthError("Incorrect apiKey", code=100413)
    if not asked.signature:
        raise AuthError("signature is missing", code=100412)
    window = asked.values.get("recvWindow", "") or str(_DEFAULT_WINDOW)
    stamp = asked.values.get("timestamp", "")
    if not (stamp.isdecimal() and window.isdecimal()) or not min(clocks) - int(window) <= int(
        stamp
    ) <= max(clocks) + int(window):
        raise AuthError("Null timestamp or timestamp mismatch", code=100421)
    if not hmac.compare_digest(
        sign(asked.signed, SigningKey(key.secret_key)).encode(), asked.signature.encode()
    ):
        raise AuthError("Signature verification failed due to signature mismatch", code=100001)
    if endpoint.needs not in key.permissions:
        raise AuthError(f"the key lacks the permission {endpoint.needs}", code=100004)


def arguments(endpoint: Endpoint, asked: Asked) -> dict[str, Any]:
    """
    Turn the parameters into the arguments of the declared method.

    Raises:
        InvalidRequest: One is missing, does not fit, or is not written as the exchange wants it.
    """
    given = {name: text for name, text in asked.values.items() if name not in _OF_THE_GATE}
    try:
        params = converter.structure(given, endpoint.params)
        if endpoint.check is not None:
            endpoint.check(params)
    except WireError as exc:
        raise InvalidRequest(f"Invalid parameters,err:{exc.field}: {exc}", code=109400) from None
    # "10X" and "True" are read in answers, but have no place in requests.
    for name, text, _ in pairs(endpoint.unstructure(params)):
        nested = given.get(name, "")[:1] in {"[", "{"}  # JSON may be written in many ways
        if name in given and not nested and f"{name}={given[name]}" != text:
            raise InvalidRequest(f"Invalid parameters,err:{name}: {given[name]}", code=109400)
    return {field: getattr(params, field) for field in endpoint.params.__slots__ if field[0] != "_"}
