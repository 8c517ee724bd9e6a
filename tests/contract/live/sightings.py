"""The values that were seen for each schema of the contract."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from spacely_spec import Operation, Response, Spec, compile_schema, join_pointer, json_schema

from .observations import Observation, follow

Direction: TypeAlias = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One value at the place that a schema describes, and the exchange that it was in."""

    value: Any
    direction: Direction
    observation: Observation


class Sightings:
    """What was seen at each schema, by the schema's pointer.

    Args:
        spec: The contract.
        observations: What was seen.
    """

    def __init__(self, spec: Spec, observations: list[Observation]) -> None:
        self._spec = spec
        self._seen: dict[str, list[Sighting]] = defaultdict(list)
        for observation in observations:
            self._take_answer(observation)
            if observation.valid:
                self._take_request(observation)

    def at(self, pointer: str, direction: Direction) -> list[Sighting]:
        """What was seen of a schema."""
        return [each for each in self._seen.get(pointer, ()) if each.direction == direction]

    def _take_answer(self, observation: Observation) -> None:
        response = documented(observation.operation, observation.status)
        value = observation.json
        if response is None or value is None or not observation.whole:
            return
        for media_type, content in response.content.items():
            if content.schema is not None and "json" in media_type:
                for pointer, each in values(self._spec, content.pointer + "/schema", value, "response"):
                    self._seen[pointer].append(Sighting(each, "response", observation))

    def _take_request(self, observation: Observation) -> None:
        for parameter in observation.operation.parameters:
            value = observation.checked.parameters.get((parameter.location, parameter.name))
            if value is not None:
                for pointer, each in values(self._spec, parameter.pointer + "/schema", value, "request"):
                    self._seen[pointer].append(Sighting(each, "request", observation))
        body = observation.operation.body
        if body is None or observation.checked.body is None:
            return
        for media_type, content in body.content.items():
            if content.schema is not None and observation.request.headers.get("content-type", "").startswith(
                media_type
            ):
                for pointer, each in values(
                    self._spec, content.pointer + "/schema", observation.checked.body, "request"
                ):
                    self._seen[pointer].append(Sighting(each, "request", observation))


def documented(operation: Operation, status: int) -> Response | None:
    """What the contract says of an answer with a status."""
    responses = operation.responses
    return responses.get(str(status)) or responses.get(f"{status // 100}XX") or responses.get("default")


def values(spec: Spec, pointer: str, value: Any, direction: Direction) -> Iterator[tuple[str, Any]]:
    """A value and the values in it, each with the pointer of the schema that describes it."""
    node, pointer = follow(spec, pointer)
    yield pointer, value
    for place, each in _within(spec, node, value, direction):
        yield from values(spec, pointer + place, each, direction)


def _within(spec: Spec, node: Mapping[str, Any], value: Any, direction: Direction) -> Iterator[tuple[str, Any]]:
    """The schemas in a schema that describe a value or a part of it, each by its place, with that part."""
    yield from ((join_pointer("allOf", index), value) for index in range(len(node.get("allOf", ()))))
    for keyword in ("anyOf", "oneOf"):
        for index, branch in enumerate(node.get(keyword, ())):
            if compile_schema(json_schema(branch, spec.components, direction=direction)).is_valid(value):
                yield join_pointer(keyword, index), value
    if isinstance(value, Mapping):
        known: Mapping[str, Any] = node.get("properties", {})
        yield from ((join_pointer("properties", name), value[name]) for name in known if name in value)
        if isinstance(node.get("additionalProperties"), Mapping):
            yield from (("/additionalProperties", value[name]) for name in value if name not in known)
    elif isinstance(value, list) and "items" in node:
        yield from (("/items", item) for item in value)
