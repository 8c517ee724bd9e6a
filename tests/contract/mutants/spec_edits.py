"""Edits of a contract, and what the suite must make of a mock and a client that are made from the edited one.

The old mock and the old client are the other way round: made from the contract as it is and held to the edited one,
as after an edit without a release.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.contract.mutants.model import NotApplicable, Registry
from tests.contract.mutants.site import Site

from spacely_spec import Operation

spec = Registry("spec")
Document = dict[str, Any]


# --- Places in a document ----------------------------------------------------------------------------------------


def _operation(document: Document, operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][operation.path][operation.method.lower()]
    return found


def _resolved(document: Document, node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document
        for token in node["$ref"].split("/")[1:]:
            target = target[token]
        node = target
    return node


def _body(document: Document, site: Site) -> dict[str, Any]:
    """The schema of the body of a submit."""
    content = _operation(document, site.submit)["requestBody"]["content"]
    return _resolved(document, next(iter(content.values()))["schema"])


def _body_examples(document: Document, site: Site) -> list[dict[str, Any]]:
    content = next(iter(_operation(document, site.submit)["requestBody"]["content"].values()))
    return [each["value"] for each in content.get("examples", {}).values()]


def _property(document: Document, site: Site, name: str) -> dict[str, Any]:
    return _resolved(document, _body(document, site)["properties"][name])


def _answer(document: Document, operation: Operation, status: int) -> dict[str, Any]:
    response = _resolved(document, _operation(document, operation)["responses"][str(status)])
    return next(iter(response["content"].values()))


def _parent(document: Document, schema: dict[str, Any], pointer: str) -> tuple[dict[str, Any], str]:
    """The schema of the object that holds what a pointer into an answer names, and the name."""
    *tokens, last = pointer.split("/")[1:]
    schema = _resolved(document, schema)
    for token in tokens:
        schema = _resolved(document, schema["properties"][token])
    return schema, last


def _link(document: Document, site: Site) -> dict[str, Any]:
    responses = _operation(document, site.submit)["responses"]
    found: dict[str, Any] = responses[site.polling.status]["links"][site.polling.link]
    return found


def _parameter(document: Document, site: Site) -> dict[str, Any]:
    for each in _operation(document, site.poll)["parameters"]:
        if each.get("name") == site.polling.parameter:
            found: dict[str, Any] = each
            return found
    raise NotApplicable("the parameter of the poll is a reference")


def _rename(holder: dict[str, Any], old: str, new: str) -> None:
    renamed = {new if name == old else name: value for name, value in holder.items()}
    holder.clear()
    holder.update(renamed)


def _rename_property(schema: dict[str, Any], old: str, new: str) -> None:
    _rename(schema["properties"], old, new)
    schema["required"] = [new if name == old else name for name in schema.get("required", [])]


def _rename_in_examples(node: Any, pointer: str, new: str) -> None:
    *tokens, last = pointer.split("/")[1:]
    for token in tokens:
        node = node[token]
    _rename(node, last, new)


def _optional_text(document: Document, site: Site) -> dict[str, Any]:
    schema = _property(document, site, site.optional)
    if schema.get("type") != "string":
        raise NotApplicable("the optional property is no text")
    return schema


# --- Requests ----------------------------------------------------------------------------------------------------

spec.topic("requests")


@spec.fault(mock=["positive_data_acceptance"], client=["arguments_named"])
def a_required_property_is_renamed(document: Document, site: Site) -> None:
    """Every program that sends the old name fails."""
    _rename_property(_body(document, site), site.required, "renamed")
    for example in _body_examples(document, site):
        _rename(example, site.required, "renamed")


@spec.fault(mock=["edge_refused"], client=["arguments_named"])
def an_optional_property_is_renamed(document: Document, site: Site) -> None:
    """What is sent under the old name is ignored without a word."""
    _rename_property(_body(document, site), site.optional, "renamed")
    for example in _body_examples(document, site):
        _rename(example, site.optional, "renamed")


@spec.fault(mock=["edge_refused"], client=["arguments_named"])
def an_optional_property_is_removed(document: Document, site: Site) -> None:
    """What is still sent is ignored without a word."""
    del _body(document, site)["properties"][site.optional]


@spec.fault(mock=["edge_refused"], client=["arguments_named"])
def a_required_property_is_removed(document: Document, site: Site) -> None:
    """What a program goes by is ignored without a word."""
    schema = _body(document, site)
    del schema["properties"][site.required]
    schema["required"].remove(site.required)


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def an_optional_property_becomes_required(document: Document, site: Site) -> None:
    """Every program that leaves it out fails."""
    _body(document, site).setdefault("required", []).append(site.optional)


@spec.fault(mock=["edge_refused"], client=["invalid_input_refused"], old_mock=["edge_accepted"])
def a_required_property_becomes_optional(document: Document, site: Site) -> None:
    """A program that forgets it passes its tests; a server that is older refuses it."""
    _body(document, site)["required"].remove(site.required)


@spec.fault(mock=["submit_accepted"], client=["arguments_named"])
def a_required_property_is_added(document: Document, site: Site) -> None:
    """Every program there is fails."""
    schema = _body(document, site)
    schema["properties"]["added"] = {"type": "string"}
    schema["required"].append("added")
    for example in _body_examples(document, site):
        example["added"] = "text"


@spec.fault(mock=[], client=["arguments_named"], old_client=["arguments_named"])
def an_optional_property_is_added(document: Document, site: Site) -> None:
    """No program breaks; one that was generated before cannot send it."""
    _body(document, site)["properties"]["added"] = {"type": "string"}


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def an_enum_loses_a_value(document: Document, site: Site) -> None:
    """Every program that sends it fails."""
    _property(document, site, site.property_with("enum"))["enum"].pop()


@spec.fault(mock=[], old_mock=["edge_accepted"], old_client=["valid_input_sent"])
def an_enum_gains_a_value(document: Document, site: Site) -> None:
    """No program breaks; an older client and an older server refuse it."""
    _property(document, site, site.property_with("enum"))["enum"].append("added")


@spec.fault(mock=["edge_refused"], client=["invalid_input_refused"])
def an_enum_becomes_free_text(document: Document, site: Site) -> None:
    """A misspelt value goes unnoticed until production."""
    del _property(document, site, site.property_with("enum"))["enum"]


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def a_text_gets_a_greatest_length(document: Document, site: Site) -> None:
    """A program that sends more fails."""
    _optional_text(document, site)["maxLength"] = 3


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def a_text_must_not_be_empty(document: Document, site: Site) -> None:
    """The vendor's own sample fails."""
    _optional_text(document, site)["minLength"] = 1
    _optional_text(document, site).pop("example", None)
    for example in _body_examples(document, site):
        example.pop(site.optional, None)


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def a_text_gets_a_pattern(document: Document, site: Site) -> None:
    """A program that sends something else fails."""
    schema = _optional_text(document, site)
    schema["pattern"] = "^[a-z_]*$"
    schema.pop("example", None)


