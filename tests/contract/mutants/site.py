"""Where a fault is put in: what it can know of a contract without knowing which one it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

from tests.contract import credentials, expectations
from tests.contract.mutants.model import NotApplicable
from tests.contract.seams import Reply, Request, put
from tests.contract.server import Clock

from spacely_spec import Answer, Expression, Operation, Polling, SecurityScheme, Spec, all_hold


@dataclass(frozen=True)
class Site:
    """A contract as faults see it: its first job flow, its key, and the mock's clock.

    Attributes:
        spec: The contract.
        key: The key that the mock takes.
        clock: The mock's clock.
        render_time: How long a job takes, in seconds.
    """

    spec: Spec
    key: str = ""
    clock: Clock | None = None
    render_time: float = 0.0

    @classmethod
    def of_mock(cls, spec: Spec, options: Mapping[str, Any]) -> Site:
        """The site of a mock that is made with these options."""
        return cls(spec, options["api_keys"][0], options["clock"], options["render_time"])

    # --- The job flow --------------------------------------------------------------------------------------------

    @cached_property
    def submit(self) -> Operation:
        """The first operation that starts a job."""
        for operation in self.spec.operations:
            if operation.polling is not None:
                return operation
        raise NotApplicable("the contract has no polling Link")

    @property
    def polling(self) -> Polling:
        """Its Link."""
        polling = self.submit.polling
        assert polling is not None
        return polling

    @cached_property
    def poll(self) -> Operation:
        """The operation that the Link polls."""
        return self.spec.operation(self.polling.target)

    @property
    def accepted(self) -> int:
        """The status of a submit that succeeded."""
        return expectations.number(self.polling.status)

    @property
    def polled(self) -> int:
        """The status of a poll that succeeded."""
        return expectations.number(expectations.successes(self.poll)[0])

    @property
    def rejected(self) -> int:
        """The status of a submit that breaks the contract."""
        return expectations.number(expectations.rejections(self.submit)[0])

    @property
    def unknown(self) -> int:
        """The status of a poll for an id of nothing."""
        return expectations.number(expectations.unknowns(self.poll)[0])

    @property
    def refused(self) -> int:
        """The status of a submit without a key."""
        return expectations.number(expectations.refusals(self.submit)[0])

    def is_submit(self, request: Request) -> bool:
        """Whether a request is for the submit."""
        return request.method == self.submit.method and self._path(self.submit).fullmatch(request.path) is not None

    def is_poll(self, request: Request) -> bool:
        """Whether a request is for the poll."""
        return request.method == self.poll.method and self._path(self.poll).fullmatch(request.path) is not None

    def _path(self, operation: Operation) -> re.Pattern[str]:
        literal = re.split(r"\{[^}]*\}", self.spec.base_path + operation.path)
        return re.compile("([^/]+)".join(map(re.escape, literal)))

    # --- Ids and states ------------------------------------------------------------------------------------------

    def job_id(self, reply: Reply) -> Any:
        """The id in the answer to a submit."""
        return self.polling.job_id.read(answer(reply))

    def with_job_id(self, reply: Reply, job_id: Any) -> Reply:
        """The answer to a submit with another id in it."""
        return written(reply, self.polling.job_id, job_id)

    def asked_for(self, request: Request) -> str:
        """The id that a poll asks for."""
        if self.parameter_location == "query":
            return request.query.get(self.polling.parameter, "")
        if self.parameter_location == "path":
            match = self._path(self.poll).fullmatch(request.path)
            return unquote(match[1]) if match else ""
        return request.headers.get(self.polling.parameter.lower(), "")

    def asking_for(self, request: Request, job_id: str) -> Request:
        """A poll for another id."""
        if self.parameter_location == "query":
            return request.but(query={**request.query, self.polling.parameter: job_id})
        if self.parameter_location == "path":
            match = self._path(self.poll).fullmatch(request.path)
            assert match is not None
            return request.but(path=request.path[: match.start(1)] + quote(job_id) + request.path[match.end(1) :])
        return request.but(headers={**request.headers, self.polling.parameter.lower(): job_id})

    @property
    def parameter_location(self) -> str:
        """Where a poll carries the id."""
        return next(each.location for each in self.poll.parameters if each.name == self.polling.parameter)

    def state(self, reply: Reply) -> str:
        """What the answer to a poll says of the job: succeeded, failed or running."""
        if all_hold(self.polling.success, answer(reply)):
            return "succeeded"
        return "failed" if all_hold(self.polling.failure, answer(reply)) else "running"

    @property
    def state_place(self) -> Expression:
        """What the criterion of success looks at in the body."""
        for criterion in self.polling.success:
            if criterion.expression.source == "body":
                return criterion.expression
        raise NotApplicable("no criterion of success looks at the body")

    @property
    def result_place(self) -> Expression:
        """Where the result stands."""
        if self.polling.result is None or self.polling.result.source != "body":
            raise NotApplicable("the Link names no result in the body")
        return self.polling.result

    def result(self, reply: Reply) -> Any:
        """The result in the answer to a poll."""
        return self.result_place.read(answer(reply))

    def example(self, state: str) -> Any:
        """The contract's example of the answer to a poll of a job in a state."""
        for media_type in self.poll.responses[str(self.polled)].content.values():
            for body in media_type.examples.values():
                reply = Reply(self.polled, {}, b"").with_json(body)
                if self.state(reply) == state:
                    return body
        raise NotApplicable(f"the contract has no example of a job that is {state}")

    @contextmanager
    def at(self, seconds: float) -> Iterator[None]:
        """The mock's clock moved by so much for a while."""
        assert self.clock is not None
        self.clock.time += seconds
        try:
            yield
        finally:
            self.clock.time -= seconds

    # --- Keys ----------------------------------------------------------------------------------------------------

    @cached_property
    def scheme(self) -> SecurityScheme:
        """How the submit asks for a key."""
        for alternative in self.submit.security:
            for scheme in alternative:
                return scheme
        raise NotApplicable("the submit asks for no key")

    def with_key(self, request: Request) -> Request:
        """A request with the right key in its place."""
        carried = credentials.right(self.submit, self.key)
        headers = {**request.headers, **{name.lower(): value for name, value in carried.header.items()}}
        return request.but(headers=headers, query={**request.query, **carried.query})

    def shown(self, request: Request) -> str | None:
        """What a request shows in the place of the key, its prefix included."""
        if self.scheme.location == "query":
            return request.query.get(self.scheme.name)
        return request.headers.get(self.scheme.name.lower())

    # --- What a submit takes -------------------------------------------------------------------------------------

    @property
    def body_schema(self) -> Mapping[str, Any]:
        """The schema of the body of a submit, its references resolved one level deep."""
        content = self.submit.body.content if self.submit.body else {}
        for media_type in content.values():
            return self.resolved(media_type.schema or {})
        raise NotApplicable("the submit has no body")

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        """The properties of the body of a submit."""
        members: Mapping[str, Mapping[str, Any]] = self.body_schema.get("properties", {})
        if not members:
            raise NotApplicable("the body of a submit has no properties")
        return {name: self.resolved(schema) for name, schema in members.items()}

    @property
    def optional(self) -> str:
        """A property of the submit that may be left out: the last one."""
        names = [name for name in self.properties if name not in self.body_schema.get("required", [])]
        if not names:
            raise NotApplicable("every property of a submit is required")
        return names[-1]

    @property
    def required(self) -> str:
        """A property of the submit that must be given: the first one."""
        for name in self.body_schema.get("required", []):
            return str(name)
        raise NotApplicable("no property of a submit is required")

    def property_with(self, keyword: str) -> str:
        """The first property of the submit whose schema has a keyword."""
        for name, schema in self.properties.items():
            if keyword in schema:
                return name
        raise NotApplicable(f"no property of a submit has {keyword!r}")

    @property
    def sample(self) -> dict[str, Any]:
        """The contract's example of the body of a submit."""
        for media_type in (self.submit.body.content if self.submit.body else {}).values():
            for body in media_type.examples.values():
                if isinstance(body, dict):
                    return dict(body)
        raise NotApplicable("the contract has no example of a submit")

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """A schema, or the one it refers to."""
        while "$ref" in schema:
            schema = self.spec.components[schema["$ref"].rpartition("/")[2]]
        return schema


def answer(reply: Reply) -> Answer:
    """A reply as runtime expressions read it."""
    return Answer(reply.status, dict(reply.headers), reply.json)


def written(reply: Reply, place: Expression, value: Any) -> Reply:
    """A reply with another value where an expression reads."""
    if place.source == "header":
        kept = {name: text for name, text in reply.headers.items() if name.lower() != place.key.lower()}
        return reply.but(headers={**kept, place.key: str(value)})
    return reply.with_json(put(reply.json, place.key, value))
