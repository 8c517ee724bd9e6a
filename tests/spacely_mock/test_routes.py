"""Paths and methods, and what browsers are told."""

import pytest
from tests.spacely_mock.helpers import KEY, POLL, SUBMIT, Caller, contract, json_response


@pytest.fixture(scope="module")
def call():
    return Caller(render_time=0)


@pytest.mark.parametrize(
    "path",
    ["/", "/generate/advance", SUBMIT + "/", SUBMIT + "x", "/api/v1//generate/advance", "/api/v1/generate%2Fadvance",
     "/api/v1/%00", "/api/v1/%ff", "/api/v1/" + "a" * 60_000],
)  # fmt: skip
def test_a_path_that_the_contract_does_not_have_is_404(call, path):
    response = call("POST", path, headers=KEY)
    assert response.status_code == 404
    assert response.json()["paths"] == [SUBMIT, POLL]


def test_the_problem_of_an_unknown_path_suggests_the_nearest(call):
    assert f"Did you mean {SUBMIT}?" in call("POST", "/api/v1/generate/advanced").json()["detail"]


def test_a_path_is_found_however_its_letters_are_encoded(call):
    assert call("POST", SUBMIT.replace("a", "%61"), headers=KEY).status_code == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "HEAD", "QUERY", "BREW"])
def test_another_method_is_405_with_the_methods_that_there_are(call, method):
    response = call(method, SUBMIT, headers=KEY)
    assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")


def test_head_is_get_without_the_body(call):
    job_id = call.submit().json()["data"]
    got = call.poll(job_id)
    head = call("HEAD", POLL, params={"refId": job_id}, headers=KEY)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


def test_options_lists_the_methods(call):
    assert call("OPTIONS", POLL).headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", [SUBMIT, POLL, "/healthz", "/nowhere", "/__mock__/images/x.png"])
def test_a_preflight_is_answered_on_every_path(call, path):
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key, x-own",
    }
    response = call("OPTIONS", path, headers=asked)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    allowed = set(response.headers["access-control-allow-headers"].split(", "))
    assert {"x-api-key", "content-type", "prefer", "x-own"} <= allowed
    assert "OPTIONS" in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/healthz", {}, 200),
        ("POST", SUBMIT, {}, 401),
        ("POST", SUBMIT, KEY, 400),
        ("GET", "/nowhere", {}, 404),
        ("GET", SUBMIT, {}, 405),
        ("POST", SUBMIT, {**KEY, "Prefer": "code=500"}, 500),
    ],
)
def test_every_answer_lets_any_page_read_it(call, method, path, headers, status):
    response = call(method, path, headers={**headers, "Origin": "https://app.example"})
    assert response.status_code == status
    assert response.headers.get_list("access-control-allow-origin") == ["*"]
    assert "www-authenticate" in response.headers["access-control-expose-headers"]


def test_a_header_injected_by_a_preflight_is_left_out(call):
    scope = {
        "method": "OPTIONS",
        "headers": [
            (b"origin", b"x"),
            (b"access-control-request-method", b"GET"),
            (b"access-control-request-headers", b"a\r\nset-cookie: b, ok"),
        ],
    }
    _, headers, _ = call.raw(scope, {"type": "http.request"})
    assert "set-cookie" not in headers["access-control-allow-headers"]
    assert "ok" in headers["access-control-allow-headers"]


def test_concrete_paths_come_before_templated_ones_and_values_arrive_decoded(tmp_path):
    def answer(name):
        return {"200": json_response({"type": "object"}, example={"name": name})}

    text = {"name": "the-id", "in": "path", "required": True, "schema": {"enum": ["a/b", "50%", "ü\n", "x"]}}
    suffix = {"name": "n", "in": "path", "required": True, "schema": {"type": "integer"}}
    paths = {
        "/things/{the-id}": {"get": {"parameters": [text], "responses": answer("templated")}},
        "/things/latest": {"get": {"responses": answer("concrete")}},
        "/files/{n}.png": {"get": {"parameters": [suffix], "responses": answer("suffix")}},
    }
    call = Caller(contract(tmp_path, paths))
    assert call("GET", "/things/latest").json()["name"] == "concrete"
    for value in ("a%2Fb", "50%25", "%C3%BC%0A", "x"):
        assert call("GET", f"/things/{value}").json() == {"name": "templated"}
    assert call("GET", "/things/a%252Fb").status_code == 400
    assert call("GET", "/things/").status_code == 404
    assert call("GET", "/files/7.png").json()["name"] == "suffix"


def test_a_socket_that_wants_to_be_a_websocket_is_closed(call):
    import asyncio

    sent = []

    async def send(message):
        sent.append(message["type"])

    asyncio.run(call.app({"type": "websocket"}, None, send))
    assert sent == ["websocket.close"]