@spec.fault(mock=["edge_refused"], client=["invalid_input_refused"])
def a_format_is_dropped(document: Document, site: Site) -> None:
    """A file name in place of a URL goes unnoticed until production."""
    del _property(document, site, site.property_with("format"))["format"]


@spec.fault(mock=["edge_accepted", "edge_refused"], client=["valid_input_sent", "invalid_input_refused"])
def a_text_becomes_a_number(document: Document, site: Site) -> None:
    """Every program that sends a text fails."""
    schema = _optional_text(document, site)
    schema["type"] = "integer"
    schema.pop("example", None)
    for example in _body_examples(document, site):
        example[site.optional] = 1


@spec.fault(mock=["edge_refused"], client=["invalid_input_refused"])
def a_property_may_be_null(document: Document, site: Site) -> None:
    """A program that sends null passes its tests; an older server refuses it."""
    _optional_text(document, site)["nullable"] = True


@spec.fault(mock=["edge_accepted"], client=[])
def unknown_properties_are_forbidden(document: Document, site: Site) -> None:
    """A client of tomorrow's contract fails; a typed one sends none."""
    _body(document, site)["additionalProperties"] = False


@spec.fault(mock=["submit_accepted"], client=["content_type"])
def the_body_has_another_media_type(document: Document, site: Site) -> None:
    """Every program there is fails."""
    _rename(_operation(document, site.submit)["requestBody"]["content"], "application/json", "application/vnd.x+json")


