"""The command line: its commands under one name, and what becomes of errors."""

from __future__ import annotations

import json
import logging
import signal
import sys
from collections.abc import Sequence
from typing import Final

import click

from bingx_async import BingXError, __version__
from bingx_async.cli.account import balance, leverage, positions
from bingx_async.cli.demo import demo
from bingx_async.cli.emulator import emulator
from bingx_async.cli.endpoints import endpoints
from bingx_async.cli.events import events
from bingx_async.cli.limits import limits
from bingx_async.cli.market import klines, ticker
from bingx_async.cli.planning import plan
from bingx_async.cli.trading import order, orders
from bingx_async.cli.watch import watch

__all__ = ["cli", "run"]

# What the log would say of a refusal the commands say themselves.
logging.getLogger("bingx_async").addHandler(logging.NullHandler())

_INTERRUPTED: Final = 128 + signal.SIGINT


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bingx-async")
@click.pass_context
def cli(context: click.Context) -> None:
    """The BingX exchange, and an emulator of it, from the command line."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (
    balance,
    demo,
    emulator,
    endpoints,
    events,
    klines,
    leverage,
    limits,
    order,
    orders,
    plan,
    positions,
    ticker,
    watch,
):
    cli.add_command(_command)


def run(args: Sequence[str] | None = None) -> int:
    """
    Run the command line; whatever goes wrong becomes one line on the standard error.

    Args:
        args: The arguments; by default those of the process.

    Returns:
        The exit code: 0 if all went well, 2 for arguments that cannot be understood, 130 after
        Ctrl-C, 1 for everything else.
    """
    args = sys.argv[1:] if args is None else args
    try:
        return cli.main(list(args), prog_name="bingx-async", standalone_mode=False) or 0
    except click.Abort:
        return _INTERRUPTED
    except click.ClickException as exc:
        return _fail(exc, exc.format_message(), exc.exit_code, as_json="--json" in args)
    except OSError as exc:
        return _fail(exc, exc.strerror or str(exc), 1, as_json="--json" in args)
    except (BingXError, ValueError) as exc:
        return _fail(exc, str(exc), 1, as_json="--json" in args)


def _fail(exc: Exception, message: str, code: int, *, as_json: bool) -> int:
    message = " ".join(message.split())
    if as_json:
        message = json.dumps({"error": type(exc).__name__, "message": message})
    else:
        message = f"Error: {message}"
    click.echo(message, err=True)
    return code
