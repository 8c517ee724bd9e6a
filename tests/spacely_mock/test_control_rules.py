"""Rules: what is done with the requests that they match, and how often."""

import asyncio
import json
import re
import time

import pytest
from tests.spacely_mock.helpers import CONTRACT, KEY, RENDER, SUBMIT, Caller

from spacely_mock._http import Request
from spacely_mock._rulefile import load_rules
from spacely_mock._rules import RuleError, RuleSet
from spacely_mock._state import EVERYONE, MemoryState, namespace_of
from spacely_spec import SpecError

TEAPOT = {"then": {"status": 418}}
OPERATIONS = ["generateAdvance", "pollResult"]


def statuses(call, count=1, **arguments):
    return [call.submit(**arguments).status_code for _ in range(count)]


CONDITIONS = [
    ({}, True),
    ({"operation": "generateAdvance"}, True),
    ({"operation": "generate*"}, True),
    ({"operation": "pollResult"}, False),
    ({"method": "post"}, True),
    ({"method": "GET"}, False),
    ({"path": "/api/*/generate/*"}, True),
    ({"path": "/generate/*"}, False),
    ({"headers": {"X-Team": "blue*"}}, True),
    ({"headers": {"x-team": "red"}}, False),
    ({"headers": {"x-missing": "*"}}, False),
    ({"headers": {"x-number": 7}}, True),
    ({"body": {"$.model": "spacely-*"}}, True),
    ({"body": {"$.model": "other"}}, False),
    ({"body": {"$..*": "residential"}}, True),
    ({"body": {"$[?@ == 'residential']": "*"}}, True),
    ({"body": {"$.missing": "*"}}, False),
    ({"body": {"$.extra.list[1]": 2}}, True),
    ({"body": {"$.extra.list[0]": True}}, False),
    ({"body": {"$.extra": {"list": [1, 2]}}}, True),
    ({"namespace": namespace_of("sk-one")}, True),
    ({"namespace": namespace_of("sk-two")}, False),
    ({"method": "POST", "body": {"$.model": "spacely-*"}, "headers": {"x-team": "red"}}, False),
]


@pytest.mark.parametrize(("when", "matches"), CONDITIONS)
def test_a_rule_matches_what_meets_all_of_its_conditions(when, matches):
    call = Caller(rules=[{"when": when, **TEAPOT}])
    body = {**RENDER, "extra": {"list": [1, 2]}}
    headers = {**KEY, "X-Team": "blue-1", "X-Number": "7"}
    assert statuses(call, body=body, headers=headers) == [418 if matches else 200]


def test_a_rule_can_look_at_the_query():
    call = Caller(rules=[{"when": {"query": {"refId": "lost*"}}, **TEAPOT}])
    assert call.poll("lost-one").status_code == 418
    assert call.poll("other").status_code == 400


def test_a_body_that_cannot_be_read_has_nothing_in_it():
    call = Caller(rules=[{"when": {"body": {"$": "*"}}, **TEAPOT}])
    assert call("POST", SUBMIT, content=b"{", headers={**KEY, "Content-Type": "application/json"}).status_code == 400


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("depth", [101, 200])
def test_a_path_leads_as_deep_as_bodies_may_be_nested(fast_lane, depth):
    rules = [{"when": {"body": {"$..deepest": "here"}}, **TEAPOT}]
    call = Caller(rules=rules, fast_lane=fast_lane)
    body = json.dumps(RENDER)[:-1] + ', "extra": ' + '{"a": ' * (depth - 2) + '{"deepest": "here"}' + "}" * (depth - 1)
    headers = {**KEY, "Content-Type": "application/json"}
    assert call("POST", SUBMIT, content=body, headers=headers).status_code == 418
    paths = json.dumps({"$..deepest": "here"})
    assert call("GET", "/__mock__/requests/count", params={"body": paths}).json() == {"count": 1}


EXPRESSIONS = [
    ("match", "a.*", True),
    ("match", ".*o", False),
    ("match", "room|a", False),
    ("match", "[a-c] \\\\p{Ll}{4}", True),
    ("search", "ro+m", True),
    ("search", "^room", False),
    ("match", "7", False),
]


