"""What a request says to the mock: in headers, in Prefer, in a text of its body."""

import json
from urllib.parse import quote, quote_plus

import pytest
from tests.spacely_mock.helpers import KEY, POLL, RENDER, SUBMIT, Caller, contract, json_response

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


SPELLINGS = {
    "inside a sentence": "a room, [mock outcome=failure progress=immediate] with a view",
    "in capitals": "[MOCK OUTCOME=FAILURE PROGRESS=IMMEDIATE]",
    "as a sentence begins": "[Mock Outcome=Failure Progress=Immediate]",
    "several of them": "[mock outcome=failure] and [mock progress=immediate] [mock outcome=success]",
    "broken into lines": "[mock\noutcome=failure\r\n\tprogress=immediate\n]",
    "between brackets": "[[mock outcome=failure progress=immediate]] [1] ]",
    "among other letters": "\u5bb6 [mock outcome=failure progress=immediate] \U0001f3e0",
}
ENCODINGS = {
    "as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "escaped": json.dumps,
    "brackets escaped": lambda text: json.dumps(text).replace("[", r"\u005b").replace("]", r"\u005D"),
    "spaces escaped": lambda text: json.dumps(text).replace(" ", r"\u0020"),
}


@pytest.fixture(scope="module", params=[True, False], ids=["fast lane", "framework"])
def either_lane(request):
    return Caller(render_time=9, fast_lane=request.param)


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_text_is_understood_however_it_is_written(either_lane, text, encode):
    call = either_lane
    body = json.dumps(RENDER)[:-1] + f', "prompt": {encode(text)}}}'
    headers = {**KEY, "Content-Type": "application/json"}
    response = call("POST", SUBMIT, headers=headers, content=body.encode())
    assert state_after(call, response) == "failed"


@pytest.mark.parametrize(
    "text", ["mock outcome=failure", "[mockup outcome=failure]", "[mock]", "[ mock outcome=failure]", "hammock [x]"]
)
def test_a_text_that_is_only_like_one_is_a_text(text):
    call = Caller(render_time=9)
    assert state_after(call, call.submit({**RENDER, "prompt": text}), 10) == "success"


def test_a_text_in_capitals_names_examples_as_the_contract_writes_them(tmp_path):
    response = json_response({"type": "object"}, examples={"Big": {"value": {"size": 9}}, "a": {"value": {}}})
    text = {"type": "object", "properties": {"note": {"type": "string"}}}
    body = {"content": {"application/json": {"schema": text}}}
    call = Caller(contract(tmp_path, {"/a": {"post": {"requestBody": body, "responses": {"200": response}}}}))
    assert call("POST", "/a", json={"note": "[MOCK EXAMPLE=Big]"}).json() == {"size": 9}


FREE, CLOSED = {"type": "string"}, {"type": "string", "enum": ["[mock status=503]"]}


@pytest.mark.parametrize("text", ["[mock status=503]", "a [MOCK STATUS=503] b"])
def test_a_text_is_found_in_a_query_and_in_a_form_in_their_encodings(tmp_path, text):
    form = {"schema": {"type": "object", "properties": {"note": FREE}}}
    parameters = [{"name": name, "in": "query", "schema": schema} for name, schema in (("q", FREE), ("e", CLOSED))]
    post = {"requestBody": {"content": {"application/x-www-form-urlencoded": form, "multipart/form-data": form}}}
    call = Caller(contract(tmp_path, {"/a": {"get": {"parameters": parameters}, "post": post}}))
    quoted, plus = quote(text), quote_plus(text)
    for query in (f"q={quoted}", f"q={plus}", f"q={quoted.replace('%5B', '[').replace('%5D', ']')}"):
        assert call("GET", f"http://mock.test/a?{query}").status_code == 503
    assert call("POST", "/a", data={"note": text}).status_code == 503
    assert call("POST", "/a", files={"note": (None, text)}).status_code == 503
    assert call("GET", "/a", params={"e": "[mock status=503]"}).status_code == 200
