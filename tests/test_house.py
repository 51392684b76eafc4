"""Facts about how the package is built."""

import ast
from pathlib import Path

import pytest

import bingx_async

ROOT = Path(bingx_async.__file__).parent

# Every module, from the ground up; imports go down only.
FLOORS = [
    {"quota", "backoff"},
    {"errors"},
    {"signing", "ratelimit", "stream"},
    {"wire"},
    {"hooks"},
    {"converter"},
    {"endpoint", "paging"},
    {"answer", "limits", "channel"},
    {"bucket", "observer", "refusals", "rehearsal"},
    {"agenda", "plan"},
    {"permit"},
    {"governor", "websocket"},
    {"hub", "account_feed"},
    {"streams"},
    {"shared.lanes", "shared.link"},
    {"shared.courier"},
    {"shared.governor"},
    {"shared"},
    {"observers", "observers.metrics"},
    {"observers.prometheus", "observers.opentelemetry"},
    {"retry", "transport", "clock"},
    {"session"},
    {"swap.models", "swap.models.common"},
    {
        "swap.models.market",
        "swap.models.orders",
        "swap.models.positions",
        "swap.models.twap",
        "swap.models.account",
    },
    {"swap.models.events"},
    {"swap.checks", "swap.position_checks", "swap.book_keeper", "swap.order_ledger"},
    {"swap.book"},
    {
        *("swap.market", "swap.order_queries", "swap.positions", "swap.twap", "swap.account"),
        *("account", "user_stream"),
    },
    {"swap.orders", "swap.rules", "swap.histories", "swap.streams"},
    {"swap.exactly_once"},
    {"swap"},
    {"swap.recovery"},
    {"client"},
    {""},
    # the emulator: its engine, what it stands on and shows, its bodies, its counter
    {"emulator.engine.feed", "emulator.engine.orders", "emulator.engine.positions"}
    | {"emulator.engine.twaps"},
    {"emulator.engine.accounts", "emulator.engine.book", "emulator.engine.events"},
    {"emulator.engine.state"},
    {"emulator.engine.margin", "emulator.engine.rules", "emulator.engine.settling"},
    {"emulator.engine.matching"},
    {"emulator.engine.placing", "emulator.engine.triggers"},
    {"emulator.engine.passing"},
    {"emulator.engine.core"},
    {"emulator.engine.trading", "emulator.engine.settings"},
    {"emulator.engine.exchange"},
    {"emulator.engine"},
    {"emulator.faults", "emulator.intervals", "emulator.limits", "emulator.listen_keys"}
    | {"emulator.listings", "emulator.path", "emulator.workbook"},
    {"emulator.market", "emulator.shown"},
    {"emulator.accounts"},
    {"emulator.call", "emulator.exchange", "emulator.gate"},
    {"emulator.paging", "emulator.account", "emulator.user_stream"},
    {"emulator.streams.account", "emulator.streams.frames", "emulator.streams.rules"}
    | {"emulator.streams.topics"},
    {"emulator.streams.ledger", "emulator.streams.market"},
    {"emulator.streams.socket"},
    {"emulator.streams.server"},
    {"emulator.streams"},
    {"emulator.dressing", "emulator.swap.account", "emulator.swap.market"}
    | {"emulator.swap.order_queries", "emulator.swap.positions", "emulator.swap.twap"},
    {"emulator.swap.orders"},
    {"emulator.swap"},
    {"emulator.server"},
    {"emulator"},
    {"demo"},
    {"cli.output"},
    {"cli.candles", "cli.fleet", "cli.options"},
    {"cli.following"},
    {"cli.account", "cli.demo", "cli.emulator", "cli.endpoints", "cli.events", "cli.limits"}
    | {"cli.market", "cli.planning", "cli.trading", "cli.watch"},
    {"cli"},
    {"__main__"},
]
# Sections are declarations: they know endpoints and models, and no engine.
DECLARATIONS = {
    module
    for floor in FLOORS
    for module in floor
    if module.partition(".")[0] in {"swap", "account", "user_stream"}
}
ENGINES = {
    *("governor", "session", "client", "answer", "bucket", "agenda", "signing"),
    *("retry", "transport", "clock"),
}


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix("__init__").removesuffix(".")


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports_of(path):
    """Return the modules of this package that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names] + [module]
            if any(name.removeprefix("bingx_async.") in MODULES for name in names[:-1]):
                names.pop()
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            inside = name.removeprefix("bingx_async").removeprefix(".")
            if name.startswith("bingx_async") and inside in MODULES:
                found.add(inside)
    return found


def floor_of(module):
    (floor,) = (number for number, rooms in enumerate(FLOORS) if module in rooms)
    return floor


def test_every_module_has_its_floor():
    """A new module is given its place here."""
    assert set(MODULES) == set().union(*FLOORS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_only(module):
    """What stands lower knows nothing of what stands higher."""
    for imported in imports_of(MODULES[module]):
        assert floor_of(imported) < floor_of(module), f"{module} imports {imported}"


def test_declarations_know_no_engine():
    """A section can be read without knowing how calls are made."""
    for module in DECLARATIONS:
        assert not imports_of(MODULES[module]) & ENGINES


def test_nothing_imports_the_emulator_but_the_command_line():
    """A bot does not carry an exchange with it."""
    for module, path in MODULES.items():
        if not module.startswith(("emulator", "cli", "demo")):
            assert not any(name.startswith("emulator") for name in imports_of(path)), module


def test_all_is_what_the_package_offers():
    """Sorted by ruff, complete, and nothing private."""
    for name in bingx_async.__all__:
        assert hasattr(bingx_async, name)
    offered = {
        name
        for name, value in vars(bingx_async).items()
        if not name.startswith("_") and not isinstance(value, type(ast))
    }
    assert offered - {"annotations"} == set(bingx_async.__all__)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_says_what_it_is(module):
    """In its first sentence."""
    assert ast.get_docstring(ast.parse(MODULES[module].read_text()))


def test_the_top_level_holds_what_it_should():
    """And nothing else."""
    top = ROOT.parent
    kept = {path.name for path in top.iterdir() if not path.name.startswith(".")}
    expected = {
        *("pyproject.toml", "bingx_async", "tests", "benchmarks", "docs", "CHANGELOG.md"),
        *("README.md", "LICENSE"),
    }
    assert expected <= kept
    assert kept - expected <= {"uv.lock", "dist", "build"}
