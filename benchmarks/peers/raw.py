"""The same calls by hand: aiohttp, hmac and msgspec, and nothing that watches over quotas."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Final

import aiohttp
import msgspec

from benchmarks.peers.structs import Envelope, PlainLeverage

__all__ = ["session", "set_leverage", "unsigned"]


_decoder: Final = msgspec.json.Decoder(Envelope[PlainLeverage])


def session() -> aiohttp.ClientSession:
    """Make a session like the package's own, so that the code around it is what differs."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=10),
    )


async def set_leverage(
    http: aiohttp.ClientSession, url: str, api_key: str, secret_key: bytes, leverage: int
) -> PlainLeverage:
    """Sign, send and read one call."""
    parameters: dict[str, str | int] = {
        "leverage": leverage,
        "recvWindow": 5000,
        "side": "LONG",
        "symbol": "BTC-USDT",
        "timestamp": int(time.time() * 1000),
    }
    text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    parameters["signature"] = hmac.new(secret_key, text.encode(), hashlib.sha256).hexdigest()
    async with http.post(
        url,
        data=msgspec.json.encode(parameters),
        headers={"X-BX-APIKEY": api_key, "Content-Type": "application/json"},
        allow_redirects=False,
    ) as response:
        answer = _decoder.decode(await response.read())
    if response.status != 200 or answer.code:
        raise RuntimeError(f"{response.status}: [{answer.code}] {answer.msg}")
    return answer.data


async def unsigned(http: aiohttp.ClientSession, url: str) -> bytes:
    """Send a body as long, and read the answer without looking at it."""
    async with http.post(url, data=_BODY, headers=_HEADERS, allow_redirects=False) as response:
        return await response.read()


_BODY: Final = b'{"leverage":10,"side":"LONG","symbol":"BTC-USDT"}'
_HEADERS: Final = {"Content-Type": "application/json"}
