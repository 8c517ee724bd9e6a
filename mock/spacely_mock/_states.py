"""What the operation that is polled answers while a job runs, and once it has ended in one way or another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Literal

from spacely_spec import Answer, Expression, Operation, Polling, Problem, Spec, SpecError, all_hold, read_pointer

from ._responses import DocumentedResponse, Responses
from ._schemas import at, parts
from ._templates import written

State = Literal["pending", "succeeded", "failed"]
_MOST_COMBINATIONS = 2_000


@dataclass(frozen=True, slots=True)
class PollAnswer:
    """One answer to a poll."""

    response: DocumentedResponse
    value: Any


def poll_answer(spec: Spec, target: Operation, responses: Responses, polling: Polling, state: State) -> PollAnswer:
    """The answer that shows a job in a state: an example of the contract, or else one made to be so.

    Raises:
        SpecError: The contract has no such example, and none can be made.
    """
    # A failure may be told by the status of an error; nothing else is.
    candidates = responses.all if state == "failed" else responses.successes
    for response in candidates:
        for value in response.examples.values():
            if _state(polling, response, value) == state:
                return PollAnswer(response, value)
    for response in candidates:
        for value in islice(_variants(spec, target, response, polling, state), _MOST_COMBINATIONS):
            if response.fits(value) and _state(polling, response, value) == state:
                return PollAnswer(response, value)
    raise SpecError(
        [
            Problem(
                spec.path,
                None,
                f"{target.pointer}/responses",
                f"no answer of {target.id!r} can be made that shows a job {_WORDS[state]}, as the Link "
                f"{polling.link!r} tells it",
                "give the operation an example that does",
            )
        ]
    )


def undocumented_answer(spec: Spec, target: Operation, responses: Responses, polling: Polling) -> PollAnswer | None:
    """An answer that shows a job in a state of which the contract says nothing; None where none can be told.

    It is made to break the contract: where the schema closes the list of states, it does not fit.
    """
    pending = poll_answer(spec, target, responses, polling, "pending")
    response = pending.response
    answers: list[Any] = []
    for pointer, literals in _places(polling).items():
        allowed = [*literals, *_allowed(spec, target, response, pointer)]
        numbers = [value for value in allowed if isinstance(value, int) and not isinstance(value, bool)]
        answers.append(written(pending.value, pointer, max(numbers) + 1 if numbers else "undocumented"))
    unfit = (value for value in answers if not response.fits(value))
    open_ended = (value for value in answers if _state(polling, response, value) == "pending")
    value = next(unfit, None) or next(open_ended, None)
    return None if value is None else PollAnswer(response, value)


def emptied_answer(answer: PollAnswer, polling: Polling) -> PollAnswer | None:
    """An answer of success whose result is there and holds nothing; None where the Link tells no result."""
    if polling.result is None or polling.result.source != "body":
        return None
    try:
        result = read_pointer(answer.value, polling.result.key)
    except LookupError:
        return None
    empty: Any = None
    match result:
        case list():
            empty = []
        case dict():
            empty = {}
        case str():
            empty = ""
        case _:
            pass
    return PollAnswer(answer.response, written(answer.value, polling.result.key, empty))


_WORDS = {"pending": "still running", "succeeded": "that succeeded", "failed": "that failed"}


def _state(polling: Polling, response: DocumentedResponse, value: Any) -> State:
    answer = Answer(response.status, response.headers, value)
    if all_hold(polling.success, answer):
        return "succeeded"
    return "failed" if all_hold(polling.failure, answer) else "pending"


def _variants(
    spec: Spec, target: Operation, response: DocumentedResponse, polling: Polling, state: State
) -> Iterator[Any]:
    """The response's first body with other values at the places that the criteria look at."""
    places = _places(polling)
    choices: list[list[Any]] = []
    for pointer, literals in places.items():
        choices.append([*literals, *_allowed(spec, target, response, pointer), *_others(literals)])
    bodies = [response.first]
    if state != "succeeded" and polling.result is not None:
        bodies.insert(0, _emptied(response.first, polling.result))
    for values in product(*choices):
        for body in bodies:
            for pointer, value in zip(places, values, strict=True):
                body = written(body, pointer, value)
            yield body


def _places(polling: Polling) -> dict[str, list[Any]]:
    """The places of the body that the criteria look at, and the values they compare them with."""
    places: dict[str, list[Any]] = {}
    for criterion in (*polling.success, *polling.failure):
        if criterion.expression.source == "body":
            places.setdefault(criterion.expression.key, []).append(criterion.value)
    return places


def _allowed(spec: Spec, target: Operation, response: DocumentedResponse, pointer: str) -> Iterator[Any]:
    for content in target.responses[response.key].content.values():
        for schema in at(content.schema or {}, pointer, spec.components):
            for part in parts(schema, spec.components):
                yield from part.get("enum", ())


def _others(literals: list[Any]) -> list[Any]:
    others: list[Any] = []
    for literal in literals:
        match literal:
            case bool():
                others.append(not literal)
            case int() | float():
                others += [literal + 1, literal - 1]
            case str():
                others.append("pending")
            case _:
                others.append("pending")
    return [*others, None]


def _emptied(body: Any, result: Expression) -> Any:
    """A body without the results that a job has only once it has succeeded."""
    if result.source != "body":
        return body
    try:
        value = read_pointer(body, result.key)
    except LookupError:
        return body
    return written(body, result.key, []) if isinstance(value, list) else body
