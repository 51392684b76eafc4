"""Time-weighted orders of USDT-M perpetual futures."""

from bingx_async.endpoint import Section

__all__ = ["Twap"]


class Twap(Section):
    """Time-weighted orders; a key is needed."""
