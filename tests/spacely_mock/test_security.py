"""Keys: where they are looked for, which are taken, and what is said of the others."""

import pytest
from tests.spacely_mock.helpers import KEY, POLL, SUBMIT, Caller, contract

SCHEMES = {
    "header": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "session", "x-key-pattern": "^[0-9]+$"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


@pytest.mark.parametrize("headers", [{}, {"X-API-KEY": ""}, {"X-API-KEY": "key"}, {"Authorization": "Bearer sk-one"}])
def test_a_missing_or_wrong_key_is_401_before_anything_else_is_looked_at(headers):
    response = Caller()("POST", SUBMIT, content=b"\xff", headers=headers)
    assert (response.status_code, response.json()["type"]) == (401, "/__mock__/problems/unauthorized")
    assert response.headers["www-authenticate"].startswith("ApiKey realm=")


def test_a_missing_and_a_wrong_key_differ_in_the_detail_alone():
    call = Caller()
    missing, wrong = (call("POST", SUBMIT, headers=headers).json() for headers in ({}, {"X-API-KEY": "no"}))
    assert missing.pop("detail") != wrong.pop("detail")
    assert missing == wrong


def test_a_key_in_the_wrong_place_is_401():
    assert Caller()("GET", f"{POLL}?refId=a&X-API-KEY=sk-one").status_code == 401
    assert Caller()("GET", f"{POLL}?refId=a", headers={"Cookie": "X-API-KEY=sk-one"}).status_code == 401


def test_two_keys_at_once_are_401():
    assert Caller()("POST", SUBMIT, headers=[("X-API-KEY", "sk-one"), ("X-API-KEY", "sk-two")]).status_code == 401


def test_with_keys_named_only_those_are_taken():
    call = Caller(api_keys=["first", "zweiter-schlüssel"])
    assert call.poll("a", headers={"X-API-KEY": "first"}).status_code == 400
    assert call.poll("a", headers=KEY).status_code == 401
    assert call.poll("a", headers={"X-API-KEY": "firs"}).status_code == 401


def test_a_key_is_never_repeated():
    secret = "sk-a-very-secret-key"
    call = Caller()
    wrong = call("GET", f"{POLL}?refId=a&api_key={secret}", headers={"X-API-KEY": secret.removeprefix("sk-")})
    unknown = call("GET", f"{POLL}?refId=a&api_key={secret}", headers={"X-API-KEY": secret})
    nowhere = call("GET", f"/nowhere?api_key={secret}", headers={"X-API-KEY": secret})
    assert [each.status_code for each in (wrong, unknown, nowhere)] == [401, 400, 404]
    assert not any("very-secret" in each.text + str(each.headers) for each in (wrong, unknown, nowhere))


@pytest.mark.parametrize(
    ("security", "sent", "status"),
    [
        ([{"header": []}], {"headers": {"x-key": "any"}}, 200),
        ([{"header": []}], {"headers": {"x-key": ""}}, 401),
        ([{"query": []}], {"params": {"key": "any"}}, 200),
        ([{"query": []}], {"params": {"other": "any"}}, 401),
        ([{"cookie": []}], {"headers": {"cookie": "a=b; session=12"}}, 200),
        ([{"cookie": []}], {"headers": {"cookie": "session=abc"}}, 401),
        ([{"bearer": []}], {"headers": {"authorization": "bearer any"}}, 200),
        ([{"bearer": []}], {"headers": {"authorization": "Basic any"}}, 401),
        ([{"bearer": []}], {"headers": {"authorization": "Bearer "}}, 401),
        ([{"header": []}, {"query": []}], {"params": {"key": "any"}}, 200),
        ([{"header": [], "query": []}], {"params": {"key": "any"}}, 401),
        ([{"header": [], "query": []}], {"params": {"key": "any"}, "headers": {"x-key": "any"}}, 200),
        ([{"header": []}, {}], {}, 200),
        ([], {}, 200),
    ],
)
def test_alternatives_and_combinations_of_schemes_are_kept(tmp_path, security, sent, status):
    file = contract(tmp_path, {"/a": {"get": {"security": security}}}, components={"securitySchemes": SCHEMES})
    assert Caller(file)("GET", "/a", **sent).status_code == status
