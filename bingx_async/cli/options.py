"""
Where a command goes, and as whom.

Nobody moves money by accident: without ``--environment`` a command goes to an emulator. That is one
of its own, which is thrown away when the command is done, or one that runs already. An emulator is
never shown the keys of the environment, since an account there has keys that follow from its name;
those of the exchange come from the environment only.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeVar

import click
from attrs import frozen

from bingx_async import AuthError, BingX, demo
from bingx_async.cli.output import json_option
from bingx_async.emulator import Emulator

__all__ = ["URL_VARIABLE", "Target", "at_exchange"]

Environment = Literal["emulator", "vst", "live"]
Command = TypeVar("Command", bound=Callable[..., Any])
Body = Callable[..., Coroutine[Any, Any, None]]

URL_VARIABLE: Final = "BINGX_EMULATOR_URL"
"""Where an emulator runs to which commands go by default."""

_ACCOUNT: Final = demo.ACCOUNTS[0]
_KEYS: Final = ("BINGX_API_KEY", "BINGX_SECRET_KEY")
# Who sits at a terminal would rather be told of a limit than wait for five minutes.
_MAX_WAIT: Final = 10.0


@frozen
class Target:
    """
    The exchange that a command goes to.

    Attributes:
        bingx: A client of it.
        environment: Which one: ``emulator``, ``vst`` or ``live``.
        label: The same for people; it tells one emulator from another.
    """

    bingx: BingX
    environment: Environment
    label: str


def at_exchange(*, key: bool = True) -> Callable[[Body], Callable[..., None]]:
    """
    Make a coroutine function the body of a command, and add the options that every such one has.

    Args:
        key: Whether it needs a key; market data needs none.

    Returns:
        The decorator. The body is given the target and the command's own arguments, ``as_json``
        among them.
    """

    def decorate(body: Body) -> Callable[..., None]:
        @_options(key)
        @click.pass_context
        @functools.wraps(body)
        def command(
            context: click.Context,
            /,
            environment: Environment,
            url: str | None,
            account: str = _ACCOUNT,
            **arguments: Any,
        ) -> None:
            if environment != "emulator":
                _refuse_given(context, "url", "account")
                opened = _exchange(environment, key=key)
            elif url:
                opened = _emulator_at(url, account, key=key)
            else:
                opened = _own_emulator(account)

            async def call() -> None:
                async with opened as target:
                    await body(target, **arguments)

            asyncio.run(call())

        return command

    return decorate


def _options(key: bool) -> Callable[[Command], Command]:
    keys = f"vst and live take their keys from {' and '.join(_KEYS)}" if key else "no key is needed"
    options = [
        json_option,
        click.option(
            "--account",
            default=_ACCOUNT,
            show_default=True,
            help="Whose account to use on an emulator.",
        ),
        click.option(
            "--url",
            envvar=URL_VARIABLE,
            show_envvar=True,
            help="An emulator that runs already; one for this command only without it.",
        ),
        click.option(
            "--environment",
            type=click.Choice(["emulator", "vst", "live"]),
            default="emulator",
            show_default=True,
            help=f"Where; {keys}.",
        ),
    ]

    def add(command: Command) -> Command:
        for option in options if key else (options[0], *options[2:]):
            command = option(command)
        return command

    return add


def _refuse_given(context: click.Context, *names: str) -> None:
    """Refuse options that only an emulator has; a variable of the environment may stay set."""
    for name in names:
        if context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name} goes with --environment emulator only")


@asynccontextmanager
async def _exchange(environment: Literal["vst", "live"], *, key: bool) -> AsyncGenerator[Target]:
    missing = [variable for variable in _KEYS if not os.environ.get(variable)]
    if key and missing:
        raise AuthError(
            f"{environment} needs {' and '.join(missing)}: keys are read from the environment only"
        )
    api_key, secret_key = map(os.environ.get, _KEYS) if key else (None, None)
    async with BingX(api_key, secret_key, environment=environment, max_wait=_MAX_WAIT) as bingx:
        yield Target(bingx, environment, environment)


@asynccontextmanager
async def _own_emulator(account: str) -> AsyncGenerator[Target]:
    async with Emulator() as exchange:
        yield Target(exchange.client(account), "emulator", "emulator for this command only")


@asynccontextmanager
async def _emulator_at(url: str, name: str, *, key: bool) -> AsyncGenerator[Target]:
    account = Emulator().account(name)  # its keys are the same on every emulator
    async with BingX(
        account.api_key,
        account.secret_key,
        uid=account.uid,
        base_url=url,
        max_wait=_MAX_WAIT,
    ) as bingx:
        yield Target(
            bingx, "emulator", f"{name}, emulator at {url}" if key else f"emulator at {url}"
        )
