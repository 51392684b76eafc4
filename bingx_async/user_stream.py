"""Listen keys, which open the stream of an account's events."""

from attrs import define

from bingx_async.endpoint import Section, delete, post, put

__all__ = ["ListenKey", "UserStream"]


@define
class ListenKey:
    """
    A key that opens the stream of an account's events.

    Attributes:
        listen_key: Goes into the address of the stream; valid for an hour.
    """

    listen_key: str


class UserStream(Section):
    """Listen keys; they live for an hour unless they are extended."""

    @post("/openApi/user/auth/userDataStream", uid=2, group=2, needs="read", answer="bare")
    async def create_listen_key(self) -> ListenKey:
        """
        Make a listen key, or get the one that is still valid.

        Returns:
            A key that is valid for 60 minutes.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Listen Key)
        """
        ...

    @put("/openApi/user/auth/userDataStream", uid=2, group=2, needs="read", answer="bare")
    async def extend_listen_key(self, listen_key: str) -> None:
        """
        Let a listen key live for another 60 minutes.

        Args:
            listen_key: What :meth:`create_listen_key` answered.

        Raises:
            BingXError: See :mod:`bingx_async.errors`; an unknown key is refused.

        Source: https://bingx-api.github.io/docs-v3/ (Listen Key)
        """
        ...

    @delete("/openApi/user/auth/userDataStream", uid=2, group=2, needs="read", answer="bare")
    async def delete_listen_key(self, listen_key: str) -> None:
        """
        End a listen key, and the stream with it.

        Args:
            listen_key: What :meth:`create_listen_key` answered.

        Raises:
            BingXError: See :mod:`bingx_async.errors`; an unknown key is refused.

        Source: https://bingx-api.github.io/docs-v3/ (Listen Key)
        """
        ...
