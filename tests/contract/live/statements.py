"""Everything that a contract states and traffic can tell about, each statement with the rule that judges it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from spacely_spec import (
    Answer,
    Criterion,
    Operation,
    Polling,
    Spec,
    all_hold,
    compile_schema,
    join_pointer,
    json_schema,
)
from spacely_spec._places import Place, places

from .. import credentials, expectations
from .observations import Job, Observation, follow, presented
from .rungs import Rung
from .samples import BREAKABLE
from .schema_statements import schema_statements
from .sightings import documented, values
from .tariff import is_safe
from .verdicts import Judge, Seen, Statement, Verdict, broken, confirmed, contradicted, unknown

Use: TypeAlias = Literal["answer", "body", "parameter"]


class Statements:
    """Takes a contract apart into statements.

    Args:
        spec: The contract.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._targets = {polling.target for polling in expectations.pollings(spec)}
        self._rungs = dict(self._rungs_of_schemas())

    def all(self) -> Iterator[Statement]:
        """Every statement, those of the operations first."""
        for operation in self._spec.operations:
            yield from self._of_operation(operation)
            if operation.polling is not None:
                yield from self._of_polling(operation, operation.polling)
        for place in places(self._spec.document):
            yield from self._of_place(place)
        yield from self._of_document()

    # --- Which rung sees what ---------------------------------------------------------------------------------------

    def _answer_rung(self, operation: Operation, status: str) -> Rung | None:
        if status.startswith("2"):
            if operation.polling is not None:
                return Rung.CANARY
            if operation.id in self._targets:
                return Rung.JOB
            return Rung.PROBES if is_safe(operation) else None
        if credentials.needs_key(operation) and status in expectations.refusals(operation):
            return Rung.PROBES
        if status in {*expectations.unknowns(operation), *expectations.rejections(operation)}:
            return self._request_rung(operation)
        return None

    def _request_rung(self, operation: Operation) -> Rung | None:
        if is_safe(operation):
            return Rung.PROBES
        return Rung.MORE if operation.polling is not None else None

    def _rungs_of_schemas(self) -> Iterator[tuple[str, dict[Use, Rung]]]:
        """The lowest rung that sees values of each schema in each use, by the schema's pointer."""
        found: dict[str, dict[Use, Rung]] = defaultdict(dict)
        for operation in self._spec.operations:
            asked = self._request_rung(operation)
            roots: list[tuple[str, Use, Rung | None]] = [
                (parameter.pointer, "parameter", asked) for parameter in operation.parameters
            ]
            for content in operation.body.content.values() if operation.body is not None else ():
                roots.append((content.pointer, "body", asked))
            for status, response in operation.responses.items():
                for content in response.content.values():
                    roots.append((content.pointer, "answer", self._answer_rung(operation, status)))
            for holder, use, rung in roots:
                if rung is not None:
                    for pointer in self._schemas_from(holder + "/schema", set()):
                        found[pointer][use] = min(rung, found[pointer].get(use, rung))
        yield from found.items()

    def _told_by(self, pointer: str) -> Callable[[str], Rung | None]:
        """Tells of a keyword of a schema which rung is the lowest that can tell about it."""
        rungs = self._rungs.get(pointer, {})

        def told_by(keyword: str) -> Rung | None:
            uses: set[Use] = {"answer"}
            if keyword in BREAKABLE:
                uses.add("body")
                if keyword != "type":  # Every value is text on its way.
                    uses.add("parameter")
            return min((rung for use, rung in rungs.items() if use in uses), default=None)

        return told_by

    def _schemas_from(self, pointer: str, passed: set[str]) -> Iterator[str]:
        try:
            node, pointer = follow(self._spec, pointer)
        except LookupError:
            return
        if pointer in passed or not isinstance(node, Mapping):
            return
        passed.add(pointer)
        yield pointer
        for place in places_in_schema(node, pointer):
            yield from self._schemas_from(place, passed)

    # --- Operations -------------------------------------------------------------------------------------------------

    def _of_operation(self, operation: Operation) -> Iterator[Statement]:
        label = expectations.label(operation)
        lowest = self._answer_rung(operation, "200")
        yield Statement(operation.pointer, f"there is {label}", _exists(operation), lowest)
        if "security" in operation.raw:
            what = "needs a key" if credentials.needs_key(operation) else "needs no key"
            yield Statement(operation.pointer + "/security", f"{label} {what}", _security(operation), Rung.PROBES)
        for status, response in operation.responses.items():
            used = operation.pointer + join_pointer("responses", status)
            node, pointer = follow(self._spec, used)
            rung = self._answer_rung(operation, status)
            yield Statement(pointer, f"{label} answers {status}", _status(operation, status), rung, used)
            for media_type, content in response.content.items():
                text = f"{label} answers {status} as {media_type}"
                yield Statement(content.pointer, text, _media_type(operation, status, media_type), rung, used)
                for name, example in node.get("content", {}).get(media_type, {}).get("examples", {}).items():
                    here = content.pointer + join_pointer("examples", name)
                    if "$ref" in example or "value" in example:
                        place = follow(self._spec, here)[1]
                        text = f"{label} answers like the example {name!r}"
                        shown = self._example(operation, status, content.pointer, content.examples[name])
                        yield Statement(place, text, shown, rung, used)
            for name, header in node.get("headers", {}).items():
                place = follow(self._spec, pointer + join_pointer("headers", name))[1]
                text = f"{label} answers {status} with the header {name}"
                yield Statement(place, text, _header(operation, status, name, header), rung, used)
        yield from self._of_request(operation)

    def _of_request(self, operation: Operation) -> Iterator[Statement]:
        label, rung = expectations.label(operation), self._request_rung(operation)
        for parameter in operation.parameters:
            if parameter.required and parameter.location != "path":
                place = parameter.pointer + "/required"
                yield Statement(place, f"{label} needs {parameter.name}", _needed(place), rung)
            place = parameter.pointer + "/in"
            text = f"{label} reads {parameter.name} from the {parameter.location}"
            reads = _reads(operation, parameter.location, parameter.name)
            yield Statement(place, text, reads, self._answer_rung(operation, "200"))
        if operation.body is not None and operation.body.required:
            place = follow(self._spec, operation.pointer + "/requestBody")[1] + "/required"
            yield Statement(place, f"{label} needs a body", _needed(place), rung)

    def _example(self, operation: Operation, status: str, content: str, example: Any) -> Judge:
        """Judge an example of an answer: whatever tells it from other answers, its shape is the example's."""
        closed = [
            pointer
            for pointer, _ in values(self._spec, content + "/schema", example, "response")
            if "enum" in follow(self._spec, pointer)[0]
        ]
        criteria = [
            criterion
            for polling in expectations.pollings(self._spec)
            if polling.target == operation.id
            for criterion in (*polling.success, *polling.failure)
        ]

        def marks(body: Any) -> list[Any]:
            seen = values(self._spec, content + "/schema", body, "response")
            answer = Answer(int(status) if status.isdecimal() else 0, {}, body)
            return [value for pointer, value in seen if pointer in closed] + [each.holds(answer) for each in criteria]

        def judge(seen: Seen) -> Verdict:
            wanted = marks(example)
            for each in seen.observations.of(operation):
                if expectations.allows((status,), each.status) and marks(each.json) == wanted:
                    if _has_shape(each.json, example):
                        return confirmed("an answer has its shape", each)
                    return contradicted("an answer that says the same has another shape", each)
            return unknown("no answer says the same")

        return judge

    # --- Jobs -------------------------------------------------------------------------------------------------------

    def _of_polling(self, submit: Operation, polling: Polling) -> Iterator[Statement]:
        yield Statement(
            polling.pointer + "/parameters",
            f"the id at {polling.job_id.text} is the {polling.parameter} of {polling.target}",
            _id_is_known(submit),
            Rung.CANARY,
        )
        loop = polling.pointer + "/x-polling"
        for keyword, criteria, other in (
            ("successCriteria", polling.success, polling.failure),
            ("failureCriteria", polling.failure, polling.success),
        ):
            for index, criterion in enumerate(criteria):
                judge = _criterion(submit, criterion, keyword == "successCriteria", other)
                text = f"{'success' if keyword == 'successCriteria' else 'failure'} is told by {criterion.text}"
                yield Statement(loop + join_pointer(keyword, index), text, judge, Rung.JOB)
        if polling.result is not None:
            yield Statement(loop + "/result", f"the result is at {polling.result.text}", _result(submit), Rung.JOB)
        raw = follow(self._spec, polling.pointer)[0]["x-polling"]
        for keyword, text, judge in (
            ("delaySeconds", f"a job is known {polling.delay_seconds:g} s after its submit", _delay(submit)),
            ("intervalSeconds", f"a job may be polled every {polling.interval_seconds:g} s", _interval(submit)),
            ("timeoutSeconds", f"a job ends within {polling.timeout_seconds:g} s", _timeout(submit)),
        ):
            if keyword in raw:
                yield Statement(loop + join_pointer(keyword), text, judge, Rung.CANARY)

    # --- Other places -----------------------------------------------------------------------------------------------

    def _of_place(self, place: Place) -> Iterator[Statement]:
        if "$ref" in place.node:
            return
        if place.kind == "schemas":
            yield from schema_statements(self._spec, place.node, place.pointer, self._told_by(place.pointer))
        elif place.kind == "securitySchemes":
            scheme = credentials.schemes(self._spec).get(place.pointer.rpartition("/")[2])
            if scheme is None:
                return
            text = f"the key is taken in the {scheme.location} {scheme.name}"
            yield Statement(place.pointer + "/in", text, _key_in_place(scheme.id), Rung.PROBES)
            if scheme.key_pattern is not None:
                text = f"keys match {scheme.key_pattern}"
                judge = _key_pattern(scheme.id, scheme.key_pattern)
                yield Statement(place.pointer + "/x-key-pattern", text, judge, Rung.PROBES)

    def _of_document(self) -> Iterator[Statement]:
        for index, url in enumerate(self._spec.servers):
            yield Statement(join_pointer("servers", index, "url"), f"the API is at {url}", _server(url), Rung.PROBES)
        if self._spec.rate_limit is not None:
            limit = self._spec.rate_limit
            text = f"{limit.requests} requests in {limit.seconds:g} s are allowed"
            yield Statement("/x-rate-limit", text, _rate_limit, None)


