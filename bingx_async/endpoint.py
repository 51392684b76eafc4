"""
Endpoints are declared, not written.

A section is a class whose methods are stubs: the decorator holds the address and the limits, the
signature is the request, the return type is the response, the docstring is the help.

.. code-block:: python

    class Trade(Section):
        @post("/openApi/swap/v2/trade/leverage", uid=5, group=2, needs="trade", body="json")
        async def set_leverage(
            self, symbol: str, side: PositionSide, leverage: int
        ) -> Leverage:
            \"\"\"Set the leverage of one side of a position.\"\"\"
            ...

Type checkers see the plain method. At run time it hands its arguments, as an instance of an attrs
class made of the signature, to the section's :class:`Caller`. That class is made on first use
(making all of them would dominate the import), and one cattrs converter turns it into a request
here and back into arguments in the emulator.

An argument that equals its default is left out of the request, so a default is the exchange's
documented default, or ``None``.

Where the answer sits in what comes back is declared as well (``answer=``), and so is what the
exchange is documented to refuse (``check=``).
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, Protocol, TypedDict, TypeVar, Unpack

import attrs

from bingx_async.converter import converter
from bingx_async.quota import IP_GROUPS, Quota

__all__ = ["Caller", "Endpoint", "Section", "delete", "endpoints_of", "get", "post", "put"]

Needs = Literal["read", "trade"]
Body = Literal["query", "json"]
Check = Callable[[Any], None]
Stub = TypeVar("Stub", bound=Callable[..., Awaitable[Any]])

_PACKAGE: Final = "bingx_async."
# A DELETE is not: the second one of a cancelled order is refused, which would look like a failure.
_IDEMPOTENT: Final = frozenset({"GET", "PUT"})


@attrs.frozen(eq=False, slots=False)
class Endpoint:
    """
    One endpoint of the exchange, as a value.

    Attributes:
        name: Dotted name, product first, such as ``swap.set_leverage``.
        method: HTTP method, in capitals.
        path: Path below the host, such as ``/openApi/swap/v2/trade/leverage``.
        quota: What one UID may ask of it; ``None`` for public endpoints, which have no such quota.
        group: The IP group that it belongs to; ``None`` where no source tells.
        needs: The permission that the API key must have; ``None`` for public endpoints.
        body: Where the parameters travel: in the query string or as a JSON body.
        stub: The declared method.
        answer: Where the answer sits: below ``data`` in the envelope ``{code, msg, data}`` (a
            dotted path such as ``data.order``, whose steps are skipped where an answer lacks
            them); ``flat``, beside code and msg; ``bare``, without an envelope; ``file``, bytes
            that are no JSON.
        check: Refuses, with ``InvalidRequest``, parameters that the exchange is documented to
            refuse; ``None`` if there are none such.
    """

    name: str
    method: str
    path: str
    quota: Quota | None
    group: int | None
    needs: Needs | None
    body: Body
    stub: Callable[..., Awaitable[Any]] = attrs.field(repr=False)
    answer: str = "data"
    check: Check | None = attrs.field(default=None, repr=False)

    @property
    def idempotent(self) -> bool:
        """Whether a second request does no harm, so that it may be repeated unasked."""
        return self.method in _IDEMPOTENT

    @property
    def quotas(self) -> tuple[Quota, ...]:
        """Every published quota that a request counts against, the UID's before the address's."""
        group = IP_GROUPS.get(self.group) if self.group is not None else None
        return (
            *((self.quota,) if self.quota else ()),
            *((*group.each, *group.total) if group else ()),
        )

    @property
    def limits(self) -> str:
        """The limits in words, as they stand in the method's docstring."""
        limit = f"{self.quota} per UID" if self.quota else "no UID limit"
        group = f"IP group {self.group}" if self.group else "IP group unknown"
        return f"Limits: {limit}; {group}. Key: {self.needs or 'none'}."

    # What follows is made on first use, and is an attribute from then on.

    @functools.cached_property
    def _hints(self) -> dict[str, Any]:
        return typing.get_type_hints(self.stub, include_extras=True)

    @functools.cached_property
    def params(self) -> type[Any]:
        """The attrs class of the request's parameters, in the order of the signature."""
        _, *parameters = inspect.signature(self.stub).parameters.values()
        fields = {
            parameter.name: attrs.field(
                type=self._hints[parameter.name],
                default=attrs.NOTHING
                if parameter.default is parameter.empty
                else parameter.default,
                kw_only=parameter.kind is parameter.KEYWORD_ONLY,
            )
            for parameter in parameters
        }
        made = attrs.make_class(self.stub.__name__, fields, slots=True, eq=True)
        made.__doc__ = f"The parameters of {self.name}."
        return made

    @functools.cached_property
    def returns(self) -> Any:
        """The type of the answer, which is an attrs class or a list of one."""
        return self._hints["return"]

    @functools.cached_property
    def steps(self) -> tuple[str, ...]:
        """The keys of the envelope that lead to the answer; none if it is the envelope itself."""
        return () if self.answer in {"flat", "bare"} else tuple(self.answer.split("."))

    @functools.cached_property
    def unstructure(self) -> Callable[[object], dict[str, object]]:
        """Turn an instance of :attr:`params` into a mapping of wire names to values."""
        return converter.get_unstructure_hook(self.params)

    @functools.cached_property
    def structure(self) -> Callable[[object, Any], Any]:
        """
        Turn decoded JSON into :attr:`returns`, which is passed as well, as cattrs' hooks want it.

        It raises ``WireError`` where the JSON does not fit.
        """
        return typing.cast(
            "Callable[[object, Any], Any]", converter.get_structure_hook(self.returns)
        )


