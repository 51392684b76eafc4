"""Orders of USDT-M perpetual futures."""

from bingx_async.endpoint import Section

__all__ = ["Orders"]


class Orders(Section):
    """Orders; a key is needed."""