@spec.fault(mock=["submitted_job_known"], client=["arguments_named"])
def the_parameter_of_the_poll_is_renamed(document: Document, site: Site) -> None:
    """No job can be asked for."""
    if site.parameter_location == "path":
        raise NotApplicable("the name of a path parameter is nowhere on the wire")
    _parameter(document, site)["name"] = "renamed"
    _rename(_link(document, site)["parameters"], site.polling.parameter, "renamed")


@spec.fault(mock=["submitted_job_known"], client=["query"])
def the_parameter_of_the_poll_is_a_header(document: Document, site: Site) -> None:
    """No job can be asked for."""
    if site.parameter_location != "query":
        raise NotApplicable("the poll has its id elsewhere")
    _parameter(document, site)["in"] = "header"


@spec.fault(mock=["answer_conforms"], client=["valid_input_sent", "valid_answer_kept"])
def an_id_becomes_a_number(document: Document, site: Site) -> None:
    """Every program that keeps ids as texts fails."""
    _replace_id_schema(document, site, {"type": "integer", "minimum": 1}, 7)


@spec.fault(mock=[], client=["valid_input_sent"])
def an_id_must_be_a_uuid(document: Document, site: Site) -> None:
    """A client refuses the ids that the vendor's own pages show."""
    _replace_id_schema(document, site, {"type": "string", "format": "uuid"}, "068e3933-4aeb-4b4d-a473-9f8fa9f2d20a")


@spec.fault(mock=["submit_accepted"], client=["arguments_named"], old_mock=["missing_required_header"])
def a_header_must_be_sent(document: Document, site: Site) -> None:
    """Every program there is fails."""
    header = {"name": "X-Added", "in": "header", "required": True, "schema": {"type": "string", "minLength": 1}}
    _operation(document, site.submit).setdefault("parameters", []).append(header)


@spec.fault(mock=[], client=["arguments_named"], old_client=["arguments_named"])
def a_header_may_be_sent(document: Document, site: Site) -> None:
    """No program breaks; one that was generated before cannot send it."""
    header = {"name": "X-Added", "in": "header", "schema": {"type": "string", "minLength": 1}}
    _operation(document, site.submit).setdefault("parameters", []).append(header)


def _replace_id_schema(document: Document, site: Site, schema: dict[str, Any], example: Any) -> None:
    place = site.polling.job_id
    if place.source != "body" or not place.key:
        raise NotApplicable("the id is not in the body")
    answer = _answer(document, site.submit, site.accepted)
    holder, name = _parent(document, answer["schema"], place.key)
    holder["properties"][name] = schema
    for each in answer.get("examples", {}).values():
        _put(each["value"], place.key, example)
    parameter = _parameter(document, site)
    parameter["schema"] = schema
    if "example" in parameter:
        parameter["example"] = example


def _put(node: Any, pointer: str, value: Any) -> None:
    *tokens, last = pointer.split("/")[1:]
    for token in tokens:
        node = node[token]
    node[last] = value


# --- Answers -----------------------------------------------------------------------------------------------------

spec.topic("answers")


@spec.fault(mock=["answer_conforms", "job_id_usable"], client=["valid_answer_kept", "valid_input_sent"])
def the_id_has_another_name(document: Document, site: Site) -> None:
    """Every job of an older program is lost, with what it cost."""
    place = site.polling.job_id.key
    answer = _answer(document, site.submit, site.accepted)
    holder, name = _parent(document, answer["schema"], place)
    _rename_property(holder, name, "renamed")
    for each in answer.get("examples", {}).values():
        _rename_in_examples(each["value"], place, "renamed")
    link = _link(document, site)
    link["parameters"][site.polling.parameter] = f"$response.body#{place.rpartition('/')[0]}/renamed"


@spec.fault(mock=["answer_conforms", "job_ends"], client=["polls_until_the_end"])
def success_has_another_name(document: Document, site: Site) -> None:
    """An older program waits for ever for what is long done."""
    old = next(each.value for each in site.polling.success if isinstance(each.value, str))
    text = json.dumps(document).replace(json.dumps(old), '"renamed"').replace(f"'{old}'", "'renamed'")
    _replace(document, json.loads(text))


