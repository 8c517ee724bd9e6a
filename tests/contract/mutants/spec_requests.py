"""Edits of a contract in what is sent."""

from __future__ import annotations

from typing import Any

from tests.contract.mutants.model import NotApplicable
from tests.contract.mutants.site import Site
from tests.contract.mutants.spec_places import (
    Document,
    answer_content,
    body_examples,
    body_schema,
    holder_of,
    link_in,
    operation_in,
    optional_text,
    parameter_in,
    property_schema,
    rename,
    rename_property,
    spec,
)

spec.topic("requests")


@spec.fault(mock=["positive_data_acceptance"], client=["arguments_named"])
def a_required_property_is_renamed(document: Document, site: Site) -> None:
    """Every program that sends the old name fails."""
    rename_property(body_schema(document, site), site.required, "renamed")
    for example in body_examples(document, site):
        rename(example, site.required, "renamed")


@spec.fault(mock=["edge_refused"], client=["arguments_named"])
def an_optional_property_is_renamed(document: Document, site: Site) -> None:
    """What is sent under the old name is ignored without a word."""
    rename_property(body_schema(document, site), site.optional, "renamed")
    for example in body_examples(document, site):
        rename(example, site.optional, "renamed")


@spec.fault(mock=["edge_refused"], client=["arguments_named"])
def an_optional_property_is_removed(document: Document, site: Site) -> None:
    """What is still sent is ignored without a word."""
    del body_schema(document, site)["properties"][site.optional]


@spec.fault(mock=["edge_refused"], client=["arguments_named"])
def a_required_property_is_removed(document: Document, site: Site) -> None:
    """What a program goes by is ignored without a word."""
    schema = body_schema(document, site)
    del schema["properties"][site.required]
    schema["required"].remove(site.required)


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def an_optional_property_becomes_required(document: Document, site: Site) -> None:
    """Every program that leaves it out fails."""
    body_schema(document, site).setdefault("required", []).append(site.optional)


@spec.fault(mock=["edge_refused"], client=["invalid_input_refused"], old_mock=["edge_accepted"])
def a_required_property_becomes_optional(document: Document, site: Site) -> None:
    """A program that forgets it passes its tests; a server that is older refuses it."""
    body_schema(document, site)["required"].remove(site.required)


@spec.fault(mock=["submit_accepted"], client=["arguments_named"])
def a_required_property_is_added(document: Document, site: Site) -> None:
    """Every program there is fails."""
    schema = body_schema(document, site)
    schema["properties"]["added"] = {"type": "string"}
    schema["required"].append("added")
    for example in body_examples(document, site):
        example["added"] = "text"


@spec.fault(mock=[], client=["arguments_named"], old_client=["arguments_named"])
def an_optional_property_is_added(document: Document, site: Site) -> None:
    """No program breaks; one that was generated before cannot send it."""
    body_schema(document, site)["properties"]["added"] = {"type": "string"}


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def an_enum_loses_a_value(document: Document, site: Site) -> None:
    """Every program that sends it fails."""
    property_schema(document, site, site.property_with("enum"))["enum"].pop()


@spec.fault(mock=[], old_mock=["edge_accepted"], old_client=["valid_input_sent"])
def an_enum_gains_a_value(document: Document, site: Site) -> None:
    """No program breaks; an older client and an older server refuse it."""
    property_schema(document, site, site.property_with("enum"))["enum"].append("added")


@spec.fault(mock=["edge_refused"], client=["invalid_input_refused"])
def an_enum_becomes_free_text(document: Document, site: Site) -> None:
    """A misspelt value goes unnoticed until production."""
    del property_schema(document, site, site.property_with("enum"))["enum"]


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def a_text_gets_a_greatest_length(document: Document, site: Site) -> None:
    """A program that sends more fails."""
    optional_text(document, site)["maxLength"] = 3


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def a_text_must_not_be_empty(document: Document, site: Site) -> None:
    """The vendor's own sample fails."""
    optional_text(document, site)["minLength"] = 1
    optional_text(document, site).pop("example", None)
    for example in body_examples(document, site):
        example.pop(site.optional, None)


