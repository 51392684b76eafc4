"""
The engine of the emulated exchange: perpetual futures without clock, network or chance.

Every method is told what time it is. Time passes first, tick by tick of the market's price path:
what happens in between (funding, kill switches, fills, triggers, TWAP slices) happens at its own
moment and in its order, so that the outcome does not depend on how often anybody looks.

What an honest exchange decides, and this one decides so:

- The market's liquidity can be had once a tick, level by level; a large order walks the levels, and
  what then remains of a market order is cancelled.
- Resting orders of other accounts trade at their own price and go before the market within a
  price. An account never trades with itself: its own resting orders are passed over and stay.
- An order that rests is a maker. When the market reaches it, it is filled at its own limit.
- A stop, a take profit and a trailing stop to sell wait below, above and behind the price; to buy,
  the other way round. At a tick resting orders are filled before triggers are looked at, and an
  order that is placed within a tick is looked at from the next tick on.
- An order that can only make a position smaller takes what is there, and is cancelled when the
  position has ended. In hedge mode that is every order against its position side.
- Attached take profits and stop losses live from the first fill of their order on, and cover what
  is filled of it; when one triggers, the other is cancelled.
- Resting orders set their margin aside, waiting ones do not; they fail if there is too little when
  they trigger.
- Funding is charged on the value at the mark price.

Nothing is liquidated: an account that has lost more than it owns cannot open anything, and may go
on losing. Separate isolated margin, guaranteed stops and planned reversals are not emulated, and
multi-assets mode is only kept.
"""

from __future__ import annotations

from bingx_async.emulator.engine.accounts import Account, Income, IncomeType
from bingx_async.emulator.engine.events import (
    BalanceChanged,
    Event,
    Filled,
    Listener,
    OrderChanged,
    PositionChanged,
)
from bingx_async.emulator.engine.exchange import Engine
from bingx_async.emulator.engine.feed import Market
from bingx_async.emulator.engine.margin import Funds
from bingx_async.emulator.engine.orders import Fill, OrderRecord, Role
from bingx_async.emulator.engine.positions import ClosedPosition, MarginChange, Position
from bingx_async.emulator.engine.trading import Replaced, Reversed
from bingx_async.emulator.engine.twaps import TwapRecord, TwapStatus

__all__ = [
    "Account",
    "BalanceChanged",
    "ClosedPosition",
    "Engine",
    "Event",
    "Fill",
    "Filled",
    "Funds",
    "Income",
    "IncomeType",
    "Listener",
    "MarginChange",
    "Market",
    "OrderChanged",
    "OrderRecord",
    "Position",
    "PositionChanged",
    "Replaced",
    "Reversed",
    "Role",
    "TwapRecord",
    "TwapStatus",
]
