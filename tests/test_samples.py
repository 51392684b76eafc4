"""Facts about every endpoint: what it sends, and what it makes of real answers."""

import json
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import attrs
import pytest

from bingx_async import BingX
from bingx_async.answer import read
from bingx_async.converter import converter
from bingx_async.signing import pairs
from bingx_async.wire import SPELLINGS, decode, wire_name

SAMPLES = Path(__file__).parent / "samples"
ENDPOINTS = BingX.endpoints()
NOTHING: tuple[Any, ...] = (None, "", 0, "0", -1, [], {})


def text_of(name):
    return (SAMPLES / f"{name.replace('.', '/')}.json").read_text()


def answers(name):
    """Return the bodies as written, so that no digit is lost on the way through a parser."""
    bodies = text_of(name).partition('"answers":')[2]
    decoder, found = json.JSONDecoder(), []
    start = bodies.index("[") + 1
    while bodies[start:].strip(" \n,")[0] != "]":
        start += len(bodies[start:]) - len(bodies[start:].lstrip(" \n,"))
        body, end = decoder.raw_decode(bodies, start)
        # A body that is no JSON object or list is written as a string.
        found.append((body if isinstance(body, str) else bodies[start:end]).encode())
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
    endpoint, given = ENDPOINTS[name], json.loads(text_of(name))
    keys = {field.name: wire_name(field) for field in attrs.fields(endpoint.params)}
    assert set(given["request"]) == set(keys), "the sample gives every parameter"
    arguments = {keys[name]: value for name, value in given["request"].items()}
    params = converter.structure(arguments, endpoint.params)
    sent = {name: text for name, text, _ in pairs(endpoint.unstructure(params))}
    assert sent == {name: f"{name}={text}" for name, text in given["sent"].items()}


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_every_answer_is_read(name):
    """In the documented shape and in the odd ones."""
    endpoint, bodies = ENDPOINTS[name], answers(name)
    assert len(bodies) >= 2
    for body in bodies:
        answer = read(endpoint, 200, body)
        assert (answer is None) == (endpoint.returns is type(None))


def bare(type_):
    """Strip marks, and ``None`` from a union."""
    if hasattr(type_, "__metadata__"):
        return bare(get_args(type_)[0])
    if get_origin(type_) in (Union, types.UnionType):
        (type_,) = (kind for kind in get_args(type_) if kind is not type(None))
        return bare(type_)
    return type_


def unread(type_, written, made, path=""):
    """Yield the keys of an answer that no field reads, or whose value is lost."""
    type_ = bare(type_)
    if isinstance(written, str) and (attrs.has(type_) or get_origin(type_) is list) and written:
        written = decode(written)
    if get_origin(type_) is list and written:
        rows = written if isinstance(written, list) else [written]
        assert len(rows) == len(made), path
        for number, (row, item) in enumerate(zip(rows, made, strict=True)):
            yield from unread(get_args(type_)[0], row, item, f"{path}[{number}]")
    elif attrs.has(type_) and isinstance(written, dict) and made is not None:
        fields = spelt(type_)
        for key, value in written.items():
            if key not in fields:
                yield f"{path}.{key}"
            else:
                found = getattr(made, fields[key].name)
                yield from unread(fields[key].type, value, found, f"{path}.{key}")
    elif made is None and says_something(written):
        yield path


def says_something(written):
    """Tell a value from none, and an object from one in which nothing stands."""
    values = written.values() if isinstance(written, dict) else [written]
    return any(value not in NOTHING for value in values)


def spelt(model):
    """Find the fields of a model by every name under which they may come."""
    attrs.resolve_types(model)
    fields = {}
    for field in attrs.fields(model):
        key = wire_name(field)
        fields |= dict.fromkeys((*SPELLINGS.get(key, ()), key), field)
    return fields


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_every_documented_field_is_read(name):
    """The first answer has them all, with values that say something."""
    endpoint, body = ENDPOINTS[name], answers(name)[0]
    if endpoint.returns is type(None) or endpoint.answer == "file":
        return
    made, written = read(endpoint, 200, body), decode(body)
    if endpoint.answer in {"flat", "bare"}:
        written = {k: v for k, v in written.items() if k not in {"code", "msg", "timestamp"}}
    else:
        for step in endpoint.answer.split("."):
            written = written[step]
    assert not list(unread(endpoint.returns, written, made))