@spec.fault(mock=["edge_accepted"], client=["valid_input_sent"])
def a_text_gets_a_pattern(document: Document, site: Site) -> None:
    """A program that sends something else fails."""
    schema = optional_text(document, site)
    schema["pattern"] = "^[a-z_]*$"
    schema.pop("example", None)


@spec.fault(mock=["edge_refused"], client=["invalid_input_refused"])
def a_format_is_dropped(document: Document, site: Site) -> None:
    """A file name in place of a URL goes unnoticed until production."""
    del property_schema(document, site, site.property_with("format"))["format"]


@spec.fault(mock=["edge_accepted", "edge_refused"], client=["valid_input_sent", "invalid_input_refused"])
def a_text_becomes_a_number(document: Document, site: Site) -> None:
    """Every program that sends a text fails."""
    schema = optional_text(document, site)
    schema["type"] = "integer"
    schema.pop("example", None)
    for example in body_examples(document, site):
        example[site.optional] = 1


@spec.fault(mock=["edge_refused"], client=["invalid_input_refused"])
def a_property_may_be_null(document: Document, site: Site) -> None:
    """A program that sends null passes its tests; an older server refuses it."""
    optional_text(document, site)["nullable"] = True


@spec.fault(mock=["edge_accepted"], client=[])
def unknown_properties_are_forbidden(document: Document, site: Site) -> None:
    """A client of tomorrow's contract fails; a typed one sends none."""
    body_schema(document, site)["additionalProperties"] = False


@spec.fault(mock=["submit_accepted"], client=["content_type"])
def the_body_has_another_media_type(document: Document, site: Site) -> None:
    """Every program there is fails."""
    rename(operation_in(document, site.submit)["requestBody"]["content"], "application/json", "application/vnd.x+json")


@spec.fault(mock=["submitted_job_known"], client=["arguments_named"])
def the_parameter_of_the_poll_is_renamed(document: Document, site: Site) -> None:
    """No job can be asked for."""
    if site.parameter_location == "path":
        raise NotApplicable("the name of a path parameter is nowhere on the wire")
    parameter_in(document, site)["name"] = "renamed"
    rename(link_in(document, site)["parameters"], site.polling.parameter, "renamed")


@spec.fault(mock=["submitted_job_known"], client=["query"])
def the_parameter_of_the_poll_is_a_header(document: Document, site: Site) -> None:
    """No job can be asked for."""
    if site.parameter_location != "query":
        raise NotApplicable("the poll has its id elsewhere")
    parameter_in(document, site)["in"] = "header"


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
    operation_in(document, site.submit).setdefault("parameters", []).append(header)


@spec.fault(mock=[], client=["arguments_named"], old_client=["arguments_named"])
def a_header_may_be_sent(document: Document, site: Site) -> None:
    """No program breaks; one that was generated before cannot send it."""
    header = {"name": "X-Added", "in": "header", "schema": {"type": "string", "minLength": 1}}
    operation_in(document, site.submit).setdefault("parameters", []).append(header)


def _replace_id_schema(document: Document, site: Site, schema: dict[str, Any], example: Any) -> None:
    place = site.polling.job_id
    if place.source != "body" or not place.key:
        raise NotApplicable("the id is not in the body")
    answer = answer_content(document, site.submit, site.accepted)
    holder, name = holder_of(document, answer["schema"], place.key)
    holder["properties"][name] = schema
    for each in answer.get("examples", {}).values():
        _put(each["value"], place.key, example)
    parameter = parameter_in(document, site)
    parameter["schema"] = schema
    if "example" in parameter:
        parameter["example"] = example


def _put(node: Any, pointer: str, value: Any) -> None:
    *tokens, last = pointer.split("/")[1:]
    for token in tokens:
        node = node[token]
    node[last] = value
