"""The faults: what the server does, and what a submit, the wait for a job and a download make of it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal, TypeAlias

from tests.spacely_client.faults.server import Act, Drip, Flood, Script

from spacely_client import (
    BadRequest,
    ClientError,
    Conflict,
    DownloadError,
    Forbidden,
    InvalidResponse,
    JobTimeout,
    NotFound,
    PaymentRequired,
    ServerError,
    StatusError,
    TooManyRequests,
    TransportError,
    Unauthorized,
    UncertainResponse,
    UncertainServerError,
    UncertainStatus,
    UncertainTransport,
    UnprocessableContent,
)

REF = "63d17492-43d9-4161-0000-b067be1316dc"
Where: TypeAlias = Literal["here", "closed port", "unknown host", "full port", "full pool", "https"]


@dataclass(frozen=True)
class Ends:
    """What a call ends in.

    Attributes:
        error: The class of the error, itself and no subclass; None where the call succeeds.
        requests: How many requests reach the server.
        attempts: How many the error tells of; that many, unless none reached it.
        job_id: The id on the error of a submit; the errors of the others have theirs in any case.
        says: What stands in the message.
    """

    error: type[ClientError] | None
    requests: int
    attempts: int | None = None
    job_id: str | None = None
    says: str = ""


@dataclass(frozen=True)
class Fault:
    """One fault, and its consequences.

    Attributes:
        name: What goes wrong.
        script: What the server does with a request. In it, ``{json}`` stands for the body of a good answer, ``{data}``
            for what stands in that, ``{gzip}`` for it compressed, ``{port}`` for the server's port, ``{itself}`` for
            the URL that was asked for.
        submit, poll, download: What comes of it.
        file: The script for a file, where it differs.
        where: Where the calls go.
        slow: Whether it shows only after a time, so that the client is given little of it.
        mock: The words that make the mock do the same.
    """

    name: str
    script: Script
    submit: Ends
    poll: Ends
    download: Ends
    file: Script | None = None
    where: Where = "here"
    slow: bool = False
    mock: Mapping[str, object] = field(default_factory=dict[str, object])


def http(status: str, body: bytes | str = b"", *headers: str, length: int | None = None) -> bytes:
    """A whole answer."""
    content = body if isinstance(body, bytes) else body.encode()
    lines = [
        f"HTTP/1.1 {status}",
        "Connection: close",
        f"Content-Length: {len(content) if length is None else length}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + content


def answer(body: bytes | str, *headers: str) -> Script:
    """An answer of success with a JSON body, or one that is said to be."""
    return [http("200 OK", body, *headers, "Content-Type: application/json")]


def good(before: bytes = b"", *headers: str) -> Script:
    """An answer as it should be, but for what comes before it and its headers."""
    return [before + "\r\n".join(["HTTP/1.1 200 OK", "Connection: close", *headers, "", ""]).encode(), b"{json}"]


def image(body: bytes, *headers: str) -> Script:
    """An answer with a file."""
    return [http("200 OK", body, "Content-Type: image/png", *headers)]


def started(job_id: object) -> str:
    """The answer to a submit, whatever the id."""
    return json.dumps({"data": job_id})


def moved(status: str) -> Script:
    """A redirect to another host."""
    return [http(status, "", "Location: http://localhost:{port}/elsewhere.png")]


def busy(status: str, retry_after: str) -> Script:
    """An answer that says when to come back."""
    return [http(status, "", f"Retry-After: {retry_after}")]


def _bomb() -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join([*(deflate.compress(bytes(1024**2)) for _ in range(48)), deflate.flush()])


HTML = "<!doctype html><title>Oops</title><h1>502</h1>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = "Content-Encoding: gzip"
BOMB = _bomb()  # 48 KiB that unfold to 48 MiB
FLOOD: Script = [OK + b"\r\n", Flood(bytes(1_000_000), times=100)]
WRONG_ITEMS = '{"data": {"status": "success", "result": [' + "0," * 1_000_000 + "0]}}"
TOMORROW = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)

FINE = Ends(None, 1)
SENT_ON = Ends(None, 2)
# A submit
UNSENT = Ends(TransportError, 0, attempts=3, says="nothing was sent")  # That is certain, so it was tried again.
UNCERTAIN = Ends(UncertainTransport, 1, says="may have been accepted")
UNCERTAIN_5XX = Ends(UncertainServerError, 1)
UNCERTAIN_ANSWER = Ends(UncertainResponse, 1, says="breaks the contract")
UNCERTAIN_BUT_KNOWN = Ends(UncertainResponse, 1, job_id=REF)
UNCERTAIN_AND_ODD = Ends(UncertainResponse, 1, job_id="7")
LED_AWAY = Ends(UncertainStatus, 1, says="redirects are not followed")
# The wait for a job: it ends with the third failed poll in a row
NO_POLL = Ends(TransportError, 0, attempts=3)
BROKEN_POLLS = Ends(TransportError, 3)
FAILED_POLLS = Ends(ServerError, 3)
INVALID_POLLS = Ends(InvalidResponse, 3, says="breaks the contract")
REDIRECTED = Ends(StatusError, 1, says="redirects are not followed")
WAITED_OUT = Ends(JobTimeout, 7, attempts=1, says="take it up again")
WAITED_AS_ASKED = Ends(JobTimeout, 2, attempts=1, says="take it up again")  # After a minute, which is the most.
# A download: three attempts
NO_FILE = Ends(DownloadError, 0, attempts=3)
FILE_RETRIED = Ends(DownloadError, 3)
FILE_REFUSED = Ends(DownloadError, 1)
NOT_A_FILE = Ends(DownloadError, 1, says="application/json, which is not the image/png")
EXPIRED = Ends(DownloadError, 1, says="expire")
LED_IN_A_CIRCLE = Ends(DownloadError, 6, attempts=1)
# All of them
UNCONNECTED = (UNSENT, NO_POLL, NO_FILE)
BROKEN = (UNCERTAIN, BROKEN_POLLS, FILE_RETRIED)
BROKEN_BUT_KNOWN = (Ends(UncertainTransport, 1, job_id=REF), BROKEN_POLLS, FILE_RETRIED)
BROKEN_BUT_ODD = (Ends(UncertainTransport, 1, job_id="7"), BROKEN_POLLS, FILE_RETRIED)
FAILING = (UNCERTAIN_5XX, FAILED_POLLS, FILE_RETRIED)
INVALID = (UNCERTAIN_ANSWER, INVALID_POLLS, NOT_A_FILE)
TOO_LARGE = (
    Ends(UncertainResponse, 1, says="larger than 16 MiB"),
    Ends(InvalidResponse, 3, says="larger than 16 MiB"),
    Ends(DownloadError, 1, says="larger than"),
)
ALL_FINE = (FINE, FINE, FINE)


def turned_away(error: type[ClientError]) -> tuple[Ends, Ends, Ends]:
    """All three are told to come back, and do."""
    return Ends(error, 3), Ends(error, 3), FILE_RETRIED


def refused(error: type[ClientError], download: Ends = FILE_REFUSED) -> tuple[Ends, Ends, Ends]:
    """All three are refused for good."""
    return Ends(error, 1), Ends(error, 1), download


FAULTS = [
    # No connection
    Fault("refused", [], *UNCONNECTED, where="closed port"),
    Fault("unknown host", [], *UNCONNECTED, where="unknown host"),
    Fault("no answer to a connection", [], *UNCONNECTED, where="full port", slow=True),
    Fault("no connection free", [], *UNCONNECTED, where="full pool", slow=True),
    Fault("https, at a plain server", [http("400 Bad Request")], *UNCONNECTED, where="https"),
    Fault("https, closed", [], *UNCONNECTED, where="https"),
    Fault("https, reset", [Act.RESET], *UNCONNECTED, where="https"),
    Fault("https, no answer", [Act.STALL], *UNCONNECTED, where="https", slow=True),
    # The connection breaks
    Fault("reset while the request is sent", [Act.RESET_EARLY], *BROKEN),
    Fault("reset before the answer", [Act.RESET], *BROKEN, mock={"fault": "reset"}),
    Fault("accepted, then the answer lost", [Act.RESET], *BROKEN, mock={"fault": "lost"}),
    Fault("closed without an answer", [], *BROKEN),
    Fault("reset in the status line", [b"HTTP/1.1 2", Act.RESET], *BROKEN),
    Fault("closed in the status line", [b"HTTP/1.1 2"], *BROKEN),
    Fault("closed in the head", [OK], *BROKEN),
    Fault("reset in the body", [http("200 OK", "{", length=99), Act.RESET], *BROKEN, mock={"fault": "reset-midway"}),
    Fault("a length that is too great", [http("200 OK", started(REF), length=999)], *BROKEN_BUT_KNOWN),
    Fault("a body that breaks off", [http("200 OK", started(REF)[:-2], length=999)], *BROKEN),
    Fault("no end after the body", [http("200 OK", started(REF), length=999), Act.STALL], *BROKEN_BUT_KNOWN, slow=True),
    Fault("chunks without an end", [CHUNKED + b"12\r\n" + started("7").encode().ljust(18) + b"\r\n"], *BROKEN_BUT_ODD),
    Fault(
        "a length that is too small",
        [http("200 OK", started(REF), length=9)],
        *(UNCERTAIN_ANSWER, INVALID_POLLS, FINE),  # Of a file, nobody can tell.
        file=[http("200 OK", PNG, length=9)],
    ),
    Fault("a length that is not told", good(), *ALL_FINE),
    # Time
    Fault("no answer", [Act.STALL], *BROKEN, slow=True, mock={"delay": "5s"}),
    Fault("a head that drips without end", [OK, Drip(b"x: 1\r\n", 0.02)], *BROKEN, slow=True),
    Fault(
        "a body that drips without end",
        [OK + b"\r\n", Drip(b" ", 0.02)],
        *BROKEN,
        slow=True,
        mock={"dribble": "1/50ms"},
    ),
    Fault("interim answers without end", [Flood(b"HTTP/1.1 102 Processing\r\n\r\n")], *BROKEN, slow=True),
    # What is no HTTP
    Fault("a status of four digits", [http("1000 Odd")], *BROKEN),
    Fault("a status below 100", [http("099 Odd")], *BROKEN),
    Fault("a status that is a word", [http("abc")], *BROKEN),
    Fault("another protocol", [b"SSH-2.0-OpenSSH_9.9\r\n"], *BROKEN),
    Fault("a body without a head", [HTML.encode()], *BROKEN),
    Fault("headers without end", [OK, Flood(b"x: 1\r\n")], *BROKEN),
    Fault("a header without a name", [OK + b": 1\r\n\r\n"], *BROKEN),
    Fault("a header with a null", [OK + b"x: \0\r\n\r\n"], *BROKEN),
    Fault("two lengths", [http("200 OK", started(REF), "Content-Length: 3")], *BROKEN),
    Fault("a length that is a word", [OK + b"Content-Length: x\r\n\r\n"], *BROKEN),
    Fault("a negative length", [OK + b"Content-Length: -1\r\n\r\n"], *BROKEN),
    Fault("chunks of garbage", [CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"], *BROKEN),
    Fault("chunks that break off", [CHUNKED + b"2\r\n{}\r\n"], *BROKEN),
    # Interim answers, success of another kind, redirects
    Fault("100 first", good(b"HTTP/1.1 100 Continue\r\n\r\n"), *ALL_FINE),
    Fault("101", [http("101 Switching Protocols")], *BROKEN),
    Fault("202", [http("202 Accepted", started(REF))], UNCERTAIN_BUT_KNOWN, INVALID_POLLS, FILE_REFUSED),
    Fault("204", [http("204 No Content")], UNCERTAIN_ANSWER, INVALID_POLLS, FILE_REFUSED, mock={"status": 204}),
    Fault("204 with a body", [http("204 None", started(REF))], UNCERTAIN_ANSWER, INVALID_POLLS, FILE_REFUSED),
    Fault("301 to another host", moved("301 Moved"), REDIRECTED, REDIRECTED, SENT_ON),
    Fault("302 to another host", moved("302 Found"), LED_AWAY, REDIRECTED, SENT_ON),
    Fault("303 to another host", moved("303 See Other"), LED_AWAY, REDIRECTED, SENT_ON),
    Fault("307 to another host", moved("307 Temporary"), REDIRECTED, REDIRECTED, SENT_ON),
    Fault("308 to itself", [http("308", "", "Location: {itself}")], REDIRECTED, REDIRECTED, LED_IN_A_CIRCLE),
    Fault("302 to ftp", [http("302", "", "Location: ftp://localhost/x")], LED_AWAY, REDIRECTED, FILE_REFUSED),
    Fault("302 to no URL", [http("302", "", "Location: http://[")], LED_AWAY, REDIRECTED, FILE_RETRIED),
    Fault("302 to no place", [http("302")], LED_AWAY, REDIRECTED, FILE_REFUSED),
    Fault("304", [http("304 Not Modified")], LED_AWAY, REDIRECTED, FILE_REFUSED, mock={"status": 304}),
    # Errors
    Fault("400", [http("400 Bad Request", HTML)], *refused(BadRequest), mock={"status": 400}),
    Fault("401", [http("401 Unauthorized")], *refused(Unauthorized), mock={"status": 401, "body": "empty"}),
    Fault("402", [http("402 Payment Required")], *refused(PaymentRequired), mock={"status": 402}),
    Fault("403", [http("403 Forbidden")], *refused(Forbidden, EXPIRED), mock={"status": 403, "body": "html"}),
    Fault("404", [http("404 Not Found")], *refused(NotFound, EXPIRED), mock={"status": 404}),
    Fault("408", [http("408")], Ends(StatusError, 1), Ends(StatusError, 3), FILE_RETRIED, mock={"status": 408}),
    Fault("409", [http("409 Conflict")], *refused(Conflict), mock={"status": 409}),
    Fault("410", [http("410 Gone")], *refused(StatusError, EXPIRED), mock={"status": 410}),
    Fault("422", [http("422")], *refused(UnprocessableContent), mock={"status": 422}),
    Fault("429", [http("429")], *turned_away(TooManyRequests), mock={"status": 429}),
    Fault("429, a second", busy("429", "1"), *turned_away(TooManyRequests), mock={"status": 429, "retry_after": "1"}),
    Fault("429, a day", busy("429", TOMORROW), Ends(TooManyRequests, 1), WAITED_AS_ASKED, FILE_REFUSED),
    Fault("500", [http("500 Oops", HTML)], *FAILING, mock={"status": 500}),
    Fault("501", [http("501 Oops", HTML)], UNCERTAIN_5XX, FAILED_POLLS, FILE_REFUSED, mock={"status": 501}),
    Fault("502", [http("502 Oops", HTML)], *FAILING, mock={"status": 502, "body": "html"}),
    Fault("503", [http("503 Oops")], *FAILING, mock={"status": 503}),
    Fault("503, a second", busy("503", "1"), *turned_away(ServerError), mock={"status": 503, "retry_after": "1"}),
    Fault("503, ages", busy("503", "31556952000000"), Ends(ServerError, 1), WAITED_AS_ASKED, FILE_REFUSED),
    Fault("503, some time", busy("503", "soon"), *FAILING, mock={"status": 503, "retry_after": "soon"}),
    Fault("503, a second ago", busy("503", "-1"), *FAILING),
    Fault("503, no time zone", busy("503", "Wed, 21 Oct 2015 07:28:00 +99999999999999999999"), *FAILING),
    Fault("504", [http("504 Oops")], *FAILING, mock={"status": 504}),
    Fault("599", [http("599 Oops")], UNCERTAIN_5XX, FAILED_POLLS, FILE_REFUSED, mock={"status": 599}),
    Fault("999", [http("999 Oops")], UNCERTAIN_5XX, FAILED_POLLS, FILE_REFUSED),
    Fault("400 that breaks off", [http("400", HTML, length=999), Act.RESET], *refused(BadRequest)),
    Fault("400 without end", [b"HTTP/1.1 400\r\n\r\n", Flood(HTML.encode())], *refused(BadRequest)),
    Fault("400 that is no gzip", [http("400", HTML, GZIP)], *refused(BadRequest)),
    Fault("400 in no charset", [http("400", HTML, "Content-Type: text/html; charset=rot13")], *refused(BadRequest)),
    # Bodies
    Fault("no body", answer(""), UNCERTAIN_ANSWER, INVALID_POLLS, FILE_RETRIED, file=image(b"")),
    Fault("HTML", answer(HTML), *INVALID),
    Fault("a media type that lies", good(b"", "Content-Type: text/html"), FINE, FINE, FILE_REFUSED),
    Fault("half a JSON text", answer('{"data": "63d1'), *INVALID, mock={"fault": "truncated"}),
    Fault("two JSON texts", answer(started(REF) * 2), *INVALID),
    Fault("null", answer("null"), *INVALID),
    Fault("an array", answer("[]"), *INVALID),
    Fault("a field missing", answer("{}"), *INVALID),
    Fault("a field that is null", answer(started(None)), *INVALID),
    Fault("a field that is empty", answer(started("")), *INVALID),
    Fault("a field of another type", answer(started(7)), UNCERTAIN_AND_ODD, INVALID_POLLS, NOT_A_FILE),
    Fault("a field twice", answer('{"data": "a", "data": "b"}'), *INVALID),
    Fault("NaN", answer('{"data": NaN}'), *INVALID),
    Fault("a number beyond all", answer('{"data": 1e999}'), *INVALID),
    Fault("a number of 5,000 digits", answer('{"data": ' + "9" * 5000 + "}"), *INVALID),
    Fault("100,000 arrays in each other", answer('{"data": ' + "[" * 100_000), *INVALID),
    Fault("900 arrays in each other", answer('{"data": ' + "[" * 900 + "]" * 900 + "}"), *INVALID),
    Fault("half a character", answer('{"\\ud800": 1}'), *INVALID),
    Fault("a million things wrong", answer(WRONG_ITEMS), *INVALID),
    Fault(
        "a state that nobody knows",
        answer('{"data": {"status": "levitating", "result": []}}'),
        *(UNCERTAIN_ANSWER, WAITED_OUT, NOT_A_FILE),
    ),
    Fault("fields that nobody knows", [OK + b'\r\n{"more": [1], "data": {data}}'], FINE, FINE, FINE),
    # Encodings
    Fault("UTF-16", answer(started(REF).encode("utf-16")), *INVALID),
    Fault("Latin-1", answer('{"data": "\xe9"}'.encode("latin-1")), *INVALID),
    Fault("a charset that lies", good(b"", "Content-Type: text/plain; charset=utf-16"), FINE, FINE, FILE_REFUSED),
    Fault("a byte order mark", [OK + b"\r\n\xef\xbb\xbf{json}"], *ALL_FINE),
    Fault("gzip", [b"{gzip}"], *ALL_FINE),
    Fault("gzip that is none", answer("{}", GZIP), *BROKEN, file=image(PNG, GZIP)),
    Fault(
        "gzip that breaks off",
        answer(gzip.compress(PNG)[:30], GZIP),
        *BROKEN,
        file=image(gzip.compress(PNG)[:30], GZIP),
    ),
    Fault("gzip in gzip", answer("{}", f"{GZIP}, gzip"), *BROKEN, file=image(PNG, f"{GZIP}, gzip")),
    Fault("not gzip", answer("{}", "Content-Encoding: br"), *BROKEN, file=image(PNG, "Content-Encoding: br")),
    # Size
    Fault("gzip of 48 MiB", answer(BOMB, GZIP), *TOO_LARGE, file=image(BOMB, GZIP)),
    Fault("100 MB", FLOOD, *TOO_LARGE),
    Fault("a terabyte, it is said", [http("200 OK", "{}", length=10**12)], *TOO_LARGE),
]
