"""How the documentation is built; nothing here needs the network."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import sys
import typing
from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import bingx_async
from bingx_async import (
    IP_GROUPS,
    AnyGovernor,
    BingX,
    BucketKey,
    BucketState,
    Channel,
    Endpoint,
    Observer,
    Permit,
    Plan,
    Scope,
    Stream,
    client,
)
from bingx_async.channel import Streamer
from bingx_async.clock import Clock
from bingx_async.emulator import Account, ApiKey, Arrival, Sent
from bingx_async.endpoint import Caller
from bingx_async.permit import Snapshot
from bingx_async.plan import PlannedCalls
from bingx_async.swap import LocalOrderBook
from bingx_async.wire import OpenEnum

project = "bingx_async"
author = "The bingx_async authors"
copyright = author
version = release = bingx_async.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"bingx_async {version}"
html_copy_source = False

# Pages link to one another's headings as they stand on GitHub.
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
maximum_signature_line_length = 88
python_use_unqualified_type_names = True

nitpicky = True
nitpick_ignore_regex = [
    # Names of the standard library and of other projects: their inventories are not fetched, so
    # that the build needs no network.
    (r"py:.*", r"_?(aiohttp|asyncio|attrs|collections|datetime|decimal|hmac|random)\..*"),
    (r"py:.*", r"(opentelemetry|prometheus_client|types|typing|yarl)\..*"),
    (r"py:exc", r"(Exception|RuntimeError|TypeError|ValueError)"),
    # Neither what a docstring lists as attributes nor a type variable has a place of its own.
    (r"py:attr", r".*"),
    (r"py:class", r"bingx_async\.(endpoint\.Stub|channel\.Stub|stream\.T)"),
]

# The client imports a product when it is first used, so only type checkers find the classes there.
for _product, _class in client._PRODUCTS.items():  # noqa: SLF001 - we are of the house
    setattr(client, _class, getattr(importlib.import_module(f"bingx_async.{_product}"), _class))

# Nobody else has a reason to make one of these.
MADE_HERE = {
    *(Account, AnyGovernor, ApiKey, Arrival, BucketKey, BucketState, Caller, Channel, Clock),
    *(Endpoint, LocalOrderBook, Observer, Permit, Plan, PlannedCalls, Scope, Sent, Snapshot),
    *(Stream, Streamer),
}


class Endpoints(SphinxDirective):
    """A table of the declared endpoints for each section, and one of the IP groups."""

    def run(self) -> list[nodes.Node]:
        """Make it anew in every build: the declarations may have changed, the page has not."""
        self.env.note_reread()
        lines: list[str] = []
        for product, sections in _sections().items():
            lines += [f"## bingx.{product}", ""]
            for section, endpoints in sections.items():
                if len(sections) > 1:
                    lines += [f"### {_words(section.__name__)}", ""]
                lines += [_summary(section), "", *_table(HEAD, map(_row, endpoints)), ""]
        lines += ["## IP groups", "", *_table(GROUP_HEAD, map(_group_row, sorted(IP_GROUPS)))]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


class Models(SphinxDirective):
    """Every model of a chapter, by the name under which its product offers it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """List what the chapter's ``__all__`` names, in the order of the source."""
        chapter = importlib.import_module(self.arguments[0])
        product = chapter.__name__.partition(".models")[0]
        models = [getattr(chapter, name) for name in chapter.__all__]
        lines: list[str] = []
        for model in sorted(models, key=lambda model: inspect.getsourcelines(model)[1]):
            lines += [f".. autoclass:: {product}.{model.__name__}"]
            # Fields are told by the docstring; words of an enum need not have one.
            lines += [] if issubclass(model, tuple) else ["   :members:"]
            lines += ["   :undoc-members:"] if issubclass(model, OpenEnum) else []
        return self.parse_text_to_nodes("\n".join(["```{eval-rst}", *lines, "```"]))


