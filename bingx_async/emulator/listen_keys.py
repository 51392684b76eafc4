"""Listen keys of the emulated exchange, which open the streams of an account's events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Self

from attrs import define, field

__all__ = ["LIFE", "ListenKeys"]

LIFE: Final = timedelta(minutes=60)
"""How long a key lives after it was made or extended."""


@define
class ListenKeys:
    """
    The listen keys of all accounts; one account has at most one that lives.

    Attributes:
        made: How many were made.
        keys: The uid and the end of each key.
    """

    made: int = 0
    keys: dict[str, tuple[str, datetime]] = field(factory=dict[str, tuple[str, datetime]])

    def create(self, uid: str, now: datetime) -> str:
        """Return the key of an account that lives, or else a new one."""
        for key, (owner, end) in self.keys.items():
            if owner == uid and end > now:
                return key
        self.made += 1
        key = sha256(f"listen key {self.made} of {uid}".encode()).hexdigest()
        self.keys[key] = (uid, now + LIFE)
        return key

    def extend(self, uid: str, key: str, now: datetime) -> bool:
        """Let a key live on; tell whether the account has such a key."""
        if self.uid_of(key, now) != uid:
            return False
        self.keys[key] = (uid, now + LIFE)
        return True

    def delete(self, uid: str, key: str, now: datetime) -> bool:
        """End a key; tell whether the account had such a key."""
        if self.uid_of(key, now) != uid:
            return False
        del self.keys[key]
        return True

    def uid_of(self, key: str, now: datetime) -> str | None:
        """Tell whose key it is; ``None`` if there is none such, or none any more."""
        uid, end = self.keys.get(key, (None, now))
        return uid if end > now else None

    def save(self) -> dict[str, object]:
        """Write all down in types of JSON."""
        keys = {key: [uid, end.isoformat()] for key, (uid, end) in self.keys.items()}
        return {"made": self.made, "keys": keys}

    @classmethod
    def load(cls, saved: Mapping[str, object]) -> Self:
        """Read what :meth:`save` wrote down."""
        keys: dict[str, list[str]] = saved["keys"]  # type: ignore[assignment]
        return cls(
            int(str(saved["made"])),
            {key: (uid, datetime.fromisoformat(end)) for key, (uid, end) in keys.items()},
        )
