"""Facts about declarations."""

import inspect
from typing import Any

import attrs
import pytest

from bingx_async import BingX, Quota, account, swap, user_stream
from bingx_async.account import Account
from bingx_async.endpoint import Endpoint, Section, delete, endpoints_of, get, post, put
from bingx_async.swap import Contract, Leverage, PositionSide, Swap
from bingx_async.user_stream import UserStream


class Recorder:
    """A caller that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[Endpoint, Any]] = []

    async def call(self, endpoint: Endpoint, params: object) -> Any:
        self.calls.append((endpoint, params))
        return "answer"


class Shelf(Section):
    """Declarations of every kind."""

    @get("/a", group=1)
    async def reader(self, symbol: str, *, limit: int = 50) -> Leverage:
        """Read it."""
        ...

    @post("/a", uid=2, group=3, needs="trade", body="json")
    async def set_it(self, side: PositionSide, on: bool | None = None) -> list[Contract]:
        """Set it."""
        ...

    @put("/a", uid=1, needs="read")
    async def keep(self) -> Leverage:
        """Keep it."""
        ...

    @delete("/a", uid=1, needs="trade")
    async def cancel_it(self) -> Leverage:
        """Cancel it."""
        ...


class Taller(Shelf):
    """A product inherits its sections."""


async def test_a_call_hands_its_arguments_to_the_caller():
    """As an instance of the class that the signature was made into."""
    recorder = Recorder()
    shelf = Taller(recorder)

    assert await shelf.reader("X", limit=3) == "answer"

    ((endpoint, params),) = recorder.calls
    assert (endpoint.method, endpoint.path, endpoint.group) == ("GET", "/a", 1)
    assert attrs.asdict(params) == {"symbol": "X", "limit": 3}
    assert endpoint.unstructure(params) == {"symbol": "X", "limit": 3}


@pytest.mark.parametrize(
    ("args", "kwargs", "match"),
    [
        ((), {}, "missing 1 required positional argument: 'symbol'"),
        (("X", 3), {}, "takes 2 positional arguments but 3 were given"),
        (("X",), {"limits": 3}, "unexpected keyword argument 'limits'"),
        (("X",), {"symbol": "Y"}, "multiple values for argument 'symbol'"),
    ],
)
def test_a_wrong_call_is_a_type_error_at_once(args, kwargs, match):
    """As in Python, before anything is awaited."""
    with pytest.raises(TypeError, match=match):
        Shelf(Recorder()).reader(*args, **kwargs)


async def test_an_argument_equal_to_its_default_is_left_out():
    """The default is the exchange's own."""
    recorder = Recorder()
    await Shelf(recorder).reader("X", limit=50)
    await Shelf(recorder).set_it(PositionSide.LONG)
    await Shelf(recorder).set_it(PositionSide.LONG, on=False)

    sent = [endpoint.unstructure(params) for endpoint, params in recorder.calls]
    assert sent == [{"symbol": "X"}, {"side": "LONG"}, {"side": "LONG", "on": False}]


def test_the_docstring_tells_the_limits():
    """What help() shows cannot differ from what is enforced."""
    assert Swap.set_leverage.__doc__ is not None
    assert Swap.set_leverage.__doc__.endswith("Limits: 5/s per UID; IP group 2. Key: trade.")
    assert (Shelf.reader.__doc__ or "").endswith("Limits: no UID limit; IP group 1. Key: none.")
    assert (Shelf.keep.__doc__ or "").endswith("Limits: 1/s per UID; IP group unknown. Key: read.")


def test_a_declared_method_looks_like_what_was_written():
    """Hover, help and inspection see the signature."""
    signature = inspect.signature(Swap.set_leverage)

    assert list(signature.parameters) == ["self", "symbol", "side", "leverage"]
    assert signature.return_annotation is Leverage
    assert Swap.set_leverage.__name__ == "set_leverage"


def test_endpoints_are_listed_by_dotted_name():
    """As values that say all there is to know; tests/catalogue.json has what they say."""
    found = BingX.endpoints()
    endpoint = found["swap.set_leverage"]

    assert (endpoint.method, endpoint.path) == ("POST", "/openApi/swap/v2/trade/leverage")
    assert (endpoint.quota, endpoint.group, endpoint.needs) == (Quota(5, 1), 2, "trade")
    assert (endpoint.body, endpoint.answer, endpoint.check) == ("json", "data", None)
    assert [field.name for field in attrs.fields(endpoint.params)] == ["symbol", "side", "leverage"]
    assert endpoint.returns is Leverage
    assert found["swap.contracts"].returns == list[Contract]
    assert all(name == endpoint.name for name, endpoint in found.items())


def test_reads_are_idempotent_and_writes_are_not():
    """Only what is idempotent is repeated unasked."""
    idempotent = {name for name, endpoint in BingX.endpoints().items() if endpoint.idempotent}
    assert {"swap.leverage", "swap.open_orders", "user_stream.extend_listen_key"} <= idempotent
    assert not {"swap.place_order", "swap.cancel_order", "swap.set_leverage"} & idempotent


def test_an_endpoint_lists_every_quota_that_it_counts_against():
    """Its UID's, its address's, its group's."""
    found = BingX.endpoints()

    assert found["swap.set_leverage"].quotas == (Quota(5, 1), Quota(300, 10), Quota(2000, 10))
    assert found["swap.contracts"].quotas == (Quota(500, 10), Quota(1000, 60))
    assert found["swap.server_time"].quotas == ()


def test_a_section_lists_what_it_inherits():
    """By the name of the method."""
    assert set(endpoints_of(Taller)) == {"reader", "set_it", "keep", "cancel_it"}
    assert endpoints_of(Taller)["keep"] is endpoints_of(Shelf)["keep"]
    assert {e.method for e in endpoints_of(Shelf).values()} == {"GET", "POST", "PUT", "DELETE"}


def test_every_stub_is_declared():
    """A stub without a decorator would do nothing, silently."""
    for product in (Swap, Account, UserStream):
        for section in product.__mro__[:-2]:
            for name, member in vars(section).items():
                if inspect.isfunction(member) and not name.startswith("_"):
                    does_something = len(member.__code__.co_code) > len(_stub.__code__.co_code)
                    declared = hasattr(member, "__endpoint__")
                    assert declared or does_something, f"{section.__name__}.{name}"


async def _stub(self):
    """Do nothing."""
    ...


def test_every_declaration_says_what_it_takes_gives_and_raises():
    """Units, ranges, errors and the source."""
    for name, endpoint in BingX.endpoints().items():
        text = inspect.getdoc(endpoint.stub) or ""
        for part in ("Returns:", "Raises:", "Source: https://"):
            says_nothing = part == "Returns:" and endpoint.returns is type(None)
            assert part in text or says_nothing, f"{name} lacks {part}"
        for field in attrs.fields(endpoint.params):
            elsewhere = "parameters are those of :meth:" in " ".join(text.split())
            said = f"{field.name}: " in text or f"``{field.name}``" in text
            assert said or elsewhere, f"{name} does not explain {field.name}"


def test_every_model_explains_every_field():
    """In its docstring, where people look."""
    for module in (swap, account, user_stream):
        for name in module.__all__:
            model = getattr(module, name)
            if attrs.has(model):
                for field in attrs.fields(model):
                    said = any(f"{field.name}: " in (base.__doc__ or "") for base in model.__mro__)
                    assert said, f"{name}.{field.name}"