@spec.fault(mock=[], client=[])
def a_job_may_have_another_state(document: Document, site: Site) -> None:
    """None, where programs take a state that they do not know for one of a job that runs, as this client does."""
    holder, name = _parent(document, _answer(document, site.poll, site.polled)["schema"], site.state_place.key)
    schema = _resolved(document, holder["properties"][name])
    if "enum" not in schema:
        raise NotApplicable("the state is no enum")
    schema["enum"].append("queued")


@spec.fault(mock=["answer_conforms"], client=["valid_answer_kept"])
def the_result_is_a_list_of_objects(document: Document, site: Site) -> None:
    """An older program downloads nothing."""
    schema = _result_schema(document, site)
    if schema.get("type") != "array":
        raise NotApplicable("the result is no list")
    schema["items"] = {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}}
    _each_result(document, site, lambda value: [{"url": each} for each in value])


@spec.fault(mock=["answer_conforms"], client=["valid_answer_kept"])
def the_result_has_another_name(document: Document, site: Site) -> None:
    """An older program finds no images, which were paid for."""
    place = site.result_place.key
    answer = _answer(document, site.poll, site.polled)
    holder, name = _parent(document, answer["schema"], place)
    _rename_property(holder, name, "renamed")
    for each in answer.get("examples", {}).values():
        _rename_in_examples(each["value"], place, "renamed")
    _link(document, site)["x-polling"]["result"] = f"$response.body#{place.rpartition('/')[0]}/renamed"


@spec.fault(mock=[], client=["broken_answer_refused"])
def the_result_may_be_missing(document: Document, site: Site) -> None:
    """A program that goes through it crashes."""
    holder, name = _parent(document, _answer(document, site.poll, site.polled)["schema"], site.result_place.key)
    holder["required"].remove(name)


@spec.fault(mock=[], client=["broken_answer_refused"])
def the_result_may_be_null(document: Document, site: Site) -> None:
    """A program that goes through it crashes."""
    _result_schema(document, site)["nullable"] = True


@spec.fault(mock=[], client=["valid_answer_kept"], old_mock=["answer_conforms"])
def an_answer_always_has_another_property(document: Document, site: Site) -> None:
    """A client that was generated from it refuses the answers of an older server."""
    _add_to_polls(document, site, required=True)


@spec.fault(mock=[], client=[])
def an_answer_may_have_another_property(document: Document, site: Site) -> None:
    """None: what is new may be added."""
    _add_to_polls(document, site, required=False)


@spec.fault(mock=["submit_accepted"], client=["valid_input_sent"])
def a_submit_is_answered_201(document: Document, site: Site) -> None:
    """An older program takes the job for lost."""
    _rename(_operation(document, site.submit)["responses"], str(site.accepted), "201")


@spec.fault(mock=["content_type_conformance"], client=[])
def an_answer_has_another_media_type(document: Document, site: Site) -> None:
    """A program that goes by the content type cannot read it; this client does not."""
    response = _resolved(document, _operation(document, site.poll)["responses"][str(site.polled)])
    _rename(response["content"], "application/json", "application/vnd.x+json")


@spec.fault(mock=[], client=[], old_mock=["answer_conforms"])
def an_answer_always_has_a_header(document: Document, site: Site) -> None:
    """A program that goes by the header fails against an older server."""
    response = _operation(document, site.poll)["responses"][str(site.polled)]
    response["headers"] = {"X-Added": {"required": True, "schema": {"type": "integer"}}}


def _result_schema(document: Document, site: Site) -> dict[str, Any]:
    holder, name = _parent(document, _answer(document, site.poll, site.polled)["schema"], site.result_place.key)
    return _resolved(document, holder["properties"][name])


def _each_result(document: Document, site: Site, change: Callable[[Any], Any]) -> None:
    *tokens, last = site.result_place.key.split("/")[1:]
    for each in _answer(document, site.poll, site.polled).get("examples", {}).values():
        node = each["value"]
        for token in tokens:
            node = node[token]
        node[last] = change(node[last])


