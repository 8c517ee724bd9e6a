"""What travels in a call, as the generator parsed it: the body that is sent, the answers that are decoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import attrs
from openapi_python_client.parser.bodies import Body
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.responses import JSON_SOURCE, Response

from spacely_spec import Operation

Json: TypeAlias = Any

_PARSED_BODY: Final = JSON_SOURCE | {"attribute": "body"}
_SEPARATORS = {"form": ",", "spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True)
class Reply:
    """One documented answer of success: its status, the function that decodes it, what that returns, its schema."""

    status: str
    decoder: str
    type: str
    response: Response
    schema: Json

    @property
    def is_json(self) -> bool:
        """Whether it is decoded from its JSON body, which the runtime has parsed already."""
        return self.response.source["attribute"] == _PARSED_BODY["attribute"]


def body_of(endpoint: Endpoint) -> Body | None:
    """The body the client sends, where the contract offers several: JSON if it is among them."""
    return next((body for body in endpoint.bodies if body.body_type == "json"), next(iter(endpoint.bodies), None))


def joined_parameters(operation: Operation) -> list[tuple[str, str]]:
    """The query parameters whose list is sent as one text, each with what stands between its elements."""
    return [
        (parameter.name, _SEPARATORS[parameter.style])
        for parameter in operation.parameters
        if parameter.location == "query" and not parameter.explode and parameter.style in _SEPARATORS
    ]


def replies_of(endpoint: Endpoint) -> list[Reply]:
    """The documented answers of success, as the generator parsed them."""
    return list(_replies(endpoint))


def _replies(endpoint: Endpoint) -> Iterator[Reply]:
    responses = [*endpoint.responses.patterns, *([endpoint.responses.default] if endpoint.responses.default else [])]
    for response in responses:
        status = response.status_code.pattern
        if not status.startswith(("2", "default")):
            continue
        nothing = response.source["attribute"] == "None"
        code = "None" if nothing else response.prop.get_type_string().as_unembedded_code()
        if response.source == JSON_SOURCE:
            response = attrs.evolve(response, source=_PARSED_BODY)
        yield Reply(status, f"decode_{status.lower()}", code, response, None)
