"""Which fleet a command is about: the Redis that its processes share their quotas through."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from bingx_async.shared import SharedGovernor

__all__ = ["fleet_at", "fleet_options"]

Command = TypeVar("Command", bound=Callable[..., Any])

_VARIABLE: Final = "BINGX_REDIS_URL"


def fleet_options(text: str, *, required: bool) -> Callable[[Command], Command]:
    """
    Give a command the options ``--redis``, which arrives as ``url``, and ``--namespace``.

    Args:
        text: What the Redis is for.
        required: Whether there must be one; without it the command gets ``None`` if there is none.
    """

    def add(command: Command) -> Command:
        command = click.option(
            "--namespace", default="bingx", show_default=True, help="That of the fleet."
        )(command)
        return click.option(
            "--redis",
            "url",
            envvar=_VARIABLE,
            show_envvar=True,
            required=required,
            callback=_read_url,
            metavar="URL",
            help=text,
        )(command)

    return add


def _read_url(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """Refuse what cannot be a URL of Redis, and repeat none of it: it may hold a password."""
    if url is None:
        return None
    try:
        scheme, _, path, query, fragment = urlsplit(url)
        port = urlsplit(url).port
    except ValueError:
        scheme = path = query = fragment = ""
        port = None
    is_known = scheme in {"redis", "rediss", "unix"} and port != 0
    # What comes after the host and holds an "@" is the rest of a password.
    if not is_known or fragment or "@" in path + query:
        raise click.BadParameter(
            "it must look like redis://user:password@host:6379, rediss:// or unix://; a"
            " password's / ? # @ % are written %2F %3F %23 %40 %25"
        )
    return url


@asynccontextmanager
async def fleet_at(url: str, namespace: str) -> AsyncGenerator[tuple[SharedGovernor, str]]:
    """Join a fleet to look at it; yield its governor, and which fleet it is, for people."""
    try:
        from bingx_async.shared import SharedGovernor  # noqa: PLC0415 - an extra
    except ImportError as exc:
        raise click.ClickException(str(exc)) from exc
    try:
        governor = SharedGovernor(url, namespace=namespace, on_outage="raise")
    except ValueError as exc:
        raise click.UsageError(str(exc)) from None
    async with governor:
        yield governor, f"{namespace} (Redis at {governor._courier.link.address})"  # noqa: SLF001
