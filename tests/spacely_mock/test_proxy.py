"""A proxy between a client and any server: what passes it unchanged, and what it says of it."""

import asyncio
import errno
import gzip
import io
import json
import os
import re
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest
from tests.spacely_mock.helpers import CONTRACT, GROWTH, KEY, POLL, RENDER, SUBMIT, Caller, contract
from tests.spacely_mock.redis_server import until
from tests.spacely_mock.test_growth import _request

from spacely_mock import MockServer
from spacely_mock._exchanges import Exchange, ProxyMetrics
from spacely_mock._proxied import ProxiedOperation
from spacely_mock._proxy import Proxy, create_proxy
from spacely_mock._state import MemoryState
from spacely_mock._testing import _new_key
from spacely_mock._upstream import Upstream, UpstreamURLError
from spacely_spec import Answer, load

ACCEPTED = {"data": "068e3933-4aeb-4b4d-a473-9f8fa9f2d20a"}


class Proxied:
    """Calls a proxy in process. What it says is kept, and so are the requests that reach the upstream."""

    def __init__(self, upstream=None, *, spec=CONTRACT, url="http://upstream.test", **options):
        self.said, self.arrived = [], []
        self._answer = upstream or (lambda _: httpx.Response(200, json=ACCEPTED))
        transport = httpx.MockTransport(self._handle)
        self.app = create_proxy(spec, upstream=url, transport=transport, say=self.said.append, **options)

    async def _handle(self, request):
        self.arrived.append(request)
        answer = self._answer(request)
        if asyncio.iscoroutine(answer):
            answer = await answer
        unread = httpx.ByteStream(b"".join(answer.stream))
        return httpx.Response(answer.status_code, headers=answer.headers, stream=unread)

    def __call__(self, method, path, **arguments):
        async def send():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://proxy.test") as client:
                return await client.request(method, path, **arguments)

        return asyncio.run(send())

    def submit(self, body=RENDER, **arguments):
        return self("POST", SUBMIT, **{"json": body, "headers": KEY, **arguments})

    def lines(self, **filters):
        return self("GET", "/__mock__/requests", params=filters).json()["requests"]

    def stop(self):
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive():
            return next(messages)

        async def send(_):
            pass

        asyncio.run(self.app({"type": "lifespan"}, receive, send))


def in_front_of(call, **options):
    """A proxy whose upstream is a mock in process."""

    async def forward(request):
        url = f"{request.url.scheme}://{request.url.netloc.decode()}{request.extensions['target'].decode()}"
        inner = httpx.Request(request.method, url, headers=request.headers, content=request.content)
        response = await httpx.ASGITransport(call.app).handle_async_request(inner)
        return httpx.Response(
            response.status_code, headers=response.headers, content=b"".join([each async for each in response.stream])
        )

    return Proxied(forward, **options)


def broken(response):
    """How much of the request and of the answer broke the contract."""
    return tuple(map(int, re.fullmatch(r"request=(\d+), answer=(\d+)", response.headers["x-mock-violations"]).groups()))


def places(line):
    return {(each["of"], each["in"], each.get("name") or each.get("pointer", ""), each["rule"]) for each in line}


def test_what_keeps_to_the_contract_passes_unchanged_and_is_said_to():
    call = Caller(render_time=0)
    proxy = in_front_of(call)
    submitted = proxy.submit()
    assert (submitted.status_code, broken(submitted), proxy.said) == (200, (0, 0), [])
    job_id = submitted.json()["data"]
    polled = proxy("GET", POLL, params={"refId": job_id}, headers=KEY)
    direct = call("GET", POLL, params={"refId": job_id}, headers={**KEY, "Host": "upstream.test"})
    assert broken(polled) == (0, 0)
    del polled.headers["x-mock-violations"]
    assert (polled.status_code, polled.headers, polled.content) == (200, direct.headers, direct.content)
    assert [(line["operation"], line["status"], line["job"]) for line in proxy.lines()] == [
        ("generateAdvance", 200, job_id),
        ("pollResult", 200, job_id),
    ]


