"""The rules by which traffic confirms or contradicts what a contract states of operations, keys and jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from spacely_spec import Answer, Criterion, Operation, Spec, all_hold, compile_schema, json_schema

from .. import credentials, expectations
from .observations import Job, Observation, follow, presented
from .sightings import documented, values
from .verdicts import Judge, Seen, Verdict, broken, confirmed, contradicted, unknown

# What RFC 6750 has for a token. What recorders write in the place of a key, such as [redacted] or ***, is none.
_KEY = re.compile(r"[A-Za-z0-9._~+/-]{12,}=*")


def exists(operation: Operation) -> Judge:
    """An operation: something is there that takes its requests."""

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


def security(operation: Operation) -> Judge:
    """Whether an operation needs a key."""

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


def status_seen(operation: Operation, status: str) -> Judge:
    """A status of an operation: it is answered, and answered where it should be."""

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


def media_type_seen(operation: Operation, status: str, media_type: str) -> Judge:
    """The media type of an answer."""

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


def header_seen(operation: Operation, status: str, name: str, header: Mapping[str, Any]) -> Judge:
    """A header of an answer."""

    def judge(seen: Seen) -> Verdict:
        found = [e for e in seen.observations.of(operation) if documented_as(operation, e.status) == status]
        for each in found:
            if name in each.response.headers:
                return confirmed("seen in an answer", each)
        if found and header.get("required"):
            return contradicted("an answer does not have it", found[0])
        return unknown(f"{len(found)} answers of this status, and it is in none of them")

    return judge


def example(spec: Spec, operation: Operation, status: str, content: str, shown: Any) -> Judge:
    """An example of an answer: what says the same in all that tells answers apart has the example's shape."""
    closed = [
        pointer
        for pointer, _ in values(spec, content + "/schema", shown, "response")
        if "enum" in follow(spec, pointer)[0]
    ]
    criteria = [
        criterion
        for polling in expectations.pollings(spec)
        if polling.target == operation.id
        for criterion in (*polling.success, *polling.failure)
    ]

    def marks(body: Any) -> list[Any]:
        seen = values(spec, content + "/schema", body, "response")
        answer = Answer(expectations.number(status), {}, body)
        return [value for pointer, value in seen if pointer in closed] + [each.holds(answer) for each in criteria]

    def judge(seen: Seen) -> Verdict:
        for each in seen.observations.of(operation):
            if expectations.allows((status,), each.status) and marks(each.json) == marks(shown):
                if _has_shape(each.json, shown):
                    return confirmed("an answer has its shape", each)
                return contradicted("an answer that says the same has another shape", each)
        return unknown("no answer says the same")

    return judge


def needed(place: str) -> Judge:
    """What a request must have: it is refused without."""

    def judge(seen: Seen) -> Verdict:
        return broken(seen, place) or unknown("no request was sent without it")

    return judge


def reads(operation: Operation, location: str, name: str) -> Judge:
    """Where a parameter stands: a request that has it there is taken."""

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


def id_is_known(submit: Operation) -> Judge:
    """The id that a Link takes from a submit: polls know it."""

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


def criterion_met(submit: Operation, criterion: Criterion, success: bool, other: tuple[Criterion, ...]) -> Judge:
    """A criterion of an end: jobs that end meet it."""

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


def result(submit: Operation) -> Judge:
    """Where a result stands: it is there once a job has succeeded."""

    def judge(seen: Seen) -> Verdict:
        good: Observation | None = None
        for job, poll in _polls(seen, submit):
            if all_hold(job.polling.success, poll.answer) and job.polling.result is not None:
                if not _is_there(job.polling.result.read(poll.answer)):
                    return contradicted("a job has succeeded, and nothing is there", poll)
                good = good or poll
        return confirmed("a job that has succeeded has it", good) if good else unknown("no job was seen to succeed")

    return judge


def delay(submit: Operation) -> Judge:
    """The wait before the first poll."""

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


def interval(submit: Operation) -> Judge:
    """The wait between polls."""

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


def timeout(submit: Operation) -> Judge:
    """The time in which a job ends."""

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


def key_in_place(scheme_id: str) -> Judge:
    """Where a key stands: requests that have it there are taken, and others are not."""

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


def key_pattern(scheme_id: str, pattern: str) -> Judge:
    """What keys look like: those that are taken do."""
    fits = compile_schema(json_schema({"pattern": pattern}, {}, direction="request")).is_valid

    def judge(seen: Seen) -> Verdict:
        scheme = credentials.schemes(seen.spec)[scheme_id]
        for each in seen.observations.all:
            key = presented(scheme, each.request)
            if key is not None and _key_was_taken(seen, each):
                if fits(key):
                    return confirmed("a key that matches was taken", each)
                if _KEY.fullmatch(key):
                    return contradicted("a key that does not match was taken", each)
        return unknown("no key was seen to be taken")

    return judge


def _key_was_taken(seen: Seen, observation: Observation) -> bool:
    """Whether an answer tells that the key was in order: a yes, or another no than requests without it get."""
    if observation.key != "right" or observation.accepted or not observation.refused:
        return observation.key == "right" and observation.accepted
    others = [each for each in seen.observations.of(observation.operation) if each.key != "right"]
    return bool(others) and all(each.status != observation.status for each in others)


def server(url: str) -> Judge:
    """Where the API is."""

    def judge(seen: Seen) -> Verdict:
        for each in seen.observations.all:
            if each.accepted and str(each.request.url).startswith(url):
                return confirmed("a request was accepted there", each)
        return unknown("no request was accepted there")

    return judge


def rate_limit(seen: Seen) -> Verdict:
    """How much may be asked; it is never tried."""
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