@pytest.mark.parametrize(("function", "expression", "matches"), EXPRESSIONS)
def test_a_path_can_ask_whether_a_text_fits_a_regular_expression(function, expression, matches):
    path = f"$[?{function}(@, '{expression}')]"
    call = Caller(rules=[{"when": {"body": {path: "a room"}}, **TEAPOT}])
    assert statuses(call, body={**RENDER, "prompt": "a room", "extra": 7}) == [418 if matches else 200]


@pytest.mark.parametrize("expression", ["(", "a)|(.*", "(?=a).*"])
def test_what_is_no_regular_expression_is_refused_in_a_path_and_fits_nothing_in_a_body(expression):
    rule = {"when": {"body": {f"$[?match(@, '{expression}')]": "*"}}, **TEAPOT}
    with pytest.raises(RuleError, match=r"is no JSONPath: .* is no regular expression as RFC 9485 has them"):
        RuleSet.from_json([rule])
    call = Caller(rules=[{"when": {"body": {"$[?match(@, $.prompt)]": "*"}}, **TEAPOT}])
    assert statuses(call, body={**RENDER, "prompt": expression}) == [200]


SLOW_PATHS = ["$[?match(@, '(a|a)*b')]", "$[?search(@, '(a+)+$b')]", "$[?match(@, $.nPrompt)]"]


@pytest.mark.parametrize("path", SLOW_PATHS)
def test_no_expression_takes_for_ever(path):
    body = {**RENDER, "prompt": "a" * 5000, "nPrompt": "(a*)*b"}
    call = Caller(rules=[{"when": {"body": {path: "*"}}, **TEAPOT}])
    began = time.monotonic()
    assert statuses(call, body=body) == [200]
    assert call("GET", "/__mock__/requests/count", params={"body": json.dumps({path: "*"})}).json() == {"count": 0}
    assert time.monotonic() - began < 5


def test_no_number_of_ways_to_a_value_takes_for_ever():
    deep = 1
    for _ in range(198):
        deep = {"a": deep}
    body, began = {**RENDER, "extra": deep, "last": {"b": [{"c": "here"}]}}, time.monotonic()
    for path, status in (("$..*..*..*..*..*..missing", 200), ("$..last..*..c", 418), ("$..b..c..c", 200)):
        assert statuses(Caller(rules=[{"when": {"body": {path: "*"}}, **TEAPOT}]), body=body) == [status]
    assert time.monotonic() - began < 5


def test_no_pattern_takes_for_ever():
    rules = [
        {"when": {part: dict.fromkeys(names, "*a" * 30 + "*b")}, **TEAPOT}
        for part, names in {"headers": ["x-team"], "query": ["q"], "body": ["$.prompt"]}.items()
    ]
    call = Caller(rules=[*rules, {"when": {"path": "*a" * 30 + "*b"}, **TEAPOT}])
    began = time.monotonic()
    body, many = {**RENDER, "prompt": "a" * 5000}, "a" * 5000
    assert statuses(call, body=body, headers={**KEY, "X-Team": many}, params={"q": many}) == [400]
    assert call("GET", f"/api/v1/{many}", headers=KEY).status_code == 404
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("fast_lane", [True, False])
def test_a_body_that_is_a_text_is_not_read_once_more_as_json(fast_lane):
    rules = [{"when": {"body": {path: "*"}}, **TEAPOT} for path in ("$.model", "$..*", "$[0]", "$[?@ == 'a']")]
    call = Caller(rules=rules, fast_lane=fast_lane)
    for text in ("{bad", '{"model": "a"}', '["a"]', "a", ""):
        assert call.submit(text).status_code == 400


def test_a_body_that_is_a_text_is_found_as_a_whole():
    call = Caller(rules=[{"when": {"body": {"$": "{b*"}}, **TEAPOT}])
    assert [call.submit(text).status_code for text in ("{bad", "{good")] == [418, 400]


def test_a_rule_set_later_stands_above_those_before_word_by_word():
    rules = [{"then": {"status": 503, "retry-after": 9}}, {"then": {"status": 418}}]
    response = Caller(rules=rules).submit()
    assert (response.status_code, response.headers["retry-after"]) == (418, "9")


