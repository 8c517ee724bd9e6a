"""What an ASGI server could hand over though no socket brings it: the mock answers it all the same."""

import asyncio
import json

import pytest
from tests.spacely_mock.helpers import RENDER, SUBMIT, Caller

BODY = json.dumps(RENDER).encode()
KEY = (b"x-api-key", b"sk-one")
JSON = (b"content-type", b"application/json")
MESSAGE = {"type": "http.request", "body": BODY, "more_body": False}

SCOPES = {
    "an ordinary one": ({}, 200),
    "no raw path": ({"raw_path": None}, 200),
    "a raw path with a query": ({"raw_path": SUBMIT.encode() + b"?a=b"}, {200, 400}),
    "a path of lone surrogates": ({"path": "/\udcff\udcfe"}, 404),
    "a path of emoji": ({"path": "/\N{GRINNING FACE}"}, 404),
    "an empty path": ({"path": ""}, 404),
    "a path with a null character": ({"path": "/\0"}, 404),
    "a raw path of high bytes": ({"raw_path": b"/\xff"}, 404),
    "a root path": ({"root_path": "/api"}, 200),
    "a method in lower case": ({"method": "post"}, 200),
    "a method with a space": ({"method": "PO ST"}, 405),
    "an empty method": ({"method": ""}, 405),
    "headers in capital letters": ({"headers": [(b"X-API-KEY", b"sk-one"), (b"Content-Type", JSON[1])]}, 200),
    "headers as lists": ({"headers": [list(KEY), list(JSON)]}, 200),
    "headers as an iterator": ({"headers": iter([KEY, JSON])}, {200, 401}),
    "no headers": ({"headers": []}, 401),
    "a header with a line break": ({"headers": [KEY, JSON, (b"host", b"a\r\nset-cookie: b=1")]}, 200),
    "an empty header name": ({"headers": [KEY, JSON, (b"", b"")]}, 200),
    "a million headers": ({"headers": [KEY, JSON] + [(b"x-a", b"1")] * 1_000_000}, 200),
    "a length that lies": ({"headers": [KEY, JSON, (b"content-length", b"1")]}, 200),
    "a query of high bytes": ({"query_string": b"\xff\xfe=1"}, 400),
    "HTTP/2": ({"http_version": "2"}, 200),
    "HTTP/3": ({"http_version": "3"}, 200),
    "no server": ({"server": None}, 200),
    "a Unix socket": ({"server": ("/run/mock.sock", None)}, 200),
    "no client": ({"client": None}, 200),
    "another scheme": ({"scheme": "gopher"}, 200),
}
BODIES = {
    "no body at all": ([{"type": "http.request"}], 400),
    "a body after nothing": ([{"type": "http.request", "more_body": True}, MESSAGE], 200),
    "ten thousand empty pieces": ([{"type": "http.request", "more_body": True}] * 10_000 + [MESSAGE], 200),
    "a body byte by byte": (
        [{"type": "http.request", "body": bytes([byte]), "more_body": True} for byte in BODY]
        + [{"type": "http.request"}],
        200,
    ),
    "a client that left before the body": ([{"type": "http.disconnect"}], None),
    "a client that left after what might have been all": (
        [{"type": "http.request", "body": BODY, "more_body": True}, {"type": "http.disconnect"}],
        None,
    ),
    "a client that left within the body": (
        [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}],
        None,
    ),
}


@pytest.fixture(scope="module")
def caller():
    return Caller(render_time=0)


@pytest.mark.parametrize(("scope", "expected"), SCOPES.values(), ids=SCOPES.keys())
def test_an_odd_scope_is_answered(caller, scope, expected):
    status, headers, body = caller.raw({"headers": [KEY, JSON], **scope}, MESSAGE)
    assert status in (expected if isinstance(expected, set) else {expected})
    assert int(headers["content-length"]) == len(body)
    assert not any({"\r", "\n"} & set(value) for value in headers.values())


@pytest.mark.parametrize(("messages", "expected"), BODIES.values(), ids=BODIES.keys())
def test_an_odd_body_is_answered(caller, messages, expected):
    answer = caller.raw({"headers": [KEY, JSON], "raw_path": SUBMIT.encode()}, *messages)
    assert (answer and answer[0]) == expected


def test_a_client_that_is_gone_when_it_is_answered_is_no_error(caller):
    async def receive():
        return MESSAGE

    async def send(_):
        raise OSError("gone")

    scope = {"type": "http", "method": "POST", "path": SUBMIT, "query_string": b"", "headers": [KEY, JSON]}
    with pytest.raises(OSError, match="gone"):  # It is the server's own, and goes back to the server.
        asyncio.run(caller.app(scope, receive, send))
    assert caller.submit().status_code == 200


def test_a_websocket_is_closed(caller):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    asyncio.run(caller.app({"type": "websocket", "path": "/", "headers": []}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
