"""What a request says to the mock: in headers, in Prefer, in a text of its body."""

import json

import pytest
from tests.spacely_mock.helpers import KEY, POLL, RENDER, SUBMIT, Caller

from spacely_mock._directives import WORDS, DirectiveError, parse_directive


def state_after(call, response, seconds=0):
    call.clock.advance(seconds)
    return call.poll(response.json()["data"]).json()["data"]["status"]


SAYINGS = {
    "header": {"headers": {**KEY, "X-Mock-Outcome": "failure", "X-Mock-Progress": "immediate"}},
    "prefer": {"headers": {**KEY, "Prefer": "outcome=failure, progress=immediate"}},
    "quoted prefer": {"headers": {**KEY, "Prefer": 'respond-async, outcome="failure"; progress="0s"'}},
    "body": {"body": {**RENDER, "prompt": "a room [mock outcome=failure progress=immediate] with a view"}},
    "two texts": {"body": {**RENDER, "prompt": "[mock outcome=failure]", "nPrompt": "[mock progress=0]"}},
}


@pytest.mark.parametrize("saying", SAYINGS.values(), ids=SAYINGS.keys())
def test_the_same_can_be_said_in_each_place(saying):
    call = Caller(render_time=9)
    assert state_after(call, call.submit(**saying)) == "failed"


@pytest.mark.parametrize(
    ("headers", "state"),
    [
        ({"X-Mock-Outcome": "pending", "Prefer": "outcome=empty"}, "processing"),
        ({"Prefer": "outcome=pending"}, "processing"),
        ({}, "failed"),
        ({"Prefer": "progress=9s"}, "processing"),
    ],
)
def test_a_header_stands_above_prefer_above_the_body_above_a_rule(headers, state):
    call = Caller(rules=[{"then": {"outcome": "success", "progress": "0s"}}])
    body = {**RENDER, "prompt": "[mock outcome=failure]"}
    assert state_after(call, call.submit(body, headers={**KEY, **headers})) == state


def test_what_one_place_leaves_open_the_others_decide():
    call = Caller(rules=[{"then": {"progress": "5s"}}])
    response = call.submit({**RENDER, "prompt": "[mock outcome=failure]"})
    assert state_after(call, response, 4.9) == "processing"
    assert state_after(call, response, 0.2) == "failed"


def test_a_preference_that_was_taken_is_told():
    response = Caller().submit(headers={**KEY, "Prefer": 'wait=5, progress="lognormal:3s,0.2", outcome=empty'})
    assert response.headers["preference-applied"] == 'outcome=empty, progress="lognormal:3s,0.2"'


MISSAID = [
    ({"X-Mock-Outcome": "luck"}, RENDER, "outcome='luck'"),
    ({"X-Mock-Outcom": "failure"}, RENDER, "'outcom' is no directive"),
    ({"Prefer": "outcome=luck"}, RENDER, "outcome='luck'"),
    ({"X-Mock-Status": "99"}, RENDER, "status='99'"),
    ({"X-Mock-Status": "700"}, RENDER, "from 200 to 599"),
    ({"X-Mock-Delay": "soon"}, RENDER, "delay='soon'"),
    ({"X-Mock-Delay": "4s..1s"}, RENDER, "ends before it begins"),
    ({"X-Mock-Delay": "lognormal:3s"}, RENDER, "has no sigma"),
    ({"X-Mock-Dribble": "0/1s"}, RENDER, "10/100ms"),
    ({"X-Mock-Fault": "fire"}, RENDER, "truncated"),
    ({"X-Mock-Progress": "polls:9999999"}, RENDER, "number of polls"),
    ({"X-Mock-Body": "xml"}, RENDER, "problem, empty, html"),
    ({}, {**RENDER, "prompt": "[mock outcome]"}, "'outcome' is no directive"),
    ({}, {**RENDER, "prompt": "[mock colour=red]"}, "'colour' is no directive"),
]


