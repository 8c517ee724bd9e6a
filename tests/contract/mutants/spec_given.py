"""Edits that give a contract what some faults are about, where it has not got it."""

from __future__ import annotations

import json

from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_places import Document, operation_in

_NAME = {"type": "string", "pattern": "^[a-z0-9]{8}$"}


def errors_have_a_body(document: Document, site: Site) -> None:
    """A poll may end in a conflict, which tells what the problem is."""
    schema = {"type": "object", "required": ["problem"], "properties": {"problem": {"type": "string"}}}
    operation_in(document, site.poll)["responses"]["409"] = {
        "description": "It cannot be told now.",
        "content": {"application/json": {"schema": schema}},
    }


def there_are_things_to_be_made(document: Document, site: Site) -> None:
    """Things can be made, fetched and deleted; what a poll has is what they have."""
    fetch = json.loads(json.dumps(operation_in(document, site.poll)))
    ended = {status: each for status, each in fetch["responses"].items() if status != str(site.polled)}
    ended["404"] = {"description": "There is no such thing."}
    thing = {"type": "object", "required": ["name"], "properties": {"name": _NAME}}
    content = {"application/json": {"schema": thing}}
    parameter = {"name": "name", "in": "path", "required": True, "schema": _NAME}
    links = {
        name: {"operationId": name, "parameters": {"name": "$response.body#/name"}}
        for name in ("fetchThing", "deleteThing")
    }

    def operation(name: str, responses: Document, **members: object) -> Document:
        return {
            **members,
            "operationId": name,
            "security": fetch.get("security", []),
            "responses": {**responses, **ended},
        }

    document["paths"]["/things"] = {
        "post": operation(
            "makeThing",
            {"201": {"description": "It is there.", "content": content, "links": links}},
            requestBody={"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        )
    }
    document["paths"]["/things/{name}"] = {
        "get": operation(
            "fetchThing", {"200": {"description": "The thing.", "content": content}}, parameters=[parameter]
        ),
        "delete": operation("deleteThing", {"204": {"description": "It is gone."}}, parameters=[parameter]),
    }