def _add_to_polls(document: Document, site: Site, *, required: bool) -> None:
    answer = _answer(document, site.poll, site.polled)
    schema = _resolved(document, answer["schema"])
    schema["properties"]["added"] = {"type": "integer"}
    if required:
        schema.setdefault("required", []).append("added")
        for each in answer.get("examples", {}).values():
            each["value"]["added"] = 1


def _replace(document: Document, other: Document) -> None:
    document.clear()
    document.update(other)


# --- Errors ------------------------------------------------------------------------------------------------------

spec.topic("statuses")


@spec.fault(mock=["key_missing"], client=[])
def a_missing_key_is_answered_403(document: Document, site: Site) -> None:
    """A program that looks for the documented refusal does not recognise this one."""
    for operation in (site.submit, site.poll):
        _rename(_operation(document, operation)["responses"], str(site.refused), "403")


@spec.fault(mock=["unknown_id_refused"], client=[])
def an_unknown_id_is_answered_410(document: Document, site: Site) -> None:
    """A program that looks for the documented status does not recognise this one."""
    _operation(document, site.poll)["responses"]["410"] = {"description": "No such job."}
    _operation(document, site.poll)["responses"].pop("404", None)


@spec.fault(mock=["negative_data_rejection"], client=[])
def an_invalid_request_is_answered_422(document: Document, site: Site) -> None:
    """A program that looks for the documented rejection does not recognise this one."""
    _rename(_operation(document, site.submit)["responses"], str(site.rejected), "422")


@spec.fault(mock=["forced_status"], client=[])
def a_status_is_no_longer_documented(document: Document, site: Site) -> None:
    """Nobody can try out what their program does with it."""
    responses = _operation(document, site.submit)["responses"]
    for status in ("500", *sorted(responses, reverse=True)):
        if status in responses and status not in {site.polling.status, str(site.refused), str(site.rejected)}:
            del responses[status]
            return
    raise NotApplicable("there is no further status")


@spec.fault(mock=[], client=[], old_mock=["forced_status"])
def another_status_is_documented(document: Document, site: Site) -> None:
    """None; an older mock cannot be asked for it."""
    _operation(document, site.submit)["responses"]["402"] = {"description": "No credits are left."}


# --- Keys --------------------------------------------------------------------------------------------------------

spec.topic("authentication")


@spec.fault(mock=["key_accepted"], client=["key_in_place"])
def the_key_has_another_header(document: Document, site: Site) -> None:
    """Every call of an older program is refused."""
    _scheme(document, site).update({"type": "apiKey", "in": "header", "name": "X-Added-Key"})


@spec.fault(mock=["key_accepted"], client=["key_in_place"])
def the_key_moves_to_the_query(document: Document, site: Site) -> None:
    """Every call of an older program is refused, and keys get into logs."""
    scheme = _scheme(document, site)
    scheme.pop("scheme", None)
    scheme.update({"type": "apiKey", "in": "query", "name": "added_key"})


@spec.fault(mock=["key_accepted"], client=["key_in_place"])
def the_key_becomes_a_bearer_token(document: Document, site: Site) -> None:
    """Every call of an older program is refused."""
    scheme = _scheme(document, site)
    if scheme["type"] == "http":
        raise NotApplicable("it is one")
    scheme.pop("in")
    scheme.pop("name")
    scheme.update({"type": "http", "scheme": "bearer"})


@spec.fault(mock=["key_missing"], client=["key_in_place"])
def polls_need_no_key(document: Document, site: Site) -> None:
    """Whoever guesses an id sees the result of somebody else."""
    _operation(document, site.poll)["security"] = []


@spec.fault(mock=["key_missing"], client=["key_in_place"])
def nothing_needs_a_key(document: Document, site: Site) -> None:
    """A program that forgets its key passes its tests and fails in production."""
    for operation in site.spec.operations:
        _operation(document, operation)["security"] = []


def _scheme(document: Document, site: Site) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["securitySchemes"][site.scheme.id]
    return found


# --- Operations --------------------------------------------------------------------------------------------------

spec.topic("operations")


@spec.fault(mock=["submit_accepted"], client=["path"])
def a_path_is_renamed(document: Document, site: Site) -> None:
    """Every call of an older program is answered 404."""
    _rename(document["paths"], site.submit.path, site.submit.path + "-renamed")