@pytest.mark.parametrize(
    ("often", "taken"),
    [
        ({}, "xxxxxxxx"),
        ({"times": 1}, "x......."),
        ({"times": 3}, "xxx....."),
        ({"every": 3}, "..x..x.."),
        ({"every": 2, "times": 2}, ".x.x...."),
        ({"probability": 0}, "........"),
        ({"probability": 1}, "xxxxxxxx"),
    ],
)
def test_a_rule_takes_as_many_as_it_says(often, taken):
    call = Caller(rules=[{**TEAPOT, **often}])
    assert statuses(call, 8) == [418 if each == "x" else 200 for each in taken]


def test_chance_is_the_same_for_the_same_seed_and_about_the_share():
    runs = [statuses(Caller(seed=seed, rules=[{**TEAPOT, "probability": 0.3}]), 60) for seed in (5, 5, 6)]
    assert runs[0] == runs[1] != runs[2]
    assert 8 <= runs[0].count(418) <= 28


@pytest.mark.parametrize("often", [{"probability": 0.5}, {"probability": 0.2}, {"probability": 0.5, "every": 2}])
def test_what_chance_lets_pass_does_not_use_up_the_times_of_a_rule(often):
    for seed in range(3):
        taken = statuses(Caller(seed=seed, rules=[{**TEAPOT, **often, "times": 3}]), 100)
        assert taken.count(418) == 3


def test_what_a_rule_has_taken_is_counted_for_each_key():
    call = Caller(rules=[{**TEAPOT, "times": 1}])
    assert statuses(call, 2) == [418, 200]
    assert statuses(call, 2, headers={"X-API-KEY": "sk-two"}) == [418, 200]


def test_a_request_that_a_rule_does_not_match_is_not_counted():
    call = Caller(rules=[{**TEAPOT, "when": {"headers": {"x-team": "red"}}, "times": 1}])
    assert statuses(call, 3) == [200, 200, 200]
    assert statuses(call, headers={**KEY, "X-Team": "red"}) == [418]


def test_rules_set_while_running_are_those_of_their_namespace_above_everyones_above_the_first():
    state = MemoryState()
    call = Caller(state=state, rules=[{"then": {"status": 501}}])
    assert statuses(call) == [501]
    asyncio.run(state.set_rules(EVERYONE, [{"then": {"status": 502}}]))
    assert statuses(call) == [502]
    asyncio.run(state.set_rules(namespace_of("sk-one"), [{"then": {"status": 503}}]))
    assert statuses(call) == [503]
    assert statuses(call, headers={"X-API-KEY": "sk-two"}) == [502]
    asyncio.run(state.set_rules(namespace_of("sk-one"), []))
    asyncio.run(state.set_rules(EVERYONE, []))
    assert statuses(call) == [501]


def test_a_namespace_can_have_defaults_of_its_own():
    state = MemoryState()
    call = Caller(state=state, render_time=5)
    asyncio.run(state.set_rules(namespace_of("sk-one"), [{"then": {"progress": "immediate", "outcome": "failure"}}]))
    mine = call.submit().json()["data"]
    theirs = call.submit(headers={"X-API-KEY": "sk-two"}).json()["data"]
    assert call.poll(mine).json()["data"]["status"] == "failed"
    assert call.poll(theirs, headers={"X-API-KEY": "sk-two"}).json()["data"]["status"] == "processing"


def test_rules_are_read_as_they_are_written():
    rules = RuleSet.from_json(
        [
            {"id": "a", "when": {"headers": {"x": 1}, "body": {"$.a": 1}}, "then": {"delay": "1s..2s"}, "every": 2},
            {"then": {"fault": "lost", "progress": "polls:2"}, "times": 1, "probability": 0.5},
        ],
        prefix="mine",
    )
    assert RuleSet.from_json(rules.to_json()) == rules
    assert [rule.id for rule in rules.rules] == ["a", "mine-2"]


BROKEN = [
    ({}, "", "array"),
    ([{}], "/0", "'then' is missing"),
    ([{"then": {}}], "/0/then", ""),
    ([{"then": {"outcome": "luck"}}], "/0/then/outcome", "outcome='luck'"),
    ([{"then": {"colour": "red"}}], "/0/then/colour", "not known"),
    ([TEAPOT, {"when": {"paht": "/"}, **TEAPOT}], "/1/when/paht", "not known"),
    ([{**TEAPOT, "times": 0}], "/0/times", ""),
    ([{**TEAPOT, "probability": 2}], "/0/probability", ""),
    ([{"when": {"body": {"$[": 1}}, **TEAPOT}], "/0/when/body/$[", "is no JSONPath"),
    ([{"when": {"body": {"$" + "[?(" * 2000: 1}}, **TEAPOT}], None, "is no JSONPath"),
    ([{"id": "a", **TEAPOT}, {"id": "a", **TEAPOT}], "/1", "two rules have the id 'a'"),
]


