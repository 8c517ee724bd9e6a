"""What the generated code tells the runtime about an operation. The contract's knowledge, none of it written here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from . import _httpx

if TYPE_CHECKING:
    import jsonschema_rs

Schema: TypeAlias = Mapping[str, Any]


# Formats that OpenAPI 3.0 documents use and draft 4 did not know yet.
_LATER_FORMATS = ("duration", "iri", "json-pointer", "uri-reference", "uri-template", "uuid")


@cache
def _later_formats() -> dict[str, Callable[[Any], bool]]:
    import jsonschema_rs

    return {
        name: jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True).is_valid
        for name in _LATER_FORMATS
    }


@dataclass(frozen=True)
class Validator:
    """A JSON Schema (draft 4), compiled when it is first needed.

    Attributes:
        schema: The schema; references point into itself.
        formats: Whether ``uri``, ``date-time`` and the like are held to.
    """

    schema: Schema
    formats: bool

    @cached_property
    def _compiled(self) -> jsonschema_rs.Draft4Validator:
        import jsonschema_rs  # A program that only starts, or only shows its help, does without.

        return jsonschema_rs.Draft4Validator(
            dict(self.schema),
            validate_formats=self.formats,
            formats=_later_formats(),
        )

    def errors(self, value: Any) -> list[tuple[str, str]]:
        """Where a value breaks the schema: JSON pointer and message, each place in its own entry."""
        return [_place_and_message(error) for error in self._compiled.iter_errors(value)]

    def first_error(self, value: Any) -> list[tuple[str, str]]:
        """The first of them alone: all of them, in a value of megabytes, would take minutes."""
        import jsonschema_rs

        try:
            self._compiled.validate(value)
        except jsonschema_rs.ValidationError as error:
            return [_place_and_message(error)]
        return []


def _place_and_message(error: jsonschema_rs.ValidationError) -> tuple[str, str]:
    return "".join(f"/{token}" for token in error.instance_path), error.message


@dataclass(frozen=True)
class Key:
    """Where the API key goes: a header, a query parameter or a cookie of that name, after a prefix."""

    location: Literal["header", "query", "cookie"]
    name: str
    prefix: str = ""


@dataclass(frozen=True)
class Reply:
    """One documented answer of success.

    Attributes:
        schema: What a JSON body is held to; None where the answer has no JSON body.
        decode: Turns the answer into the operation's result: its parsed body where there is a schema, else the
            ``httpx.Response``.
    """

    schema: Validator | None
    decode: Callable[[Any], Any]


@dataclass(frozen=True)
class Answer:
    """What the criteria of a polling Link look at: one answer with its body parsed.

    Attributes:
        status_code: The status.
        headers: The headers.
        body: The parsed body.
        sent_at: When its request was sent, in seconds on a monotonic clock.
        response: The answer as it came.
        elapsed: Seconds that it took.
    """

    status_code: int
    headers: Mapping[str, str]
    body: Any
    sent_at: float = 0.0
    response: _httpx.Response | None = None
    elapsed: float = 0.0

    def at(self, pointer: str) -> Any:
        """The value at a JSON pointer of the body, or None where there is none."""
        value = self.body
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            try:
                value = value[int(key) if isinstance(value, list) else key]
            except (KeyError, IndexError, TypeError, ValueError):
                return None
        return value

    def header(self, name: str) -> str | None:
        """The value of a header, or None."""
        return self.headers.get(name)


@dataclass(frozen=True)
class Polling:
    """How the job that an operation starts is followed to its end: the contract's polling Link.

    Attributes:
        target: The name of the operation to poll.
        parameter: The target's argument that takes the job's id.
        constants: Its other arguments that the Link sets.
        read_id: Reads the job's id off the answer to the submit.
        parse_id: Turns the id, as text, into what the target's argument takes.
        succeeded: Whether the answer to a poll says that the job succeeded.
        failed: Whether it says that the job failed.
        result: Reads what the job produced off the answer of success; None where the contract names no place.
        delay_seconds: From the submit to the first poll.
        interval_seconds: From one poll to the next.
        timeout_seconds: From the start of the wait to its end.
    """

    target: str
    parameter: str
    constants: Mapping[str, Any]
    read_id: Callable[[Answer], Any]
    parse_id: Callable[[str], Any]
    succeeded: Callable[[Answer], bool]
    failed: Callable[[Answer], bool]
    result: Callable[[Answer], Any] | None
    delay_seconds: float
    interval_seconds: float
    timeout_seconds: float


@dataclass(frozen=True)
class Operation:
    """One operation of the contract.

    Attributes:
        id: Its operationId.
        method: In upper case.
        path: The path template.
        summary: The contract's one-line description.
        encode: Turns arguments and body, as JSON values, into keyword arguments of ``httpx.Client.build_request``.
        parameters: What each argument that is no part of the body is held to.
        path_parameters: Those of them that stand in the path.
        required: Those of them that must be given.
        body: What the body is held to, or None.
        body_required: Whether there must be a body.
        body_names: The argument that stands for each property of the body.
        replies: The documented answers of success, by status, ``2XX`` or ``default``.
        statuses: Every documented status.
        keys: Where the API key goes; empty where none is needed.
        polling: How the job it starts is followed, or None where it starts none.
    """

    id: str
    method: str
    path: str
    summary: str
    encode: Callable[[Mapping[str, Any], Any], dict[str, Any]]
    replies: Mapping[str, Reply]
    statuses: frozenset[str]
    parameters: Mapping[str, Validator] = field(default_factory=dict[str, Validator])
    path_parameters: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    body: Validator | None = None
    body_required: bool = False
    body_names: Mapping[str, str] = field(default_factory=dict[str, str])
    keys: tuple[Key, ...] = ()
    polling: Polling | None = None

    def reply(self, status_code: int) -> Reply | None:
        """The documented answer of success for a status, or None."""
        for pattern in (str(status_code), f"{status_code // 100}XX", "default"):
            if pattern in self.replies:
                return self.replies[pattern]
        return None

    def documents(self, status_code: int) -> bool:
        """Whether the contract documents a status for this operation."""
        return not self.statuses.isdisjoint({str(status_code), f"{status_code // 100}XX", "default"})