BROKEN_REQUESTS = {
    "a missing property": ({"json": {"model": "m", "imageUrl": "https://e.x/a"}}, "body", "/renovateType", "required"),
    "a wrong type": ({"json": {**RENDER, "model": 7}}, "body", "/model", "type"),
    "no JSON": ({"content": b"{", "headers": {**KEY, "Content-Type": "application/json"}}, "body", "", "syntax"),
    "another media type": ({"content": b"a", "headers": {**KEY, "Content-Type": "a/b"}}, "body", "", "contentType"),
    "no body": ({"json": None}, "body", "", "required"),
    "an unknown parameter": ({"params": {"x": "1"}}, "query", "x", "unknown"),
    "no key": ({"headers": {}}, "security", "", "security"),
    "another kind of key": ({"headers": {"X-API-KEY": "pk-1"}}, "security", "", "security"),
    "an unknown path": ({"url": "/api/v1/generate/advanced"}, "path", "/api/v1/generate/advanced", "unknown"),
    "a path beside the contract's": ({"url": "/elsewhere"}, "path", "/elsewhere", "unknown"),
    "a wrong method": ({"method": "DELETE"}, "method", "DELETE", "unknown"),
}


@pytest.mark.parametrize(("changes", "place", "name", "rule"), BROKEN_REQUESTS.values(), ids=BROKEN_REQUESTS.keys())
def test_a_request_that_breaks_the_contract_passes_and_is_told(changes, place, name, rule):
    arguments = {"method": "POST", "url": SUBMIT, "json": RENDER, "headers": KEY, **changes}
    if "content" in arguments:
        del arguments["json"]
    proxy = Proxied()
    response = proxy(arguments.pop("method"), arguments.pop("url"), **arguments)
    assert (response.status_code, response.json(), len(proxy.arrived)) == (200, ACCEPTED, 1)
    assert broken(response)[0] == 1
    [line] = proxy.lines(violated=True)
    assert ("request", place, name, rule) in places(line["violations"])
    assert any(f" 200 request {place}" in said and f"{rule}: " in said for said in proxy.said)

    strict = Proxied(errors=True)
    arguments = {"method": "POST", "url": SUBMIT, "json": RENDER, "headers": KEY, **changes}
    if "content" in arguments:
        del arguments["json"]
    refused = strict(arguments.pop("method"), arguments.pop("url"), **arguments)
    assert 400 <= refused.status_code < 500
    assert refused.headers["content-type"] == "application/problem+json"
    assert ("request", place, name, rule) in places(refused.json()["errors"])
    assert strict.arrived == []


JSON = {"Content-Type": "application/json"}
BROKEN_ANSWERS = {
    "an undocumented status": (httpx.Response(418, json=ACCEPTED), "status", "", "undocumented"),
    "a redirect": (httpx.Response(307, headers={"Location": "/elsewhere"}), "status", "", "undocumented"),
    "a missing property": (httpx.Response(200, json={}), "body", "/data", "required"),
    "a wrong type": (httpx.Response(200, json={"data": 7}), "body", "/data", "type"),
    "half a body": (httpx.Response(200, content=b'{"data": "068', headers=JSON), "body", "", "syntax"),
    "one name twice": (httpx.Response(200, content=b'{"data":"a","data":"b"}', headers=JSON), "body", "", "syntax"),
    "a page": (httpx.Response(200, html="<h1>Bad Gateway</h1>"), "body", "", "contentType"),
    "no media type": (httpx.Response(200, content=json.dumps(ACCEPTED).encode()), "body", "", "contentType"),
    "no body": (httpx.Response(200, headers=JSON), "body", "", "required"),
    "a coding that is none": (
        httpx.Response(200, headers={**JSON, "Content-Encoding": "br"}, stream=httpx.ByteStream(b"x")),
        "body",
        "",
        "contentEncoding",
    ),
    "a broken coding": (
        httpx.Response(200, headers={**JSON, "Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip")),
        "body",
        "",
        "contentEncoding",
    ),
}


