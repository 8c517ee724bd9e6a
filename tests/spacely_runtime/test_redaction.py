"""No key and no signature is in anything that is logged, by whatever logger, at whatever level."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import quote, quote_plus

import pytest
from tests.spacely_client.faults.server import ScriptedServer
from tests.spacely_runtime.things import KEY, AsyncThings, Things

from spacely_runtime import Key, errors
from spacely_runtime._redaction import LOGGERS
from spacely_runtime._secret import Secret

AWKWARD_KEY = "sk-a+b/c=d e'f\\g\"h&i"  # Written in URLs and in quoted texts, it does not look like itself.
SIGNATURE = "signature-that-opens-it"
Place: TypeAlias = Literal["header", "query", "cookie"]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


def options(server: ScriptedServer, key: str) -> dict[str, Any]:
    return {"api_key": key, "base_url": f"http://user:{SIGNATURE}@127.0.0.1:{server.port}", "max_retries": 0}


def with_its_key_in(client: Any, place: Place) -> Any:
    client.operations = {
        name: type(operation)(**{**vars(operation), "keys": (Key(place, "key"),)})
        for name, operation in client.operations.items()
    }
    return client


def look(client: Things) -> Exception | None:
    try:
        with client:
            client.look("t-1")
    except errors.ClientError as error:
        return error
    return None


def look_async(client: AsyncThings) -> Exception | None:
    async def run() -> Exception | None:
        try:
            async with client:
                await client.look("t-1")
        except errors.ClientError as error:
            return error
        return None

    return asyncio.run(run())


def assert_unseen(secret: str, log: pytest.LogCaptureFixture) -> None:
    """That a text is in no record, nor in what a record holds."""
    assert shapes(secret, log.text + repr([vars(record) for record in log.records])) == []


def shapes(secret: str, seen: str) -> list[str]:
    """What a text stands as in another: as it is, as in URLs, as in Python's quotes, as in JSON."""
    every = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), repr(secret)[1:-1], json.dumps(secret)}
    return [shape for shape in every if shape.strip('"') in seen]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("place", ["header", "query", "cookie"])
@pytest.mark.parametrize("key", [KEY, AWKWARD_KEY])
def test_a_key_is_in_no_record_though_the_server_sends_it_back(
    place: Place, kind: str, key: str, server: ScriptedServer, log: pytest.LogCaptureFixture
) -> None:
    back = [
        f"Location: https://elsewhere.test/?key={quote(key, safe='')}",
        f"Set-Cookie: key={key}",
        f"X-Key: {key}",
    ]
    server.scripts["/look"] = [[answer(302, *back, body=key.encode())]]
    if kind == "sync":
        error = look(with_its_key_in(Things(**options(server, key)), place))
    else:
        error = look_async(with_its_key_in(AsyncThings(**options(server, key)), place))
    assert isinstance(error, errors.StatusError)
    (head,) = server.heads
    assert (quote_plus(key) if place == "query" else key).encode() in head  # It was there to be seen.
    assert {"httpx", "httpcore.http11", "httpcore.connection"} <= {record.name for record in log.records}
    assert "HTTP Request: GET" in log.text
    assert "receive_response_headers.complete" in log.text
    assert_unseen(key, log)
    assert_unseen(SIGNATURE, log)  # The password in the base URL.


