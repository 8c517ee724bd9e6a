"""What a contract says, as plain data: operations, their parameters, bodies, responses, links and security."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from ._expressions import Criterion, Expression
from ._problems import Problem

Schema: TypeAlias = Mapping[str, Any]
Location: TypeAlias = Literal["path", "query", "header", "cookie"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation, those of its path included.

    Attributes:
        name: The name on the wire.
        location: Where it is sent.
        required: Whether a request without it breaks the contract.
        description: The text of the contract.
        schema: Its schema as written, references included.
        style: How an array or object is serialised, as OpenAPI names it.
        explode: Whether each element of an array becomes a parameter of its own.
        examples: Its examples by name; an unnamed one is called ``default``.
        pointer: Where it stands in the document.
    """

    name: str
    location: Location
    required: bool
    description: str
    schema: Schema
    style: str
    explode: bool
    examples: Mapping[str, Any]
    pointer: str


@dataclass(frozen=True, slots=True)
class MediaType:
    """One media type of a body: its schema as written (None where there is none) and its examples by name."""

    schema: Schema | None
    examples: Mapping[str, Any]
    pointer: str


@dataclass(frozen=True, slots=True)
class RequestBody:
    """The body of a request, by media type."""

    required: bool
    content: Mapping[str, MediaType]


@dataclass(frozen=True, slots=True)
class Response:
    """One documented response.

    Attributes:
        status: As written: ``200``, ``4XX`` or ``default``.
        description: The text of the contract.
        content: The body by media type; empty where none is documented.
        headers: The schema of each documented header.
        required_headers: Those that must be there.
    """

    status: str
    description: str
    content: Mapping[str, MediaType]
    headers: Mapping[str, Schema]
    required_headers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SecurityScheme:
    """One way to authenticate.

    Attributes:
        id: Its name under ``components.securitySchemes``.
        type: ``apiKey`` or ``http``.
        location: Where the key is sent; ``header`` for ``http``.
        name: The header, query parameter or cookie that carries it.
        prefix: What stands before the key in it, such as ``Bearer ``.
        key_pattern: A regular expression that the keys are known to match (``x-key-pattern``), or None.
    """

    id: str
    type: str
    location: Literal["header", "query", "cookie"]
    name: str
    prefix: str
    key_pattern: str | None


@dataclass(frozen=True, slots=True)
class Polling:
    """A Link with ``x-polling``: how the job that an operation starts is followed to its end.

    Attributes:
        link: The Link's name.
        status: The status of the response that carries the Link.
        target: The operationId of the operation to poll.
        parameter: The target's parameter that takes the job's id.
        job_id: Where the id stands in the response to the submit.
        constants: The target's other parameters that the Link sets, with their values.
        delay_seconds: How long to wait before the first poll.
        interval_seconds: How long to wait between polls.
        timeout_seconds: When to give up, counted from the submit.
        success: What the answer of a job that succeeded meets.
        failure: What the answer of a job that failed meets; empty where failure is not told.
        result: Where the result stands in the answer of a job that succeeded, or None.
        pointer: Where the Link stands in the document.
    """

    link: str
    status: str
    target: str
    parameter: str
    job_id: Expression
    constants: Mapping[str, Any]
    delay_seconds: float
    interval_seconds: float
    timeout_seconds: float
    success: tuple[Criterion, ...]
    failure: tuple[Criterion, ...]
    result: Expression | None
    pointer: str


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many calls are allowed in how many seconds (``x-rate-limit``)."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        id: Its operationId.
        method: In upper case.
        path: The path template, without the server's base path.
        security: The alternatives, each a tuple of schemes needed together; empty where none is needed.
        polling: The polling Link of one of its responses, or None.
        pointer: Where it stands in the document.
        raw: The Operation Object as written.
    """

    id: str
    method: str
    path: str
    summary: str
    description: str
    tags: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    body: RequestBody | None
    responses: Mapping[str, Response]
    security: tuple[tuple[SecurityScheme, ...], ...]
    polling: Polling | None
    pointer: str
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Spec:
    """One OpenAPI document, read and checked.

    Attributes:
        path: The file it was read from.
        source: The file's bytes as they stand.
        document: The document as written, references included.
        title: ``info.title``.
        sdk_name: ``info.x-sdk-name``, or a name made of the title: the stem of class and variable names.
        version: ``info.version``.
        servers: The server URLs, without a slash at the end.
        operations: In the order of the file.
        rate_limit: The rate limit, or None.
        lines: The line of each JSON pointer into the document.
    """

    path: Path
    source: bytes
    document: Mapping[str, Any]
    title: str
    sdk_name: str
    version: str
    servers: tuple[str, ...]
    operations: tuple[Operation, ...]
    rate_limit: RateLimit | None
    lines: Mapping[str, int]

    def line(self, pointer: str) -> int | None:
        """The line of a place of the document, or of the nearest place around it that the file has."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer)

    def problem(self, pointer: str, message: str, remedy: str) -> Problem:
        """A problem at a place of the document."""
        return Problem(self.path, self.line(pointer), pointer, message, remedy)

    @cached_property
    def _by_id(self) -> dict[str, Operation]:
        return {operation.id: operation for operation in self.operations}

    def operation(self, operation_id: str) -> Operation:
        """The operation with an operationId; raise KeyError where there is none."""
        return self._by_id[operation_id]

    @property
    def base_path(self) -> str:
        """The path of the first server's URL, without a slash at the end; empty where it has none."""
        return urlsplit(self.servers[0]).path.rstrip("/") if self.servers else ""

    @property
    def components(self) -> Mapping[str, Any]:
        """The schemas under ``components.schemas``, as written."""
        schemas: Mapping[str, Any] = self.document.get("components", {}).get("schemas", {})
        return schemas
