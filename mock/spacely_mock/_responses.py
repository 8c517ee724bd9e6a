"""The responses that the contract documents, made ready to be sent."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from http.client import responses as phrases
from typing import Any, cast

import jsonschema_rs

from spacely_spec import Operation, Response, Spec, SpecError, compile_schema, json_schema

from ._bodies import choose, is_json
from ._directives import Directive
from ._http import Reply, Request
from ._problems import PROBLEM_JSON, Kind, Violation, about_blank, problem_document
from ._sample import SampleError, sample

_PREFERRED = ("application/json", "application/problem+json")


class DocumentedResponse:
    """One documented response: its examples, or data made from its schema, proven to fit the contract.

    Attributes:
        status: The status it is sent with.
        key: The status as the contract writes it.
        media_type: The media type of its body; None where it has none.
        examples: Its bodies by name: the contract's examples, or one made from the schema, called ``made``.
        exemplified: Whether these bodies are the contract's examples.
        headers: Its documented headers with a value for each.
    """

    def __init__(self, spec: Spec, operation: Operation, response: Response, *, seed: int) -> None:
        self.status = _concrete(response.status)
        self.key = response.status
        self.description = response.description
        self._pointer = f"{operation.pointer}/responses/{response.status}"
        self._spec = spec
        self._seed = f"{seed}:{operation.id}:{response.status}"
        names = sorted(response.content, key=lambda name: (name not in _PREFERRED, not is_json(name)))
        self.media_type = names[0] if names else None
        self.examples: dict[str, Any] = {}
        self.exemplified = False
        self._validator: jsonschema_rs.Draft4Validator | None = None
        if names:
            content = response.content[names[0]]
            if content.schema is not None:
                schema = json_schema(content.schema, spec.components, direction="response")
                self._validator = compile_schema(schema)
            self.exemplified = bool(content.examples)
            self.examples = dict(content.examples) or {"made": self._made(content.schema or {})}
        self.headers = {
            name.lower(): _header_text(self._sample(schema, f"header {name}"))
            for name, schema in response.headers.items()
            if name.lower() != "content-type"
        }

    def fits(self, value: Any) -> bool:
        """Whether a body keeps to the schema."""
        return self._validator is None or self._validator.is_valid(value)

    @property
    def first(self) -> Any:
        """The first example's body; None where it has no body."""
        return next(iter(self.examples.values()), None)

    def reply(self, value: Any) -> Reply:
        """It as a reply with a body of one's own."""
        return self.reply_with(self._encoded(value))

    def reply_with(self, body: bytes, job: str = "") -> Reply:
        """It as a reply with a body that is encoded already, about a job where one is named."""
        return Reply(self.status, self._reply_headers, b"" if self.media_type is None else body, job)

    @cached_property
    def _reply_headers(self) -> tuple[tuple[str, str], ...]:
        headers = tuple(self.headers.items())
        return headers if self.media_type is None else (("content-type", self._content_type), *headers)

    @property
    def _content_type(self) -> str:
        name = self.media_type or ""
        if "*" in name:
            return "application/json" if name in {"*/*", "application/*"} else name.replace("*", "plain")
        return name + "; charset=utf-8" if name.startswith("text/") and ";" not in name else name

    def _encoded(self, value: Any) -> bytes:
        if self.media_type is None:
            return b""
        if isinstance(value, bytes):
            return value
        if isinstance(value, str) and not is_json(self._content_type):
            return value.encode()
        return json.dumps(value, separators=(",", ":")).encode()

    def _made(self, schema: Mapping[str, Any]) -> Any:
        name = self.media_type or ""
        if name.startswith("image/"):
            # Imported here: few contracts have images in their answers, and Pillow takes its time.
            from ._images import draw

            return draw(self._seed, self.description)
        if not is_json(name) and "*" not in name and not name.startswith(("text/", "application/octet-stream")):
            raise self._needs_example(f"no body of the media type {name} can be made")
        return self._sample(schema, f"content/{name}")

    def _sample(self, schema: Mapping[str, Any], what: str) -> Any:
        try:
            return sample(schema, self._spec.components, f"{self._seed}:{what}")
        except SampleError as error:
            raise self._needs_example(f"no value of the schema of {what} can be made: {error}") from error

    def _needs_example(self, message: str) -> SpecError:
        return SpecError([self._spec.problem(self._pointer, message, "give it an example")])


