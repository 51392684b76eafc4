"""A picture of arrivals over time, written by hand as SVG: no library, and readable anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from attrs import define, frozen

from bingx_async import Quota

__all__ = ["Strip", "draw"]

_WIDTH: Final = 860
_LEFT: Final = 12
_RIGHT: Final = _WIDTH - _LEFT
_TOP: Final = 28
_STRIP: Final = 92
_UNIT: Final = 5.6  # pixels an arrival

# Middle tones on no background: they stand out from a light page and from a dark one.
_INK: Final = "#7d8590"
_WITHIN: Final = "#3a8fd9"
_BEYOND: Final = "#e5484d"


@frozen
class Strip:
    """One limiter: its name, and the times of its arrivals, ascending."""

    name: str
    arrivals: Sequence[float]


def draw(strips: Sequence[Strip], quota: Quota, *, seconds: float, caption: str) -> str:
    """
    Draw how many arrivals the last period held, over time, a strip for each limiter.

    Args:
        strips: From top to bottom.
        quota: Drawn as a line; what is above it is red.
        seconds: Length of the time axis, from the first arrival of all.
        caption: What else should be known; it is the title that a pointer brings up.
    """
    start = min(strip.arrivals[0] for strip in strips)
    scale = (_RIGHT - _LEFT) / seconds
    bottom = _TOP + _STRIP * len(strips)
    body: list[str] = []
    for row, strip in enumerate(strips, start=1):
        times = [time - start for time in strip.arrivals if time - start < seconds]
        panel = _Panel(_steps(times, quota.period), _TOP + _STRIP * row - 16, scale)
        body += panel.draw(strip.name, times, quota)
    for second in range(int(seconds) + 1):
        place = "start" if not second else "end" if second == int(seconds) else "middle"
        x = _LEFT + second * scale
        body.append(f'<text x="{x:.1f}" y="{bottom + 12}" text-anchor="{place}">{second} s</text>')
    newline = "\n"
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 22}"
 font-family="system-ui, sans-serif" font-size="13" fill="{_INK}">
<title>Arrivals over time, by limiter: {escape(caption)}</title>
<text x="{_LEFT}" y="16">Arrivals within the last {quota.period:g} s, over time.
 Dashed: the quota of {quota}. Red: above it.</text>
{newline.join(body)}
</svg>
"""


def _steps(times: list[float], period: float) -> list[tuple[float, int]]:
    """Tell from when on how many arrivals lie within the last period."""
    changes = sorted([(time, 1) for time in times] + [(time + period, -1) for time in times])
    steps, count = [(0.0, 0)], 0
    for time, change in changes:
        count += change
        steps.append((time, count))
    return steps


@define
class _Panel:
    """The strip of one limiter, on a base line."""

    steps: list[tuple[float, int]]
    base: float
    scale: float

    def draw(self, name: str, times: list[float], quota: Quota) -> list[str]:
        worst = max(count for _, count in self.steps)
        line = self._height(quota.tokens)
        within, beyond = self._area(0, quota.tokens), self._area(quota.tokens, worst)
        ticks = "".join(f"M{_LEFT + time * self.scale:.1f} {self.base + 2}v6" for time in times)
        title = f'<tspan font-weight="600">{escape(name)}</tspan>: {worst} at most'
        return [
            f'<text x="{_LEFT}" y="{self.base - 58}">{title}</text>',
            f'<path d="{within}" fill="{_WITHIN}" fill-opacity="0.55"/>',
            f'<path d="{beyond}" fill="{_BEYOND}"/>',
            f'<path d="M{_LEFT} {line}H{_RIGHT}" stroke="{_INK}" stroke-dasharray="4 4"/>',
            f'<path d="M{_LEFT} {self.base}H{_RIGHT}" stroke="{_INK}"/>',
            f'<path d="{ticks}" stroke="{_WITHIN}" stroke-width="1.2"/>',
        ]

    def _height(self, count: int) -> str:
        return f"{self.base - count * _UNIT:.1f}"

    def _area(self, low: int, high: int) -> str:
        """Outline the part of the staircase between two heights."""
        path = f"M{_LEFT} {self._height(low)}"
        for time, count in self.steps:
            x = min(_LEFT + time * self.scale, _RIGHT)
            path += f"H{x:.1f}V{self._height(min(max(count, low), high))}"
        return f"{path}H{_RIGHT}V{self._height(low)}Z"
