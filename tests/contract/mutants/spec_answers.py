"""Edits of a contract in what is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_places import (
    Document,
    answer_content,
    holder_of,
    link_in,
    operation_in,
    polled_holder,
    rename,
    rename_in_example,
    rename_property,
    resolved,
    spec,
)

spec.topic("answers")


@spec.fault(mock=["answer_conforms", "job_id_usable"], client=["valid_answer_kept", "valid_input_sent"])
def the_id_has_another_name(document: Document, site: Site) -> None:
    """Every job of an older program is lost, with what it cost."""
    place = site.polling.job_id.key
    answer = answer_content(document, site.submit, site.accepted)
    holder, name = holder_of(document, answer["schema"], place)
    rename_property(holder, name, "renamed")
    for each in answer.get("examples", {}).values():
        rename_in_example(each["value"], place, "renamed")
    link = link_in(document, site)
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
    holder, name = polled_holder(document, site, site.state_place.key)
    schema = resolved(document, holder["properties"][name])
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
    answer = answer_content(document, site.poll, site.polled)
    holder, name = polled_holder(document, site, place)
    rename_property(holder, name, "renamed")
    for each in answer.get("examples", {}).values():
        rename_in_example(each["value"], place, "renamed")
    link_in(document, site)["x-polling"]["result"] = f"$response.body#{place.rpartition('/')[0]}/renamed"


@spec.fault(mock=[], client=["broken_answer_refused"])
def the_result_may_be_missing(document: Document, site: Site) -> None:
    """A program that goes through it crashes."""
    holder, name = polled_holder(document, site, site.result_place.key)
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
    rename(operation_in(document, site.submit)["responses"], str(site.accepted), "201")


@spec.fault(mock=["content_type_conformance"], client=[])
def an_answer_has_another_media_type(document: Document, site: Site) -> None:
    """A program that goes by the content type cannot read it; this client does not."""
    response = resolved(document, operation_in(document, site.poll)["responses"][str(site.polled)])
    rename(response["content"], "application/json", "application/vnd.x+json")


@spec.fault(mock=[], client=["error_status_raised"], old_client=["empty_answer_is_none"])
def an_answer_may_be_empty(document: Document, site: Site) -> None:
    """A program that was generated before takes nothing for an error."""
    operation_in(document, site.poll)["responses"]["204"] = {"description": "There is nothing to tell."}


@spec.fault(mock=[], client=[], old_mock=["answer_conforms", "response_headers_conformance"])
def an_answer_always_has_a_header(document: Document, site: Site) -> None:
    """A program that goes by the header fails against an older server."""
    response = operation_in(document, site.poll)["responses"][str(site.polled)]
    response["headers"] = {"X-Added": {"required": True, "schema": {"type": "integer"}}}


def _result_schema(document: Document, site: Site) -> dict[str, Any]:
    holder, name = polled_holder(document, site, site.result_place.key)
    return resolved(document, holder["properties"][name])


def _each_result(document: Document, site: Site, change: Callable[[Any], Any]) -> None:
    *tokens, last = site.result_place.key.split("/")[1:]
    for each in answer_content(document, site.poll, site.polled).get("examples", {}).values():
        node = each["value"]
        for token in tokens:
            node = node[token]
        node[last] = change(node[last])


def _add_to_polls(document: Document, site: Site, *, required: bool) -> None:
    answer = answer_content(document, site.poll, site.polled)
    schema = resolved(document, answer["schema"])
    schema["properties"]["added"] = {"type": "integer"}
    if required:
        schema.setdefault("required", []).append("added")
        for each in answer.get("examples", {}).values():
            each["value"]["added"] = 1


def _replace(document: Document, other: Document) -> None:
    document.clear()
    document.update(other)


spec.topic("statuses")


@spec.fault(mock=["key_missing"], client=[])
def a_missing_key_is_answered_403(document: Document, site: Site) -> None:
    """A program that looks for the documented refusal does not recognise this one."""
    for operation in (site.submit, site.poll):
        rename(operation_in(document, operation)["responses"], str(site.refused), "403")


@spec.fault(mock=["unknown_id_refused"], client=[])
def an_unknown_id_is_answered_410(document: Document, site: Site) -> None:
    """A program that looks for the documented status does not recognise this one."""
    operation_in(document, site.poll)["responses"]["410"] = {"description": "No such job."}
    operation_in(document, site.poll)["responses"].pop("404", None)


@spec.fault(mock=["negative_data_rejection"], client=[])
def an_invalid_request_is_answered_422(document: Document, site: Site) -> None:
    """A program that looks for the documented rejection does not recognise this one."""
    rename(operation_in(document, site.submit)["responses"], str(site.rejected), "422")


@spec.fault(mock=["forced_status"], client=[])
def a_status_is_no_longer_documented(document: Document, site: Site) -> None:
    """Nobody can try out what their program does with it."""
    responses = operation_in(document, site.submit)["responses"]
    for status in ("500", *sorted(responses, reverse=True)):
        if status in responses and status not in {site.polling.status, str(site.refused), str(site.rejected)}:
            del responses[status]
            return
    raise NotApplicable("there is no further status")


@spec.fault(mock=[], client=[], old_mock=["forced_status"])
def another_status_is_documented(document: Document, site: Site) -> None:
    """None; an older mock cannot be asked for it."""
    operation_in(document, site.submit)["responses"]["402"] = {"description": "No credits are left."}
