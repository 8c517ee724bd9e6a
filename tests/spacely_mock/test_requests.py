"""Requests held to the contract: all violations at once, with the status that the contract has for them."""

import json

import pytest
from tests.spacely_mock.helpers import KEY, POLL, RENDER, SUBMIT, Caller, contract, errors, json_response

JSON = {**KEY, "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def call():
    return Caller()


def test_every_violation_is_reported_at_once_with_its_place_and_rule(call):
    response = call.submit({"imageUrl": "not a url", "renovateType": "palace", "prompt": 5})
    assert response.status_code == 400
    assert errors(response) == {
        ("body", "/model", "required"),
        ("body", "/imageUrl", "format"),
        ("body", "/renovateType", "enum"),
        ("body", "/prompt", "type"),
    }


def test_a_problem_has_the_members_of_rfc_9457(call):
    problem = call.submit({}).json()
    assert problem.keys() == {"type", "title", "status", "detail", "instance", "errors"}
    assert (problem["status"], problem["instance"]) == (400, SUBMIT)
    assert call("GET", problem["type"]).json()["title"] == problem["title"]


@pytest.mark.parametrize(
    ("query", "rule"),
    [("", "required"), ("refId=", "minLength"), ("refId=a&refId=b", "repeated"), ("refId=%FF", "encoding")],
)
def test_a_query_parameter_is_held_to_its_schema(call, query, rule):
    assert errors(call("GET", f"{POLL}?{query}", headers=KEY)) == {("query", "refId", rule)}


def test_an_unknown_query_parameter_is_a_violation(call):
    response = call("GET", f"{POLL}?refID=a&other=b", headers=KEY)
    found = {("query", "refId", "required"), ("query", "refID", "unknown"), ("query", "other", "unknown")}
    assert errors(response) == found


HOSTILE_BODIES = {
    "nothing": b"",
    "not JSON": b"{",
    "invalid UTF-8": b'{"model": "\xff"}',
    "UTF-16": json.dumps(RENDER).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(RENDER).encode(),
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "nesting that JSON's parser still takes": b'{"a":' * 400 + b"1" + b"}" * 400,
    "an integer of 5000 digits": b'{"model": ' + b"9" * 5000 + b"}",
    "NaN": b'{"model": NaN}',
    "Infinity": b'{"model": -Infinity}',
    "a number beyond all floats": b'{"model": 1e999}',
    "a name twice": b'{"model": "a", "model": "b"}',
    "half a surrogate pair": b'{"model": "\\ud800"}',
    "half a surrogate pair for a name": b'{"\\udfff": 1}',
    "null": b"null",
    "an array": b"[]",
    "a text": b'"text"',
    "two documents": b"{}{}",
    "a null byte": b"\0",
}


@pytest.mark.parametrize("body", HOSTILE_BODIES.values(), ids=HOSTILE_BODIES.keys())
def test_a_body_that_cannot_be_used_is_a_problem(call, body):
    response = call("POST", SUBMIT, content=body, headers=JSON)
    assert response.status_code == 400
    assert {each["in"] for each in response.json()["errors"]} == {"body"}


def test_null_bytes_and_any_characters_are_legal_in_a_text(call):
    assert call.submit({**RENDER, "prompt": "\0\u2028😀\x7f"}).status_code == 200


def test_large_integers_that_json_allows_are_judged_by_the_schema(call):
    response = call("POST", SUBMIT, content=b'{"model": ' + b"9" * 4000 + b"}", headers=JSON)
    assert ("body", "/model", "type") in errors(response)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json", ""]
)
def test_a_body_of_another_media_type_is_refused(call, media_type):
    headers = {**KEY, "Content-Type": media_type}
    response = call("POST", SUBMIT, content=json.dumps(RENDER), headers=headers)
    assert (response.status_code, errors(response)) == (400, {("body", "", "contentType")})


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
def test_a_media_type_is_taken_however_it_is_spelled(call, media_type):
    headers = {**KEY, "Content-Type": media_type}
    assert call("POST", SUBMIT, content=json.dumps(RENDER), headers=headers).status_code == 200


def test_a_chunked_body_is_read(call):
    async def pieces():
        for byte in json.dumps(RENDER).encode():
            yield bytes([byte])

    assert call("POST", SUBMIT, content=pieces(), headers=JSON).status_code == 200