@spec.fault(mock=["submit_accepted"], client=[])
def the_base_path_is_another(document: Document, site: Site) -> None:
    """Every call of an older program is answered 404; who gives the client its base URL is not hurt."""
    for server in document.get("servers", []):
        server["url"] += "/v0"


@spec.fault(mock=["submit_accepted"], client=["method"])
def a_method_is_another(document: Document, site: Site) -> None:
    """Every call of an older program is answered 405."""
    _rename(document["paths"][site.submit.path], site.submit.method.lower(), "put")


@spec.fault(mock=["contract_refused"], client=["contract_refused"])
def the_polled_operation_is_removed(document: Document, site: Site) -> None:
    """No result can be fetched; the Link leads nowhere, so the contract is refused before anything is made of it."""
    del document["paths"][site.poll.path][site.poll.method.lower()]


@spec.fault(mock=[], client=[], old_mock=["succeeds_once"], old_client=["operation_offered"])
def an_operation_is_added(document: Document, site: Site) -> None:
    """No program breaks; an older client cannot call it, and an older mock does not serve it."""
    operation = json.loads(json.dumps(_operation(document, site.poll)))
    operation["operationId"] = "added"
    operation["parameters"] = []
    document["paths"]["/added"] = {"get": operation}


@spec.fault(mock=[], client=["operation_offered"])
def an_operation_is_renamed(document: Document, site: Site) -> None:
    """A method has another name; nothing on the wire tells."""
    _operation(document, site.submit)["operationId"] = "renamed"


# --- Jobs --------------------------------------------------------------------------------------------------------

spec.topic("job flow")


@spec.fault(mock=["job_ends", "state_in_step"], client=["job_has_id"])
def the_link_is_removed(document: Document, site: Site) -> None:
    """Nothing knows any more how a job ends."""
    del _operation(document, site.submit)["responses"][site.polling.status]["links"]


@spec.fault(mock=[], client=["failure_raised"])
def failure_is_no_longer_told(document: Document, site: Site) -> None:
    """A program waits until its patience ends for what will never be."""
    if not site.polling.failure:
        raise NotApplicable("it never was")
    del _link(document, site)["x-polling"]["failureCriteria"]


@spec.fault(mock=["state_in_step"], client=["polls_until_the_end"])
def a_job_that_runs_is_called_a_success(document: Document, site: Site) -> None:
    """A program goes on without its result."""
    running = site.state_place.read(_as_answer(site))
    _link(document, site)["x-polling"]["successCriteria"] = [{"condition": f"{site.state_place.text} == '{running}'"}]


@spec.fault(mock=["file_served"], client=["result_told"])
def the_result_is_said_to_be_elsewhere(document: Document, site: Site) -> None:
    """A program sees no images in the updates, and downloads nothing."""
    site.result_place  # noqa: B018 - says whether there is one
    _link(document, site)["x-polling"]["result"] = site.state_place.text


@spec.fault(mock=[], client=["timeout_raised"])
def a_wait_gives_up_ten_times_sooner(document: Document, site: Site) -> None:
    """A program gives up on what was paid for."""
    _link(document, site)["x-polling"]["timeoutSeconds"] = site.polling.timeout_seconds / 10


@spec.fault(mock=["limit_not_early"], client=[])
def the_rate_limit_is_a_tenth(document: Document, site: Site) -> None:
    """A program that keeps the limit is refused."""
    if site.spec.rate_limit is None:
        raise NotApplicable("the contract declares no rate limit")
    document["x-rate-limit"]["requests"] = max(1, site.spec.rate_limit.requests // 10)


def _as_answer(site: Site) -> Any:
    from spacely_spec import Answer

    return Answer(site.polled, {}, site.example("running"))


# --- No drift ----------------------------------------------------------------------------------------------------

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
    for example in _body_examples(document, site):
        example[site.optional] = "another one"


@spec.no_op("mock", "client")
def references_are_written_out(document: Document, site: Site) -> None:
    """A schema means the same wherever it stands."""
    schema = _body(document, site)
    schema["properties"] = {name: _resolved(document, each) for name, each in schema["properties"].items()}


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
