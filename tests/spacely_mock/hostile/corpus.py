"""Hostile exchanges: what is sent, byte for byte, and which answers are right.

Each entry of a group is ``name: (expected, *steps)``. A step is bytes to send or one of the acts below. ``expected``
is a status; a set of statuses, of which any will do (the two HTTP parsers may differ); or a list of these where
several answers are to come on the connection, no more and no fewer. ``CLOSED`` is a connection that ends without an
answer, or without a further one. The routes, the key and the body are those of the contract; ``{job}`` and ``{image}``
stand for a job that has succeeded and the path of an image of it.
"""

import json
import zlib
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from spacely_spec import load

CLOSED = 0


class Act(Enum):
    """What a client may do beside sending."""

    HALF_CLOSE = "close the sending side"
    RESET = "cut the connection without a goodbye"
    LEAVE = "close the connection"
    AWAIT = "wait until something comes"


HALF_CLOSE, RESET, LEAVE, AWAIT = Act


@dataclass(frozen=True)
class Drip:
    """Bytes sent one at a time, ``interval`` seconds apart, for as long as the server takes them."""

    data: bytes
    interval: float = 0.02


SPEC = load(Path(__file__).parents[3] / "openapi.yaml")
_submit = next(operation for operation in SPEC.operations if operation.polling)
_poll = SPEC.operation(_submit.polling.target)
_media_type, _content = next(iter(_submit.body.content.items()))
_scheme = _submit.security[0][0]

EXAMPLE = next(iter(_content.examples.values()))
TEXT_FIELD = "prompt"
API_KEY = "sk-hostile"
SUBMIT = (SPEC.base_path + _submit.path).encode()
POLL = (SPEC.base_path + _poll.path).encode()
ID = _submit.polling.parameter.encode()
KEY = f"{_scheme.name}: {API_KEY}\r\n".encode()
JSON = f"Content-Type: {_media_type}\r\n".encode()
HOST = b"Host: mock\r\n"
BODY = json.dumps(EXAMPLE).encode()


def line(method: bytes, target: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    return b"%b %b %b\r\n" % (method, target, version)


def length(body: bytes | int) -> bytes:
    return b"Content-Length: %d\r\n" % (body if isinstance(body, int) else len(body))


def submit(body: bytes = BODY, headers: bytes = b"", *, framing: bytes | None = None) -> bytes:
    """A submit; the length is told unless other framing is given."""
    framing = length(body) if framing is None else framing
    return line(b"POST", SUBMIT) + HOST + KEY + JSON + headers + framing + b"\r\n" + body


def get(target: bytes, headers: bytes = b"", method: bytes = b"GET") -> bytes:
    return line(method, target) + HOST + KEY + headers + b"\r\n"


def poll(headers: bytes = b"", job: bytes = b"{job}") -> bytes:
    return get(POLL + b"?" + ID + b"=" + job, headers)


def chunked(body: bytes, headers: bytes = b"") -> bytes:
    return submit(body, headers, framing=b"Transfer-Encoding: chunked\r\n")


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


def member(value: bytes) -> bytes:
    """The example's body with a JSON text put where a text belongs."""
    return json.dumps({**EXAMPLE, TEXT_FIELD: "@"}).encode().replace(b'"@"', value)


def deflated(body: bytes, bits: int) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, bits)
    return stream.compress(body) + stream.flush()


BOMB = deflated(b" " * 50_000_000, 31)
TE = b"Transfer-Encoding: "
OK, BAD = 200, 400
REFUSED = {400, 404}
# Cut off while it still sends, a client may lose the answer.
TOO_LONG = {CLOSED, 400, 431}
DEEP = 100_000