@pytest.mark.parametrize(("document", "pointer", "message"), BROKEN)
def test_a_rule_that_cannot_be_understood_names_the_place_and_the_remedy(document, pointer, message):
    with pytest.raises(RuleError) as raised:
        RuleSet.from_json(document)
    assert pointer in {None, raised.value.pointer}
    assert message in raised.value.message
    assert raised.value.remedy


@pytest.mark.parametrize("operation", ["nope", "", "generateadvance", "generate?"])
def test_a_rule_for_an_operation_that_there_is_not_is_refused_with_those_there_are(operation):
    rule = {"when": {"operation": operation}, **TEAPOT}
    with pytest.raises(ValueError, match=f"no operation '{re.escape(operation)}'.*write one of generateAdvance, pollR"):
        Caller(rules=[rule])
    call = Caller()
    for method, body in (("POST", rule), ("PUT", [TEAPOT, rule])):
        answer = call(method, "/__mock__/rules", json=body)
        assert answer.status_code == 400
        assert "write one of generateAdvance, pollResult" in answer.json()["detail"]
    assert (
        "did you mean pollResult?"
        in call("POST", "/__mock__/rules", json={**TEAPOT, "when": {"operation": "poll_result"}}).text
    )
    assert call("GET", "/__mock__/rules").json() == []


def test_a_rule_set_for_another_contract_keeps_no_other_from_being_added():
    state = MemoryState()
    asyncio.run(state.set_rules(EVERYONE, [{"id": "old", "when": {"operation": "gone"}, **TEAPOT}]))
    assert Caller(state=state)("POST", "/__mock__/rules", json=TEAPOT).status_code == 200


def test_a_file_of_rules_is_read_and_a_broken_one_told_with_its_line(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text('- when: {method: POST}\n  then:\n    status: 503\n    progress: "polls:3"\n')
    assert load_rules(file, OPERATIONS).rules[0].then.status == 503
    file.write_text("- then:\n    status: 503\n- then:\n    outcome: luck\n")
    with pytest.raises(SpecError, match=r"rules.yaml:4: .*outcome='luck'(.|\n)*remedy:"):
        load_rules(file, OPERATIONS)
    file.write_text("- when:\n    method: POST\n    operation: generate_advance\n  then: {status: 503}\n")
    with pytest.raises(SpecError, match=r"rules.yaml:3: .*no operation 'generate_advance'(.|\n)*generateAdvance\?"):
        load_rules(file, OPERATIONS)
    file.write_text("- then: [")
    with pytest.raises(SpecError, match="is not YAML"):
        load_rules(file, OPERATIONS)


def test_matching_changes_nothing_and_asks_no_one():
    rules = RuleSet.from_json([{"id": "first", **TEAPOT}, {"id": "second", "when": {"method": "GET"}, **TEAPOT}])
    request = Request("GET", "/", b"", (), b"")
    assert [rule.id for rule in rules.match(request, "any", "ns", None)] == ["second", "first"]


UNMATCHED = {
    "another operation": {"operation": "generateAdvance"},
    "another method": {"method": "POST"},
    "another path": {"path": "/api/v1/generate/advance"},
    "another namespace": {"namespace": "nobody"},
    "a header that is not there": {"headers": {"user-agent": "curl*"}},
}


@pytest.mark.parametrize("when", UNMATCHED.values(), ids=UNMATCHED.keys())
def test_a_rule_does_not_slow_down_what_it_does_not_match(when):
    call = Caller(CONTRACT, rules=[{"when": when, **TEAPOT}])
    assert call.poll("068e3933-4aeb-4b4d-a473-9f8fa9f2d20a").status_code == 400
    assert call.app._lane.taken == 1


def test_only_a_request_that_a_rule_concerns_is_not_ordinary():
    for options, idle in (({}, True), ({"rules": [TEAPOT]}, False), ({"rate_limit": 5}, True)):
        call = Caller(CONTRACT, **options)
        assert call.poll("unknown").status_code in {400, 418}
        assert call.app._lane.taken == (1 if idle else 0)
