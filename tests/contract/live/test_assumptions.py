"""Assumptions of a contract that are wrong of the API: each is found, named by its place, with the evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from spacely_spec import Spec

from ..faults import POLL, SUBMIT
from ..outcome import HELD, VIOLATED
from ..seams import changed_contract
from .conftest import KEY, MakeApi

Document: TypeAlias = dict[str, Any]
Change: TypeAlias = Callable[[Document], str]
WRONG: dict[str, tuple[Change, tuple[str, ...]]] = {}

SUBMIT_AT, POLL_AT = "/paths/~1generate~1advance/post", "/paths/~1generate~1poll-result/get"
ASSUMED = {"x-provenance": "assumed", "x-provenance-reason": "seeded"}
CANARY = ("--credits", "1")
ALL = ("--credits", "20")


def wrong(*arguments: str) -> Callable[[Change], Change]:
    """Put a wrong assumption into the table: it gives the pointer that must be contradicted."""

    def register(change: Change) -> Change:
        WRONG[change.__name__.replace("_", " ")] = change, arguments
        return change

    return register


def without_examples(node: Any) -> None:
    """Leave out of a contract all that would have to be changed with a schema, but for what is sent."""
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        if isinstance(part, dict) and "responses" in part:
            for response in part["responses"].values():
                for content in response.get("content", {}).values():
                    content.pop("examples", None)
        without_examples(part)


def schemas(document: Document) -> Any:
    return document["components"]["schemas"]


def submit(document: Document) -> Any:
    return document["paths"][SUBMIT]["post"]


def poll(document: Document) -> Any:
    return document["paths"][POLL]["get"]


def loop(document: Document) -> Any:
    return submit(document)["responses"]["200"]["links"]["result"]["x-polling"]


# --- Statuses, keys, paths ------------------------------------------------------------------------------------------


@wrong()
def an_unknown_id_is_answered_404(document: Document) -> str:
    poll(document)["responses"]["404"] = {"description": "There is no such job.", **ASSUMED}
    return f"{POLL_AT}/responses/404"


@wrong()
def an_invalid_request_is_answered_422(document: Document) -> str:
    responses = poll(document)["responses"]
    responses["422"] = {"description": "Invalid.", **ASSUMED}
    del responses["400"]
    return f"{POLL_AT}/responses/422"


@wrong()
def a_poll_needs_no_key(document: Document) -> str:
    poll(document).update({"security": [], **ASSUMED})
    return f"{POLL_AT}/security"


@wrong()
def keys_begin_otherwise(document: Document) -> str:
    document["components"]["securitySchemes"]["ApiKey"]["x-key-pattern"] = "^live-"
    return "/components/securitySchemes/ApiKey/x-key-pattern"


@wrong()
def the_path_is_another(document: Document) -> str:
    document["paths"]["/generate/result"] = document["paths"].pop(POLL)
    document["paths"]["/generate/result"]["get"] |= ASSUMED
    return "/paths/~1generate~1result/get"


# --- Answers --------------------------------------------------------------------------------------------------------


@wrong(*CANARY)
def ids_are_longer(document: Document) -> str:
    without_examples(document)
    schemas(document)["RefId"]["minLength"] = 40
    poll(document)["parameters"][0]["example"] = "x" * 40
    return "/components/schemas/RefId/minLength"


@wrong(*CANARY)
def ids_match_a_pattern(document: Document) -> str:
    without_examples(document)
    schemas(document)["RefId"]["pattern"] = "^job-"
    poll(document)["parameters"][0]["example"] = "job-1"
    return "/components/schemas/RefId/pattern"


@wrong(*CANARY)
def ids_are_numbers(document: Document) -> str:
    without_examples(document)
    schemas(document)["RefId"] = {"type": "integer", **ASSUMED}
    poll(document)["parameters"][0]["example"] = 1
    return "/components/schemas/RefId/type"


@wrong(*CANARY)
def a_running_job_has_another_status(document: Document) -> str:
    without_examples(document)
    schemas(document)["JobStatus"]["enum"][0] = "pending"
    return "/components/schemas/JobStatus/enum"


@wrong(*CANARY)
def answers_say_how_far_a_job_is(document: Document) -> str:
    without_examples(document)
    data = schemas(document)["PollResultData"]
    data |= ASSUMED
    data["properties"]["progress"] = {"type": "integer"}
    data["required"].append("progress")
    return "/components/schemas/PollResultData/required/2"


@wrong(*CANARY)
def the_images_are_numbered(document: Document) -> str:
    without_examples(document)
    result = {"type": "object", "additionalProperties": {"type": "string"}, **ASSUMED}
    schemas(document)["PollResultData"]["properties"]["result"] = result
    return "/components/schemas/PollResultData/properties/result/type"


@wrong(*CANARY)
def images_have_names_and_no_urls(document: Document) -> str:
    without_examples(document)
    schemas(document)["PollResultData"]["properties"]["result"]["items"] = {"type": "string", "maxLength": 8, **ASSUMED}
    return "/components/schemas/PollResultData/properties/result/items/maxLength"


@wrong(*CANARY)
def a_poll_says_when_to_come_again(document: Document) -> str:
    header = {"required": True, "schema": {"type": "integer"}, **ASSUMED}
    poll(document)["responses"]["200"]["headers"] = {"X-Poll-After": header}
    return f"{POLL_AT}/responses/200/headers/X-Poll-After"


@wrong(*CANARY)
def answers_have_another_media_type(document: Document) -> str:
    content = poll(document)["responses"]["200"]["content"]
    content["application/vnd.api+json"] = content.pop("application/json") | ASSUMED
    return f"{POLL_AT}/responses/200/content/application~1vnd.api+json"


# --- Jobs -----------------------------------------------------------------------------------------------------------


@wrong(*CANARY)
def success_is_called_otherwise(document: Document) -> str:
    schemas(document)["JobStatus"]["enum"].append("done")
    loop(document)["successCriteria"] = [{"condition": "$response.body#/data/status == 'done'"}]
    return f"{SUBMIT_AT}/responses/200/links/result/x-polling/successCriteria/0"


@wrong(*CANARY)
def the_result_is_elsewhere(document: Document) -> str:
    schemas(document)["PollResultData"]["properties"]["images"] = {"type": "array", "items": {"type": "string"}}
    loop(document)["result"] = "$response.body#/data/images"
    return f"{SUBMIT_AT}/responses/200/links/result/x-polling/result"


@wrong(*CANARY)
def a_job_ends_sooner(document: Document) -> str:
    loop(document).update(delaySeconds=1, intervalSeconds=1, timeoutSeconds=3)
    return f"{SUBMIT_AT}/responses/200/links/result/x-polling/timeoutSeconds"


@wrong(*CANARY)
def the_id_is_elsewhere(document: Document) -> str:
    schemas(document)["GenerateAdvanceResponse"]["properties"]["job"] = {"type": "string"}
    link = submit(document)["responses"]["200"]["links"]["result"]
    link.update({"parameters": {"refId": "$response.body#/job"}, **ASSUMED})
    return f"{SUBMIT_AT}/responses/200/links/result/parameters"


@wrong(*CANARY)
def a_failed_job_shows_what_it_has(document: Document) -> str:
    example = poll(document)["responses"]["200"]["content"]["application/json"]["examples"]["failed"]
    example["value"]["data"]["result"] = ["https://example.com/1.png"]
    return f"{POLL_AT}/responses/200/content/application~1json/examples/failed"


# --- Requests -------------------------------------------------------------------------------------------------------


@wrong(*ALL)
def there_is_a_third_type_of_renovation(document: Document) -> str:
    schemas(document)["RenovateType"]["enum"].append("industrial")
    schemas(document)["RenovateType"] |= ASSUMED
    return "/components/schemas/RenovateType/enum/2"


@wrong(*ALL)
def the_prompt_is_required(document: Document) -> str:
    request = schemas(document)["GenerateAdvanceRequest"]
    request |= ASSUMED
    request["required"].append("prompt")
    return "/components/schemas/GenerateAdvanceRequest/required/3"


@wrong(*ALL)
def other_properties_are_refused(document: Document) -> str:
    schemas(document)["GenerateAdvanceRequest"].update({"additionalProperties": False, **ASSUMED})
    return "/components/schemas/GenerateAdvanceRequest/additionalProperties"


@wrong(*ALL)
def a_prompt_is_short(document: Document) -> str:
    schemas(document)["GenerateAdvanceRequest"]["properties"]["prompt"].update({"maxLength": 50, **ASSUMED})
    return "/components/schemas/GenerateAdvanceRequest/properties/prompt/maxLength"


@wrong(*CANARY)
def a_poll_needs_a_project(document: Document) -> str:
    header = {"name": "X-Project", "in": "header", "required": True, "schema": {"type": "string"}, "example": "a"}
    poll(document)["parameters"].append({**header, **ASSUMED})
    submit(document)["responses"]["200"]["links"]["result"]["parameters"]["X-Project"] = "a"
    return f"{POLL_AT}/parameters/1/required"


@wrong(*CANARY)
def a_poll_has_a_page(document: Document) -> str:
    page = {"name": "page", "in": "query", "required": True, "schema": {"type": "string"}, "example": "1"}
    poll(document)["parameters"].append({**page, **ASSUMED})
    submit(document)["responses"]["200"]["links"]["result"]["parameters"]["page"] = "1"
    return f"{POLL_AT}/parameters/1/in"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_assumption_is_contradicted_with_its_evidence(
    name: str, api: MakeApi, spec: Spec, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, arguments = WRONG[name]
    pointers: list[str] = []
    contract = changed_contract(spec, tmp_path, lambda document: pointers.append(change(document)))
    live = api()
    if change is a_failed_job_shows_what_it_has:
        live.rule({"outcome": "failure"})
    assert live.climb(*arguments, spec=contract) == VIOLATED
    row = live.assumptions()[pointers[0]]
    assert row["state"] == "contradicted", json.dumps(live.assumptions(), indent=1)
    assert row["evidence"]["request"].startswith(("GET http://127.0.0.1:", "POST http://127.0.0.1:"))
    assert row["evidence"]["answer"][:3].isdecimal()
    assert len(row["evidence"]["answer"]) < 400
    assert contract.source.decode().splitlines()[row["line"] - 1].strip()
    said = capsys.readouterr().out
    assert f"  contradicted   {row['statement']}"[:100].rstrip() in said
    assert KEY not in said
    # Nothing else is contradicted than what hangs together with it.
    others = [pointer for pointer, each in live.assumptions().items() if each["state"] == "contradicted"]
    assert len(others) <= 3, others


def test_nothing_is_contradicted_where_everything_is_assumed_and_true(api: MakeApi, spec: Spec, tmp_path: Path) -> None:
    def assume_all(document: Document) -> None:
        document.update(ASSUMED)
        document["components"]["securitySchemes"]["ApiKey"].pop("x-provenance")

    live = api()
    assert live.climb(*ALL, spec=changed_contract(spec, tmp_path, assume_all)) == HELD
    states = {pointer: row["state"] for pointer, row in live.assumptions().items()}
    assert "contradicted" not in states.values()
    assert len([pointer for pointer in states if states[pointer] == "confirmed"]) >= 40
    # What is left is what a failure, another host or luck would tell.
    unknown = {pointer for pointer, state in states.items() if state == "still unknown"}
    assert unknown == {
        "/components/responses/InternalServerError",
        "/components/schemas/JobStatus/enum",
        "/components/schemas/JobStatus/enum/2",
        "/info/contact",
        "/info/license",
        f"{POLL_AT}/responses/200/content/application~1json/examples/failed",
        f"{SUBMIT_AT}/responses/200/links/result/x-polling/failureCriteria/0",
        "/servers/0/url",
        "/x-rate-limit",
    }


def test_a_refusal_proves_nothing_where_every_request_is_refused(api: MakeApi) -> None:
    live = api()
    assert live.climb() == HELD
    assert live.assumptions()["/components/schemas/RefId/minLength"]["state"] == "still unknown"
