"""The Prefer header: a caller asks for one certain answer."""

import pytest
from tests.spacely_mock.helpers import KEY, POLL, RENDER, SUBMIT, Caller, contract, json_response


@pytest.fixture(scope="module")
def call():
    return Caller(render_time=5)


def test_a_documented_error_is_given_when_asked_for(call):
    response = call.submit({}, headers={**KEY, "Prefer": "code=500"})
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["preference-applied"] == "code=500"


def test_a_preference_does_not_open_the_door(call):
    assert call.submit(headers={"Prefer": "code=200"}).status_code == 401


@pytest.mark.parametrize("preference", ["code=503", "code=2OO", "example=nothing", "code=400, example=accepted"])
def test_a_response_that_is_not_documented_is_a_problem_that_names_those_that_are(call, preference):
    response = call.submit(headers={**KEY, "Prefer": preference})
    assert (response.status_code, response.json()["type"]) == (400, "/__mock__/problems/impossible-preference")
    known = "200, 400, 401, 500" if "code=" in preference and "example" not in preference else "accepted"
    assert known in response.json()["detail"]


@pytest.mark.parametrize("preference", ["example=failed", 'wait=5, example="failed"', "code=200; example=failed"])
def test_a_named_example_is_given_as_it_stands_in_the_contract(call, preference):
    response = call("GET", POLL, params={"refId": "any"}, headers={**KEY, "Prefer": preference})
    assert response.json() == {"data": {"status": "failed", "result": []}}


def test_a_success_asked_for_still_starts_a_job(call):
    for preference in ("code=200", "example=accepted"):
        response = call.submit(headers={**KEY, "Prefer": preference})
        assert call.poll(response.json()["data"]).json()["data"]["status"] == "processing"


def test_a_success_asked_for_does_not_make_an_invalid_request_valid(call):
    assert call.submit({}, headers={**KEY, "Prefer": "code=200"}).status_code == 400


def test_other_preferences_are_ignored(call):
    response = call("POST", SUBMIT, json=RENDER, headers={**KEY, "Prefer": "respond-async, return=minimal"})
    assert response.status_code == 200
    assert "preference-applied" not in response.headers


def test_an_error_with_a_documented_body_has_that_body(tmp_path):
    responses = {
        "200": json_response({"type": "object"}, example={}),
        "429": {
            **json_response({"type": "object"}, examples={"slow": {"value": {"a": 1}}, "stop": {"value": {"a": 2}}}),
            "headers": {"Retry-After": {"schema": {"type": "integer", "minimum": 7, "maximum": 7}}},
        },
        "5XX": {"description": "Broken."},
    }
    call = Caller(contract(tmp_path, {"/a": {"get": {"responses": responses}}}))

    def ask(preference):
        return call("GET", "/a", headers={"Prefer": preference})

    assert ask("code=429").json() == {"a": 1}
    assert ask("code=429").headers["retry-after"] == "7"
    assert ask("example=stop").json() == {"a": 2}
    assert ask("code=500").status_code == 500
    assert ask("code=503").status_code == 503
