"""The command that lists the endpoints."""

from __future__ import annotations

import attrs
import click

from bingx_async import IP_GROUPS, BingX
from bingx_async.cli.output import console, json_option, print_json, print_table, table

__all__ = ["endpoints"]


@click.command
@json_option
def endpoints(as_json: bool) -> None:
    """List every endpoint with its quotas."""
    found = BingX.endpoints()
    if as_json:
        shown = [
            {
                "name": name,
                "method": endpoint.method,
                "path": endpoint.path,
                "uid_quota": endpoint.quota and attrs.asdict(endpoint.quota),
                "ip_group": endpoint.group,
                "needs": endpoint.needs,
                "body": endpoint.body,
            }
            for name, endpoint in found.items()
        ]
        groups = {number: attrs.asdict(group) for number, group in IP_GROUPS.items()}
        print_json({"endpoints": shown, "ip_groups": groups})
        return
    rows = table("Endpoint", "HTTP", "Path", ">UID", ">Group", "Key", gap=1)
    for name, endpoint in found.items():
        rows.add_row(
            name,
            endpoint.method,
            endpoint.path,
            str(endpoint.quota or "-"),
            str(endpoint.group or "-"),
            endpoint.needs or "-",
        )
    print_table(rows)
    out = console()
    out.print("\nQuotas of an IP address:")
    for number, group in IP_GROUPS.items():
        each = "".join(f"; each endpoint {quota}" for quota in group.each)
        out.print(f"  group {number}  {' and '.join(map(str, group.total))}{each}")