@pytest.mark.parametrize(("answer", "place", "name", "rule"), BROKEN_ANSWERS.values(), ids=BROKEN_ANSWERS.keys())
def test_an_answer_that_breaks_the_contract_passes_unchanged_and_is_told(answer, place, name, rule):
    raw = b"".join(answer.stream)
    proxy = Proxied(lambda _: answer)
    sent = {}

    async def send(message):
        sent.update(message)

    async def receive():
        return {"type": "http.request", "body": json.dumps(RENDER).encode()}

    headers = [(b"x-api-key", b"sk-one"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": SUBMIT, "query_string": b"", "headers": headers}
    asyncio.run(proxy.app(scope, receive, send))
    assert (sent["status"], sent["body"]) == (answer.status_code, raw)
    told = dict(sent["headers"])
    assert told[b"x-mock-violations"] == b"request=0, answer=1"
    assert {(name, value) for name, value in answer.headers.raw if name.lower() != b"content-length"} <= {
        (name.title(), value) for name, value in sent["headers"]
    } | set(sent["headers"])
    [line] = proxy.lines(violated=True)
    assert places(line["violations"]) == {("answer", place, name, rule)}
    [said] = proxy.said
    assert said.startswith(f"POST {SUBMIT} {answer.status_code} answer {place}")


FAULTS = {
    "another status": ({"X-Mock-Status": "418"}, "undocumented"),
    "half a body": ({"X-Mock-Fault": "truncated"}, "syntax"),
    "a wrong media type": ({"X-Mock-Fault": "wrong-type"}, "contentType"),
}


@pytest.mark.parametrize(("headers", "rule"), FAULTS.values(), ids=FAULTS.keys())
def test_the_faults_of_a_mock_behind_it_are_seen(headers, rule):
    proxy = in_front_of(Caller())
    assert broken(proxy.submit(headers={**KEY, **headers})) == (0, 1)
    assert [each["rule"] for each in proxy.lines()[0]["violations"]] == [rule]


def test_a_status_outside_the_enum_is_seen_where_it_stands():
    proxy = in_front_of(Caller(render_time=0, outcome="unknown-status"))
    job_id = proxy.submit().json()["data"]
    assert broken(proxy("GET", POLL, params={"refId": job_id}, headers=KEY)) == (0, 1)
    assert places(proxy.lines()[-1]["violations"]) == {("answer", "body", "/data/status", "enum")}


def test_an_answer_that_breaks_the_contract_is_replaced_where_that_is_asked_for_and_the_id_is_not_lost():
    answer = {"data": ACCEPTED["data"], "status": None}
    spec_breaking = httpx.Response(202, json=answer)
    proxy = Proxied(lambda _: spec_breaking, errors=True)
    response = proxy.submit()
    problem = response.json()
    assert (response.status_code, problem["type"]) == (502, "/__mock__/problems/broken-answer")
    assert problem["answer"] == {"status": 202, "bodyBytes": len(spec_breaking.content), "body": answer}
    assert places(problem["errors"]) == {("answer", "status", "", "undocumented")}
    assert proxy("GET", problem["type"]).json()["title"] == problem["title"]
    assert len(proxy.arrived) == 1


def test_what_is_right_passes_where_errors_are_asked_for():
    proxy = in_front_of(Caller(), errors=True)
    assert (proxy.submit().status_code, proxy.said) == (200, [])


def test_the_documented_headers_of_an_answer_are_held_to_their_schemas(tmp_path):
    headers = {
        "X-Left": {"required": True, "schema": {"type": "integer", "maximum": 100}},
        "X-Note": {"schema": {"type": "string", "enum": ["a"]}},
    }
    spec = contract(tmp_path, {"/a": {"get": {"responses": {"200": {"description": "Yes.", "headers": headers}}}}})
    seen = {}
    for left, note in ((None, None), ("7", "a"), ("700", None), ("x", "b")):
        sent = {name: value for name, value in (("X-Left", left), ("X-Note", note)) if value}
        proxy = Proxied(lambda _, sent=sent: httpx.Response(200, headers=sent), spec=spec)
        proxy("GET", "/a")
        seen[left, note] = places(proxy.lines()[0]["violations"])
    assert seen == {
        (None, None): {("answer", "header", "X-Left", "required")},
        ("7", "a"): set(),
        ("700", None): {("answer", "header", "X-Left", "maximum")},
        ("x", "b"): {("answer", "header", "X-Left", "type"), ("answer", "header", "X-Note", "enum")},
    }


def test_an_answer_without_the_jobs_id_where_the_link_says_it_is_breaks_the_contract(tmp_path):
    file = tmp_path / "nullable.yaml"
    file.write_text(re.sub(r" +required: \[data\]\n", "", CONTRACT.read_text()))
    proxy = Proxied(lambda _: httpx.Response(200, json={}), spec=file)
    proxy.submit()
    assert ("answer", "body", "", "link") in places(proxy.lines()[0]["violations"])


@pytest.mark.parametrize("file", [CONTRACT, *GROWTH], ids=lambda file: file.stem)
def test_any_contract_is_held_to_without_a_false_alarm(file):
    spec = load(file)
    key = _new_key(spec)
    call = Caller(spec, render_time=0)
    proxy = in_front_of(call, spec=spec)

    def send(operation, values):
        method, path, arguments = _request(spec, operation, values)
        replaced = json.loads(json.dumps(arguments).replace("sk-any", key))
        response = proxy(method, path, **replaced)
        assert (response.is_success, broken(response)) == (True, (0, 0)), proxy.said
        return Answer(response.status_code, response.headers, response.json() if response.content else None)

    for operation in spec.operations:
        if operation.polling:
            polling = operation.polling
            job_id = polling.job_id.read(send(operation, {}))
            send(spec.operation(polling.target), {**polling.constants, polling.parameter: job_id})
            assert {line["job"] for line in proxy.lines()[-2:]} == {str(job_id)}
    polled = {operation.polling.target for operation in spec.operations if operation.polling}
    for operation in spec.operations:
        if not operation.polling and operation.id not in polled:
            send(operation, {})


def test_a_request_is_sent_on_as_it_came_but_for_what_concerns_the_connection():
    proxy = Proxied()
    headers = [
        *(("X-API-KEY", "sk-one"), ("X-Twice", "1"), ("X-Twice", "2"), ("X-Mock-Status", "200")),
        *(("Connection", "X-Drop, close"), ("X-Drop", "1"), ("TE", "trailers"), ("Proxy-Authorization", "Basic eA==")),
        *(("Accept-Encoding", "br;q=1.0, gzip;q=0.5, zstd"), ("Authorization", "Bearer passes-too")),
    ]
    target = "/api/v1/generate/%61dvance?a=%20+b&a&=%zz"
    proxy("PATCH", "http://proxy.test" + target, headers=headers, content=b"\0\xff{")
    [request] = proxy.arrived
    assert request.extensions["target"] == target.encode()
    assert (request.method, request.content) == ("PATCH", b"\0\xff{")
    sent = [(name, value) for name, value in request.headers.multi_items() if name not in {"user-agent", "accept"}]
    assert sorted(sent) == [
        ("accept-encoding", "gzip;q=0.5"),
        ("authorization", "Bearer passes-too"),
        ("content-length", "3"),
        ("host", "upstream.test"),
        *(("x-api-key", "sk-one"), ("x-mock-status", "200"), ("x-twice", "1"), ("x-twice", "2")),
    ]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://upstream.test", "/api/v1/generate/advance"),
        ("http://upstream.test/", "/api/v1/generate/advance"),
        ("https://upstream.test:8443/v9/", "/v9/generate/advance"),
        ("http://[::1]:80/a%20b", "/a%20b/generate/advance"),
    ],
)
def test_the_upstreams_path_stands_in_the_place_of_the_contracts(url, path):
    proxy = Proxied(url=url)
    proxy.submit()
    proxy("GET", "/api/v1x")
    proxy("GET", "/elsewhere?a")
    assert [each.extensions["target"].decode() for each in proxy.arrived] == [path, "/api/v1x", "/elsewhere?a"]
    assert url.startswith(f"{proxy.arrived[0].url.scheme}://{proxy.arrived[0].url.netloc.decode()}"[:12])


