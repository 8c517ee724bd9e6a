"""The journal as it is read over HTTP: what is in a line, what is never in one, what is noted and when."""

import asyncio
import json
import tracemalloc

import httpx
import pytest
from tests.spacely_mock.helpers import KEY, POLL, RENDER, SUBMIT, Caller, contract

from spacely_mock._state import MemoryState, namespace_of

SECRET = "sk-a/very+secret=key"  # A key that is written in other ways in URLs and in JSON.


@pytest.fixture(params=[True, False], ids=["fast lane", "framework"])
def call(request):
    return Caller(fast_lane=request.param)


def lines(call, **filters):
    return call("GET", "/__mock__/requests", params=filters).json()["requests"]


def test_a_line_tells_what_came_and_what_was_answered(call):
    job_id = call.submit().json()["data"]
    call.clock.advance(1)
    call.poll(job_id)
    submitted, polled = lines(call)
    assert submitted["operation"] == "generateAdvance"
    assert (submitted["method"], submitted["path"], submitted["query"]) == ("POST", SUBMIT, {})
    assert (submitted["body"], submitted["status"], submitted["job"]) == (RENDER, 200, job_id)
    assert submitted["headers"]["content-type"] == "application/json"
    assert submitted["bodyBytes"] == len(json.dumps(RENDER, separators=(",", ":")))
    assert submitted["namespace"] == namespace_of("sk-one")
    assert 0 < submitted["seconds"] < 5
    assert (polled["operation"], polled["query"]) == ("pollResult", {"refId": [job_id]})
    assert (polled["status"], polled["job"], polled["body"]) == (200, job_id, None)
    assert polled["time"] - submitted["time"] == 1
    assert int(polled["id"]) > int(submitted["id"])


def test_requests_that_are_refused_are_noted_too(call):
    call.submit({"model": 1})
    call.submit(headers={})
    call("GET", POLL, params={"refId": "unknown"}, headers=KEY)
    call("DELETE", SUBMIT, headers=KEY)
    call("GET", "/api/v1/elsewhere", headers=KEY)
    noted = [(line["operation"], line["status"], line["job"]) for line in lines(call)]
    assert noted == [
        ("generateAdvance", 400, None),
        ("generateAdvance", 401, None),
        ("pollResult", 400, None),
        (None, 405, None),
        (None, 404, None),
    ]


def test_the_mocks_own_pages_and_preflights_are_not_noted(call):
    for path in ("/healthz", "/docs", "/openapi.yaml", "/__mock__/", "/metrics"):
        assert call("GET", path).status_code == 200
    preflight = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert call("OPTIONS", SUBMIT, headers=preflight).status_code == 204
    assert lines(call) == []


SENT = {
    "header": {"headers": {"X-API-KEY": SECRET}},
    "header twice": {"headers": [("X-API-KEY", SECRET), ("X-API-KEY", "sk-other-key")]},
    "query": {"params": {"note": f"key is {SECRET}"}, "headers": {"X-API-KEY": SECRET}},
    "path": {"path": f"/api/v1/{SECRET}", "headers": {"X-API-KEY": SECRET}},
    "body": {"json": {**RENDER, "prompt": f"use {SECRET}", SECRET: [SECRET]}, "headers": {"X-API-KEY": SECRET}},
    "body that is no JSON": {
        "content": f'{{"{SECRET}"',
        "headers": {"X-API-KEY": SECRET, "Content-Type": "text/plain"},
    },
    "other headers": {"headers": {"X-API-KEY": SECRET, "Referer": f"https://a.example/?key={SECRET}"}},
    "authorization": {"headers": {"Authorization": f"Bearer {SECRET}"}},
    "cookie": {"headers": {"Cookie": f"session={SECRET}"}},
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT.keys())
def test_a_key_is_struck_out_wherever_it_was_sent(call, sent):
    sent = dict(sent)
    call("POST", sent.pop("path", SUBMIT), **sent)
    answer = call("GET", "/__mock__/requests")
    assert len(answer.json()["requests"]) == 1
    assert "***" in answer.text
    for form in (SECRET, "sk-a%2Fvery%2Bsecret%3Dkey", "sk-a\\/very", "secret"):
        assert form not in answer.text


def test_keys_in_the_query_and_in_cookies_are_struck_out_by_their_place(tmp_path):
    schemes = {
        "Query": {"type": "apiKey", "in": "query", "name": "token"},
        "Cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
    }
    security = [{"Query": []}, {"Cookie": []}]
    paths = {"/things": {"get": {"security": security}}}
    call = Caller(contract(tmp_path, paths, components={"securitySchemes": schemes}))
    call("GET", "/things?token=abc&note=x")
    call("GET", "/things", headers={"Cookie": "session=one-secret", "Referer": "one-secret"})
    answer = call("GET", "/__mock__/requests")
    first, second = answer.json()["requests"]
    assert first["query"] == {"token": ["***"], "note": ["x"]}
    assert (second["headers"]["cookie"], second["headers"]["referer"]) == ("***", "***")
    assert second["status"] == 200


