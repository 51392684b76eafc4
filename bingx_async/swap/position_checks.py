"""What the exchange is documented to refuse about positions and time-weighted orders."""

from typing import Any, Final

from bingx_async.errors import InvalidRequest
from bingx_async.swap.models.positions import ReverseType

__all__ = ["check_auto_add_margin", "check_reversal", "check_twap_interval"]

_SHORTEST: Final = 5
_LONGEST: Final = 120


def check_auto_add_margin(params: Any) -> None:
    """Refuse to switch the automatic addition of margin on without an ``amount``."""
    if params.function_switch and params.amount is None:
        raise InvalidRequest("function_switch=True needs an amount")


def check_reversal(params: Any) -> None:
    """Refuse a reversal by trigger without ``trigger_price`` and ``working_type``."""
    if params.type != ReverseType.TRIGGER:
        return
    if params.trigger_price is None or params.working_type is None:
        raise InvalidRequest(f"type={ReverseType.TRIGGER} needs trigger_price and working_type")


def check_twap_interval(params: Any) -> None:
    """Refuse an ``interval`` that is not from 5 to 120 seconds."""
    if not _SHORTEST <= params.interval <= _LONGEST:
        raise InvalidRequest(
            f"interval={params.interval} is not from {_SHORTEST} to {_LONGEST} seconds"
        )