REQUEST_LINES = {
    "nothing": (CLOSED, HALF_CLOSE),
    "an empty line and an end": ({CLOSED, BAD}, b"\r\n", HALF_CLOSE),
    "a word": (BAD, b"hello\r\n\r\n"),
    "null bytes": (BAD, b"\0" * 200),
    "a TLS greeting": ({BAD, CLOSED}, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", HALF_CLOSE),
    "an HTTP/2 preface": ({BAD, 404, 408}, b"PRI * HTTP/2.0\r\n\r\n"),
    "an SSH greeting": ({BAD, CLOSED}, b"SSH-2.0-OpenSSH_9.6\r\n", HALF_CLOSE),
    "a SOCKS greeting": ({BAD, CLOSED}, b"\x05\x01\x00", HALF_CLOSE),
    "a PROXY line": (BAD, b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + poll()),
    "an SMTP greeting": (BAD, b"EHLO mock\r\n\r\n"),
    "no version": ({OK, BAD, CLOSED}, b"GET /healthz\r\n\r\n", HALF_CLOSE),
    "version 0.9": ({OK, BAD}, line(b"GET", b"/healthz", b"HTTP/0.9") + HOST + b"\r\n"),
    "version 2.0": ({OK, BAD}, line(b"GET", b"/healthz", b"HTTP/2.0") + HOST + b"\r\n"),
    "version 1.10": (BAD, line(b"GET", b"/healthz", b"HTTP/1.10") + HOST + b"\r\n"),
    "a version in lower case": (BAD, line(b"GET", b"/healthz", b"http/1.1") + HOST + b"\r\n"),
    "another protocol": ({OK, BAD}, line(b"GET", b"/healthz", b"RTSP/1.0") + HOST + b"\r\n"),
    "no target": (BAD, b"GET HTTP/1.1\r\n" + HOST + b"\r\n"),
    "two spaces": ({OK, BAD}, b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a tab for a space": (BAD, b"GET\t/healthz\tHTTP/1.1\r\n" + HOST + b"\r\n"),
    "a word too many": (BAD, b"GET /healthz HTTP/1.1 now\r\n" + HOST + b"\r\n"),
    "a space before the method": (BAD, b" GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a space in the target": (BAD, b"GET /health z HTTP/1.1\r\n" + HOST + b"\r\n"),
    "line feeds alone": ({OK, BAD}, b"GET /healthz HTTP/1.1\nHost: mock\n\n"),
    "carriage returns alone": ({BAD, CLOSED}, b"GET /healthz HTTP/1.1\rHost: mock\r\r", HALF_CLOSE),
    "a thousand empty lines first": ({OK, BAD}, b"\r\n" * 1000 + get(b"/healthz")),
    "an unknown method": ({BAD, 405}, line(b"BREW", SUBMIT) + HOST + KEY + b"\r\n"),
    "a method in lower case": ({BAD, 405}, line(b"get", POLL) + HOST + KEY + b"\r\n"),
    "a method of 100,000 letters": ({CLOSED, BAD, 405, 431}, line(b"A" * 100_000, SUBMIT) + HOST + b"\r\n"),
    "a method with a null byte": (BAD, line(b"GE\0T", SUBMIT) + HOST + b"\r\n"),
    "a method of high bytes": (BAD, line(b"\xff\xfe", SUBMIT) + HOST + b"\r\n"),
    "TRACE, which would echo": (405, get(POLL, b"Cookie: secret\r\n", b"TRACE")),
    "CONNECT to elsewhere": ({BAD, 404}, line(b"CONNECT", b"elsewhere.test:443") + HOST + b"\r\n"),
    "CONNECT to a path": ({BAD, 404, 405}, line(b"CONNECT", SUBMIT) + HOST + b"\r\n"),
    "PATCH": (405, get(SUBMIT, method=b"PATCH")),
    "DELETE": (405, get(SUBMIT, method=b"DELETE")),
    "PUT with a body": (405, line(b"PUT", SUBMIT) + HOST + KEY + length(BODY) + b"\r\n" + BODY),
    "PROPFIND": (405, get(SUBMIT, method=b"PROPFIND")),
    "HEAD of a submit": (405, get(SUBMIT, method=b"HEAD")),
    "OPTIONS of everything": ({204, BAD, 404}, get(b"*", method=b"OPTIONS")),
    "no host": ({OK, BAD}, line(b"GET", b"/healthz") + b"\r\n"),
    "two hosts": ({OK, BAD}, line(b"GET", b"/healthz") + HOST + b"Host: other\r\n\r\n"),
    "HTTP/1.0 without a host": (OK, line(b"GET", b"/healthz", b"HTTP/1.0") + b"\r\n"),
}

TARGETS = {
    "an absolute form": ({OK, 404}, get(b"http://elsewhere.test/healthz")),
    "an absolute form with a user": ({BAD, 404, OK}, get(b"http://user:secret@elsewhere.test/healthz")),
    "an absolute form of another scheme": ({OK, BAD, 404}, get(b"gopher://elsewhere.test/healthz")),
    "a file URL": ({BAD, 404}, get(b"file:///etc/passwd")),
    "an authority form": ({BAD, 404}, get(b"elsewhere.test:80")),
    "a path without a slash": ({BAD, 404}, get(b"healthz")),
    "a star": ({BAD, 404}, get(b"*")),
    "two slashes first": ({BAD, 404}, get(b"//elsewhere.test/healthz")),
    "a fragment": ({OK, BAD, 404}, get(b"/healthz#there")),
    "a question mark alone": (OK, get(b"/healthz?")),
    "a path of 60,000 letters": (404, get(b"/" + b"a" * 60_000)),
    "a path of a million letters": (TOO_LONG, get(b"/" + b"a" * 1_000_000)),
    "a path of 20,000 segments": (404, get(b"/a" * 20_000)),
    "a query of 15,000 pairs": (BAD, get(POLL + b"?" + b"a=b&" * 15_000)),
    "a query of a million bytes": (TOO_LONG, get(POLL + b"?" + b"a" * 1_000_000)),
    "a query of ampersands": (BAD, get(POLL + b"?" + b"&" * 50_000)),
    "high bytes in the path": ({BAD, 404}, get(b"/\xff\xfe")),
    "high bytes in the query": (BAD, get(POLL + b"?" + ID + b"=\xff\xfe")),
    "percent signs that encode nothing": (404, get(b"/%%%zz%")),
    "bytes that are no UTF-8, encoded": (404, get(b"/%ff%fe%c0%af")),
    "an encoded null byte": (404, get(SUBMIT + b"%00")),
    "a null byte": (BAD, get(b"/\0")),
    "an encoded line break": (404, get(b"/a%0d%0aSet-Cookie:%20b=1")),
    "an id with an encoded line break": (BAD, poll(job=b"a%0d%0aSet-Cookie:%20b=1")),
    "an id of 50,000 digits": (BAD, poll(job=b"9" * 50_000)),
    "an id of null bytes": (BAD, poll(job=b"%00" * 36)),
    "an id that is no UTF-8": (BAD, poll(job=b"%ff" * 36)),
    "half a surrogate pair as an id": (BAD, poll(job=b"%ed%a0%80")),
    "an id twice": (BAD, poll(job=b"{job}&" + ID + b"={job}")),
    "an id in braces": (BAD, poll(job=b"%7B{job}%7D")),
    "an id in capital letters": (BAD, poll(job=b"63D17492-43D9-8161-8000-B067BE1316DC")),
    "an id as an array": (BAD, get(POLL + b"?" + ID + b"[]={job}")),
    "an id that is altered": (BAD, poll(job=b"0{job}")),
    "an id as a shell command": (BAD, poll(job=b"$(reboot)")),
    "an id as a format": (BAD, poll(job=b"%25s%25n{0.__class__}")),
    "an id as a query of a database": (BAD, poll(job=b"'%20OR%201=1--")),
    "semicolons between parameters": (BAD, get(POLL + b"?" + ID + b"=1;" + ID + b"=2")),
}

PATHS = {
    "dots to the root": (404, get(b"/docs/../../../../etc/passwd")),
    "encoded dots": (404, get(b"/docs/%2e%2e/%2e%2e/%2e%2e/etc/passwd")),
    "encoded slashes": (404, get(b"/docs/..%2f..%2f..%2fetc%2fpasswd")),
    "dots encoded twice": (404, get(b"/docs/%252e%252e/%252e%252e/etc/passwd")),
    "backslashes": (404, get(b"/docs/..\\..\\..\\windows\\win.ini")),
    "encoded backslashes": (404, get(b"/docs/..%5c..%5c..%5cwindows%5cwin.ini")),
    "dots in overlong UTF-8": (404, get(b"/docs/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd")),
    "a page cut by a null byte": (404, get(b"/docs/swagger-ui.css%00.html")),
    "an absolute path in the docs": (404, get(b"/docs//etc/passwd")),
    "the docs' folder": ({308, 404}, get(b"/docs/")),
    "a page of the docs that is none": (404, get(b"/docs/index.html")),
    "source code": (404, get(b"/docs/../_docs.py")),
    "the contract's neighbour": (404, get(b"/openapi.yaml/../pyproject.toml")),
    "the contract with dots": (404, get(b"/./openapi.yaml")),
    "the contract with a trailing slash": (404, get(b"/openapi.yaml/")),
    "an environment file": (404, get(b"/.env")),
    "a repository": (404, get(b"/.git/config")),
    "an image above the images": (404, get(b"/__mock__/images/../../etc/passwd")),
    "an image above, encoded": (404, get(b"/__mock__/images/%2e%2e/%2e%2e/etc/passwd")),
    "an image above, encoded twice": (404, get(b"/__mock__/images/%252e%252e%252fetc%252fpasswd")),
    "an image above, with backslashes": (404, get(b"/__mock__/images/..\\..\\etc\\passwd")),
    "an image with a null byte": (404, get(b"{image}%00.html")),
    "an image with a line break": (404, get(b"{image}%0a")),
    "an image with a slash behind": (404, get(b"{image}/")),
    "an image below an image": (404, get(b"{image}/../../../etc/passwd")),
    "an image of another number": (OK, get(b"{image}".replace(b"{image}", b"{image}?number=2"))),
    "an image with number 0": (404, get(b"/__mock__/images/" + b"0" * 20 + b"/{job}-0.png")),
    "an image with number 99999999": (404, get(b"/__mock__/images/" + b"0" * 20 + b"/{job}-99999999.png")),
    "an image with a forged signature": (404, get(b"/__mock__/images/" + b"0" * 20 + b"/{job}-1.png")),
    "an image without a signature": (404, get(b"/__mock__/images/{job}-1.png")),
    "an image of a 50,000-digit id": (404, get(b"/__mock__/images/" + b"0" * 20 + b"/" + b"9" * 50_000 + b"-1.png")),
    "an image to be deleted": (405, get(b"{image}", method=b"DELETE")),
    "an image to be replaced": (405, line(b"PUT", b"{image}") + HOST + length(4) + b"\r\nevil"),
    "an image by ranges": (OK, get(b"{image}", b"Range: bytes=" + b"0-1," * 5_000 + b"0-1\r\n")),
    "an image by 10,000 tags": (OK, get(b"{image}", b"If-None-Match: " + b'"a",' * 10_000 + b'"b"\r\n')),
    "a submit with dots in its path": (404, line(b"POST", b"/x/.." + SUBMIT) + HOST + KEY + length(0) + b"\r\n"),
    "a submit with its slash encoded": (REFUSED, get(SUBMIT.replace(b"/", b"%2f"), method=b"GET")),
    "a submit with a matrix parameter": (404, get(SUBMIT + b";a=b")),
    "the mock's folder": ({OK, 404}, get(b"/__mock__/")),
    "a problem that is none": (404, get(b"/__mock__/problems/../../../etc/passwd")),
}

HEADERS = {
    "a header without a colon": (BAD, submit(headers=b"X-A\r\n")),
    "a header without a name": (BAD, submit(headers=b": a\r\n")),
    "a space in a header's name": (BAD, submit(headers=b"X A: 1\r\n")),
    "a space before the colon": (BAD, submit(headers=b"X-A : 1\r\n")),
    "a tab in a header's name": (BAD, submit(headers=b"X\tA: 1\r\n")),
    "a null byte in a header's name": (BAD, submit(headers=b"X\0A: 1\r\n")),
    "a null byte in a header": (BAD, submit(headers=b"X-A: \0\r\n")),
    "high bytes in a header's name": (BAD, submit(headers=b"X-\xff: 1\r\n")),
    "high bytes in a header": ({OK, BAD}, submit(headers=b"X-A: \xff\xfe\r\n")),
    "control characters in a header": ({OK, BAD}, submit(headers=b"X-A: \x01\x02\x1b[2J\r\n")),
    "a carriage return in a header": (BAD, submit(headers=b"X-A: a\rX-B: b\r\n")),
    "a folded header": ({OK, BAD}, submit(headers=b"X-A: a\r\n b\r\n")),
    "a folded first header": (BAD, line(b"GET", b"/healthz") + b" X-A: a\r\n" + HOST + b"\r\n"),
    "an empty header": (OK, submit(headers=b"X-A:\r\n")),
    "5,000 headers": ({OK, 431}, submit(headers=b"".join(b"X-%d: 1\r\n" % n for n in range(5000)))),
    "500,000 headers": (TOO_LONG, submit(headers=b"X-A: 1\r\n" * 500_000)),
    "a header of 60,000 letters": (OK, submit(headers=b"X-A: " + b"a" * 60_000 + b"\r\n")),
    "a header of ten million letters": (TOO_LONG, submit(headers=b"X-A: " + b"a" * 10_000_000 + b"\r\n")),
    "a header of 60,000 letters in two pieces": (
        OK,
        line(b"GET", b"/healthz") + HOST + b"X-A: " + b"a" * 30_000,
        Drip(b"a"),
        b"a" * 29_999 + b"\r\n\r\n",
    ),
    "a header of 100,000 letters in two pieces": (
        {CLOSED, 431},
        line(b"GET", b"/healthz") + HOST + b"X-A: " + b"a" * 99_000,
        Drip(b"a"),
        b"a" * 999 + b"\r\n\r\n",
    ),
    "a header's name of 60,000 letters": (OK, submit(headers=b"a" * 60_000 + b": 1\r\n")),
    "a header's name of ten million letters": (TOO_LONG, submit(headers=b"a" * 10_000_000 + b": 1\r\n")),
    "the key twice": (401, submit(headers=KEY)),
    "a key of 50,000 letters": (OK, submit().replace(API_KEY.encode(), b"sk-" + b"a" * 50_000)),
    "a key of high bytes": (OK, submit().replace(API_KEY.encode(), b"sk-\xff\xfe")),
    "an empty key": (401, submit().replace(API_KEY.encode(), b"")),
    "a key in another case": (401, submit().replace(API_KEY.encode(), b"SK-HOSTILE")),
    "a key after a line break that is none": (401, submit().replace(API_KEY.encode(), b"a\\nsk-hostile")),
    "a cookie that is broken": (OK, submit(headers=b'Cookie: =;;;,"\\\r\n')),
    "a cookie of 50,000 pairs": (OK, submit(headers=b"Cookie: " + b"a=b;" * 12_000 + b"\r\n")),
    "an Accept of 10,000 ranges": (OK, submit(headers=b"Accept: " + b"a/b;q=0.1," * 6_000 + b"*/*\r\n")),
    "an Accept that is broken": (OK, submit(headers=b"Accept: ;;;q=x,/,\r\n")),
    "a quality that is no number": (OK, submit(headers=b"Accept: */*;q=nan\r\n")),
    "an If-None-Match of stars": (OK, get(b"/healthz", b"If-None-Match: " + b"*" * 50_000 + b"\r\n")),
    "a Content-Type of 50,000 parameters": ({OK, BAD}, submit().replace(JSON, JSON[:-2] + b";a=b" * 12_000 + b"\r\n")),
    "a Content-Type that is broken": (BAD, submit().replace(JSON, b"Content-Type: /;=\r\n")),
    "a Content-Type of slashes": (BAD, submit().replace(JSON, b"Content-Type: " + b"/" * 50_000 + b"\r\n")),
    "two Content-Types": ({OK, BAD}, submit(headers=b"Content-Type: text/plain\r\n")),
    "a charset that does not exist": (BAD, submit().replace(JSON, JSON[:-2] + b"; charset=rot13\r\n")),
    "a charset of 50,000 letters": (BAD, submit().replace(JSON, JSON[:-2] + b"; charset=" + b"a" * 50_000 + b"\r\n")),
    "a boundary without a form": (BAD, submit().replace(JSON, b"Content-Type: multipart/form-data; boundary=a\r\n")),
    "a Host with a path": ({OK, BAD}, poll().replace(HOST, b"Host: mock/../evil\r\n")),
    "a Host that is a script": ({OK, BAD}, poll().replace(HOST, b"Host: <script>alert(1)</script>\r\n")),
    "a Host with a quote": ({OK, BAD}, poll().replace(HOST, b'Host: mock"x\r\n')),
    "a Host with a user": ({OK, BAD}, poll().replace(HOST, b"Host: a:b@mock\r\n")),
    "a Host with port 99999": ({OK, BAD}, poll().replace(HOST, b"Host: mock:99999\r\n")),
    "a Host of 50,000 letters": ({OK, BAD}, poll().replace(HOST, b"Host: " + b"a" * 50_000 + b"\r\n")),
    "an Origin that is a script": (OK, poll(b"Origin: <script>\r\n")),
    "an Origin of high bytes": ({OK, BAD}, poll(b"Origin: \xff\xfe\r\n")),
    "a forwarded host": (OK, poll(b"X-Forwarded-Host: evil.test\r\nForwarded: host=evil.test\r\n")),
    "a forwarded scheme": (OK, poll(b"X-Forwarded-Proto: javascript\r\n")),
    "a method to override": (OK, poll(b"X-HTTP-Method-Override: DELETE\r\n")),
    "a path to override": (OK, poll(b"X-Original-URL: /healthz\r\nX-Rewrite-URL: /healthz\r\n")),
    "a Prefer with a line break, encoded": (BAD, poll(b'Prefer: example="a%0d%0aSet-Cookie: b=1"\r\n')),
    "a Prefer with a line break, escaped": (BAD, poll(b'Prefer: example="a\\r\\nSet-Cookie: b=1"\r\n')),
    "a Prefer of 50,000 letters": (BAD, poll(b"Prefer: example=" + b"a" * 50_000 + b"\r\n")),
    "a Prefer of 10,000 wishes": (BAD, poll(b"Prefer: " + b"code=999," * 6_000 + b"\r\n")),
    "a Prefer of backslashes": ({OK, BAD}, poll(b'Prefer: code="' + b"\\" * 50_000 + b"\r\n")),
    "a Prefer of letters that lead nowhere": (OK, poll(b"Prefer: " + b"a-" * 25_000 + b"\r\n")),
    "a Prefer for status 0": (BAD, poll(b"Prefer: code=0\r\n")),
    "a Prefer for status 100": (BAD, poll(b"Prefer: code=100\r\n")),
    "a Prefer for status -1": (BAD, poll(b"Prefer: code=-1\r\n")),
    "a Prefer in other digits": (BAD, poll(b"Prefer: code=\xd9\xa2\xd9\xa0\xd9\xa0\r\n")),
    "a preflight with a line break, encoded": (
        204,
        get(
            SUBMIT,
            b"Origin: a\r\nAccess-Control-Request-Method: POST\r\n"
            b"Access-Control-Request-Headers: a%0d%0ab, <script>, x-good\r\n",
            b"OPTIONS",
        ),
    ),
    "a preflight of 10,000 headers": (
        204,
        get(
            SUBMIT,
            b"Origin: a\r\nAccess-Control-Request-Method: POST\r\n"
            b"Access-Control-Request-Headers: " + b"x-a," * 10_000 + b"\r\n",
            b"OPTIONS",
        ),
    ),
}

FRAMING = {
    "a length and chunks": ({OK, BAD}, submit(chunks(BODY), framing=length(5) + TE + b"chunked\r\n")),
    "chunks and a length": ({OK, BAD}, submit(chunks(BODY), framing=TE + b"chunked\r\n" + length(5))),
    "two lengths that differ": (BAD, submit(framing=length(5) + length(BODY))),
    "two lengths that agree": ({OK, BAD}, submit(framing=length(BODY) * 2)),
    "a list of lengths": ({OK, BAD}, submit(framing=b"Content-Length: %d, %d\r\n" % (len(BODY), len(BODY)))),
    "a list of lengths that differ": (BAD, submit(framing=b"Content-Length: %d, 5\r\n" % len(BODY))),
    "a negative length": (BAD, submit(framing=length(-5))),
    "a length with a plus": (BAD, submit(framing=b"Content-Length: +%d\r\n" % len(BODY))),
    "a length in hexadecimal": (BAD, submit(framing=b"Content-Length: 0x10\r\n")),
    "a length with an underscore": (BAD, submit(framing=b"Content-Length: 1_0\r\n")),
    "a length with a point": (BAD, submit(framing=b"Content-Length: 10.0\r\n")),
    "a length in other digits": (BAD, submit(framing=b"Content-Length: \xd9\xa1\xd9\xa0\r\n")),
    "a length of words": (BAD, submit(framing=b"Content-Length: junk\r\n")),
    "an empty length": (BAD, submit(framing=b"Content-Length:\r\n")),
    "a length beyond 64 bits": (BAD, submit(framing=b"Content-Length: 99999999999999999999999\r\n")),
    "a length of 5,000 digits": (BAD, submit(framing=b"Content-Length: " + b"9" * 5_000 + b"\r\n")),
    "a folded length": (BAD, submit(framing=b"Content-Length:\r\n 5, 6\r\n")),
    "a space in the length's name": (BAD, submit(framing=b"Content-Length : %d\r\n" % len(BODY))),
    "an unknown coding": (BAD, submit(chunks(BODY), framing=TE + b"rot13\r\n")),
    "an unknown coding and a length": (BAD, submit(framing=TE + b"rot13\r\n" + length(BODY))),
    "a coding after chunked": (BAD, submit(chunks(BODY), framing=TE + b"chunked, identity\r\n")),
    "a coding before chunked": ({BAD, 501}, submit(chunks(BODY), framing=TE + b"gzip, chunked\r\n")),
    "chunked twice": ({BAD, 501}, submit(chunks(BODY), framing=TE + b"chunked, chunked\r\n")),
    "chunked in two headers": ({BAD, 501}, submit(chunks(BODY), framing=(TE + b"chunked\r\n") * 2)),
    "chunked in capital letters": (OK, submit(chunks(BODY), framing=TE + b"CHUNKED\r\n")),
    "chunked with a vertical tab": (BAD, submit(chunks(BODY), framing=TE + b"\x0bchunked\r\n")),
    "chunked with a tab": ({OK, BAD}, submit(chunks(BODY), framing=b"Transfer-Encoding:\tchunked\r\n")),
    "chunked with an x": (BAD, submit(chunks(BODY), framing=TE + b"xchunked\r\n")),
    "chunked in quotes": (BAD, submit(chunks(BODY), framing=TE + b'"chunked"\r\n')),
    "chunked after a folded line": ({OK, BAD}, submit(chunks(BODY), framing=b"Transfer-Encoding:\r\n chunked\r\n")),
    "a space in the coding's name": (BAD, submit(chunks(BODY), framing=b"Transfer-Encoding : chunked\r\n")),
    "an underscore in the coding's name": (
        {BAD, CLOSED},
        submit(framing=b"Transfer_Encoding: chunked\r\n" + length(0)),
        HALF_CLOSE,
    ),
    "an empty coding": (BAD, submit(chunks(BODY), framing=TE + b"\r\n")),
    "the coding identity": ({BAD, 501}, submit(framing=TE + b"identity\r\n")),
    "chunks in HTTP/1.0": ({OK, BAD}, chunked(chunks(BODY)).replace(b"HTTP/1.1", b"HTTP/1.0", 1)),
    "a request hidden in a body": (OK, submit(BODY + b" " * 9, headers=b"X: 1\r\n")),
    "a request hidden behind a short length": (BAD, submit(b"GET /healthz", framing=length(5))),
    "a request hidden behind no length": ([BAD, OK], submit(get(b"/healthz"), framing=b"")),
    "a request hidden behind the last chunk": ([OK, OK], chunked(chunks(BODY) + get(b"/healthz"))),
    "a request hidden behind a GET's body": ([OK, OK], get(b"/healthz", length(5)) + b"12345" + get(b"/healthz")),
    "a length named by Connection": (
        OK,
        submit(headers=b"Connection: content-length\r\n"),
    ),
    "no body where one is told": (CLOSED, submit(b"", framing=length(500)), HALF_CLOSE),
    "half a body": (CLOSED, submit(BODY[:20], framing=length(500)), HALF_CLOSE),
    "a body that stops with a reset": (CLOSED, submit(BODY[:20], framing=length(500)), RESET),
    "a body that stops": (CLOSED, submit(BODY[:20], framing=length(500)), LEAVE),
    "more body than told": ([BAD, {CLOSED, BAD}], submit(BODY + b"}}}}\r\n\r\n", framing=length(10))),
    "a body where none is described": (OK, get(POLL + b"?" + ID + b"={job}", length(5)) + b"12345"),
}

CHUNKS = {
    "a size that is no number": (BAD, chunked(b"zz\r\n{}\r\n0\r\n\r\n")),
    "a negative size": (BAD, chunked(b"-2\r\n{}\r\n0\r\n\r\n")),
    "a size with a plus": (BAD, chunked(b"+2\r\n{}\r\n0\r\n\r\n")),
    "a size with 0x": (BAD, chunked(b"0x2\r\n{}\r\n0\r\n\r\n")),
    "a size with a space": ({BAD, OK}, chunked(b"2 \r\n{}\r\n0\r\n\r\n")),
    "a size with a space before": (BAD, chunked(b" 2\r\n{}\r\n0\r\n\r\n")),
    "a size with an underscore": (BAD, chunked(b"1_0\r\n" + b" " * 16 + b"\r\n0\r\n\r\n")),
    "no size": (BAD, chunked(b"\r\n{}\r\n0\r\n\r\n")),
    "a size beyond 64 bits": ({BAD, 408}, chunked(b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n")),
    "a size of 100,000 digits": (TOO_LONG, chunked(b"0" * 100_000 + b"2\r\n{}\r\n0\r\n\r\n")),
    "a size of 2^63": ({BAD, CLOSED}, chunked(b"8000000000000000\r\n{}\r\n0\r\n\r\n"), HALF_CLOSE),
    "a chunk that is longer than its size": (BAD, chunked(b"1\r\n{}\r\n0\r\n\r\n")),
    "a chunk that is shorter than its size": (BAD, chunked(b"5\r\n{}\r\n0\r\n\r\n")),
    "no line end after a chunk": (BAD, chunked(b"2\r\n{}0\r\n\r\n")),
    "line feeds alone in chunks": ({OK, BAD, 408}, chunked(chunks(BODY).replace(b"\r\n", b"\n"))),
    "no last chunk": (CLOSED, chunked(b"2\r\n{}\r\n"), HALF_CLOSE),
    "half a last chunk": (CLOSED, chunked(b"2\r\n{}\r\n0\r\n"), HALF_CLOSE),
    "chunks of one byte": (OK, chunked(chunks(*(BODY[n : n + 1] for n in range(len(BODY)))))),
    "20,000 chunks of one byte": (OK, chunked(chunks(*[b" "] * 20_000, BODY))),
    "sizes with leading zeros": (OK, chunked(b"%020x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))),
    "an extension": (OK, chunked(b"%x;name=value\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))),
    "an extension with a quoted line break": (BAD, chunked(b'2;a="\r\n"\r\n{}\r\n0\r\n\r\n')),
    "an extension of a million letters": (TOO_LONG, chunked(b"2;" + b"a" * 1_000_000 + b"\r\n{}\r\n0\r\n\r\n")),
    "an extension with a null byte": (BAD, chunked(b"2;\0\r\n{}\r\n0\r\n\r\n")),
    "a trailer": (OK, chunked(chunks(BODY)[:-2] + b"X-Sum: 1\r\n\r\n")),
    "a key in a trailer": (401, chunked(chunks(BODY)[:-2] + KEY + b"\r\n").replace(KEY, b"", 1)),
    "a length in a trailer": ({OK, BAD}, chunked(chunks(BODY)[:-2] + length(5) + b"\r\n")),
    "a coding in a trailer": ({OK, BAD}, chunked(chunks(BODY)[:-2] + TE + b"chunked\r\n\r\n")),
    "a host in a trailer": (OK, chunked(chunks(BODY)[:-2] + b"Host: evil\r\n\r\n")),
    "a trailer without a colon": (BAD, chunked(chunks(BODY)[:-2] + b"X-Sum\r\n\r\n")),
    "500,000 trailers": (TOO_LONG, chunked(chunks(BODY)[:-2] + b"X-A: 1\r\n" * 500_000 + b"\r\n")),
    "a trailer of ten million letters": (
        TOO_LONG,
        chunked(chunks(BODY)[:-2] + b"X-A: " + b"a" * 10_000_000 + b"\r\n\r\n"),
    ),
}

BODIES = {
    "no body": (BAD, submit(b"")),
    "spaces": (BAD, submit(b"   ")),
    "half an object": (BAD, submit(BODY[:-1])),
    "two objects": (BAD, submit(BODY * 2)),
    "an array": (BAD, submit(b"[]")),
    "null": (BAD, submit(b"null")),
    "a text": (BAD, submit(b'"' + b"a" * 100_000 + b'"')),
    "a number": (BAD, submit(b"1")),
    "a comment": (BAD, submit(b"/* */" + BODY)),
    "a trailing comma": (BAD, submit(BODY[:-1] + b",}")),
    "single quotes": (BAD, submit(BODY.replace(b'"', b"'"))),
    "a byte order mark": (BAD, submit(b"\xef\xbb\xbf" + BODY)),
    "UTF-16": (BAD, submit(BODY.decode().encode("utf-16"))),
    "UTF-32": (BAD, submit(BODY.decode().encode("utf-32"))),
    "a byte that is no UTF-8": (BAD, submit(member(b'"\xff"'))),
    "overlong UTF-8": (BAD, submit(member(b'"\xc0\xaf"'))),
    "UTF-8 of a surrogate": (BAD, submit(member(b'"\xed\xa0\x80"'))),
    "half a surrogate pair, escaped": (BAD, submit(member(b'"\\ud800"'))),
    "a surrogate pair the wrong way round": (BAD, submit(member(b'"\\udc00\\ud800"'))),
    "an escaped null character": (OK, submit(member(b'"\\u0000"'))),
    "a null byte in a text": (BAD, submit(member(b'"\0"'))),
    "a null byte after the body": (BAD, submit(BODY + b"\0")),
    "a line break in a text": (BAD, submit(member(b'"\r\n"'))),
    "an escape that is none": (BAD, submit(member(b'"\\x41"'))),
    "NaN": (BAD, submit(member(b"NaN"))),
    "Infinity": (BAD, submit(member(b"-Infinity"))),
    "1e999": (BAD, submit(member(b"1e999"))),
    "a number of 5,000 digits": (BAD, submit(member(b"9" * 5_000))),
    "a number of a million digits": (BAD, submit(member(b"9" * 1_000_000))),
    "a fraction of a million digits": (BAD, submit(member(b"0." + b"9" * 1_000_000))),
    "an exponent of 5,000 digits": (BAD, submit(member(b"1e" + b"9" * 5_000))),
    "a leading zero": (BAD, submit(member(b"01"))),
    "a name twice": (BAD, submit(BODY[:-1] + b"," + BODY[1:])),
    "a name twice, once escaped": (BAD, submit(b'{"a":1,"\\u0061":2}')),
    "40,000 names": (OK, submit(BODY[:-1] + b"".join(b',"a%d":1' % n for n in range(40_000)) + b"}")),
    "40,000 values of a wrong type": (BAD, submit(member(b"[" + b"{}," * 20_000 + b"{}]"))),
    "100,000 names": (BAD, submit(BODY[:-1] + b"".join(b',"a%d":1' % n for n in range(100_000)) + b"}")),
    "100,000 names that are one": (BAD, submit(b"{" + b",".join([b'"a":1'] * 100_000) + b"}")),
    "a name of a million letters": ({OK, BAD}, submit(BODY[:-1] + b',"' + b"a" * 1_000_000 + b'":1}')),
    "a name of nothing": ({OK, BAD}, submit(BODY[:-1] + b',"":1}')),
    "the names of Python's objects": (
        {OK, BAD},
        submit(BODY[:-1] + b',"__class__":{"__init__":{}},"__proto__":{"a":1}}'),
    ),
    "100,000 brackets": (BAD, submit(b"[" * DEEP)),
    "100,000 arrays in each other": (BAD, submit(b"[" * DEEP + b"]" * DEEP)),
    "100,000 objects in each other": (BAD, submit(b'{"a":' * DEEP + b"1" + b"}" * DEEP)),
    "100,000 arrays in a field": (BAD, submit(member(b"[" * DEEP + b"]" * DEEP))),
    "250 objects in a field": (BAD, submit(member(b'{"a":' * 250 + b"1" + b"}" * 250))),
    "a query of 10,000 names": (BAD, get(POLL + b"?" + b"&".join(b"n%d=1" % n for n in range(7_000)))),
    "an array of a million zeros": (BAD, submit(b"[" + b"0," * 1_000_000 + b"0]")),
    "a million escaped letters": (OK, submit(member(b'"' + b"\\u0041" * 1_000_000 + b'"'))),
    "a text of five million letters": (OK, submit(member(b'"' + b"a" * 5_000_000 + b'"'))),
    "a body of twenty million bytes": ({BAD, 413}, submit(member(b'"' + b"a" * 20_000_000 + b'"'))),
    "a chunked body of twenty million bytes": ({BAD, 413}, chunked(chunks(*[b" " * 100_000] * 200))),
    "slots of the mock's own templates": (OK, submit(member(b'"\\u0000slot 0\\u0000"'))),
    "a template of connexion's": (OK, submit(member(b'"{{ 7*7 }}{% raw %}"'))),
    "a format": (OK, submit(member(b'"%s%n{0.__class__}${jndi:ldap://a}"'))),
    "a form": (BAD, submit(b"a=b").replace(JSON, b"Content-Type: application/x-www-form-urlencoded\r\n")),
    "a form that never ends": (
        BAD,
        submit(b'--a\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"b" * 100_000).replace(
            JSON, b"Content-Type: multipart/form-data; boundary=a\r\n"
        ),
    ),
    "XML that expands": (
        BAD,
        submit(b'<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><a>&d;</a>').replace(
            JSON, b"Content-Type: application/xml\r\n"
        ),
    ),
    "no Content-Type": (BAD, submit().replace(JSON, b"")),
}

CODINGS = {
    "gzip": (BAD, submit(deflated(BODY, 31), b"Content-Encoding: gzip\r\n")),
    "deflate": (BAD, submit(deflated(BODY, 15), b"Content-Encoding: deflate\r\n")),
    "brotli": (BAD, submit(b"\x8b\x02\x80{}\x03", b"Content-Encoding: br\r\n")),
    "a gzip bomb": (BAD, submit(BOMB, b"Content-Encoding: gzip\r\n")),
    "a gzip bomb that is not told": (BAD, submit(BOMB)),
    "gzip over gzip": (BAD, submit(deflated(deflated(BODY, 31), 31), b"Content-Encoding: gzip, gzip\r\n")),
    "gzip that is none": (BAD, submit(headers=b"Content-Encoding: gzip\r\n")),
    "a coding of 50,000 letters": (BAD, submit(headers=b"Content-Encoding: " + b"a" * 50_000 + b"\r\n")),
    "identity": (OK, submit(headers=b"Content-Encoding: identity\r\n")),
    "a coding of nothing": (OK, submit(headers=b"Content-Encoding:\r\n")),
    "an answer in a coding that does not exist": (OK, poll(b"Accept-Encoding: rot13, identity;q=0\r\n")),
}

UPGRADES = {
    "leave to send, asked and given": (OK, submit(b"", b"Expect: 100-continue\r\n", framing=length(BODY)), AWAIT, BODY),
    "leave to send, not awaited": (OK, submit(headers=b"Expect: 100-continue\r\n")),
    "leave to send, and no body": (OK, poll(b"Expect: 100-continue\r\n")),
    "leave to send, and gone": (
        {CLOSED, 100},
        submit(b"", b"Expect: 100-continue\r\n", framing=length(BODY)),
        AWAIT,
        RESET,
    ),
    "leave to send for chunks": (
        OK,
        submit(b"", b"Expect: 100-continue\r\n", framing=TE + b"chunked\r\n"),
        AWAIT,
        chunks(BODY),
    ),
    "an expectation that does not exist": ({OK, 417}, submit(headers=b"Expect: 200-ok\r\n")),
    "a websocket": (
        {BAD, 404},
        get(
            b"/ws",
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ),
    ),
    "a websocket at an operation": (
        OK,
        poll(
            b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        ),
    ),
    "websocket frames at once": (
        {OK, BAD},
        poll(b"Connection: Upgrade\r\nUpgrade: websocket\r\n") + b"\x81\x85\0\0\0\0hello",
    ),
    "HTTP/2 by upgrade": (
        OK,
        poll(b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
    ),
    "a submit with an upgrade": (OK, submit(headers=b"Connection: Upgrade\r\nUpgrade: h2c\r\n")),
    "an upgrade without a connection": (OK, poll(b"Upgrade: websocket\r\n")),
    "an upgrade to nothing": (OK, poll(b"Connection: Upgrade\r\nUpgrade:\r\n")),
    "Connection: close": (OK, poll(b"Connection: close\r\n")),
    "a Connection of 10,000 tokens": (OK, poll(b"Connection: " + b"a," * 10_000 + b"b\r\n")),
    "a Keep-Alive of a year": (OK, poll(b"Connection: keep-alive\r\nKeep-Alive: timeout=31536000\r\n")),
}

PIPELINES = {
    "three polls": ([OK, OK, OK], poll() * 3),
    "fifty submits": ([OK] * 50, submit() * 50),
    "a submit and junk": ([OK, {CLOSED, BAD}], submit() + b"\0junk\0"),
    "an upgraded submit, then a poll": ([OK, OK], submit(headers=b"Connection: Upgrade\r\nUpgrade: h2c\r\n") + poll()),
    "a poll, then an upgraded submit": (
        [OK, OK],
        poll(),
        AWAIT,
        submit(headers=b"Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    ),
    "an upgraded submit in two pieces": (
        OK,
        submit(headers=b"Connection: Upgrade\r\nUpgrade: h2c\r\n")[:-20],
        Drip(BODY[-20:], 0.001),
    ),
    "a submit and half a submit": ([OK], submit() + submit()[:-5], HALF_CLOSE),
    "a good one, a bad one": ([OK, BAD], poll(), AWAIT, b"hello\r\n\r\n"),
    "a bad one, a good one": ([BAD], b"hello\r\n\r\n" + poll()),
    "a problem, then a submit": ([404, OK], get(b"/nowhere") + submit()),
    "a HEAD, then a poll": ([OK, OK], get(b"/healthz", method=b"HEAD") + poll()),
    "a close, then a poll": ([OK], poll(b"Connection: close\r\n") + poll()),
    "an upgrade, then a poll": ([OK, OK], poll(b"Connection: Upgrade\r\nUpgrade: h2c\r\n"), AWAIT, poll()),
    "an empty line between": ([OK, {OK, BAD}], submit() + b"\r\n" + poll()),
    "junk between": ([OK, {BAD, 405}], submit(), AWAIT, b"junk" + poll()),
    "a request of HTTP/1.0 and one more": ([OK], poll().replace(b"HTTP/1.1", b"HTTP/1.0") + poll()),
    "a hundred, and gone": (CLOSED, submit() * 100, RESET),
}

SLOW = {
    "nothing is sent": (CLOSED, AWAIT),
    "a request line without an end": (408, b"GET /healthz", AWAIT),
    "a head without an end": (408, submit()[:-50].partition(b"\r\n\r\n")[0], AWAIT),
    "a body without an end": (408, submit(BODY[:20], framing=length(500)), AWAIT),
    "chunks without an end": (408, chunked(b"2\r\n{}\r\n"), AWAIT),
    "empty lines, slowly": ({CLOSED, BAD, 408}, Drip(b"\r\n" * 500)),
    "a head, slowly": (408, line(b"GET", POLL), Drip(b"X-A: 1\r\n" * 500)),
    "a body, slowly": (408, submit(b"", framing=length(5000)), Drip(b" " * 5000)),
    "chunks, slowly": (408, chunked(b""), Drip(b"1\r\n \r\n" * 500)),
    "trailers, slowly": (408, chunked(chunks(BODY)[:-2]), Drip(b"X-A: 1\r\n" * 500)),
    "a second request, slowly": ([OK, 408], poll(), AWAIT, Drip(poll()[:-4] + b"a" * 500)),
    "leave to send, and nothing sent": (408, submit(b"", b"Expect: 100-continue\r\n", framing=length(BODY)), AWAIT),
    "a whole request in small pieces": (OK, Drip(get(b"/healthz"), 0.002)),
}

GROUPS = {
    "request lines": REQUEST_LINES,
    "targets": TARGETS,
    "paths": PATHS,
    "headers": HEADERS,
    "framing": FRAMING,
    "chunks": CHUNKS,
    "bodies": BODIES,
    "codings": CODINGS,
    "upgrades": UPGRADES,
    "pipelines": PIPELINES,
    "slow": SLOW,
}


@dataclass(frozen=True)
class Exchange:
    """One hostile exchange: its steps, and the statuses of which each answer must have one."""

    name: str
    expected: tuple[frozenset[int], ...]
    steps: tuple[bytes | Act | Drip, ...]


def _exchange(group: str, name: str, expected, *steps) -> Exchange:
    answers = expected if isinstance(expected, list) else [expected]
    sets = tuple(frozenset(each if isinstance(each, set) else {each}) for each in answers)
    return Exchange(f"{group}: {name}", sets, steps)


CORPUS = [_exchange(group, name, *entry) for group, entries in GROUPS.items() for name, entry in entries.items()]