@pytest.mark.parametrize(
    "url", ["", "upstream.test", "ftp://a", "http://", "http://a:b", "http://a?x=1", "http://u:pass@a", "http://a#b"]
)
def test_a_url_that_leads_to_no_upstream_is_refused_without_a_word_of_its_password(url):
    with pytest.raises(UpstreamURLError) as caught:
        Upstream(url, "", timeout=1, limit=1)
    assert "pass@" not in str(caught.value)


def gone(_):
    raise httpx.ConnectError("refused")


def torn(_):
    raise httpx.ReadError("reset")


def unreachable(_):
    raise httpx.ConnectTimeout("slow")


async def silent(_):
    await asyncio.sleep(60)


def endless(_):
    return httpx.Response(200, content=b"[" * 3000)


NO_ANSWER = {
    "nobody there": (gone, 502, "upstream-gone", "nothing was sent"),
    "torn": (torn, 502, "upstream-gone", "may have arrived"),
    "no connection in time": (unreachable, 504, "upstream-slow", "nothing was sent"),
    "no answer in time": (silent, 504, "upstream-slow", "may have arrived"),
    "an answer without end": (endless, 502, "upstream-gone", "may have arrived"),
}


@pytest.mark.parametrize(("upstream", "status", "kind", "detail"), NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_where_no_answer_comes_it_is_said_whether_the_request_may_have_arrived_and_it_is_sent_once(
    upstream, status, kind, detail
):
    proxy = Proxied(upstream, timeout=0.05, body_limit=2000)
    response = proxy.submit()
    assert (response.status_code, response.json()["type"]) == (status, f"/__mock__/problems/{kind}")
    assert detail in response.json()["detail"]
    assert len(proxy.arrived) == 1
    assert broken(response) == (0, 0)
    [said] = proxy.said
    assert said.startswith(f"POST {SUBMIT} {status} upstream: ")
    [line] = proxy.lines()
    assert line["status"] == status
    assert line["seconds"] < 10


def test_a_body_that_is_too_large_is_not_sent_on():
    proxy = Proxied(body_limit=1000)
    for path, status in ((SUBMIT, 400), ("/elsewhere", 413)):
        response = proxy("POST", path, headers={**KEY, **JSON}, content=b"[" * 1001)
        assert (response.status_code, response.json()["type"]) == (status, "/__mock__/problems/content-too-large")
    assert proxy.arrived == []


@pytest.mark.parametrize(("coding", "code"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_coded_answer_passes_as_it_is_and_is_checked_all_the_same(coding, code):
    for body, count in ((ACCEPTED, 0), ({"data": 7}, 1)):
        coded = code(json.dumps(body).encode())

        def answer(_, coded=coded):
            headers = {**JSON, "Content-Encoding": coding, "Transfer-Encoding": "chunked"}
            return httpx.Response(200, headers=headers, stream=httpx.ByteStream(coded))

        response = Proxied(answer).submit()
        assert response.headers["content-length"] == str(len(coded))
        assert (response.headers["content-encoding"], response.json()) == (coding, body)
        assert broken(response) == (0, count)


def test_an_answer_that_swells_is_noticed_and_not_unpacked():
    bomb = gzip.compress(b"[" * 50_000_000)
    headers = {**JSON, "Content-Encoding": "gzip"}
    proxy = Proxied(lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(bomb)), body_limit=100_000)
    proxy("POST", SUBMIT, headers={**KEY, "Accept-Encoding": "gzip"}, json=RENDER)
    [violation] = proxy.lines()[0]["violations"]
    assert (violation["rule"], "larger than 100000 bytes" in violation["detail"]) == ("contentEncoding", True)


@pytest.mark.parametrize(
    ("method", "answer", "length"),
    [
        ("HEAD", httpx.Response(200, headers={**JSON, "Content-Length": "47"}), "47"),
        ("GET", httpx.Response(204), None),
        ("GET", httpx.Response(304, headers={"Content-Length": "47", "ETag": '"a"'}), None),
    ],
)
def test_an_answer_without_a_body_stays_one(method, answer, length):
    response = Proxied(lambda _: answer)(method, POLL, params={"refId": ACCEPTED["data"]}, headers=KEY)
    assert (response.status_code, response.content) == (answer.status_code, b"")
    assert response.headers.get("content-length") == length


def test_what_browsers_ask_beforehand_passes_and_is_no_violation():
    proxy = Proxied(lambda _: httpx.Response(204, headers={"Access-Control-Allow-Origin": "*"}))
    headers = {"Origin": "http://a.test", "Access-Control-Request-Method": "POST"}
    response = proxy("OPTIONS", SUBMIT, headers=headers)
    assert (response.status_code, response.headers["access-control-allow-origin"], broken(response)) == (
        204,
        "*",
        (0, 0),
    )


NOTED = {
    "the check": (ProxiedOperation, "check_answer"),
    "the recording": (Proxy, "_write"),
    "the log": (Exchange, "lines"),
    "the metrics": (ProxyMetrics, "count"),
    "the journal": (MemoryState, "complete"),
}


@pytest.mark.parametrize(("owner", "name"), NOTED.values(), ids=NOTED)
def test_nothing_that_is_noted_of_an_answer_loses_it(owner, name, monkeypatch, caplog):
    def broken_pipe(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr(owner, name, broken_pipe)
    assert Proxied().submit().json() == ACCEPTED
    assert "could not be checked or noted" in caplog.text


SECRET = "sk-a/very+secret=key"


def echo(request):
    """Sends back what came, keys and all."""
    text = request.content.decode() + str(request.headers.raw) + str(request.url)
    return httpx.Response(200, json={"data": {"echo": text}}, headers={"X-Echo": SECRET, "Set-Cookie": SECRET})


def test_a_key_reaches_the_upstream_and_is_written_down_nowhere(tmp_path):
    file = tmp_path / "traffic.har"
    proxy = Proxied(echo, record=file, verbose=True)
    spellings = (SECRET, SECRET.replace("/", "%2F"), "".join(f"%{byte:02x}" for byte in SECRET.encode()))
    for headers in ({"X-API-KEY": SECRET}, {"X-API-KEY": SECRET, "Authorization": f"Bearer {SECRET}"}):
        for spelling in spellings:
            url = f"http://proxy.test{SUBMIT}?key={spelling}&{spellings[2]}=1"
            response = proxy("POST", url, headers=headers, json={**RENDER, "model": {SECRET: SECRET}})
            assert json.loads(response.content)["data"]["echo"].count(SECRET) >= 2
            proxy("GET", f"http://proxy.test/{spelling}/elsewhere", headers=headers)
    assert all(request.headers["x-api-key"] == SECRET for request in proxy.arrived)
    binary = Proxied(lambda _: httpx.Response(200, content=b"\xff" + SECRET.encode()), record=tmp_path / "binary.har")
    binary("POST", SUBMIT, headers={"X-API-KEY": SECRET}, content=b"\xff" + SECRET.encode())
    proxy.stop()
    binary.stop()
    journal = json.dumps(proxy.lines())
    metrics = proxy("GET", "/metrics").text
    recorded = file.read_text() + (tmp_path / "binary.har").read_text()
    content = json.loads((tmp_path / "binary.har").read_text())["log"]["entries"][0]["response"]["content"]
    assert content["encoding"] == "base64"
    for written in (journal, metrics, recorded, "\n".join(proxy.said)):
        for spelling in (*spellings, json.dumps(SECRET)[1:-1], "very"):
            assert spelling not in written
    assert recorded.count("***") > 20
    assert "dmVyeS" not in recorded  # The key in base64.


def test_a_key_in_a_place_where_none_belongs_is_written_down_nowhere(tmp_path):
    file = tmp_path / "traffic.har"
    proxy = Proxied(record=file, verbose=True)
    proxy("POST", f"{SUBMIT}?x-api-key=sk-secret1", json={**RENDER, "X-API-KEY": "sk-secret2"})
    proxy.stop()
    for written in (json.dumps(proxy.lines()), file.read_text(), "\n".join(proxy.said)):
        assert "secret" not in written


def test_a_recording_is_an_http_archive_of_all_that_passed(tmp_path):
    file = tmp_path / "traffic.har"
    call = Caller(render_time=0)
    proxy = in_front_of(call, record=file, url="https://upstream.test/v9")
    answers = [proxy("POST", SUBMIT, headers=KEY, json=RENDER), proxy("GET", "/elsewhere", params={"q": "a b"})]
    proxy.stop()
    entries = json.loads(file.read_text())["log"]["entries"]
    assert [(each["request"]["method"], each["request"]["url"]) for each in entries] == [
        ("POST", "https://upstream.test/v9/generate/advance"),
        ("GET", "https://upstream.test/elsewhere?q=a+b"),
    ]
    for entry, answer in zip(entries, answers, strict=True):
        assert entry["response"]["status"] == answer.status_code
        assert entry["response"]["content"]["text"] == answer.text
        assert entry["time"] >= 0
    assert json.loads(entries[0]["request"]["postData"]["text"]) == RENDER
    assert {"name": "x-api-key", "value": "***"} in entries[0]["request"]["headers"]


def test_a_request_without_an_answer_is_recorded_too(tmp_path):
    file = tmp_path / "traffic.har"
    proxy = Proxied(torn, record=file)
    proxy.submit()
    proxy.stop()
    [entry] = json.loads(file.read_text())["log"]["entries"]
    assert (entry["response"]["status"], "may have arrived" in entry["comment"]) == (0, True)


def test_a_recording_that_cannot_be_written_any_more_costs_no_answer(tmp_path):
    file = tmp_path / "traffic.har"
    proxy = Proxied(record=file)
    proxy.submit()
    proxy.app._record.close()
    proxy.app._record._archive._stream = _Full(file)
    assert [proxy.submit().json() for _ in range(2)] == [ACCEPTED] * 2
    assert len(recorded(file)) == 1
    assert [said for said in proxy.said if "cannot write" in said] == [
        f"cannot write {file}: No space left on device; nothing more is recorded"
    ]


class _Full(io.FileIO):
    """A file that already takes all the space there is."""

    def __init__(self, file):
        super().__init__(file, "r+")
        self._size = file.stat().st_size

    def write(self, data):
        if self.tell() >= self._size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data[: self._size - self.tell()])


def recorded(file):
    """The exchanges that stand in a file."""
    return json.loads(file.read_text())["log"]["entries"]


def test_a_recording_is_whole_before_and_after_each_exchange(tmp_path):
    file = tmp_path / "traffic.har"
    proxy = Proxied(record=file)
    for count in range(4):
        assert len(recorded(file)) == count
        proxy.submit()
    proxy.stop()
    assert len(recorded(file)) == 4


def test_a_proxy_that_is_killed_leaves_a_recording_of_all_that_it_answered(tmp_path):
    file = tmp_path / "traffic.har"
    with MockServer(CONTRACT) as upstream:
        command = [sys.executable, "-m", "spacely_mock", "proxy", "--upstream", upstream.url, "--port", "0"]
        with subprocess.Popen([*command, "--record", str(file)], stdout=subprocess.PIPE, text=True) as process:
            url = re.search(r"http://\S+", process.stdout.readline())[0]
            with httpx.Client(headers=KEY) as client, ThreadPoolExecutor() as pool:
                answers = [client.post(url + "/generate/advance", json=RENDER).json() for _ in range(5)]
                pending = [pool.submit(_submit_until_killed, url) for _ in range(4)]
                until(lambda: file.read_text().count("startedDateTime") > 50)
                process.kill()
                answers += [answer for each in pending for answer in each.result()]
    texts = [entry["response"]["content"]["text"] for entry in recorded(file)]
    assert len(texts) > 50
    assert {answer["data"] for answer in answers} <= {json.loads(text)["data"] for text in texts}


def _submit_until_killed(url):
    answers = []
    with httpx.Client(headers=KEY) as client, suppress(httpx.TransportError):
        while True:
            answers.append(client.post(url + "/generate/advance", json=RENDER).json())
    return answers


def test_a_recording_never_takes_the_place_of_another(tmp_path):
    file = tmp_path / "traffic.har"
    file.write_text("paid for")
    with pytest.raises(FileExistsError):
        Proxied(record=file)
    assert file.read_text() == "paid for"


def test_its_interface_shows_what_it_has_seen_and_has_nothing_of_a_mocks():
    proxy = Proxied()
    proxy.submit()
    proxy.submit({"model": 1}, headers={"X-API-KEY": "sk-two"})
    assert len(proxy.lines()) == 2
    assert len(proxy.lines(violated=True)) == len(proxy.lines(violated=False)) == 1
    mine = proxy("GET", "/__mock__/requests/count", headers=KEY, params={"violated": True}).json()
    assert mine == {"count": 0}
    listed = {each["path"] for each in proxy("GET", "/__mock__/").json()["endpoints"]}
    assert "/__mock__/requests/wait" in listed
    for path in ("rules", "jobs", "seed", "clock", "images/x.png"):
        assert f"/__mock__/{path}" not in listed
        assert proxy("GET", f"/__mock__/{path}").status_code == 404
    assert proxy("GET", "/__mock__/openapi.json").json()["paths"].keys() == listed
    assert proxy("GET", "/healthz").json()["upstream"] == "http://upstream.test/api/v1"
    metrics = proxy("GET", "/metrics").text
    assert 'spacely_mock_violations_total{operation="generateAdvance",of="request",rule="required"} 2' in metrics
    assert 'spacely_mock_jobs_total{operation="generateAdvance"} 2' in metrics
    assert proxy("POST", "/__mock__/reset").status_code == 200
    assert proxy.lines() == []
    assert len(proxy.arrived) == 2


def test_its_interface_can_be_closed_or_given_a_token_and_is_never_the_upstreams():
    closed, guarded = Proxied(admin=False), Proxied(admin_token="open-sesame")
    assert closed("GET", "/__mock__/requests").status_code == 404
    assert guarded("GET", "/__mock__/requests").status_code == 401
    assert guarded("GET", "/__mock__/requests", headers={"Authorization": "Bearer open-sesame"}).status_code == 200
    assert closed.arrived + guarded.arrived == []


def test_what_is_wrong_cannot_break_the_log_into_lines():
    proxy = Proxied()
    proxy("POST", "/a%0d%0aGET%20/b%20200", headers=KEY, json={"a\nb": "c\r\nd"})
    proxy("POST", f"http://proxy.test{SUBMIT}?a%0d%0aGET%20/b=1", headers=KEY, json=RENDER)
    assert proxy.lines()[-1]["violations"][0]["name"] == "a\r\nGET /b"
    assert proxy.said
    assert not any(character in said for said in proxy.said for character in "\r\n\x1b")


def test_of_many_violations_the_first_are_told_and_the_rest_counted():
    proxy = Proxied()
    response = proxy.submit({**RENDER, **{f"unknown{number}": 1 for number in range(30)}, "model": 1})
    assert broken(response)[0] >= 1
    proxy = Proxied(lambda _: httpx.Response(200, json=ACCEPTED))
    response = proxy("POST", SUBMIT, headers=KEY, json=RENDER, params={f"q{number}": "1" for number in range(30)})
    assert broken(response) == (30, 0)
    assert len(proxy.lines()[0]["violations"]) == 10
    assert len(proxy.said) == 11
    assert proxy.said[-1].endswith("and 20 more")
