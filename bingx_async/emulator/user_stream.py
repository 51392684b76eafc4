"""Listen keys, as the emulator plays them."""

from __future__ import annotations

from bingx_async import user_stream as declared
from bingx_async.emulator.call import Bodies
from bingx_async.errors import InvalidRequest

__all__ = ["UserStream"]


class UserStream(Bodies, declared.UserStream):
    """Listen keys; they live for an hour unless they are extended."""

    async def create_listen_key(self) -> declared.ListenKey:
        return declared.ListenKey(self._listen_keys.create(self._uid, self._now))

    async def extend_listen_key(self, listen_key: str) -> None:
        _check(found=self._listen_keys.extend(self._uid, listen_key, self._now))

    async def delete_listen_key(self, listen_key: str) -> None:
        _check(found=self._listen_keys.delete(self._uid, listen_key, self._now))


def _check(*, found: bool) -> None:
    """The exchange says by the HTTP status that there is no such key."""
    if not found:
        raise InvalidRequest("there is no such listen key", status=404)
