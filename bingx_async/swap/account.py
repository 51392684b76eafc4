"""The account of USDT-M perpetual futures: balances, income, fees."""

from bingx_async.endpoint import Section, get, post
from bingx_async.swap.models.account import (
    Balance,
    CommissionRate,
    Income,
    IncomeType,
    MarginAsset,
    VstBalance,
    VstDirection,
    VstGrant,
)
from bingx_async.wire import Moment

__all__ = ["Account"]


class Account(Section):
    """The account; a key is needed."""

    @get("/openApi/swap/v3/user/balance", uid=5, group=3, needs="read")
    async def balances(self) -> list[Balance]:
        """
        Read what the account holds of each margin currency.

        Returns:
            One entry a currency.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Account)
        """
        ...

    @get(
        "/openApi/swap/v2/user/commissionRate",
        uid=5,
        group=2,
        needs="trade",
        answer="data.commission",
    )
    async def commission_rate(self) -> CommissionRate:
        """
        Read the fees of the account.

        Returns:
            The maker's and the taker's rate.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Account)
        """
        ...

    @get("/openApi/swap/v2/user/income", uid=5, group=2, needs="trade")
    async def income(
        self,
        *,
        symbol: str | None = None,
        income_type: IncomeType | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 100,
    ) -> list[Income]:
        """
        Read what moved the funds of the account: profits, fees, funding.

        The exchange keeps three months of it.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.
            income_type: One kind of movement; all kinds without it.
            start_time: The first moment; without both moments the last seven days are read.
            end_time: The last moment.
            limit: Entries at most, up to 1000.

        Returns:
            One entry a movement.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Account); what it keeps:
        https://github.com/BingX-API/api-ai-skills
        """
        ...

    @get("/openApi/swap/v2/user/income/export", uid=5, group=2, needs="trade", answer="file")
    async def income_export(
        self,
        *,
        symbol: str | None = None,
        income_type: IncomeType | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 100,
    ) -> bytes:
        """
        Read what :meth:`income` reads as a workbook of Excel.

        Args:
            symbol: Trading pair with a hyphen, such as ``BTC-USDT``; all pairs without it.
            income_type: One kind of movement; all kinds without it.
            start_time: The first moment.
            end_time: The last moment.
            limit: Entries at most, up to 1000.

        Returns:
            The bytes of an ``.xlsx`` file.

        Raises:
            InvalidRequest: There is no such pair, or a parameter is out of range.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Account)
        """
        ...

    @get("/openApi/swap/v1/user/marginAssets", uid=2, group=2, needs="trade")
    async def margin_assets(self) -> list[MarginAsset]:
        """
        Read what the account holds as margin in the mode of several assets.

        Returns:
            One entry an asset.

        Raises:
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v1/trade/getVst", uid=1, group=2, needs="trade")
    async def apply_vst(self) -> VstGrant:
        """
        Ask for play money; demo trading only (``environment="vst"``).

        Returns:
            How much was granted.

        Raises:
            Rejected: None is granted now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://bingx-api.github.io/docs-v3/ (Perpetual Futures, Trade)
        """
        ...

    @post("/openApi/swap/v2/trade/getVst", uid=5, group=2, needs="trade")
    async def adjust_vst(
        self, adjust_type: VstDirection | None = None, amount: int | None = None
    ) -> VstBalance:
        """
        Raise or lower the balance of play money; demo trading only (``environment="vst"``).

        One source alone names this endpoint, and it may be a misprint: :meth:`apply_vst` is the
        one that all others name.

        Args:
            adjust_type: Up (increase) or down (decrease).
            amount: By how much, in VST.

        Returns:
            The balance as it is now.

        Raises:
            Rejected: The account does not allow it now.
            BingXError: See :mod:`bingx_async.errors`.

        Source: https://github.com/BingX-API/api-ai-skills (swap-trade)
        """
        ...
