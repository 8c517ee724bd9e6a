"""What the schemas of a contract state, and how the values that were seen bear it out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spacely_spec import Spec, compile_schema, join_pointer, json_schema

from .rungs import Rung
from .sightings import Sighting
from .verdicts import Judge, Seen, State, Statement, Verdict, broken, confirmed, contradicted, unknown

# To which values a keyword applies; any other value keeps it without having been asked.
_APPLIES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("minLength", "maxLength", "pattern"), str),
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), (int, float)),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems"), list),
    **dict.fromkeys(("additionalProperties", "minProperties", "maxProperties"), Mapping),
    **dict.fromkeys(("type", "format", "not", "anyOf", "oneOf"), object),
}


def schema_statements(
    spec: Spec, node: Mapping[str, Any], pointer: str, told_by: Callable[[str], Rung | None]
) -> Iterator[Statement]:
    """What one schema states, keyword by keyword; the schemas in it speak for themselves.

    Args:
        spec: The contract.
        node: The schema as written.
        pointer: Where it stands.
        told_by: Tells of a keyword which rung is the lowest that can tell about it.

    Returns:
        The statements.
    """
    for keyword, value in node.items():
        place, rung = pointer + join_pointer(keyword), told_by(keyword)
        match keyword:
            case "enum":
                for index, option in enumerate(value):
                    text = f"the value {json.dumps(option)} occurs"
                    option_place = place + join_pointer(index)
                    yield Statement(option_place, text, _option(pointer, option_place, option), rung)
                text = "no other value occurs"
                yield Statement(place, text, _closed(pointer, place, value), rung)
            case "required":
                for index, name in enumerate(value):
                    text = f"{name!r} is always there"
                    yield Statement(
                        place + join_pointer(index), text, _present(pointer, place + join_pointer(index), name), rung
                    )
            case "properties" if rung is not None:  # Of what is sent alone nothing tells that it is read.
                for name in value:
                    text = f"there is a property {name!r}"
                    yield Statement(place + join_pointer(name), text, _property(pointer, name), rung)
            case "nullable" if value:
                yield Statement(place, "null occurs", _null(pointer), rung)
            case _ if keyword in _APPLIES and not (keyword == "additionalProperties" and value is not False):
                kept = {other: node[other] for other in _together(keyword) if other in node}
                fits = compile_schema(json_schema(kept, spec.components, direction="response")).is_valid
                text = f"{keyword} is {json.dumps(value)}"
                yield Statement(place, text, _keyword(pointer, place, _APPLIES[keyword], fits), rung)


def _together(keyword: str) -> tuple[str, ...]:
    """The keywords without which one cannot be understood."""
    match keyword:
        case "type":
            return ("type", "nullable")
        case "minimum" | "maximum":
            return (keyword, f"exclusive{keyword.capitalize()}")
        case "additionalProperties":
            return ("additionalProperties", "properties")
        case "format":
            return ("format", "type", "nullable")
        case _:
            return (keyword,)


def _keyword(pointer: str, place: str, applies: type | tuple[type, ...], fits: Callable[[Any], bool]) -> Judge:
    def judge(seen: Seen) -> Verdict:
        answers = [each for each in seen.values.at(pointer, "response") if _is(each.value, applies)]
        for each in answers:
            if not fits(each.value):
                return contradicted(f"an answer has {_shown(each.value)}", each.observation)
        return _of_both(broken(seen, place), answers)

    return judge


def _option(pointer: str, place: str, option: Any) -> Judge:
    def judge(seen: Seen) -> Verdict:
        answers, requests = seen.values.at(pointer, "response"), seen.values.at(pointer, "request")
        for each in answers:
            if _same(each.value, option):
                return confirmed("seen in an answer", each.observation)
        for each in requests:
            if _same(each.value, option) and each.observation.accepted:
                return confirmed("sent and accepted", each.observation)
        for sent in seen.observations.all:
            if sent.shows == place and sent.refused:
                return contradicted("a request that differs in this value alone was refused", sent)
        others = sorted({_shown(each.value) for each in answers})
        return unknown(f"seen were {', '.join(others)}" if others else "no value of it was seen")

    return judge


def _closed(pointer: str, place: str, options: list[Any]) -> Judge:
    def judge(seen: Seen) -> Verdict:
        answers = seen.values.at(pointer, "response")
        for each in answers:
            if not any(_same(each.value, option) for option in options):
                return contradicted(f"an answer has {_shown(each.value)}", each.observation)
        return broken(seen, place) or unknown(
            f"{len(answers)} values in answers, none of them another; no number of them would prove it"
        )

    return judge


def _present(pointer: str, place: str, name: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        answers = [each for each in seen.values.at(pointer, "response") if isinstance(each.value, Mapping)]
        for each in answers:
            if name not in each.value:
                return contradicted(f"an answer has no {name!r}", each.observation)
        return _of_both(broken(seen, place), answers)

    return judge


def _property(pointer: str, name: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        answers = [each for each in seen.values.at(pointer, "response") if isinstance(each.value, Mapping)]
        for each in answers:
            if name in each.value:
                return confirmed("seen in an answer", each.observation)
        return unknown(f"{len(answers)} answers, and it is in none of them")

    return judge


def _null(pointer: str) -> Judge:
    def judge(seen: Seen) -> Verdict:
        for each in seen.values.at(pointer, "response"):
            if each.value is None:
                return confirmed("seen in an answer", each.observation)
        return unknown("no answer has null there")

    return judge


def _of_both(requests: Verdict | None, answers: list[Sighting]) -> Verdict:
    """What requests that break a statement say of it, and answers that keep it."""
    if requests is not None and requests.state is not State.UNKNOWN:
        return requests
    if answers:
        return confirmed(f"so it is in {len(answers)} of {len(answers)} values in answers", answers[0].observation)
    return requests or unknown("no value of it was seen")


def _is(value: Any, applies: type | tuple[type, ...]) -> bool:
    return isinstance(value, applies) and not (isinstance(value, bool) and applies == (int, float))


def _same(value: Any, option: Any) -> bool:
    return bool(value == option) and isinstance(value, bool) == isinstance(option, bool)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:80] + "…"