@pytest.mark.parametrize("place", ["header", "query", "cookie"])
def test_a_key_is_in_no_error_that_is_behind_an_error(place: Place, server: ScriptedServer) -> None:
    server.scripts["/look"] = [[b"no HTTP\r\n\r\n"]]
    error = look(with_its_key_in(Things(**options(server, AWKWARD_KEY)), place))
    assert isinstance(error, errors.TransportError)
    cause: Any = error.__cause__
    shown = f"{error!r} {cause!r} {cause.request.url} {cause.request.headers.multi_items()}"
    assert shapes(AWKWARD_KEY, shown) == []


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_signature_of_a_file_is_in_no_record(
    kind: str, server: ScriptedServer, log: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    origin = f"http://127.0.0.1:{server.port}"
    url = f"{origin}/one.png?X-Signature={SIGNATURE}"
    done = json.dumps({"state": "done", "files": [url]}).encode()
    server.scripts["/look"] = [[answer(200, "Content-Type: application/json", body=done)]]
    server.scripts["/one.png"] = [[answer(302, f"Location: /two.png?sig={SIGNATURE}")]]
    server.scripts["/two.png"] = [[answer(301, f"Location: {origin}/three.png?sig={SIGNATURE}#{SIGNATURE}")]]
    server.scripts["/three.png"] = [[answer(200, body=b"image")], [b"no HTTP\r\n\r\n"]]

    async def run() -> Any:
        async with AsyncThings(**options(server, KEY)) as client:
            job = client._resume("start", "t-1")
            await job.download(tmp_path)
            with pytest.raises(errors.DownloadError) as caught:
                await job.download(tmp_path)
            return caught.value

    if kind == "async":
        error = asyncio.run(run())
    else:
        with Things(**options(server, KEY)) as client:
            job = client.job("start", "t-1")
            job.download(tmp_path)
            with pytest.raises(errors.DownloadError) as caught:
                job.download(tmp_path)
            error = caught.value
    assert SIGNATURE.encode() in b"".join(server.heads)
    assert f"GET {origin}/three.png?*** " in log.text
    assert "two.png?***" in log.text
    assert_unseen(SIGNATURE, log)
    cause: Any = error.__cause__
    assert SIGNATURE not in f"{error!r} {cause!r} {cause.request.url}"


def test_the_query_of_a_call_is_logged_but_for_its_key(server: ScriptedServer, log: pytest.LogCaptureFixture) -> None:
    server.scripts["/look"] = [[answer(404)]]
    look(with_its_key_in(Things(**options(server, KEY)), "query"))
    (line,) = (record.message for record in log.records if record.name == "httpx")
    assert "/look/t-1?key=*** " in line


def test_a_client_that_is_gone_takes_no_redaction_from_one_with_the_same_key(log: pytest.LogCaptureFixture) -> None:
    first, second, third = (Things(api_key=KEY, rate_limit=None) for _ in range(3))
    del first, third
    gc.collect()
    logging.getLogger("httpx").info("with %s", KEY)
    second.close()
    assert_unseen(KEY, log)


def test_a_record_that_cannot_be_formatted_shows_nothing_and_ends_no_request(log: pytest.LogCaptureFixture) -> None:
    with Things(api_key=KEY):
        logging.getLogger("httpcore.http2").debug("%d", KEY)
    assert_unseen(KEY, log)


def test_headers_that_http2_has_encoded_are_not_logged_at_all(log: pytest.LogCaptureFixture) -> None:
    with Things(api_key=KEY):
        logging.getLogger("hpack.hpack").debug("Encoded header block to %r", b"what a key can be decoded from")
    assert "decoded from" not in log.text


def test_every_logger_of_httpx_and_below_is_redacted() -> None:
    """Another version may have another logger; then it is to be named, too."""
    program = """
import logging, pkgutil, importlib, httpx, httpcore, h11
for package in (httpx, httpcore, h11):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name not in ("httpx.__main__", "httpx._main"):
            try:
                importlib.import_module(module.name)
            except ImportError:
                pass  # What an extra that is not installed needs.
found = logging.root.manager.loggerDict.items()
print(*(name for name, each in found if isinstance(each, logging.Logger)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found = {name for name in done.stdout.split() if name.partition(".")[0] in {"httpx", "httpcore", "h11", "h2"}}
    assert {"httpx", "httpcore.http11"} <= found <= set(LOGGERS)


@pytest.mark.parametrize("key", [KEY, AWKWARD_KEY])
def test_a_key_is_found_in_every_shape(key: str) -> None:
    every = [
        key,
        quote(key, safe=""),
        quote(key, safe="").lower(),
        quote(key).replace("%20", "+"),
        json.dumps(key)[1:-1],
        repr(key)[1:-1],
        repr(key.encode())[2:-1],
        "".join(f"%{ord(character):02X}" for character in key),
        "".join(character if character.isalnum() else f"\\u{ord(character):04x}" for character in key),
    ]
    assert [Secret(key).redact(f"a{shape}z") for shape in every] == ["a***z"] * len(every)
    assert Secret("").redact("as it is") == "as it is"
