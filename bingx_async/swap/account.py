"""The account of USDT-M perpetual futures: balances, income, fees."""

from bingx_async.endpoint import Section

__all__ = ["Account"]


class Account(Section):
    """The account; a key is needed."""
