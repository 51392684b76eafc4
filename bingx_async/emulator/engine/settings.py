"""Modes, leverage and margins of the engine's accounts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

from bingx_async.emulator.engine.accounts import CROSSED, ISOLATED, Account
from bingx_async.emulator.engine.core import Core
from bingx_async.emulator.engine.margin import funds
from bingx_async.emulator.engine.positions import Position, money, position_key
from bingx_async.emulator.engine.settling import change_margin
from bingx_async.emulator.engine.state import refuse
from bingx_async.swap.models.common import PositionSide

__all__ = ["Settings"]

_ASSET_MODES: Final = ("singleAssetMode", "multiAssetsMode")


class Settings(Core):
    """Modes, leverage and margins."""

    def set_hedge(self, uid: str, hedge: bool, now: datetime) -> None:
        """
        Switch between hedge and one-way mode.

        Raises:
            Rejected: There are positions or open orders.
        """
        self.advance(now)
        account = self.account(uid)
        if account.hedge == hedge:
            return
        self._check_idle(account, 104103, "the account has positions or pending orders")
        account.hedge = hedge

    def set_asset_mode(self, uid: str, asset_mode: str, now: datetime) -> None:
        """
        Switch between ``singleAssetMode`` and ``multiAssetsMode``, which has no effect here.

        Raises:
            InvalidRequest: It is neither.
            Rejected: There are positions or open orders.
        """
        self.advance(now)
        account = self.account(uid)
        if asset_mode not in _ASSET_MODES:
            raise refuse(109400, f"assetMode must be one of {_ASSET_MODES}")
        if account.asset_mode != asset_mode:
            self._check_idle(account, 109401, "user has pending orders or position")
            account.asset_mode = str(asset_mode)

    def set_margin_type(self, uid: str, symbol: str, margin_type: str, now: datetime) -> None:
        """
        Switch a contract between cross and isolated margin.

        Raises:
            InvalidRequest: There is no such contract or type; separate isolated margin is not
                emulated.
            Rejected: There are positions or open orders of the contract.
        """
        self.advance(now)
        account = self.account(uid)
        self.state.book(symbol)
        if margin_type not in {CROSSED, ISOLATED}:
            raise refuse(109400, f"marginType {margin_type} is not emulated")
        if account.margin_type(symbol) != margin_type:
            self._check_idle(account, 109401, "user has pending orders or position", symbol)
            account.margin_types[symbol] = str(margin_type)

    def leverage(self, uid: str, symbol: str, side: PositionSide) -> int:
        """
        Tell the leverage of a position side.

        Raises:
            InvalidRequest: There is no such contract.
        """
        self.state.book(symbol)
        return self.account(uid).leverage(symbol, side)

    def set_leverage(
        self, uid: str, symbol: str, side: PositionSide, leverage: int, now: datetime
    ) -> None:
        """
        Set the leverage of a position side, and of the position that is open there.

        Raises:
            InvalidRequest: It is outside of the contract's range, or the side is not of this mode.
            Rejected: The margin is insufficient for the open position.
        """
        self.advance(now)
        account = self.account(uid)
        contract = self.state.book(symbol).contract
        if account.hedge != (side in {PositionSide.LONG, PositionSide.SHORT}):
            mode, sides = ("Hedge", "LONG or SHORT") if account.hedge else ("One-way", "BOTH")
            raise refuse(
                109400, f"In the {mode} mode, the 'Side' field can only be set to {sides}."
            )
        most = (
            contract.max_short_leverage
            if side == PositionSide.SHORT
            else contract.max_long_leverage
        )
        if leverage < 1:
            raise refuse(109400, f"leverage must be 1 or more, not {leverage}")
        if most is not None and leverage > most:
            raise refuse(
                101414, f"leverage {leverage} is above the maximum of {symbol}, which is {most}"
            )
        before = account.leverage(symbol, side)
        if (position := account.position(symbol, side)) is not None:
            self._relever(account, position, leverage)
        account.leverages[position_key(symbol, side)] = leverage
        if leverage < before and funds(self.state, account, contract.currency).available < 0:
            account.leverages[position_key(symbol, side)] = before
            if position is not None:
                self._relever(account, position, before)
            raise refuse(101204, "Insufficient margin")

    def adjust_margin(
        self,
        uid: str,
        symbol: str,
        change: Decimal,
        now: datetime,
        *,
        position_side: PositionSide | None = None,
        position_id: int | None = None,
    ) -> Position:
        """
        Add to the margin of an isolated position, or take away where ``change`` is negative.

        Raises:
            Rejected: There is no such position, it is not isolated, there is too little money, or
                too little margin would be left.
        """
        self.advance(now)
        account = self.account(uid)
        if position_id is not None:
            position = self._held(account, position_id)
        else:
            side = position_side if account.hedge else PositionSide.BOTH
            found = account.position(symbol, side or PositionSide.LONG)
            if found is None:
                raise refuse(109420, f"there is no position of {symbol}")
            position = found
        if not position.isolated:
            raise refuse(101479, "the position is not isolated")
        if change > funds(self.state, account, position.currency).available:
            raise refuse(101206, "Insufficient available balance")
        if position.margin + change < position.initial_margin:
            raise refuse(101253, "Insufficient margin, adjustable margin included")
        why = "ManualMarginAddition" if change > 0 else "ManualMarginReduction"
        change_margin(self.state, account, position, change, why)
        position.update_time = self.now
        return position

    def set_auto_add_margin(
        self, uid: str, position_id: int, enabled: bool, now: datetime
    ) -> Position:
        """
        Note that margin may be added by itself, which has no effect here.

        Raises:
            Rejected: There is no such position.
        """
        self.advance(now)
        position = self._held(self.account(uid), position_id)
        position.auto_add_margin = enabled
        return position

    def _relever(self, account: Account, position: Position, leverage: int) -> None:
        why = "IncreaseLeverage" if leverage > position.leverage else "ReduceLeverage"
        before = position.initial_margin
        position.leverage = leverage
        if position.isolated and (change := position.initial_margin - before):
            change_margin(self.state, account, position, money(change), why)

    def _check_idle(
        self, account: Account, code: int, message: str, symbol: str | None = None
    ) -> None:
        held = [it.symbol for it in account.positions.values()]
        held += [it.symbol for it in account.open_orders.values()]
        if held and symbol in {None, *held}:
            raise refuse(code, message)
        if any(symbol in {None, it.symbol} for it in account.open_twaps.values()):
            raise refuse(109430, "TWAP orders are running")
