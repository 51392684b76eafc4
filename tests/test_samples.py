"""Facts about every endpoint: what it sends, and what it makes of real answers."""

import json
from pathlib import Path

import attrs
import pytest

from bingx_async import BingX
from bingx_async.answer import read
from bingx_async.signing import pairs
from bingx_async.wire import wire_name

SAMPLES = Path(__file__).parent / "samples"
ENDPOINTS = BingX.endpoints()


def sample(name):
    return json.loads((SAMPLES / f"{name.replace('.', '/')}.json").read_text())


def answers(name):
    """Return the bodies as written, so that no digit is lost on the way through a parser."""
    text = (SAMPLES / f"{name.replace('.', '/')}.json").read_text()
    bodies = text.partition('"answers":')[2]
    decoder, found = json.JSONDecoder(), []
    start = bodies.index("[") + 1
    while bodies[start:].strip(" \n,")[0] != "]":
        start += len(bodies[start:]) - len(bodies[start:].lstrip(" \n,"))
        _, end = decoder.raw_decode(bodies, start)
        found.append(bodies[start:end].encode())
        start = end
    return found


def test_every_endpoint_has_a_sample_and_every_sample_an_endpoint():
    """None is forgotten."""
    files = {
        str(path.relative_to(SAMPLES))[:-5].replace("/", ".") for path in SAMPLES.rglob("*.json")
    }
    assert files == set(ENDPOINTS)


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_the_request_is_sent_as_documented(name):
    """Names and texts on the wire."""
    endpoint, given = ENDPOINTS[name], sample(name)
    params = endpoint.params(**given["request"])
    assert {name: text for name, text, _ in pairs(endpoint.unstructure(params))} == {
        name: f"{name}={text}" for name, text in given["sent"].items()
    }


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_every_answer_is_read(name):
    """In the documented shape and in the odd ones."""
    bodies = answers(name)
    assert len(bodies) >= 2
    for body in bodies:
        assert read(ENDPOINTS[name], 200, body)


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_every_documented_field_is_read(name):
    """The first answer has them all, and each makes a difference."""
    endpoint = ENDPOINTS[name]
    answer = read(endpoint, 200, answers(name)[0])
    row = answer[0] if isinstance(answer, list) else answer
    data = sample(name)["answers"][0]["data"]
    fields = {wire_name(field): field.name for field in attrs.fields(type(row))}
    assert set(data[0] if isinstance(data, list) else data) == set(fields)
    assert not [field for field in fields.values() if getattr(row, field) is None]
