"""Run the command line: ``bingx-async``, or ``python -m bingx_async``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line; return the exit code."""
    try:
        from bingx_async.cli import run  # noqa: PLC0415 - the library works without it
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in {"click", "rich"}:
            raise
        sys.stderr.write('Error: the command line needs: pip install "bingx-async[cli]"\n')
        return 1
    return run()


if __name__ == "__main__":
    sys.exit(main())
