"""Faults of a mock of this API, each with the checks that must report it; applied around the mock, never in it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .authentication import check_keys
from .forced import check_forced, check_served_contract
from .gate import Options, Part
from .jobs import check_jobs
from .malformed import check_malformed
from .phases import run_phases
from .seams import Fault, Inner, Reply, Request

SUBMIT, POLL = "/generate/advance", "/generate/poll-result"
KEY = "x-api-key"
SAMPLE = json.dumps(
    {"model": "spacely-v1", "imageUrl": "https://example.com/room.jpg", "renovateType": "residential"}
).encode()
QUICK = Options(examples=4)

MakeFault: TypeAlias = Callable[[Mapping[str, Any]], Fault]


@dataclass(frozen=True)
class Case:
    """A fault, and what must come of it."""

    fault: MakeFault
    checks: frozenset[str]
    parts: tuple[Part, ...]


CASES: dict[str, Case] = {}


def seeded(*checks: str, by: Sequence[Part]) -> Callable[[MakeFault], MakeFault]:
    """Put a fault into the table: the checks that must report it, and the parts of the run that make them."""

    def register(fault: MakeFault) -> MakeFault:
        CASES[fault.__name__.replace("_", " ")] = Case(fault, frozenset(checks), tuple(by))
        return fault

    return register


def on_answers(path: str, status: int, change: Callable[[Request, Reply], Reply]) -> Fault:
    """A fault that changes the answers of a path that have a status."""

    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        hit = request.path.endswith(path) and reply.status == status
        return change(request, reply) if hit else reply

    return fault


def always(reply: Reply) -> Callable[..., Awaitable[Reply]]:
    async def fault(request: Request, inner: Inner) -> Reply:
        del request, inner
        return reply

    return fault


def state(reply: Reply, status: str, result: list[str]) -> Reply:
    return reply.with_json({"data": {"status": status, "result": result}})


# --- Keys --------------------------------------------------------------------------------------------------------


@seeded("key_accepted", "succeeds_once", "link_followed", "warning_missing_auth", by=[check_keys, run_phases])
def every_request_is_answered_401(_: Mapping[str, Any]) -> Fault:
    return always(Reply(401, {}, b""))


@seeded("key_missing", "key_wrong", "key_empty", "ignored_auth", by=[check_keys, run_phases])
def no_key_is_looked_at(options: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        return await inner(request.but(headers={**request.headers, KEY: options["api_keys"][0]}))

    return fault


@seeded("key_empty", by=[check_keys])
def an_empty_key_is_taken(options: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        if request.headers.get(KEY) == "":
            request = request.but(headers={**request.headers, KEY: options["api_keys"][0]})
        return await inner(request)

    return fault


@seeded("key_wrong", by=[check_keys])
def the_beginning_of_a_key_is_enough(options: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        known = options["api_keys"][0]
        if request.headers.get(KEY, "").startswith(known):
            request = request.but(headers={**request.headers, KEY: known})
        return await inner(request)

    return fault


@seeded("key_misplaced", by=[check_keys])
def a_key_in_the_query_is_taken(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        query = dict(request.query)
        found = query.pop("X-API-KEY", None)
        headers = request.headers if found is None else {**request.headers, KEY: found}
        return await inner(request.but(query=query, headers=headers))

    return fault


@seeded("key_misnamed", by=[check_keys])
def a_bearer_token_is_taken_for_the_key(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        headers = {**request.headers, KEY: token} if token else request.headers
        return await inner(request.but(headers=headers))

    return fault


@seeded("key_not_echoed", by=[check_keys])
def an_answer_repeats_the_key(options: Mapping[str, Any]) -> Fault:
    return on_answers(
        SUBMIT, 200, lambda _, reply: reply.but(headers={**reply.headers, "x-account": options["api_keys"][0]})
    )


# --- Validation and statuses -------------------------------------------------------------------------------------


@seeded("negative_data_rejection", by=[run_phases])
def an_invalid_request_is_answered_401(_: Mapping[str, Any]) -> Fault:
    return on_answers(SUBMIT, 400, lambda _, reply: reply.but(status=401))


@seeded("negative_data_rejection", by=[run_phases])
def an_invalid_request_is_accepted(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        return await inner(request.but(body=SAMPLE)) if reply.status == 400 and request.path.endswith(SUBMIT) else reply

    return fault


@seeded("positive_data_acceptance", by=[run_phases])
def an_optional_field_is_required(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        missing = request.path.endswith(SUBMIT) and reply.status == 200 and b'"nPrompt"' not in request.body
        return Reply(400, {}, b"") if missing else reply

    return fault


@seeded("status_code_conformance", "positive_data_acceptance", by=[run_phases])
def a_valid_request_is_answered_with_an_undocumented_status(_: Mapping[str, Any]) -> Fault:
    return on_answers(SUBMIT, 200, lambda _, reply: reply.but(status=418))


@seeded("not_a_server_error", by=[run_phases])
def one_value_of_an_enum_is_a_server_error(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        return Reply(500, {}, b"") if b"commercial" in request.body else await inner(request)

    return fault


@seeded("malformed_body_refused", by=[check_malformed])
def a_body_that_is_no_utf8_is_a_server_error(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        try:
            request.body.decode()
        except UnicodeDecodeError:
            return Reply(500, {}, b"")
        return await inner(request)

    return fault


@seeded("answered", "engine_error", by=[check_keys, run_phases])
def the_server_breaks_off(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        if request.path.endswith(SUBMIT):
            raise RuntimeError("the worker is gone")
        return await inner(request)

    return fault


@seeded("unsupported_method", by=[run_phases])
def a_method_that_the_contract_does_not_have_is_served(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        return reply.but(status=200) if reply.status == 405 else reply

    return fault


@seeded("unsupported_method", by=[run_phases])
def a_405_does_not_say_what_is_allowed(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        return reply.but(headers={name: value for name, value in reply.headers.items() if name.lower() != "allow"})

    return fault


@seeded("allow_header_conformance", by=[run_phases])
def the_allow_header_lists_a_method_that_is_not_there(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        reply = await inner(request)
        listed = {
            name: value + ", DELETE" if name.lower() == "allow" else value for name, value in reply.headers.items()
        }
        return reply.but(headers=listed)

    return fault


# --- Answers -----------------------------------------------------------------------------------------------------


@seeded("content_type_conformance", by=[run_phases])
def json_is_sent_as_html(_: Mapping[str, Any]) -> Fault:
    return on_answers(SUBMIT, 200, lambda _, reply: reply.but(headers={**reply.headers, "content-type": "text/html"}))


@seeded("response_schema_conformance", "answer_conforms", "job_id_usable", by=[check_jobs, run_phases])
def the_id_has_another_name(_: Mapping[str, Any]) -> Fault:
    return on_answers(SUBMIT, 200, lambda _, reply: reply.with_json({"id": reply.json["data"]}))


@seeded("answer_conforms", by=[check_jobs])
def a_job_has_a_state_that_nobody_knows(_: Mapping[str, Any]) -> Fault:
    return on_answers(POLL, 200, lambda _, reply: reply.but(body=reply.body.replace(b"processing", b"queued")))


# --- Jobs --------------------------------------------------------------------------------------------------------


@seeded("submit_accepted", by=[check_jobs])
def a_submit_is_answered_201(_: Mapping[str, Any]) -> Fault:
    return on_answers(SUBMIT, 200, lambda _, reply: reply.but(status=201))


@seeded("distinct_ids", by=[check_jobs])
def every_submit_answers_the_first_id(_: Mapping[str, Any]) -> Fault:
    first: list[Any] = []

    def change(_: Request, reply: Reply) -> Reply:
        first.append(reply.json)
        return reply.with_json(first[0])

    return on_answers(SUBMIT, 200, change)


@seeded("submitted_job_known", "linked_job_known", by=[check_jobs, run_phases])
def the_id_of_a_submit_is_not_the_jobs(_: Mapping[str, Any]) -> Fault:
    return on_answers(SUBMIT, 200, lambda _, reply: reply.with_json({"data": reply.json["data"] + "-1"}))


@seeded("job_ends", "state_in_step", by=[check_jobs])
def a_job_never_ends(_: Mapping[str, Any]) -> Fault:
    return on_answers(POLL, 200, lambda _, reply: state(reply, "processing", []))


@seeded("state_in_step", by=[check_jobs])
def a_job_has_ended_at_once(_: Mapping[str, Any]) -> Fault:
    return on_answers(POLL, 200, lambda _, reply: state(reply, "success", ["https://example.com/1.png"]))


@seeded("state_never_goes_back", by=[check_jobs])
def a_job_that_has_ended_runs_again(_: Mapping[str, Any]) -> Fault:
    ended: set[str] = set()

    def change(request: Request, reply: Reply) -> Reply:
        job = request.query["refId"]
        again = job in ended
        if reply.json["data"]["status"] == "success":
            ended.add(job)
        return state(reply, "processing", []) if again else reply

    return on_answers(POLL, 200, change)


@seeded("end_is_stable", by=[check_jobs])
def the_images_change_from_poll_to_poll(_: Mapping[str, Any]) -> Fault:
    count = 0

    def change(_: Request, reply: Reply) -> Reply:
        nonlocal count
        count += 1
        done = reply.json["data"]["status"] == "success"
        return state(reply, "success", [f"https://example.com/{count}.png"]) if done else reply

    return on_answers(POLL, 200, change)


@seeded("result_when_done", by=[check_jobs])
def a_running_job_shows_images(_: Mapping[str, Any]) -> Fault:
    return on_answers(
        POLL, 200, lambda _, reply: state(reply, reply.json["data"]["status"], ["https://example.com/1.png"])
    )


@seeded("result_when_done", by=[check_jobs])
def a_job_that_has_succeeded_shows_none(_: Mapping[str, Any]) -> Fault:
    return on_answers(POLL, 200, lambda _, reply: state(reply, reply.json["data"]["status"], []))


@seeded("jobs_apart", by=[check_jobs])
def only_the_newest_job_is_known(_: Mapping[str, Any]) -> Fault:
    newest = ""

    async def fault(request: Request, inner: Inner) -> Reply:
        nonlocal newest
        if request.path.endswith(POLL) and newest:
            request = request.but(query={"refId": newest})
        reply = await inner(request)
        if request.path.endswith(SUBMIT) and reply.status == 200:
            newest = reply.json["data"]
        return reply

    return fault


@seeded("unknown_id_refused", by=[check_jobs])
def an_unknown_id_is_taken_for_a_job_that_runs(_: Mapping[str, Any]) -> Fault:
    headers = {"content-type": "application/json"}
    return on_answers(POLL, 400, lambda _, reply: state(reply.but(status=200, headers=headers), "processing", []))


@seeded("unknown_id_refused", "answer_conforms", by=[check_jobs])
def an_unknown_id_is_answered_404_which_is_not_documented(_: Mapping[str, Any]) -> Fault:
    return on_answers(POLL, 400, lambda _, reply: reply.but(status=404))


# --- What a mock owes beyond the contract ------------------------------------------------------------------------


@seeded("forced_status", "forced_example", by=[check_forced])
def a_wish_for_an_answer_is_not_heard(_: Mapping[str, Any]) -> Fault:
    async def fault(request: Request, inner: Inner) -> Reply:
        return await inner(request.but(headers={k: v for k, v in request.headers.items() if k != "prefer"}))

    return fault


@seeded("contract_served", by=[check_served_contract])
def the_served_contract_is_not_the_file(_: Mapping[str, Any]) -> Fault:
    return on_answers("/openapi.yaml", 200, lambda _, reply: reply.but(body=reply.body.replace(b"minLength: 1", b"")))
