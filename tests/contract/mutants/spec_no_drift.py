"""Edits of a contract that change nothing on the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_places import (
    Document,
    body_examples,
    body_schema,
    resolved,
    spec,
)

spec.topic("no drift")


@spec.no_op("mock", "client")
def every_description_is_reworded(document: Document, _: Site) -> None:
    """Words for people change nothing."""
    _walk(
        document, lambda node: node.update({name: "Reworded." for name in ("description", "summary") if name in node})
    )


@spec.no_op("mock", "client", "old mock", "old client")
def nothing_is_changed(document: Document, _: Site) -> None:
    """What edits are made with is no edit."""


@spec.no_op("mock", "client")
def the_keys_of_the_document_come_in_another_order(document: Document, _: Site) -> None:
    """YAML mappings have no order, but for operations, which keep theirs."""

    def turned(node: dict[str, Any]) -> None:
        if "operationId" in node or "type" in node:
            items = list(node.items())[::-1]
            node.clear()
            node.update(items)

    _walk(document, turned)


@spec.no_op("mock", "client")
def an_example_shows_another_valid_value(document: Document, site: Site) -> None:
    """Examples are examples."""
    for example in body_examples(document, site):
        example[site.optional] = "another one"


@spec.no_op("mock", "client")
def references_are_written_out(document: Document, site: Site) -> None:
    """A schema means the same wherever it stands."""
    schema = body_schema(document, site)
    schema["properties"] = {name: resolved(document, each) for name, each in schema["properties"].items()}


@spec.no_op("mock", "client")
def an_extension_is_added(document: Document, _: Site) -> None:
    """What begins with x- means nothing to whoever does not know it."""
    document["x-added"] = {"anything": [1, None]}


@spec.no_op("mock", "client")
def the_version_is_raised(document: Document, _: Site) -> None:
    """The number is for people."""
    document["info"]["version"] = "99.0.0"


@spec.no_op("mock", "client")
def a_schema_that_nothing_uses_is_added(document: Document, _: Site) -> None:
    """What nothing refers to is nowhere on the wire."""
    document.setdefault("components", {}).setdefault("schemas", {})["Added"] = {"type": "string"}


def _walk(node: Any, change: Callable[[dict[str, Any]], object]) -> None:
    if isinstance(node, dict):
        change(node)
        for each in list(node.values()):
            _walk(each, change)
    elif isinstance(node, list):
        for each in node:
            _walk(each, change)
