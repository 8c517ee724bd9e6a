"""Requests just inside and just outside of the contract, which a generator of data seldom makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spacely_spec import Operation, compile_schema, json_schema, read_pointer

from . import credentials, expectations
from .server import Server, copied

PHASE = "edges"
_LONG = "long text " * 2000
_TEXTS = ("", " ", "0", "null", "line\nbreak\ttab", '"quoted" \\ </script> %00 & = #', "ünï 漢字 ไทย 🏠", _LONG)
_OTHERS: tuple[Any, ...] = (None, True, 0, 7, -1, 1.5, [], {})


def check_edges(server: Server) -> None:
    """Send each operation that takes a JSON object bodies that differ from a valid one in a single place.

    Whether a body is valid is told by its schema. Valid ones must be accepted, the others refused; the same goes
    for the ways to name the body's type.
    """
    for operation in server.spec.operations:
        (case,) = server.valid_cases(operation, 1)
        if operation.body is None or not isinstance(case.body, dict) or "json" not in str(case.media_type):
            continue
        schema = operation.body.content[str(case.media_type)].schema or {}
        fits = compile_schema(json_schema(schema, server.spec.components, direction="request"))
        for body in _bodies(case.body, _choices(schema, server.spec.components)):
            edge = copied(case)
            edge.body = body
            _check(server, operation, edge, {}, valid=fits.is_valid(body))
        offered = str(case.media_type)
        for name, valid in ((f"{offered}; charset=utf-8", True), (offered.upper(), True), ("text/plain", False)):
            if valid or name not in operation.body.content:
                _check(server, operation, copied(case), {"Content-Type": name}, valid=valid)


def _check(server: Server, operation: Operation, case: Any, headers: Mapping[str, str], *, valid: bool) -> None:
    right = credentials.right(operation, server.key)
    response, exchange = server.send(PHASE, case, right, headers)
    if valid:
        check, wanted = "edge_accepted", expectations.successes(operation)
    else:
        check, wanted = "edge_refused", expectations.rejections(operation)
    about = next(iter(headers.values()), "") or f"{case.body!r:.200}"
    rule = f"{about} is {'valid' if valid else 'not valid'}: the answer is {' or '.join(wanted)}."
    holds = expectations.allows(wanted, response.status_code)
    server.report.check(PHASE, expectations.label(operation), check, holds, rule, exchange)


def _choices(schema: Mapping[str, Any], components: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The values of each property of an object that are listed in its schema."""
    members = json_schema(schema, components, direction="request")
    listed: dict[str, list[Any]] = {}
    for name, member in _resolved(members, members).get("properties", {}).items():
        listed[name] = list(_resolved(member, members).get("enum", []))
    return listed


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = read_pointer(document, schema["$ref"].removeprefix("#"))
    return schema


def _bodies(valid: Mapping[str, Any], choices: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    yield dict(valid)
    yield {**valid, "x-unknown": [1]}
    for name, value in valid.items():
        others = {key: each for key, each in valid.items() if key != name}
        yield others
        yield {name: value}
        yield {**others, name.swapcase(): value}
        for text in (*_TEXTS, *_variants(value)):
            yield {**valid, name: text}
        for other in (*_OTHERS, [value], str(value), *choices.get(name, [])):
            yield {**valid, name: other}


def _variants(value: Any) -> Iterator[str]:
    """Ways to write a text that are not the same text."""
    if isinstance(value, str):
        yield from (value.upper(), value.title(), f" {value}", f"{value} ", f"{value}\n")