class Caller(Protocol):
    """Whoever carries a call out: the session, or a test's recorder."""

    def call(self, endpoint: Endpoint, params: object) -> Awaitable[Any]:
        """
        Carry out one call.

        Args:
            endpoint: What is called.
            params: An instance of ``endpoint.params``.

        Returns:
            An awaitable of an instance of ``endpoint.returns``.
        """
        ...


class Section:
    """
    Endpoints that belong together; subclasses declare them and hold nothing else.

    Args:
        caller: Carries out the calls.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller


class Terms(TypedDict, total=False):
    """
    What the decorators take beside the path.

    Attributes:
        uid: Requests a second that one UID may send; none for public endpoints.
        group: The IP group; left out where no source tells.
        needs: The permission that the key must have; left out for public endpoints.
        body: ``"json"`` where the exchange takes a JSON body, ``"query"`` (default) otherwise.
        answer: Where the answer sits, see :class:`Endpoint`; ``"data"`` by default.
        check: Refuses what the exchange is documented to refuse, see :class:`Endpoint`.
    """

    uid: int
    group: int
    needs: Needs
    body: Body
    answer: str
    check: Check


def _declare(method: str, path: str, terms: Terms) -> Callable[[Stub], Stub]:
    def decorate(stub: Stub) -> Stub:
        # The product is the package's own word for it: bingx_async.swap.trade declares "swap".
        product = stub.__module__.removeprefix(_PACKAGE).partition(".")[0]
        uid = terms.get("uid")
        endpoint = Endpoint(
            name=f"{product}.{stub.__name__}",
            method=method,
            path=path,
            quota=Quota(uid, 1.0) if uid else None,
            group=terms.get("group"),
            needs=terms.get("needs"),
            body=terms.get("body", "query"),
            stub=stub,
            answer=terms.get("answer", "data"),
            check=terms.get("check"),
        )

        @functools.wraps(stub)
        def call(self: Section, /, *args: Any, **kwargs: Any) -> Awaitable[Any]:
            return self._caller.call(endpoint, endpoint.params(*args, **kwargs))

        call.__doc__ = f"{inspect.cleandoc(stub.__doc__ or '')}\n\n{endpoint.limits}"
        call.__endpoint__ = endpoint  # type: ignore[attr-defined]
        if sys.version_info >= (3, 12):  # pragma: no cover - depends on the Python
            inspect.markcoroutinefunction(call)
        return typing.cast("Stub", call)

    return decorate


def get(path: str, **terms: Unpack[Terms]) -> Callable[[Stub], Stub]:
    """Declare a GET endpoint by its path below the host and its :class:`Terms`."""
    return _declare("GET", path, terms)


def post(path: str, **terms: Unpack[Terms]) -> Callable[[Stub], Stub]:
    """Declare a POST endpoint by its path below the host and its :class:`Terms`."""
    return _declare("POST", path, terms)


def put(path: str, **terms: Unpack[Terms]) -> Callable[[Stub], Stub]:
    """Declare a PUT endpoint by its path below the host and its :class:`Terms`."""
    return _declare("PUT", path, terms)


def delete(path: str, **terms: Unpack[Terms]) -> Callable[[Stub], Stub]:
    """Declare a DELETE endpoint by its path below the host and its :class:`Terms`."""
    return _declare("DELETE", path, terms)


def endpoints_of(section: type[Section]) -> dict[str, Endpoint]:
    """Return the endpoints that a section declares or inherits, by the name of the method."""
    found: dict[str, Endpoint] = {}
    for cls in reversed(section.__mro__):
        for name, member in vars(cls).items():
            endpoint = getattr(member, "__endpoint__", None)
            if isinstance(endpoint, Endpoint):
                found[name] = endpoint
    return found
