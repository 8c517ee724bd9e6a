"""What the contract says beyond the vendor's pages is marked as assumed, with a reason.

``DOCUMENTED`` is kept by hand, from those pages alone; nobody but the vendor can make it longer.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spacely_spec import join_pointer, load, read_pointer

DOCUMENT = dict(load(Path(__file__).parents[2] / "openapi.yaml").document)

SUBMIT = "/paths/~1generate~1advance/post"
POLL = "/paths/~1generate~1poll-result/get"
JSON = "content/application~1json"
SCHEMAS = "/components/schemas"
DOCUMENTED: dict[str, set[Any]] = {
    "/servers/0/url": {"https://api.spacely.ai/api/v1"},
    "/x-rate-limit/requests": {100},
    "/x-rate-limit/seconds": {1},
    "/x-rate-limit/scope": {"user"},
    f"{SUBMIT}/security/0/ApiKey": {"no scopes"},
    f"{SUBMIT}/requestBody/required": {True},
    f"{SUBMIT}/requestBody/{JSON}/examples/vendor": {"an example"},
    f"{SUBMIT}/responses/200/{JSON}/examples/accepted": {"an example"},
    f"{SUBMIT}/responses/200/links/result/parameters/refId": {"$response.body#/data"},
    f"{POLL}/security/0/ApiKey": {"no scopes"},
    f"{POLL}/parameters/0/name": {"refId"},
    f"{POLL}/parameters/0/in": {"query"},
    f"{POLL}/parameters/0/required": {True},
    f"{POLL}/parameters/0/example": {"an example"},
    f"{POLL}/responses/200/{JSON}/examples/processing": {"an example"},
    f"{POLL}/responses/200/{JSON}/examples/success": {"an example"},
    f"{SCHEMAS}/GenerateAdvanceRequest/type": {"object"},
    f"{SCHEMAS}/GenerateAdvanceRequest/required": {"model", "imageUrl", "renovateType"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/model/type": {"string"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/model/example": {"an example"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/imageUrl/type": {"string"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/imageUrl/format": {"uri"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/imageUrl/example": {"an example"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/prompt/type": {"string"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/prompt/example": {"an example"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/nPrompt/type": {"string"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties/nPrompt/example": {"an example"},
    f"{SCHEMAS}/RenovateType/type": {"string"},
    f"{SCHEMAS}/RenovateType/enum": {"residential", "commercial"},
    f"{SCHEMAS}/GenerateAdvanceResponse/type": {"object"},
    f"{SCHEMAS}/GenerateAdvanceResponse/required": {"data"},
    f"{SCHEMAS}/PollResultResponse/type": {"object"},
    f"{SCHEMAS}/PollResultResponse/required": {"data"},
    f"{SCHEMAS}/PollResultData/type": {"object"},
    f"{SCHEMAS}/PollResultData/required": {"status", "result"},
    f"{SCHEMAS}/PollResultData/properties/result/type": {"array"},
    f"{SCHEMAS}/PollResultData/properties/result/items/type": {"string"},
    f"{SCHEMAS}/PollResultData/properties/result/items/format": {"uri"},
}
# Whose every key is a statement: there is this path, this method, this status, this field.
DOCUMENTED_NAMES: dict[str, set[Any]] = {
    "/paths": {"/generate/advance", "/generate/poll-result"},
    "/paths/~1generate~1advance": {"post"},
    "/paths/~1generate~1poll-result": {"get"},
    f"{SUBMIT}/requestBody/content": {"application/json"},
    f"{SUBMIT}/responses": {"200", "400", "401", "500"},
    f"{SUBMIT}/responses/200/content": {"application/json"},
    f"{POLL}/responses": {"200", "400", "401", "500"},
    f"{POLL}/responses/200/content": {"application/json"},
    f"{SCHEMAS}/GenerateAdvanceRequest/properties": {"model", "imageUrl", "prompt", "nPrompt", "renovateType"},
    f"{SCHEMAS}/GenerateAdvanceResponse/properties": {"data"},
    f"{SCHEMAS}/PollResultResponse/properties": {"data"},
    f"{SCHEMAS}/PollResultData/properties": {"status", "result"},
}
# What explains, names or arranges, and states nothing of the API.
_EDITORIAL = {"openapi", "info", "tags", "operationId", "summary", "description", "$ref", "x-provenance"}
_NAMES = {"paths", "content", "responses", "properties"}


def unmarked(document: Any) -> Iterator[tuple[str, Any]]:
    """Every statement that no marker calls assumed: its place and what it says."""
    yield from _statements(document, "")


def _statements(node: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    key = pointer.rpartition("/")[2]
    if key in {"enum", "required"} and isinstance(node, list):
        yield from ((pointer, value) for value in node)
    elif isinstance(node, list):
        if not node:
            yield pointer, "no scopes"
        for index, item in enumerate(node):
            yield from _statements(item, pointer + join_pointer(index))
    elif not isinstance(node, dict):
        yield pointer, "an example" if key == "example" else node
    elif node.get("x-provenance") != "assumed":
        yield from _object_statements(node, pointer, key)


def _object_statements(node: dict[str, Any], pointer: str, key: str) -> Iterator[tuple[str, Any]]:
    if "/examples/" in pointer:
        yield pointer, "an example"
        return
    is_path_item = pointer.startswith("/paths/") and pointer.count("/") == 2
    if is_path_item or (key in _NAMES and pointer != "/components/responses"):
        yield from ((pointer, name) for name in node)
    for name, child in node.items():
        if name not in _EDITORIAL or key == "properties":
            yield from _statements(child, pointer + join_pointer(name))


def documented() -> set[tuple[str, Any]]:
    return {
        (place, value) for table in (DOCUMENTED, DOCUMENTED_NAMES) for place, said in table.items() for value in said
    }


def test_the_whole_file_is_documented_where_nothing_says_otherwise() -> None:
    assert DOCUMENT["x-provenance"] == "documented"


def test_nothing_that_the_vendor_does_not_state_goes_without_a_marker() -> None:
    assert set(unmarked(DOCUMENT)) - documented() == set()


def test_everything_that_the_vendor_states_is_there() -> None:
    assert documented() - set(unmarked(DOCUMENT)) == set()


def test_the_key_goes_where_the_vendor_says_though_its_scheme_is_marked_for_the_pattern() -> None:
    scheme = read_pointer(DOCUMENT, "/components/securitySchemes/ApiKey")
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "X-API-KEY")
    assert "x-key-pattern alone" in scheme["x-provenance-reason"]


def test_the_assumed_status_words_include_the_two_that_the_vendor_shows() -> None:
    assert {"processing", "success"} <= set(read_pointer(DOCUMENT, f"{SCHEMAS}/JobStatus/enum"))


def _markers(node: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return
    if node.keys() & {"x-provenance", "x-provenance-reason"}:
        yield pointer, node
    for name, child in node.items():
        yield from _markers(child, pointer + join_pointer(name))


def test_every_assumption_has_a_reason_and_only_assumptions_have_one() -> None:
    wrong = []
    for pointer, node in _markers(DOCUMENT, ""):
        reason = str(node.get("x-provenance-reason", "")).strip()
        known = node.get("x-provenance")
        if known not in {"assumed", "documented"} or (known == "assumed") != (len(reason) > 20):
            wrong.append(pointer)
    assert wrong == []
    assert len(list(_markers(DOCUMENT, ""))) >= 7


@pytest.mark.parametrize(
    ("pointer", "key", "value"),
    [
        (f"{SCHEMAS}/GenerateAdvanceRequest/properties", "strength", {"description": "How much to change."}),
        (f"{SCHEMAS}/GenerateAdvanceRequest/properties/prompt", "maxLength", 500),
        (f"{SCHEMAS}/GenerateAdvanceRequest", "required", ["model", "imageUrl", "renovateType", "prompt"]),
        (f"{SCHEMAS}/GenerateAdvanceRequest", "additionalProperties", False),
        (f"{SCHEMAS}/RenovateType", "enum", ["residential", "commercial", "industrial"]),
        (f"{SUBMIT}/responses", "429", {"description": "Too many calls."}),
        ("/paths/~1generate~1advance", "get", {"responses": {"200": {"description": "Renders."}}}),
        ("/paths", "/credits", {"get": {"responses": {"200": {"description": "Credits."}}}}),
        (f"{SUBMIT}/responses/200/content", "text/plain", {}),
        (f"{SUBMIT}/responses/200", "headers", {"X-Request-Id": {"schema": {"type": "string"}}}),
        ("/components/responses/BadRequest", "content", {"application/json": {"schema": {"type": "object"}}}),
        ("/x-rate-limit", "requests", 50),
        (f"{POLL}/parameters/0", "in", "path"),
    ],
)
def test_a_statement_of_our_own_is_noticed_until_it_is_marked(pointer: str, key: str, value: Any) -> None:
    seeded = copy.deepcopy(DOCUMENT)
    read_pointer(seeded, pointer)[key] = value
    assert set(unmarked(seeded)) - documented()
    read_pointer(seeded, pointer)["x-provenance"] = "assumed"
    assert set(unmarked(seeded)) - documented() == set()