class Responses:
    """All documented responses of one operation."""

    def __init__(self, spec: Spec, operation: Operation, *, seed: int) -> None:
        self._operation = operation
        self._documented = operation.responses
        self.by_key = {
            key: DocumentedResponse(spec, operation, response, seed=seed)
            for key, response in operation.responses.items()
        }
        self.all = sorted(self.by_key.values(), key=lambda response: response.status)
        successes = [response for response in self.all if 200 <= response.status < 300]
        self.success = (successes or self.all)[0]
        self.successes = successes or [self.success]

    def preferred(self, preference: Directive) -> DocumentedResponse:
        """The response that a caller asks for; raise LookupError with what there is where there is no such response."""
        candidates = [*self.successes, *self.all]
        if preference.code is not None:
            candidates = list(self._coded(preference.code))
            if not candidates:
                there = f"it has {', '.join(self.by_key)}"
                raise LookupError(f"The contract has no response {preference.code!r} for this operation; {there}.")
        if preference.example is None:
            return candidates[0]
        for response in candidates:
            if preference.example in response.examples:
                return response
        there = f"it has {', '.join(name for response in self.all for name in response.examples) or 'none'}"
        raise LookupError(f"The contract has no example {preference.example!r} for this response; {there}.")

    def _coded(self, code: str) -> Iterator[DocumentedResponse]:
        if code in self.by_key:
            yield self.by_key[code]
        elif re.fullmatch("[1-5][0-9]{2}", code):
            for key in {code[0] + "XX", "default"} & self.by_key.keys():
                response = copy.copy(self.by_key[key])
                response.status = int(code)
                yield response

    def with_status(self, status: int) -> DocumentedResponse | None:
        """The documented response of a status; None where it is not documented."""
        return next((response for response in self.all if response.status == status), None)

    @property
    def weighs_accept(self) -> bool:
        """Whether the Accept header of a request matters."""
        return "406" in self._documented and self.success.media_type is not None

    def accepts(self, request: Request) -> bool:
        """Whether a request's Accept header leaves room for what the operation answers, as far as it must."""
        if not self.weighs_accept or self.success.media_type is None:
            return True
        offered = [entry.partition(";") for header in request.headers("accept") for entry in header.split(",")]
        ranges = [
            name.strip().lower() for name, _, weight in offered if weight.replace(" ", "") not in {"q=0", "q=0.0"}
        ]
        return not ranges or choose(self.success.media_type.partition(";")[0].strip(), ranges) is not None

    def refusal(
        self,
        kind: Kind,
        detail: str,
        request: Request,
        violations: list[Violation] | None = None,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        extensions: Mapping[str, Any] | None = None,
    ) -> Reply:
        """The answer to a request that cannot be served, with a status that the contract documents if any suits."""
        status = kind.status(self._documented)
        extra = {**(extensions or {})}
        if violations:
            extra["errors"] = [violation.as_json() for violation in violations]
        document = problem_document(kind, status, detail, request.instance, extra)
        documented = self.with_status(status)
        reply = _problem_reply(status, document) if documented is None else _error_reply(documented, document)
        return reply.with_headers(*headers)

    def documented_error(self, response: DocumentedResponse, example: str | None, request: Request) -> Reply:
        """A documented error as a reply: its own body, or a problem where it has none."""
        if response.media_type is not None:
            return response.reply(response.first if example is None else response.examples[example])
        title = phrases.get(response.status, "Error")
        reply = about_blank(response.status, title, response.description.strip(), request.instance)
        return reply.with_headers(*response.headers.items())


def _problem_reply(status: int, document: Mapping[str, Any]) -> Reply:
    return Reply(status, (("content-type", PROBLEM_JSON),), json.dumps(document).encode())


def _error_reply(documented: DocumentedResponse, document: dict[str, Any]) -> Reply:
    """A problem in the form that the contract gives to errors of this status."""
    if documented.media_type is None:
        return _problem_reply(documented.status, document).with_headers(*documented.headers.items())
    for candidate in (document, {**_object(documented.first), **document}, {**document, **_object(documented.first)}):
        if is_json(documented.media_type) and documented.fits(candidate):
            return documented.reply(candidate)
    return documented.reply(documented.first)


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _concrete(status: str) -> int:
    if status.isdecimal():
        return int(status)
    return 500 if status == "default" else int(status[0]) * 100


def _header_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_header_text, cast("Sequence[Any]", value)))
    return value if isinstance(value, str) else json.dumps(value)
