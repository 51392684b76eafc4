"""
Every row of a long span of time, though each answer holds only so many and covers only so much.

An exchange does not say everything that a walk through its history needs to know: whether the ends
of what is asked for are included, whether an answer that is full holds the oldest rows or the
newest, in which order it lists them. A walk that guesses wrong loses rows, or yields some twice,
and nobody notices. This one does not need to know:

- It goes through the span in pieces, the oldest first. For the piece from ``a`` up to ``b`` it asks
  from the millisecond before ``a`` to ``b``. Whichever of the two ends is left out, all rows of the
  piece are in the answer.
- An answer with fewer rows than it could hold is complete. A full one is thrown away and asked for
  again in a smaller piece, so it does not matter which rows were missing. Pieces become larger
  again where there is little. Pages are never counted, so rows that arrive meanwhile shift nothing.
- Two pieces that meet have the millisecond before ``b`` and ``b`` in common. What was in the last
  answer is therefore passed over in the next one.

It keeps one answer at a time, and sends nothing before the caller wants the next row.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

from attrs import frozen

from bingx_async.errors import BingXError, InvalidRequest
from bingx_async.signing import milliseconds
from bingx_async.wire import Moment

__all__ = ["History"]

Row = TypeVar("Row")

_MILLISECOND: Final = timedelta(milliseconds=1)
# By how much a piece becomes smaller where an answer is full, and larger at the most where there is
# little. It may be of any size; this one takes few requests.
_STEP: Final = 4


@frozen(kw_only=True)
class History(Generic[Row]):
    """
    What an exchange tells by first and last moment.

    Attributes:
        ask: Asks for rows by first and last millisecond. Whether the rows of these two are in the
            answer does not matter, nor does the order.
        longest: What one answer can cover, two milliseconds or more.
        most: What one answer can hold; one with fewer rows is complete.
        moment: Tells which moment a row belongs to. A row without one is taken where it comes.
        key: Tells a row from all others.
        now: Asks for the time by the exchange's clock. This computer's may be behind, and then the
            latest rows would not be found.
    """

    ask: Callable[[int, int], Awaitable[Sequence[Row]]]
    longest: timedelta
    most: int
    moment: Callable[[Row], datetime | None]
    key: Callable[[Row], Hashable]
    now: Callable[[], Awaitable[datetime]]

    def between(self, start: Moment, end: Moment | None) -> AsyncGenerator[Row, None]:
        """
        Yield the rows of ``[start, end)``, each once.

        Args:
            start: The first moment; its own rows are yielded.
            end: The moment after the last; its own rows are not. ``None`` is the moment after the
                one at which the first row is wanted.

        Returns:
            The rows, ascending by moment: all of them if the exchange goes by the same moments,
            those of each piece if it goes by other ones.

        Raises:
            InvalidRequest: At the call: ``start`` is later than ``end``, or has no timezone.
            BingXError: On the way: a millisecond and its neighbours have ``most`` rows or more
                and cannot be divided. What was yielded before is complete.
        """
        first = _milliseconds(start)
        last = None if end is None else _milliseconds(end)
        if last is not None and first > last:
            raise InvalidRequest(f"start={start} is later than end={end}")
        return self._walk(first, last)

    async def _walk(self, start: int, end: int | None) -> AsyncGenerator[Row, None]:
        if end is None:  # fixed here, so that the walk comes to an end
            end = milliseconds(await self.now()) + 1
        longest = self.longest // _MILLISECOND - 1
        at, width, seen = start, longest, set[Hashable]()
        while at < end:
            until = min(at + width, end)
            answer = await self.ask(at - 1, until)
            if len(answer) >= self.most:
                if until - at == 1:
                    raise self._undivided(at)
                width = (until - at) // _STEP or 1
                continue
            for moment, row in self._sorted(answer, at):
                if start <= moment < end and self.key(row) not in seen:
                    yield row
            seen = {self.key(row) for row in answer}
            at = until
            expected = max(2 * len(answer), self.most // _STEP, 1)
            if expected < self.most:  # the next answer is to be about half full
                width = min(width * self.most // expected, longest)

    def _sorted(self, answer: Sequence[Row], otherwise: int) -> list[tuple[int, Row]]:
        """Pair each row with its millisecond, or another one if it has none, in their order."""
        rows: list[tuple[int, Row]] = []
        for row in answer:
            moment = self.moment(row)
            rows.append((otherwise if moment is None else milliseconds(moment), row))
        if rows and rows[0][0] > rows[-1][0]:
            rows.reverse()  # newest first, so probably within a millisecond as well
        return sorted(rows, key=lambda pair: pair[0])

    def _undivided(self, at: int) -> BingXError:
        shown = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
        return BingXError(
            f"{self.most} rows or more around {shown}: no answer holds them all, and nothing"
            " shorter than a millisecond can be asked for"
        )


def _milliseconds(moment: Moment) -> int:
    return milliseconds(moment) if isinstance(moment, datetime) else moment