def places_in_schema(node: Mapping[str, Any], pointer: str) -> Iterator[str]:
    """The pointers of the schemas in a schema."""
    for keyword in ("items", "not", "additionalProperties"):
        if isinstance(node.get(keyword), Mapping):
            yield pointer + join_pointer(keyword)
    for name in node.get("properties", {}):
        yield pointer + join_pointer("properties", name)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for index in range(len(node.get(keyword, ()))):
            yield pointer + join_pointer(keyword, index)


# --- The rules ------------------------------------------------------------------------------------------------------


def _exists(operation: Operation) -> Judge:
    def judge(seen: Seen) -> Verdict:
        found = seen.observations.of(operation)
        for each in found:
            if each.accepted:
                return confirmed("a request was accepted", each)
        if found and all(
            each.status in {404, 405, 501} and str(each.status) not in operation.responses for each in found
        ):
            return contradicted("every request was answered as if there were none", found[0])
        return unknown("no request was accepted")

    return judge


def _security(operation: Operation) -> Judge:
    def judge(seen: Seen) -> Verdict:
        for each in seen.observations.of(operation):
            if each.key == "none":
                refused = expectations.allows(expectations.refusals(operation), each.status)
                if refused or each.accepted:
                    holds = refused is credentials.needs_key(operation)
                    note = f"a request without a key was {'refused' if refused else 'accepted'}"
                    return (confirmed if holds else contradicted)(note, each)
        return unknown("no request without a key tells")

    return judge


