"""Faults of a client that was generated from an older contract."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from tests.contract.clients import Prepare, argument_name
from tests.contract.mutants.client_seams import (
    client,
    on_the_line,
    overriding,
    rebuilt,
    with_operations,
    with_submit,
)
from tests.contract.mutants.site import Site

client.topic("stale generation")


@client.fault("path")
def the_path_is_that_of_an_older_contract(_: Site) -> Prepare:
    """The server knows no such path any more."""
    return on_the_line(
        lambda request: rebuilt(request, url=request.url.copy_with(path=request.url.path.replace("-", "_") + "-v0"))
    )


@client.fault("arguments_named", "valid_input_sent")
def a_property_is_not_known_yet(site: Site) -> Prepare:
    """What the contract offers cannot be asked for."""
    name = argument_name(site.optional)

    def call(self: Any, original: Any, **arguments: Any) -> Any:
        del self
        return original(**arguments)

    def prepare(client: type[Any]) -> type[Any]:
        import inspect

        method = next(name for name, each in client.operations.items() if each.id == site.submit.id)
        faulty = overriding(**{method: call})(client)
        signature = inspect.signature(getattr(client, method))
        kept = [each for each in signature.parameters.values() if each.name != name]

        def checked(self: Any, **arguments: Any) -> Any:
            if name in arguments:
                raise TypeError(f"unexpected keyword argument {name!r}")
            return getattr(client, method)(self, **arguments)

        checked.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
        setattr(faulty, method, checked)
        return faulty

    return prepare


@client.fault("valid_input_sent")
def a_value_of_an_enum_is_not_known_yet(site: Site) -> Prepare:
    """What the contract offers cannot be asked for."""
    name = site.property_with("enum")
    return with_submit(site, _body_schema(lambda member: {**member, "enum": member["enum"][:1]}, name))


@client.fault("valid_input_sent")
def an_optional_property_is_still_required(site: Site) -> Prepare:
    """A call that the contract allows cannot be made."""

    def change(schema: dict[str, Any]) -> dict[str, Any]:
        return {**schema, "required": [*schema.get("required", []), site.optional]}

    return with_submit(site, _object_schema(change))


@client.fault("operation_offered")
def an_operation_is_not_known_yet(site: Site) -> Prepare:
    """What the contract offers cannot be done."""

    def prepare(client: type[Any]) -> type[Any]:
        operations = {name: each for name, each in client.operations.items() if each.id != site.submit.id}
        return type(client.__name__, (client,), {"operations": operations})

    return prepare


@client.fault("key_in_place")
def the_key_goes_where_it_went_before(_: Site) -> Prepare:
    """Every call is refused."""
    return with_operations(
        lambda operation: dataclasses.replace(
            operation, keys=tuple(dataclasses.replace(key, name=key.name + "-V0") for key in operation.keys)
        )
    )


def _object_schema(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    """Another schema for the body of an operation; what it refers to is in its components."""

    def changed(operation: Any) -> Any:
        schema = json.loads(json.dumps(operation.body.schema))
        if "$ref" in schema:
            schemas, name = schema["components"]["schemas"], schema["$ref"].rpartition("/")[2]
            schemas[name] = change(schemas[name])
        else:
            schema = change(schema)
        return dataclasses.replace(operation, body=type(operation.body)(schema, operation.body.formats))

    return changed


def _body_schema(change: Callable[[dict[str, Any]], dict[str, Any]], name: str) -> Callable[[Any], Any]:
    """Another schema for a property of the body of an operation, written out in place of a reference."""

    def changed(operation: Any) -> Any:
        components = operation.body.schema.get("components", {}).get("schemas", {})

        def member(schema: dict[str, Any]) -> dict[str, Any]:
            old = schema["properties"][name]
            old = components[old["$ref"].rpartition("/")[2]] if "$ref" in old else old
            return {**schema, "properties": {**schema["properties"], name: change(dict(old))}}

        return _object_schema(member)(operation)

    return changed