def test_a_body_over_the_limit_is_refused():
    call = Caller(body_limit=1000)
    response = call.submit({**RENDER, "prompt": "a" * 1000})
    assert (response.status_code, errors(response)) == (400, {("body", "", "maxBytes")})
    assert call.submit({**RENDER, "prompt": "a" * 800}).status_code == 200


@pytest.mark.parametrize("length", [b"-1", b"junk", b"99999999999999999999", b"1, 2", b""])
def test_the_content_length_that_a_client_claims_is_of_no_account(call, length):
    headers = [(b"x-api-key", b"sk-one"), (b"content-type", b"application/json"), (b"content-length", length)]
    status, _, _ = call.raw({"headers": headers}, {"type": "http.request", "body": json.dumps(RENDER).encode()})
    assert status == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_gets_no_answer_and_does_no_harm(call):
    assert call.raw({}, {"type": "http.request", "body": b"{", "more_body": True}) is None
    assert call.submit().status_code == 200


def test_a_body_where_the_contract_has_none_means_nothing(call):
    job_id = call.submit().json()["data"]
    response = call("GET", POLL, params={"refId": job_id}, content=b"\xff\xff", headers=JSON)
    assert response.status_code == 200


def test_the_value_of_a_violation_is_not_repeated_at_length(call):
    response = call.submit({**RENDER, "renovateType": "a" * 100_000})
    assert len(response.content) < 2000


BODY = {"required": True, "content": {"application/json": {"schema": {"type": "object", "required": ["a"]}}}}


