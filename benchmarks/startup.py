"""
What does ``import bingx_async`` take beyond the imports of what it stands on?

Fresh interpreters take turns importing the package, and importing what its modules name in their
own import statements: aiohttp, attrs, cattrs, aiolimiter, msgspec, and parts of the standard
library. What is measured is the processor time of the import, without that of the interpreter's
own start.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.measure import in_turns
from benchmarks.report import Report, options

_TIMED: Final = """
import time
started = time.process_time()
{statements}
print(time.process_time() - started)
"""
_LOADED: Final = """
import sys
import bingx_async
print(*(module.__file__ for name, module in sys.modules.items() if name.startswith("bingx_async")))
"""


def fresh(code: str) -> str:
    """Run code in an interpreter of its own; return what it printed."""
    # What is installed is compiled once, wherever this is run.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    ).stdout


def foreign() -> list[str]:
    """List what the modules that ``import bingx_async`` loads import from elsewhere."""
    found: dict[str, None] = {}
    for file in fresh(_LOADED).split():
        for statement in ast.parse(Path(file).read_text()).body:
            found |= dict.fromkeys(_named(statement))
    return [name for name in found if name.partition(".")[0] != "bingx_async"]


def _named(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom) and statement.module is not None:
        return [statement.module]
    return []


def main() -> None:
    arguments = options(__doc__).parse_args()
    quick: bool = arguments.quick
    rounds = 1 if quick else 25
    report = Report("startup: the import of the package", quick=quick)
    names = foreign()
    statements = {
        "bingx_async": "import bingx_async",
        "its dependencies": "\n".join(f"import {name}" for name in names),
        "aiohttp alone": "import aiohttp",
        "cattrs alone": "import cattrs",
    }

    def timed(code: str) -> float:
        return float(fresh(_TIMED.format(statements=code)))

    times = in_turns({name: partial(timed, code) for name, code in statements.items()}, rounds)
    report.table(
        f"Processor time of an import, {rounds} rounds",
        ["", "ms", "of the dependencies"],
        [
            [
                name,
                f"{times.median(name) * 1e3:.1f}",
                f"{times.ratio(name, 'its dependencies'):.2f}",
            ]
            for name in statements
        ],
    )
    packages = sorted({name.partition(".")[0] for name in names} - sys.stdlib_module_names)
    report.note(f"\n  its dependencies: {', '.join(packages)}, and the standard library")
    report.at_most(
        "import bingx_async, of its dependencies'",
        times.ratio("bingx_async", "its dependencies"),
        1.15,
    )
    report.close()


if __name__ == "__main__":
    main()
