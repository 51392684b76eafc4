"""The account behind an API key, as the emulator plays it."""

from __future__ import annotations

from bingx_async import account as declared
from bingx_async.emulator.call import Bodies

__all__ = ["Account"]


class Account(Bodies, declared.Account):
    """The account of the API key."""

    async def uid(self) -> declared.Uid:
        return declared.Uid(int(self._uid))