@pytest.mark.parametrize(
    ("documented", "request_part", "status"),
    [
        (["400", "422"], {"json": {}}, 422),
        (["400"], {"json": {}}, 400),
        ([], {"json": {}}, 400),
        (["400", "422"], {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        (["422"], {"content": b"{", "headers": {"Content-Type": "application/json"}}, 422),
        (["400", "415"], {"content": b"{}", "headers": {"Content-Type": "text/csv"}}, 415),
        (["400", "413"], {"content": b'{"a": "' + b"x" * 2000 + b'"}'}, 413),
        (["200", "406"], {"json": {"a": 1}, "headers": {"Accept": "text/csv"}}, 406),
        (["200"], {"json": {"a": 1}, "headers": {"Accept": "text/csv"}}, 200),
    ],
)
def test_the_status_is_the_most_specific_that_the_operation_documents(tmp_path, documented, request_part, status):
    responses = {"200": json_response({"type": "object"}, example={})}
    responses |= {each: {"description": "Wrong."} for each in documented if each != "200"}
    file = contract(tmp_path, {"/a": {"post": {"requestBody": BODY, "responses": responses}}})
    assert Caller(file, body_limit=1000)("POST", "/a", **request_part).status_code == status


def test_an_error_has_the_shape_that_the_contract_gives_to_its_status(tmp_path):
    schema = {"type": "object", "required": ["code"], "properties": {"code": {"type": "integer"}}}
    closed = {**schema, "additionalProperties": False}
    for each, members in ((schema, {"code", "errors"}), (closed, {"code"})):
        responses = {
            "200": json_response({"type": "object"}, example={}),
            "400": json_response(each, example={"code": 7}),
        }
        file = contract(tmp_path, {"/a": {"post": {"requestBody": BODY, "responses": responses}}})
        response = Caller(file)("POST", "/a", json={})
        assert response.headers["content-type"] == "application/json"
        assert response.json()["code"] == 7
        assert members <= response.json().keys()


INTEGERS = {"type": "array", "items": {"type": "integer"}}
WITH_INTEGER = {"type": "object", "properties": {"n": {"type": "integer"}}}
PARAMETERS = [
    ({"schema": {"type": "integer", "maximum": 5}}, "x=3", "x=9", "maximum"),
    ({"schema": {"type": "integer"}}, "x=-3", "x=3.5", "type"),
    ({"schema": {"type": "integer"}}, "x=0", "x=007", "type"),
    ({"schema": {"type": "number"}}, "x=1e3", "x=NaN", "type"),
    ({"schema": {"type": "boolean"}}, "x=true", "x=yes", "type"),
    ({"schema": {"type": "integer", "nullable": True}}, "x=null", "x=none", "type"),
    ({"schema": {"type": "string", "format": "date-time"}}, "x=2024-01-01T00:00:00Z", "x=1", "format"),
    ({"schema": {"type": "string", "format": "uuid"}}, "x=00000000-0000-4000-8000-000000000001", "x=1", "format"),
    ({"schema": {"type": "integer", "format": "int32"}}, "x=-2147483648", "x=2147483648", "maximum"),
    ({"schema": {"type": "integer", "enum": [1, 2]}}, "x=2", "x=3", "enum"),
    ({"schema": {"anyOf": [{"type": "integer"}, {"enum": ["all"]}]}}, "x=all", "x=some", "anyOf"),
    ({"schema": INTEGERS}, "x=1&x=2", "x=1&x=y", "type"),
    ({"schema": {**INTEGERS, "maxItems": 2}}, "x=1", "x=1&x=2&x=3", "maxItems"),
    ({"schema": INTEGERS, "explode": False}, "x=1,2", "x=1,y", "type"),
    ({"schema": INTEGERS, "explode": False}, "x=1", "x=1&x=2", "repeated"),
    ({"schema": INTEGERS, "style": "pipeDelimited", "explode": False}, "x=1%7C2", "x=1%7Cy", "type"),
    ({"schema": INTEGERS, "style": "spaceDelimited", "explode": False}, "x=1%202", "x=1%20y", "type"),
    ({"schema": WITH_INTEGER, "style": "deepObject"}, "x[n]=1", "x[n]=y", "type"),
    ({"schema": WITH_INTEGER, "explode": False}, "x=n,1", "x=n,y", "type"),
    ({"schema": {**WITH_INTEGER, "additionalProperties": False}}, "n=1", "n=y", "type"),
]


@pytest.mark.parametrize(("parameter", "good", "bad", "rule"), PARAMETERS)
def test_a_parameter_is_read_as_its_schema_says(tmp_path, parameter, good, bad, rule):
    call = Caller(contract(tmp_path, {"/a": {"get": {"parameters": [{"name": "x", "in": "query", **parameter}]}}}))
    assert call("GET", f"/a?{good}").status_code == 200
    assert errors(call("GET", f"/a?{bad}")) == {("query", "x", rule)}


def test_header_path_and_cookie_parameters_are_read_too(tmp_path):
    integer = {"schema": {"type": "integer"}}
    parameters = [
        {"name": "p", "in": "path", "required": True, **integer},
        {"name": "X-Number", "in": "header", "required": True, **integer},
        {"name": "c", "in": "cookie", **integer},
        {"name": "X-List", "in": "header", "schema": {"type": "array", "items": {"type": "integer"}}},
    ]
    call = Caller(contract(tmp_path, {"/a/{p}": {"get": {"parameters": parameters}}}))
    good = {"X-Number": "1", "Cookie": "c=1", "X-List": "1, 2"}
    assert call("GET", "/a/1", headers=good).status_code == 200
    response = call("GET", "/a/x", headers={"X-Number": "x", "Cookie": "c=x", "X-List": "1, x"})
    assert errors(response) == {
        ("path", "p", "type"), ("header", "X-Number", "type"), ("cookie", "c", "type"), ("header", "X-List", "type"),
    }  # fmt: skip


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_form_is_read_as_its_schema_says(tmp_path, media_type):
    schema = {
        "type": "object",
        "required": ["n"],
        "properties": {"n": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
    }
    body = {"required": True, "content": {media_type: {"schema": schema}}}
    call = Caller(contract(tmp_path, {"/a": {"post": {"requestBody": body}}}))

    def send(fields):
        form = {"files": [(name, (None, value)) for name, value in fields]} if "multipart" in media_type else {
            "content": "&".join(f"{name}={value}" for name, value in fields),
            "headers": {"Content-Type": media_type},
        }  # fmt: skip
        return call("POST", "/a", **form)

    assert send([("n", "1"), ("tags", "a"), ("tags", "b")]).status_code == 200
    assert errors(send([("n", "x")])) == {("body", "/n", "type")}
    assert errors(send([("n", "1"), ("n", "2")])) == {("body", "", "syntax")}
    broken = call("POST", "/a", content=b"\xff%ff", headers={"Content-Type": media_type})
    assert errors(broken) == {("body", "", "syntax")}