@pytest.mark.parametrize(("headers", "body", "part"), MISSAID)
def test_what_cannot_be_understood_is_a_problem_that_names_it(headers, body, part):
    response = Caller().submit(body, headers={**KEY, **headers})
    assert (response.status_code, response.json()["type"]) == (400, "/__mock__/problems/unclear-directive")
    assert part in response.json()["detail"]


def test_the_page_of_that_problem_is_served():
    page = Caller()("GET", "/__mock__/problems/unclear-directive").json()
    assert "--help" in page["meaning"]


@pytest.mark.parametrize(
    "body",
    [
        {**RENDER, "prompt": "[mock] outcome=failure"},
        {**RENDER, "prompt": "[mocking outcome=failure]"},
        {**RENDER, "prompt": "[mock outcome=failure"},
        {**RENDER, "imageUrl": "https://example.com/?[mock%20outcome=failure]"},
    ],
)
def test_a_text_that_is_no_directive_is_left_alone(body):
    call = Caller(render_time=0)
    response = call.submit(body)
    assert response.status_code in {200, 400}
    if response.status_code == 200:
        assert state_after(call, response) == "success"
    else:
        assert response.json()["type"].endswith("invalid-request")


def test_a_field_with_a_format_or_an_enum_is_no_free_text():
    from tests.spacely_mock.helpers import CONTRACT

    from spacely_mock._asking import MagicTexts
    from spacely_mock._http import Request
    from spacely_spec import load

    spec = load(CONTRACT)
    submit = next(operation for operation in spec.operations if operation.polling)
    texts = MagicTexts(submit, spec.components)
    request = Request("POST", "/", b"", (), b"[mock ")
    magic = "[mock outcome=failure]"
    assert texts.read(request, {"prompt": magic}).outcome == "failure"
    assert texts.read(request, {"unknown": [{"deep": magic}]}).outcome == "failure"
    for name in ("imageUrl", "renovateType"):
        assert texts.read(request, {name: magic}).outcome is None


def test_a_directive_opens_no_door():
    response = Caller().submit(headers={"X-Mock-Status": "503"})
    assert response.status_code == 401


def test_a_plan_that_is_asked_for_with_a_poll_changes_nothing():
    call = Caller(render_time=0)
    job_id = call.submit().json()["data"]
    headers = {**KEY, "X-Mock-Outcome": "failure"}
    assert call("GET", POLL, params={"refId": job_id}, headers=headers).json()["data"]["status"] == "success"


@pytest.mark.parametrize("name", WORDS)
def test_every_word_is_written_as_it_is_read(name):
    form = WORDS[name].forms.split(" | ")[0]
    directive = parse_directive([(name, form)])
    assert directive.to_json() == {name: form}
    assert parse_directive(directive.to_json().items()) == directive


def test_an_unknown_word_lists_those_there_are():
    with pytest.raises(DirectiveError, match="code, example, outcome, progress"):
        parse_directive([("x", "1")])


def test_the_fast_lane_leaves_what_is_told_to_the_mock_to_the_long_way():
    call = Caller()
    job_id = call.submit().json()["data"]
    for headers, taken in (
        (KEY, 2),  # The submit is the first.
        ({**KEY, "X-Mock-Delay": "0s"}, 2),
        ({**KEY, "X-Mock-Status": "418"}, 2),
        (KEY, 3),
    ):
        call.poll(job_id, headers=headers)
        assert call.app._lane.taken == taken


def test_a_text_that_says_something_reaches_the_mock_whichever_way_the_body_comes():
    call = Caller()
    body = json.dumps({**RENDER, "prompt": "[mock status=418]"}).encode()
    headers = [(b"x-api-key", b"sk-one"), (b"content-type", b"application/json")]
    for messages in ([body], [body[:40], body[40:]]):
        pieces = [{"type": "http.request", "body": piece, "more_body": True} for piece in messages]
        pieces[-1]["more_body"] = False
        status, _, _ = call.raw({"headers": headers, "raw_path": SUBMIT.encode()}, *pieces)
        assert status == 418
