"""The account, as the emulator plays it."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal
from typing import Final

from bingx_async.emulator import engine, shown
from bingx_async.emulator.call import Bodies, invalid
from bingx_async.emulator.paging import choose, sized, window
from bingx_async.emulator.workbook import workbook
from bingx_async.swap import account as declared
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

_ZERO: Final = Decimal(0)
_WEEK: Final = timedelta(days=7)
_QUARTER: Final = timedelta(days=90)
_GRANT: Final = Decimal(50_000)
_HEADINGS: Final = ("Time (UTC)", "Symbol", "Type", "Amount", "Asset", "Remark", "Transaction")


class Account(Bodies, declared.Account):
    """Balances, income, fees."""

    async def balances(self) -> list[Balance]:
        return [self._balance(currency) for currency in self._currencies()]

    async def commission_rate(self) -> CommissionRate:
        (contract, *_) = self._market.contracts()
        return CommissionRate(contract.taker_fee_rate or _ZERO, contract.maker_fee_rate or _ZERO)

    async def income(
        self,
        *,
        symbol: str | None = None,
        income_type: IncomeType | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 100,
    ) -> list[Income]:
        if symbol is not None:
            self._market.contract(symbol)
        if income_type is not None and not income_type.is_known:
            raise invalid(f"incomeType {income_type} is not one of {[*IncomeType.__members__]}")
        count = sized("limit", limit, usual=100, most=1000)
        start, end = window(start_time, end_time, self._now, usual=_WEEK, kept=_QUARTER)
        found = [
            each
            for each in self._account.income
            if symbol in {None, each.symbol}
            and (income_type is None or income_type == each.type.value)
            and start <= each.time <= end
        ]
        chosen = choose(found, count, from_start=start_time is not None)
        return [shown.income(each) for each in chosen]

    async def income_export(
        self,
        *,
        symbol: str | None = None,
        income_type: IncomeType | None = None,
        start_time: Moment | None = None,
        end_time: Moment | None = None,
        limit: int = 100,
    ) -> bytes:
        found = await self.income(
            symbol=symbol,
            income_type=income_type,
            start_time=start_time,
            end_time=end_time,
            limit=limit,
        )
        rows = [
            (
                f"{each.time.astimezone(UTC):%F %T}",
                each.symbol or "",
                each.income_type,
                each.income,
                each.asset,
                each.info or "",
                each.tran_id or "",
            )
            for each in found
        ]
        return workbook([_HEADINGS, *rows])

    async def margin_assets(self) -> list[MarginAsset]:
        found: list[MarginAsset] = []
        for currency in self._currencies():
            funds = self._engine.funds(self._uid, self._now, currency=currency)
            free = max(_ZERO, funds.available)
            found.append(MarginAsset(currency, funds.balance, free, funds.balance))
        return found

    async def apply_vst(self) -> VstGrant:
        self._engine.transfer(self._uid, _GRANT, self._now)
        return VstGrant(_GRANT)

    async def adjust_vst(
        self, adjust_type: VstDirection | None = None, amount: int | None = None
    ) -> VstBalance:
        if amount is None or amount <= 0:
            raise invalid(f"amount must be above 0, not {amount}")
        change = -amount if adjust_type == VstDirection.DECREASE else amount
        return VstBalance(self._engine.transfer(self._uid, Decimal(change), self._now))

    # --- what several of them need ----------------------------------------------------------

    def _currencies(self) -> list[str]:
        return list(dict.fromkeys(("USDT", *self._account.balances)))

    def _balance(self, currency: str) -> Balance:
        funds = self._engine.funds(self._uid, self._now, currency=currency)
        realised = sum(
            (
                each.amount
                for each in self._account.income
                if each.currency == currency and each.type is not engine.IncomeType.TRANSFER
            ),
            _ZERO,
        )
        return Balance(
            asset=currency,
            balance=funds.balance,
            equity=funds.equity,
            unrealized_profit=funds.unrealised,
            realised_profit=realised,
            available_margin=funds.available,
            used_margin=funds.used,
            freezed_margin=funds.frozen,
            user_id=self._uid,
            short_uid=self._uid[-8:],
        )