def _status(operation: Operation, status: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        found = seen.observations.of(operation)
        for each in found:
            if documented_as(operation, each.status) == status:
                return confirmed(f"seen ({each.source})", each)
        for each in found:
            if status in each.expected and not expectations.allows(each.expected, each.status):
                return contradicted(f"what should be answered so was answered {each.status} ({each.source})", each)
        return unknown("nothing was answered so")

    return judge


def documented_as(operation: Operation, status: int) -> str | None:
    """How the contract writes a status that an operation answered."""
    response = documented(operation, status)
    return None if response is None else response.status


def _media_type(operation: Operation, status: str, media_type: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        others: list[tuple[str, Observation]] = []
        for each in seen.observations.of(operation):
            if documented_as(operation, each.status) != status or not each.response.content:
                continue
            sent = each.response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if sent == media_type.lower():
                return confirmed("seen in an answer", each)
            if sent not in operation.responses[status].content:
                others.append((sent, each))
        if others:
            return contradicted(f"an answer was sent as {others[0][0] or 'nothing in particular'}", others[0][1])
        return unknown("no answer of this status had a body")

    return judge


def _header(operation: Operation, status: str, name: str, header: Mapping[str, Any]) -> Judge:
    def judge(seen: Seen) -> Verdict:
        found = [e for e in seen.observations.of(operation) if documented_as(operation, e.status) == status]
        for each in found:
            if name in each.response.headers:
                return confirmed("seen in an answer", each)
        if found and header.get("required"):
            return contradicted("an answer does not have it", found[0])
        return unknown(f"{len(found)} answers of this status, and it is in none of them")

    return judge


def _needed(place: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        return broken(seen, place) or unknown("no request was sent without it")

    return judge


def _reads(operation: Operation, location: str, name: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        sent = [
            each
            for each in seen.observations.of(operation)
            if each.valid and each.key == "right" and each.checked.parameters.get((location, name)) is not None
        ]
        for each in sent:
            if each.accepted:
                return confirmed("a request that has it there was accepted", each)
        successes = expectations.successes(operation)
        for each in sent:
            if each.refused and each.expected and set(each.expected) <= set(successes):
                return contradicted("a request that has it there, and must be accepted, was refused", each)
        return unknown("no request that has it there had to be accepted")

    return judge


def _id_is_known(submit: Operation) -> Judge:
    def judge(seen: Seen) -> Verdict:
        jobs = [job for job in seen.observations.jobs(submit) if job.submit is not None]
        for job in jobs:
            if any(poll.accepted for poll in job.polls):
                return confirmed("a poll with it was accepted", job.polls[0])
            if job.polls and all(poll.refused for poll in job.polls):
                return contradicted("a poll with it was refused", job.polls[0])
        polling = submit.polling
        assert polling is not None
        for each in seen.observations.of(submit):
            if each.accepted and polling.job_id.read(each.answer) is None:
                return contradicted("an accepted submit has nothing there", each)
        return unknown("no submit was seen with a poll of its id")

    return judge


def _polls(seen: Seen, submit: Operation) -> Iterator[tuple[Job, Observation]]:
    for job in seen.observations.jobs(submit):
        for poll in job.polls:
            if poll.accepted:
                yield job, poll


def _criterion(submit: Operation, criterion: Criterion, success: bool, other: tuple[Criterion, ...]) -> Judge:
    def judge(seen: Seen) -> Verdict:
        for _, poll in _polls(seen, submit):
            if criterion.holds(poll.answer):
                return confirmed("an answer meets it", poll)
        for job, poll in _polls(seen, submit):
            result = job.polling.result
            if (
                success
                and result is not None
                and _is_there(result.read(poll.answer))
                and not all_hold(other, poll.answer)
            ):
                return contradicted("an answer has the result, and does not meet it", poll)
        return unknown("no answer meets it")

    return judge


def _result(submit: Operation) -> Judge:
    def judge(seen: Seen) -> Verdict:
        good: Observation | None = None
        for job, poll in _polls(seen, submit):
            if all_hold(job.polling.success, poll.answer) and job.polling.result is not None:
                if not _is_there(job.polling.result.read(poll.answer)):
                    return contradicted("a job has succeeded, and nothing is there", poll)
                good = good or poll
        return confirmed("a job that has succeeded has it", good) if good else unknown("no job was seen to succeed")

    return judge


def _delay(submit: Operation) -> Judge:
    def judge(seen: Seen) -> Verdict:
        for job in seen.observations.jobs(submit):
            if job.submit is None or not job.polls:
                continue
            late = [poll for poll in job.polls if poll.at - job.submit.at >= job.polling.delay_seconds]
            if late and late[0].accepted:
                return confirmed(f"a poll {late[0].at - job.submit.at:.1f} s after the submit was accepted", late[0])
            if late and late[0].refused and any(poll.accepted for poll in late):
                return contradicted("the first poll was refused, a later one accepted", late[0])
        return unknown("no job was seen from its submit on")

    return judge


def _interval(submit: Operation) -> Judge:
    def judge(seen: Seen) -> Verdict:
        for job in seen.observations.jobs(submit):
            for earlier, later in zip(job.polls, job.polls[1:], strict=False):
                if later.status == 429:
                    return contradicted("a poll was answered 429", later)
                # A request takes its time, too.
                if later.accepted and later.at - earlier.at <= 1.5 * job.polling.interval_seconds + 0.5:
                    return confirmed(f"polls {later.at - earlier.at:.1f} s apart were accepted", later)
        return unknown("no job was polled twice at this pace")

    return judge


def _timeout(submit: Operation) -> Judge:
    def judge(seen: Seen) -> Verdict:
        for job in seen.observations.jobs(submit):
            if job.submit is None:
                continue
            for poll in job.polls:
                took = poll.at - job.submit.at
                ended = all_hold(job.polling.success, poll.answer) or all_hold(job.polling.failure, poll.answer)
                if poll.accepted and ended and took <= job.polling.timeout_seconds:
                    return confirmed(f"a job had ended after {took:.1f} s", poll)
                if poll.accepted and took > job.polling.timeout_seconds:
                    return contradicted(f"a job still ran after {took:.1f} s", poll)
        return unknown("no job was seen from its submit to its end")

    return judge


def _key_in_place(scheme_id: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        mine = [o for o in seen.observations.all if any(scheme_id in _ids(a) for a in [o.operation.security])]
        taken = next((each for each in mine if each.key == "right" and each.accepted), None)
        without = next((each for each in mine if each.key == "none" and not each.accepted), None)
        elsewhere = next((each for each in mine if each.key == "none" and each.accepted), None)
        if taken is not None and without is not None:
            return confirmed("a request with the key there was accepted, one without was not", taken)
        if elsewhere is not None and taken is None:
            return contradicted(f"a request with nothing there was accepted ({elsewhere.source})", elsewhere)
        for each in mine:
            if _key_was_taken(seen, each) and without is not None:
                note = f"with the key there the answer is {each.status}, without it {without.status}"
                return confirmed(note, each)
        if any(each.key in {"right", "wrong"} and each.status in {401, 403} for each in mine) and taken is None:
            return unknown("no request with the key there was accepted: is the key valid?")
        return unknown("no request tells")

    return judge


def _ids(alternatives: tuple[tuple[Any, ...], ...]) -> set[str]:
    return {scheme.id for alternative in alternatives for scheme in alternative}


def _key_pattern(scheme_id: str, pattern: str) -> Judge:
    fits = compile_schema(json_schema({"pattern": pattern}, {}, direction="request")).is_valid

    def judge(seen: Seen) -> Verdict:
        scheme = credentials.schemes(seen.spec)[scheme_id]
        for each in seen.observations.all:
            key = presented(scheme, each.request)
            if key is not None and _key_was_taken(seen, each):
                if fits(key):
                    return confirmed("a key that matches was taken", each)
                return contradicted("a key that does not match was taken", each)
        return unknown("no key was seen to be taken")

    return judge


def _key_was_taken(seen: Seen, observation: Observation) -> bool:
    """Whether an answer tells that the key was in order: a yes, or another no than the one that requests without get."""
    if observation.key != "right" or observation.accepted or not observation.refused:
        return observation.key == "right" and observation.accepted
    others = [each for each in seen.observations.of(observation.operation) if each.key != "right"]
    return bool(others) and all(each.status != observation.status for each in others)


def _server(url: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        for each in seen.observations.all:
            if each.accepted and str(each.request.url).startswith(url):
                return confirmed("a request was accepted there", each)
        return unknown("no request was accepted there")

    return judge


def _rate_limit(seen: Seen) -> Verdict:
    for each in seen.observations.all:
        if each.status == 429:
            return contradicted("a request within it was answered 429", each)
    return unknown("to try it is to risk a block; the ladder never does")


def _is_there(value: Any) -> bool:
    return value not in (None, [], {}, "")


def _has_shape(value: Any, example: Any) -> bool:
    """Whether a value is built like an example: the same types, and lists that are empty where the example's are."""
    if isinstance(example, Mapping):
        return isinstance(value, Mapping) and all(
            name in value and _has_shape(value[name], each) for name, each in example.items()
        )
    if isinstance(example, list):
        return (
            isinstance(value, list)
            and bool(value) == bool(example)
            and all(any(_has_shape(item, each) for each in example) for item in value)
        )
    if isinstance(example, bool) or isinstance(value, bool) or example is None or value is None:
        return type(value) is type(example)
    if isinstance(example, (int, float)):
        return isinstance(value, (int, float))
    return isinstance(value, type(example))