JSON, FORM = {"Content-Type": "application/json"}, {"Content-Type": "application/x-www-form-urlencoded"}
MISPLACED = {
    "query": {"params": {"X-API-KEY": "sk-secret1"}},
    "query in another case": {"params": {"x-api-key": "sk-secret1", "note": "of sk-secret1"}},
    "cookie": {"headers": {**KEY, "Cookie": "x-Api-Key=sk-secret1", "Referer": "/?sk-secret1"}},
    "body": {"json": {**RENDER, "X-API-KEY": "sk-secret1"}},
    "deep in a body": {"json": {**RENDER, "extra": [{"x-api-key": ["sk-secret1"]}]}},
    "body in the header as well": {"json": {**RENDER, "x-api-key": "sk-one"}},
    "body that is not read": {"content": '{"X-API-KEY" : "sk-sec\\"ret1", 7', "headers": {**KEY, **JSON}},
    "form": {"content": "a=1&X-API-KEY=sk-secret1&b=2", "headers": {**KEY, **FORM}},
    "form, and short": {"content": "X-API-KEY=ret", "headers": {**KEY, **FORM}},
    "multipart form": {"files": {"X-API-KEY": (None, "sk-secret1"), "b": (None, "2")}},
    "text": {"content": "Call it.\nX-API-KEY: my sk-secret1\nb", "headers": {**KEY, "Content-Type": "text/plain"}},
}


@pytest.mark.parametrize("sent", MISPLACED.values(), ids=MISPLACED.keys())
def test_what_has_the_name_of_a_key_is_struck_out_in_places_where_no_key_belongs(call, sent):
    call("POST", SUBMIT, **{"headers": KEY, **sent})
    answer = call("GET", "/__mock__/requests")
    assert len(answer.json()["requests"]) == 1
    assert "ret" not in json.dumps({**lines(call)[0], "headers": {}, "method": ""}).replace(RENDER["renovateType"], "")
    assert "secret1" not in answer.text
    assert "***" in answer.text


def test_what_stands_beside_the_name_of_a_key_is_kept(call):
    call.submit({**RENDER, "X-API-KEY": 7, "x-api-keys": "a", "prompt": "x-api-key"})
    call("POST", SUBMIT, content="a=1&X-API-KEY=sk-secret1&b=2", headers={**KEY, **FORM})
    first, second = lines(call)
    assert first["body"] == {**RENDER, "X-API-KEY": "***", "x-api-keys": "a", "prompt": "x-api-key"}
    assert second["body"] == "a=1&X-API-KEY=***&b=2"


def test_a_key_too_short_to_be_looked_for_is_struck_out_where_keys_stand(call):
    call.submit(headers={"X-API-KEY": "abc"})
    assert lines(call)[0]["headers"]["x-api-key"] == "***"


def test_known_keys_are_struck_out_whoever_writes_them():
    call = Caller(api_keys=[SECRET])
    call.submit({**RENDER, "prompt": SECRET}, headers={})
    assert SECRET not in call("GET", "/__mock__/requests").text


def test_a_long_body_is_not_kept_but_its_length_is_told(call):
    call.submit({**RENDER, "prompt": "a" * 200_000})
    (line,) = lines(call)
    assert line["body"] is None
    assert line["bodyBytes"] > 200_000


def test_a_body_that_cannot_be_read_is_kept_as_text(call):
    for content in (b'{"a": NaN}', b"[" * 5000, b"\xff\xfe", b'{"a":1,"a":2}'):
        call("POST", SUBMIT, content=content, headers={**KEY, "Content-Type": "application/json"})
    assert [line["body"][:14] for line in lines(call)] == ['{"a": NaN}', "[" * 14, "\ufffd\ufffd", '{"a":1,"a":2}'[:14]]


def test_a_request_is_in_the_journal_before_it_is_answered():
    """Noted on arrival: whoever waits for a slow request sees it come."""
    seen = []

    class Watching(MemoryState):
        async def append(self, line, *, rules_of=None, hit=None):
            await super().append(line)
            seen.extend((each["operation"], each["status"]) for each in await self.lines())

    Caller(state=Watching()).submit()
    assert seen == [("generateAdvance", None)]


def test_the_journal_keeps_as_many_requests_as_it_is_told():
    call = Caller(journal=2)
    ids = [call.submit().json()["data"] for _ in range(4)]
    assert [line["job"] for line in lines(call)] == ids[-2:]
    call = Caller(journal=0)
    call.submit()
    assert lines(call) == []


def test_the_journal_does_not_grow_without_bound():
    call = Caller(journal=50)

    async def send(client, count):
        for _ in range(count):
            await client.post(SUBMIT, json=RENDER, headers=KEY)

    async def measure():
        transport = httpx.ASGITransport(call.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as client:
            await send(client, 60)
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            await send(client, 400)
            grown = tracemalloc.get_traced_memory()[0] - before
            tracemalloc.stop()
            return grown

    # A line takes two kilobytes or more: 400 would take eight hundred; the 50 that are kept take a hundred.
    assert asyncio.run(measure()) < 400_000
