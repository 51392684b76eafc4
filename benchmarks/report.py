"""What every benchmark prints: tables, targets, and whether they hold."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["Report", "options"]


def options(description: str | None) -> argparse.ArgumentParser:
    """
    Make the command line that all benchmarks share.

    Args:
        description: The docstring of the benchmark; its first line is shown.
    """
    parser = argparse.ArgumentParser(description=(description or "").strip().partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a smoke test of a few seconds")
    parser.add_argument("--seed", type=int, default=1, help="of whatever is drawn")
    return parser


class Report:
    """
    Prints as it goes, and remembers what was missed.

    Args:
        title: The question that is asked.
        quick: Whether this is a smoke test: measures are shown, facts alone are judged.
    """

    def __init__(self, title: str, *, quick: bool) -> None:
        self._quick = quick
        self._missed: list[str] = []
        self._judged: list[tuple[str, str, str, str]] = []
        print(title)

    def table(
        self, caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1
    ) -> None:
        """
        Print a table.

        Args:
            caption: The line above it.
            head: Names of the columns.
            rows: Cells.
            words: So many columns, from the left, hold words; the others hold numbers.
        """
        print(f"\n{caption}\n")
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        for row in (head, ["-" * width for width in widths], *rows):
            cells = [
                cell.ljust(width) if column < words else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            print("  " + "  ".join(cells).rstrip())
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Print a line."""
        print(text, flush=True)

    def fact(self, what: str, holds: bool) -> None:
        """Judge what no noise can change."""
        self._judge(what, "", "", holds)
        if not holds:
            self._missed.append(what)

    def at_most(self, what: str, value: float, limit: float, *, form: str = ".2f") -> None:
        """Judge a measure that should be ``limit`` or less."""
        self._target(what, format(value, form), f"<= {limit:{form}}", value <= limit)

    def at_least(self, what: str, value: float, limit: float, *, form: str = ".2f") -> None:
        """Judge a measure that should be ``limit`` or more."""
        self._target(what, format(value, form), f">= {limit:{form}}", value >= limit)

    def _target(self, what: str, value: str, limit: str, holds: bool) -> None:
        self._judge(what, value, limit, holds)
        if not holds and not self._quick:
            self._missed.append(what)

    def _judge(self, what: str, value: str, limit: str, holds: bool) -> None:
        self._judged.append((what, value, limit, "holds" if holds else "MISSES"))

    def close(self) -> NoReturn:
        """Print the verdicts and leave: with 1 if a target was missed, with 0 otherwise."""
        caption = "Targets"
        if self._quick:
            caption += " (a quick run: measures are noise, facts alone are judged)"
        self.table(caption, ("", "measured", "target", ""), self._judged)
        sys.exit(1 if self._missed else 0)
