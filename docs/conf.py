"""How the documentation is built; nothing here needs the network."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import bingx_async
from bingx_async import IP_GROUPS, BingX, BucketKey, BucketState, Endpoint, Permit
from bingx_async.emulator import Account, ApiKey, Arrival
from bingx_async.endpoint import Caller

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
    (r"py:.*", r"_?(aiohttp|asyncio|attrs|collections|datetime|decimal|hmac|random|typing)\..*"),
    (r"py:exc", r"(Exception|RuntimeError|TypeError|ValueError)"),
    # A type variable has no page.
    (r"py:class", r"bingx_async\.endpoint\.Stub"),
]

# Nobody else has a reason to make one of these.
MADE_HERE = {Account, ApiKey, Arrival, BucketKey, BucketState, Caller, Endpoint, Permit}


class Endpoints(SphinxDirective):
    """A table of every declared endpoint."""

    def run(self) -> list[nodes.Node]:
        """Make it anew in every build: the declarations may have changed, the page has not."""
        self.env.note_reread()
        lines = [
            "| Endpoint | Request | Per UID | Per IP and endpoint | Per IP and group | Key |",
            "|---|---|---|---|---|---|",
            *(_row(endpoint) for _, endpoint in sorted(BingX.endpoints().items())),
        ]
        return self.parse_text_to_nodes("\n".join(lines))


def _row(endpoint: Endpoint) -> str:
    group = IP_GROUPS.get(endpoint.group or 0)
    each = " and ".join(map(str, group.each)) or "none" if group else "unknown"
    total = f"{endpoint.group}: {' and '.join(map(str, group.total))}" if group else "unknown"
    cells = (
        f"{{py:meth}}`{endpoint.name} <{_place(endpoint)}>`",
        f"{endpoint.method} `{endpoint.path}`",
        str(endpoint.quota or "none"),
        each,
        total,
        endpoint.needs or "none",
    )
    return f"| {' | '.join(cells)} |"


def _place(endpoint: Endpoint) -> str:
    return f"{endpoint.stub.__module__}.{endpoint.stub.__qualname__}"


def leave_out_signature(
    _app: Sphinx, what: str, _name: str, obj: object, *_: Any
) -> tuple[str, None] | None:
    """Who only reads what the package makes needs no constructor; the fields are listed below."""
    is_model = getattr(obj, "__module__", "").endswith(".models")
    is_made_here = what == "class" and (is_model or obj in MADE_HERE)
    return ("", None) if is_made_here or what == "exception" else None


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
    app.connect("autodoc-process-signature", leave_out_signature)
    app.connect("object-description-transform", mark_async)
