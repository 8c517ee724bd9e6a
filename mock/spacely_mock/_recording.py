"""What went through a proxy, written down as an HTTP Archive, without the keys."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from http.client import responses as phrases
from pathlib import Path
from urllib.parse import urlencode

import harfile

from ._answers import UndoneError, undone
from ._archive import Archive
from ._http import Reply, Request
from ._redaction import HIDDEN, Credentials, Secret, scrub

_VERSION = "HTTP/1.1"
_NO_ANSWER = 0  # What browsers write for the status.


class Recording:
    """A file of exchanges. Each is in it as soon as it is over, and the file is whole then.

    Args:
        file: Where it is written; there must be nothing yet.
        credentials: Where requests carry keys.
        limit: The largest body that is written with its content coding undone, in bytes.

    Raises:
        OSError: The file cannot be written, or is there already.
    """

    def __init__(self, file: Path, credentials: Credentials, limit: int) -> None:
        self.file = file
        self._archive = Archive(file, harfile.Creator("spacely-mock proxy", "1"))
        self._credentials = credentials
        self._limit = limit

    def add(self, at: float, seconds: float, request: Request, url: str, reply: Reply | None, comment: str) -> None:
        """Write one exchange.

        Args:
            at: When the request came, in seconds since the epoch.
            seconds: How long the answer took.
            request: The request.
            url: Where it was sent, without the query and without keys.
            reply: The answer; None where none came.
            comment: What is to be said of it.

        Raises:
            OSError: The file cannot be written.
        """
        secret = self._credentials.secret(request)
        milliseconds = round(seconds * 1000, 3)
        self._archive.add(
            startedDateTime=datetime.fromtimestamp(at, UTC),
            time=milliseconds,
            request=self._request(request, url, secret),
            response=self._response(reply, secret),
            timings=harfile.Timings(send=0, wait=milliseconds, receive=0),
            comment=scrub(comment, secret) or None,
        )

    def close(self) -> None:
        """Let go of the file."""
        self._archive.close()

    def _request(self, request: Request, url: str, secret: Secret) -> harfile.Request:
        # Put together anew from what it says: a key could stand in the raw query in any percent-encoding.
        query = [(name, each) for name, values in self._credentials.query(request, secret).items() for each in values]
        content_type = ", ".join(request.headers("content-type"))
        body = None
        if request.body:
            text = self._credentials.text(request.body.decode("utf-8", "backslashreplace"), secret)
            body = harfile.PostData(mimeType=content_type, text=text)
        return harfile.Request(
            method=request.method,
            url=url + ("?" + urlencode(query, errors="replace") if query else ""),
            httpVersion=_VERSION,
            headers=[harfile.Record(name, value) for name, value in self._credentials.headers(request, secret).items()],
            queryString=[harfile.Record(name, value) for name, value in query],
            postData=body,
            bodySize=len(request.body),
        )

    def _response(self, reply: Reply | None, secret: Secret) -> harfile.Response:
        if reply is None:
            return harfile.Response(status=_NO_ANSWER, statusText="", httpVersion=_VERSION)
        headers = [
            (name, HIDDEN if self._credentials.hides(name) else scrub(value, secret)) for name, value in reply.headers
        ]
        return harfile.Response(
            status=reply.status,
            statusText=phrases.get(reply.status, ""),
            httpVersion=_VERSION,
            headers=[harfile.Record(name, value) for name, value in headers],
            content=self._content(reply, secret),
            redirectURL=next((value for name, value in headers if name == "location"), ""),
            bodySize=len(reply.body),
        )

    def _content(self, reply: Reply, secret: Secret) -> harfile.Content:
        media_type = next((value for name, value in reply.headers if name == "content-type"), "")
        try:
            body = undone(reply, self._limit)
        except UndoneError:
            body = reply.body
        try:
            text, encoding = scrub(body.decode(), secret), None
        except UnicodeDecodeError:
            # A key may stand between bytes that are no text, too.
            clean = scrub(body.decode("latin-1"), secret).encode("latin-1")
            text, encoding = base64.b64encode(clean).decode(), "base64"
        return harfile.Content(size=len(body), mimeType=media_type, text=text, encoding=encoding)
