"""Answers with as many rows as the exchange sends at most, in the types and texts that it sends."""

from __future__ import annotations

from typing import Any, Final

import msgspec

__all__ = ["CONTRACTS", "KLINES", "ORDERS", "contract", "kline", "order"]


def contract(number: int) -> dict[str, Any]:
    """Make one contract in the types that the exchange documents."""
    return {
        "contractId": str(number),
        "symbol": f"COIN{number}-USDT",
        "size": "0.0001",
        "quantityPrecision": 4,
        "pricePrecision": 1,
        "feeRate": 0.0005,
        "makerFeeRate": 0.0002,
        "takerFeeRate": 0.0005,
        "tradeMinLimit": 0,
        "tradeMinQuantity": 0.0001,
        "tradeMinUSDT": 2,
        "maxLongLeverage": 150,
        "maxShortLeverage": 150,
        "currency": "USDT",
        "asset": f"COIN{number}",
        "status": 1,
        "apiStateOpen": "true",
        "apiStateClose": "true",
        "ensureTrigger": True,
        "triggerFeeRate": "0.00050000",
        "brokerState": False,
        "launchTime": 1586275200000 + number * 1000,
        "maintainTime": 0,
        "offTime": 0,
        "displayName": f"COIN{number}-USDT",
    }


def _price(number: int, *, less: int = 0) -> str:
    return f"{61000 + number - less}.{number % 10}"


def kline(number: int) -> dict[str, Any]:
    """Make one kline, the prices as text."""
    return {
        "open": _price(number),
        "close": _price(number, less=7),
        "high": _price(number, less=-21),
        "low": _price(number, less=35),
        "volume": f"{100 + number % 900}.{number % 10000:04}",
        "time": 1763784000000 + number * 60000,
    }


def _attached(type_: str, price: float = 0) -> dict[str, Any]:
    """Make a take profit or a stop loss, which says nothing without a price."""
    return {
        "type": type_,
        "quantity": 0.25 if price else 0,
        "stopPrice": price,
        "price": price,
        "workingType": "MARK_PRICE" if price else "",
    }


def order(number: int) -> dict[str, Any]:
    """Make one order as the history has it: every fourth is a stop, every tenth takes profit."""
    stop = number % 4 == 0
    filled = number % 3 != 0
    return {
        "symbol": "BTC-USDT",
        "orderId": 1991837465012345000 + number,
        "side": "BUY" if number % 2 else "SELL",
        "positionSide": "LONG",
        "type": "STOP_MARKET" if stop else "LIMIT",
        "origQty": "0.2500",
        "price": _price(number),
        "executedQty": "0.2500" if filled else "0.0000",
        "avgPrice": _price(number, less=1) if filled else "0.0",
        "cumQuote": str(15250 + number) if filled else "0",
        "stopPrice": _price(number, less=12) if stop else "",
        "profit": f"{number % 50}.1250" if filled else "0.0000",
        "commission": "-7.625000" if filled else "0.000000",
        "status": "FILLED" if filled else "CANCELLED",
        "time": 1763784000000 + number * 60000,
        "updateTime": 1763784000420 + number * 61000,
        "clientOrderId": f"grid-{number}" if number % 2 else "",
        "leverage": "15X",
        "takeProfit": _attached("TAKE_PROFIT", 0 if number % 10 else 64000.5),
        "stopLoss": _attached("STOP"),
        "advanceAttr": 0,
        "positionID": 0,
        "takeProfitEntrustPrice": 0,
        "stopLossEntrustPrice": 0,
        "orderType": "",
        "workingType": "MARK_PRICE",
        "stopGuaranteed": False,
        "triggerOrderId": 1991837465012345999,
    }


def _answer(data: object) -> bytes:
    return msgspec.json.encode({"code": 0, "msg": "", "data": data})


CONTRACTS: Final = _answer([contract(number) for number in range(1000)])
KLINES: Final = _answer([kline(number) for number in range(1000)])
ORDERS: Final = _answer({"orders": [order(number) for number in range(1000)]})
