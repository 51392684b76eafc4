"""The account behind an API key, whatever the product."""

from attrs import define

from bingx_async.endpoint import Section, get

__all__ = ["Account", "Uid"]


@define
class Uid:
    """
    Whose key it is.

    Attributes:
        uid: The number of the account.
    """

    uid: int


class Account(Section):
    """The account of the API key."""

    @get("/openApi/account/v1/uid", uid=10, group=2, needs="read")
    async def uid(self) -> Uid:
        """
        Read the number of the account that the API key belongs to.

        Returns:
            The UID, which all keys of an account share, and with it the quotas.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Account and Wallet, Sub-account)
        """
        ...
