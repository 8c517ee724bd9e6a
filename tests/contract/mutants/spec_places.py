"""Edits of a contract: how they are written, and the places in a document that they change.

What the suite must make of an edit is told for a mock and a client that are made from the edited contract. The old mock
and the old client are the other way round: made from the contract as it is and held to the edited one, as after an edit
without a release.
"""

from __future__ import annotations

from typing import Any

from tests.contract.mutants.model import NotApplicable, Registry
from tests.contract.mutants.site import Site

from spacely_spec import Answer, Operation

spec = Registry("spec")
Document = dict[str, Any]


def operation_in(document: Document, operation: Operation) -> dict[str, Any]:
    """An operation."""
    found: dict[str, Any] = document["paths"][operation.path][operation.method.lower()]
    return found


def resolved(document: Document, node: dict[str, Any]) -> dict[str, Any]:
    """What a node refers to, or the node itself."""
    while "$ref" in node:
        target: Any = document
        for token in node["$ref"].split("/")[1:]:
            target = target[token]
        node = target
    return node


def body_schema(document: Document, site: Site) -> dict[str, Any]:
    """The schema of the body of a submit."""
    content = operation_in(document, site.submit)["requestBody"]["content"]
    return resolved(document, next(iter(content.values()))["schema"])


def body_examples(document: Document, site: Site) -> list[dict[str, Any]]:
    """The examples of the body of a submit."""
    content = next(iter(operation_in(document, site.submit)["requestBody"]["content"].values()))
    return [each["value"] for each in content.get("examples", {}).values()]


def property_schema(document: Document, site: Site, name: str) -> dict[str, Any]:
    """The schema of a property of that body."""
    return resolved(document, body_schema(document, site)["properties"][name])


def answer_content(document: Document, operation: Operation, status: int) -> dict[str, Any]:
    """What the answer with a status holds: its schema and examples."""
    response = resolved(document, operation_in(document, operation)["responses"][str(status)])
    return next(iter(response["content"].values()))


def holder_of(document: Document, schema: dict[str, Any], pointer: str) -> tuple[dict[str, Any], str]:
    """The schema of the object that holds what a pointer into an answer names, and the name."""
    *tokens, last = pointer.split("/")[1:]
    schema = resolved(document, schema)
    for token in tokens:
        schema = resolved(document, schema["properties"][token])
    return schema, last


def polled_holder(document: Document, site: Site, pointer: str) -> tuple[dict[str, Any], str]:
    """The same of the answer to a poll."""
    return holder_of(document, answer_content(document, site.poll, site.polled)["schema"], pointer)


def link_in(document: Document, site: Site) -> dict[str, Any]:
    """The first polling Link."""
    responses = operation_in(document, site.submit)["responses"]
    found: dict[str, Any] = responses[site.polling.status]["links"][site.polling.link]
    return found


def parameter_in(document: Document, site: Site) -> dict[str, Any]:
    """The parameter that carries the id of a poll."""
    for each in operation_in(document, site.poll)["parameters"]:
        if each.get("name") == site.polling.parameter:
            found: dict[str, Any] = each
            return found
    raise NotApplicable("the parameter of the poll is a reference")


def rename(holder: dict[str, Any], old: str, new: str) -> None:
    """Give a member of an object another name in the same place."""
    renamed = {new if name == old else name: value for name, value in holder.items()}
    holder.clear()
    holder.update(renamed)


def rename_property(schema: dict[str, Any], old: str, new: str) -> None:
    """Give a property of a schema another name."""
    rename(schema["properties"], old, new)
    schema["required"] = [new if name == old else name for name in schema.get("required", [])]


def rename_in_example(node: Any, pointer: str, new: str) -> None:
    """Give what a pointer names in an example another name."""
    *tokens, last = pointer.split("/")[1:]
    for token in tokens:
        node = node[token]
    rename(node, last, new)


def optional_text(document: Document, site: Site) -> dict[str, Any]:
    """The schema of a property of a submit that is a text and may be left out."""
    schema = property_schema(document, site, site.optional)
    if schema.get("type") != "string":
        raise NotApplicable("the optional property is no text")
    return schema


def running_answer(site: Site) -> Any:
    """The answer of a job that runs, as the contract shows it."""
    return Answer(site.polled, {}, site.example("running"))