HEAD = ("Endpoint", "Request", "Per UID", "IP group", "Key", "Repeated")
GROUP_HEAD = ("IP group", "Each of its endpoints", "All of them together")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _row(endpoint: Endpoint) -> tuple[str, ...]:
    return (
        f"{{py:meth}}`{endpoint.stub.__name__} <{_place(endpoint)}>`",
        f"{endpoint.method} `{endpoint.path}`",
        str(endpoint.quota or "none"),
        str(endpoint.group or "unknown"),
        endpoint.needs or "none",
        "yes" if endpoint.idempotent else "no",
    )


def _group_row(number: int) -> tuple[str, ...]:
    group = IP_GROUPS[number]
    return str(number), *(" and ".join(map(str, q)) or "none" for q in (group.each, group.total))


def _sections() -> dict[str, dict[type, list[Endpoint]]]:
    """Return the endpoints by product and by the class that declares them."""
    found: dict[str, dict[type, list[Endpoint]]] = {}
    # What is inherited comes first, and the first section is inherited last.
    for endpoint in reversed(BingX.endpoints().values()):
        product = endpoint.name.partition(".")[0]
        module = sys.modules[endpoint.stub.__module__]
        section = getattr(module, endpoint.stub.__qualname__.partition(".")[0])
        found.setdefault(product, {}).setdefault(section, []).insert(0, endpoint)
    return dict(reversed(found.items()))


def _summary(section: type) -> str:
    return inspect.cleandoc(section.__doc__ or "").partition("\n")[0]


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _place(endpoint: Endpoint) -> str:
    return f"{endpoint.stub.__module__}.{endpoint.stub.__qualname__}"


def _classes_in(type_: Any) -> Iterator[type]:
    """Find the classes that a type is made of."""
    for part in typing.get_args(type_):
        yield from _classes_in(part)
    if isinstance(type_, type) and attrs.has(type_):
        yield type_
        for field in attrs.fields(attrs.resolve_types(type_)):
            yield from _classes_in(field.type)
    elif isinstance(type_, type) and issubclass(type_, tuple):
        yield type_


@functools.cache
def _only_answered() -> set[type]:
    """Return the models that no request takes."""
    endpoints = BingX.endpoints().values()
    taken = {cls for e in endpoints for f in attrs.fields(e.params) for cls in _classes_in(f.type)}
    told = {cls for each in BingX.channels().values() for cls in _classes_in(each.event)}
    return {cls for e in endpoints for cls in _classes_in(e.returns)} - taken | told


def leave_out_signature(
    _app: Sphinx, what: str, _name: str, obj: Any, *_: Any
) -> tuple[str, None] | None:
    """Who only reads what the package makes needs no constructor; the fields are listed below."""
    if what == "exception":
        return "", None
    is_word = isinstance(obj, type) and issubclass(obj, OpenEnum)
    is_read = what == "class" and (is_word or obj in MADE_HERE or obj in _only_answered())
    return ("", None) if is_read else None


def keep_colons(
    _app: Sphinx, what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Keep napoleon from taking what stands before a colon in the first line for a type."""
    if what in {"attribute", "data", "property"}:
        lines[:0] = ["..", ""]  # it looks at the first line only, and this one says nothing


def mark_async(_app: Sphinx, _domain: str, kind: str, content: addnodes.desc_content) -> None:
    """Write ``async`` before an endpoint's method; before Python 3.12 autodoc cannot know."""
    if kind != "method" or not isinstance(content.parent, addnodes.desc):
        return
    declared = {_place(endpoint) for endpoint in BingX.endpoints().values()}
    for line in content.parent.findall(addnodes.desc_signature):
        place = f"{line['module']}.{line['fullname']}"
        if place in declared and not line.astext().startswith("async "):
            line.insert(0, addnodes.desc_annotation("", "async "))


def setup(app: Sphinx) -> None:
    """Register what is made here."""
    app.add_directive("endpoints", Endpoints)
    app.add_directive("models", Models)
    app.connect("autodoc-process-signature", leave_out_signature)
    app.connect("autodoc-process-docstring", keep_colons, priority=0)
    app.connect("object-description-transform", mark_async)
