"""Facts about the exchange's endpoints, held against the declarations."""

import json
from pathlib import Path

import attrs
import pytest

from bingx_async import BingX
from bingx_async.wire import wire_name

CATALOGUE = json.loads((Path(__file__).parent / "catalogue.json").read_text())
ENDPOINTS = BingX.endpoints()


def test_nothing_is_missing_and_nothing_is_made_up():
    """Every endpoint of the catalogue is declared, and no other."""
    assert set(ENDPOINTS) == set(CATALOGUE)


def test_no_two_endpoints_are_one():
    """Each has a method and path of its own."""
    assert len({(e.method, e.path) for e in ENDPOINTS.values()}) == len(ENDPOINTS)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_an_endpoint_is_declared_as_it_is(name):
    """Address, limits, permission, and the names of its parameters."""
    endpoint = ENDPOINTS[name]
    fields = attrs.fields(endpoint.params)
    attrs.resolve_types(endpoint.params)
    assert CATALOGUE[name] == {
        "method": endpoint.method,
        "path": endpoint.path,
        "uid": endpoint.quota.tokens if endpoint.quota else None,
        "group": endpoint.group,
        "needs": endpoint.needs,
        "required": sorted(wire_name(f) for f in fields if f.default is attrs.NOTHING),
        "optional": sorted(wire_name(f) for f in fields if f.default is not attrs.NOTHING),
    }


def test_quotas_are_per_second():
    """That is how the exchange prints all of them."""
    for endpoint in ENDPOINTS.values():
        assert endpoint.quota is None or endpoint.quota.period == 1.0
