"""Everything that a contract states and traffic can tell about, each statement with the rule that judges it."""

from __future__ import annotations

from collections.abc import Iterator

from spacely_spec import Operation, Polling, Spec, join_pointer
from spacely_spec._places import Place, places

from .. import credentials, expectations
from . import rules
from .observations import follow
from .reach import Reach
from .rungs import Rung
from .schema_statements import schema_statements
from .verdicts import Statement


class Statements:
    """Takes a contract apart into statements.

    Args:
        spec: The contract.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._reach = Reach(spec)

    def all(self) -> Iterator[Statement]:
        """Every statement, those of the operations first."""
        for operation in self._spec.operations:
            yield from self._of_operation(operation)
            if operation.polling is not None:
                yield from self._of_polling(operation, operation.polling)
        for place in places(self._spec.document):
            yield from self._of_place(place)
        yield from self._of_document()

    # --- Operations -------------------------------------------------------------------------------------------------

    def _of_operation(self, operation: Operation) -> Iterator[Statement]:
        label = expectations.label(operation)
        lowest = self._reach.answers(operation, "200")
        yield Statement(operation.pointer, f"there is {label}", rules.exists(operation), lowest)
        if "security" in operation.raw:
            what = "needs a key" if credentials.needs_key(operation) else "needs no key"
            yield Statement(operation.pointer + "/security", f"{label} {what}", rules.security(operation), Rung.PROBES)
        for status, response in operation.responses.items():
            used = operation.pointer + join_pointer("responses", status)
            node, pointer = follow(self._spec, used)
            rung = self._reach.answers(operation, status)
            yield Statement(pointer, f"{label} answers {status}", rules.status_seen(operation, status), rung, used)
            for media_type, content in response.content.items():
                text = f"{label} answers {status} as {media_type}"
                yield Statement(content.pointer, text, rules.media_type_seen(operation, status, media_type), rung, used)
                for name, example in node.get("content", {}).get(media_type, {}).get("examples", {}).items():
                    here = content.pointer + join_pointer("examples", name)
                    if "$ref" in example or "value" in example:
                        place = follow(self._spec, here)[1]
                        text = f"{label} answers like the example {name!r}"
                        judge = rules.example(self._spec, operation, status, content.pointer, content.examples[name])
                        yield Statement(place, text, judge, rung, used)
            for name, header in node.get("headers", {}).items():
                place = follow(self._spec, pointer + join_pointer("headers", name))[1]
                text = f"{label} answers {status} with the header {name}"
                yield Statement(place, text, rules.header_seen(operation, status, name, header), rung, used)
        yield from self._of_request(operation)

    def _of_request(self, operation: Operation) -> Iterator[Statement]:
        label, rung = expectations.label(operation), self._reach.requests(operation)
        for parameter in operation.parameters:
            if parameter.required and parameter.location != "path":
                place = parameter.pointer + "/required"
                yield Statement(place, f"{label} needs {parameter.name}", rules.needed(place), rung)
            place = parameter.pointer + "/in"
            text = f"{label} reads {parameter.name} from the {parameter.location}"
            reads = rules.reads(operation, parameter.location, parameter.name)
            yield Statement(place, text, reads, self._reach.answers(operation, "200"))
        if operation.body is not None and operation.body.required:
            place = follow(self._spec, operation.pointer + "/requestBody")[1] + "/required"
            yield Statement(place, f"{label} needs a body", rules.needed(place), rung)

    # --- Jobs -------------------------------------------------------------------------------------------------------

    def _of_polling(self, submit: Operation, polling: Polling) -> Iterator[Statement]:
        yield Statement(
            polling.pointer + "/parameters",
            f"the id at {polling.job_id.text} is the {polling.parameter} of {polling.target}",
            rules.id_is_known(submit),
            Rung.CANARY,
        )
        loop = polling.pointer + "/x-polling"
        for keyword, criteria, other in (
            ("successCriteria", polling.success, polling.failure),
            ("failureCriteria", polling.failure, polling.success),
        ):
            for index, criterion in enumerate(criteria):
                judge = rules.criterion_met(submit, criterion, keyword == "successCriteria", other)
                text = f"{'success' if keyword == 'successCriteria' else 'failure'} is told by {criterion.text}"
                yield Statement(loop + join_pointer(keyword, index), text, judge, Rung.JOB)
        if polling.result is not None:
            yield Statement(loop + "/result", f"the result is at {polling.result.text}", rules.result(submit), Rung.JOB)
        raw = follow(self._spec, polling.pointer)[0]["x-polling"]
        for keyword, text, judge in (
            ("delaySeconds", f"a job is known {polling.delay_seconds:g} s after its submit", rules.delay(submit)),
            ("intervalSeconds", f"a job may be polled every {polling.interval_seconds:g} s", rules.interval(submit)),
            ("timeoutSeconds", f"a job ends within {polling.timeout_seconds:g} s", rules.timeout(submit)),
        ):
            if keyword in raw:
                yield Statement(loop + join_pointer(keyword), text, judge, Rung.CANARY)

    # --- Other places -----------------------------------------------------------------------------------------------

    def _of_place(self, place: Place) -> Iterator[Statement]:
        if "$ref" in place.node:
            return
        if place.kind == "schemas":
            yield from schema_statements(self._spec, place.node, place.pointer, self._reach.told_by(place.pointer))
        elif place.kind == "securitySchemes":
            scheme = credentials.schemes(self._spec).get(place.pointer.rpartition("/")[2])
            if scheme is None:
                return
            text = f"the key is taken in the {scheme.location} {scheme.name}"
            yield Statement(place.pointer + "/in", text, rules.key_in_place(scheme.id), Rung.PROBES)
            if scheme.key_pattern is not None:
                text = f"keys match {scheme.key_pattern}"
                judge = rules.key_pattern(scheme.id, scheme.key_pattern)
                yield Statement(place.pointer + "/x-key-pattern", text, judge, Rung.PROBES)

    def _of_document(self) -> Iterator[Statement]:
        for index, url in enumerate(self._spec.servers):
            yield Statement(
                join_pointer("servers", index, "url"), f"the API is at {url}", rules.server(url), Rung.PROBES
            )
        if self._spec.rate_limit is not None:
            limit = self._spec.rate_limit
            text = f"{limit.requests} requests in {limit.seconds:g} s are allowed"
            yield Statement("/x-rate-limit", text, rules.rate_limit, None)
