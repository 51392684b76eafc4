"""
What the commands print: tables for people, JSON for machines.

JSON has the names of the wire, and every field, so that a script finds a key in each answer:
``null`` stands for what the exchange left out. A ``Decimal`` is a string with all its digits, and
so is the number of an order or a position, which JavaScript and jq would round. Times are
milliseconds, as on the wire.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeVar

import attrs
import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bingx_async.signing import milliseconds
from bingx_async.wire import wire_name

__all__ = [
    "DOWN",
    "UP",
    "console",
    "json_option",
    "money",
    "number",
    "percent",
    "print_heading",
    "print_json",
    "print_table",
    "signed",
    "table",
    "table_of",
    "time_of",
    "to_json",
]

Command = TypeVar("Command", bound=Callable[..., Any])

UP: Final = "green"
DOWN: Final = "red"
_WIDE: Final = 1000


def json_option(command: Command) -> Command:
    """Give a command the option ``--json``, which arrives as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command)


def print_json(value: object) -> None:
    """Print a value on one line; what JSON does not know becomes a string."""
    click.echo(json.dumps(value, default=str))


def to_json(model: attrs.AttrsInstance) -> dict[str, Any]:
    """Turn an answer into what JSON knows, under the names of the wire."""
    cls = type(model)
    attrs.resolve_types(cls)
    return {
        wire_name(field): _plain(getattr(model, field.name), is_id=field.name.endswith("_id"))
        for field in attrs.fields(cls)
    }


def _plain(value: Any, *, is_id: bool = False) -> Any:
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, datetime):
        return milliseconds(value)
    if attrs.has(value.__class__):
        return to_json(value)
    return str(value) if is_id and value is not None else value


def console(*, quiet: bool = False) -> Console:
    """Make a console that prints what it is given, and colours nothing by itself."""
    return Console(highlight=False, markup=False, emoji=False, quiet=quiet)


def table(*heads: str, gap: int = 2) -> Table:
    """Make a table; a head that begins with ``>`` stands above a column of numbers."""
    made = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for head in heads:
        justify: Literal["left", "right"] = "right" if head[:1] == ">" else "left"
        made.add_column(head.removeprefix(">"), justify=justify, overflow="fold")
    return made


def table_of(
    heads: Sequence[str], rows: Iterable[Sequence[str | Text]], *, without: Container[str] = ()
) -> Table:
    """
    Make a table with its rows.

    Args:
        heads: As for :func:`table`.
        rows: Cells of all columns.
        without: Heads of the columns that are left out.
    """
    kept = [place for place, head in enumerate(heads) if head not in without]
    made = table(*(heads[place] for place in kept))
    for row in rows:
        made.add_row(*(row[place] for place in kept))
    return made


def print_heading(text: str | Text) -> None:
    """Print what stands above a table."""
    _wide_console().print(text, end="\n\n")


def print_table(*tables: Table) -> None:
    """
    Print the first table that fits the terminal, or else the last.

    Where nobody looks at it, a row is a line, however long.
    """
    out = _wide_console()
    made = next((each for each in tables if _width(each) <= out.width), tables[-1])
    if out.is_terminal:
        out.print(made)
        return
    with out.capture() as captured:
        out.print(made)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def _width(made: Table) -> int:
    """Tell how wide a table is without folding what it holds."""
    out = _wide_console()
    return Measurement.get(out, out.options.update(width=_WIDE), made).maximum


def _wide_console() -> Console:
    out = console()
    if not out.is_terminal:
        out.width = _WIDE
    return out


def number(value: Decimal | int | None) -> str:
    """Write a number with all its digits, and without an exponent."""
    return "-" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def money(value: Decimal | None) -> str:
    """Write an amount to the cent, or a bit further if it is less than 1."""
    if value is None:
        return "-"
    return f"{value:,.{2 if not value or abs(value) >= 1 else 4}f}"


def signed(value: Decimal | None) -> Text:
    """Write a gain or a loss, with its sign and in its colour."""
    if value is None:
        return Text("-")
    return Text(f"{'+' if value > 0 else ''}{money(value)}", _towards(value))


def percent(value: Decimal | None) -> Text:
    """Write a rise or a fall in percent, with its sign and in its colour."""
    return Text("-") if value is None else Text(f"{value:+z.2f} %", _towards(value))


def _towards(value: Decimal | int) -> str:
    """Tell the style of a gain or a loss."""
    return UP if value > 0 else DOWN if value < 0 else ""


def time_of(moment: datetime | None) -> str:
    """Write a time to the second, in UTC."""
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
