"""The contracts of the emulated exchange."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from attrs import frozen

from bingx_async.errors import InvalidRequest
from bingx_async.swap.models.market import Contract, ContractStatus

__all__ = ["LAUNCH", "LISTED", "Listing", "listing"]

LAUNCH: Final = datetime(2020, 1, 1, tzinfo=UTC)
"""When the contracts were listed; there are no trades and no klines before."""


@frozen
class Listing:
    """A contract and the price around which it moves."""

    contract: Contract
    price: Decimal


def _list(number: int, asset: str, price: str, *, precision: int, steps: int, most: int) -> Listing:
    contract = Contract(
        symbol=f"{asset}-USDT",
        asset=asset,
        currency="USDT",
        status=ContractStatus.ONLINE,
        quantity_precision=steps,
        price_precision=precision,
        trade_min_quantity=Decimal(1).scaleb(-steps),
        trade_min_usdt=Decimal(2),
        contract_id=str(700 + number),
        maker_fee_rate=Decimal("0.0002"),
        taker_fee_rate=Decimal("0.0005"),
        max_long_leverage=most,
        max_short_leverage=most,
        api_state_open=True,
        api_state_close=True,
        broker_state=False,
        launch_time=LAUNCH,
        display_name=f"{asset}-USDT",
    )
    return Listing(contract, Decimal(price))


LISTED: Final[Mapping[str, Listing]] = MappingProxyType(
    {
        found.contract.symbol: found
        for found in (
            _list(1, "BTC", "97250.4", precision=1, steps=4, most=150),
            _list(2, "ETH", "3412.57", precision=2, steps=2, most=125),
            _list(3, "SOL", "188.325", precision=3, steps=2, most=100),
            _list(4, "XRP", "2.2174", precision=4, steps=1, most=100),
            _list(5, "BNB", "655.81", precision=2, steps=2, most=75),
            _list(6, "DOGE", "0.31852", precision=5, steps=0, most=75),
            _list(7, "ADA", "0.8741", precision=4, steps=0, most=75),
            _list(8, "AVAX", "37.912", precision=3, steps=2, most=50),
            _list(9, "LINK", "22.468", precision=3, steps=2, most=75),
            _list(10, "DOT", "6.9213", precision=4, steps=1, most=50),
            _list(11, "LTC", "102.74", precision=2, steps=2, most=75),
            _list(12, "BCH", "441.65", precision=2, steps=3, most=75),
            _list(13, "TRX", "0.24913", precision=5, steps=0, most=50),
            _list(14, "ATOM", "6.1482", precision=4, steps=1, most=50),
            _list(15, "NEAR", "4.9837", precision=4, steps=1, most=50),
        )
    }
)
"""The contracts by symbol; steps and limits as such contracts have, prices made up."""


def listing(symbol: str) -> Listing:
    """
    Find a contract.

    Raises:
        InvalidRequest: There is none of this symbol.
    """
    if (found := LISTED.get(symbol)) is None:
        raise InvalidRequest(
            f"{symbol},symbol not exist, please verify it in api: /openApi/swap/v2/quote/contracts",
            code=109400,
        )
    return found
