"""Every request of a run as an HTTP Archive (HAR 1.2), which browsers and most HTTP tools read."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemathesis

from .recording import Answered, Headers, Message, Record
from .redaction import redact, shown
from .report import Report

# What a hostile answer holds beyond this serves nobody who reads it.
_LONGEST = 16 * 1024


def as_har(reports: Iterable[Report]) -> dict[str, Any]:
    """The requests of runs, each run a page.

    Args:
        reports: The runs.

    Returns:
        The archive, to be written as JSON. Keys are taken out; bodies beyond 16 KiB are cut, and say so.
    """
    pages: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for number, report in enumerate(reports, 1):
        records, page = report.records, f"page_{number}"
        started = records[0].message.started if records else 0.0
        title = redact(f"{report.target}, seed {report.seed}", report.secrets)
        pages.append({"startedDateTime": _moment(started), "id": page, "title": title, "pageTimings": {}})
        entries += [{"pageref": page, **_entry(record, report.secrets)} for record in records]
    creator = {"name": "scripts/contract", "version": f"Schemathesis {schemathesis.__version__}"}
    return {"log": {"version": "1.2", "creator": creator, "pages": pages, "entries": entries}}


def _entry(record: Record, secrets: tuple[str, ...]) -> dict[str, Any]:
    message = record.message
    milliseconds = round(message.seconds * 1000, 3)
    return {
        "startedDateTime": _moment(message.started),
        "time": milliseconds,
        "request": _request(message, secrets),
        "response": _response(message.answer, secrets),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "comment": f"{record.number}: {record.phase}, {record.operation}",
    }


def _request(message: Message, secrets: tuple[str, ...]) -> dict[str, Any]:
    query = parse_qsl(urlsplit(message.url).query, keep_blank_values=True)
    request = {
        "method": message.method,
        "url": redact(message.url, secrets),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers(message.headers, secrets),
        "queryString": [{"name": redact(name, secrets), "value": redact(value, secrets)} for name, value in query],
        "headersSize": -1,
        "bodySize": len(message.body),
    }
    if message.body:
        content = _content(message.body, message.header("content-type"), secrets)
        encoded = content.pop("encoding", "")
        content.pop("size")
        if encoded:  # The format knows no encoding of what is posted.
            content["comment"] = f"{content.get('comment', '')} in {encoded}".strip()
        request["postData"] = content
    return request


def _response(answer: Answered | None, secrets: tuple[str, ...]) -> dict[str, Any]:
    if answer is None:  # As browsers write it.
        answer = Answered(0, "", (), b"")
    return {
        "status": answer.status,
        "statusText": redact(answer.reason, secrets),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _headers(answer.headers, secrets),
        "content": _content(answer.body, answer.header("content-type"), secrets),
        "redirectURL": redact(answer.header("location") or "", secrets),
        "headersSize": -1,
        "bodySize": len(answer.body),
    }


def _content(body: bytes, media_type: str | None, secrets: tuple[str, ...]) -> dict[str, Any]:
    content: dict[str, Any] = {"size": len(body), "mimeType": redact(media_type or "", secrets)}
    try:
        text = redact(body.decode("utf-8"), secrets)
    except UnicodeDecodeError:
        whole = redact(body.decode("latin-1"), secrets).encode("latin-1")
        content["encoding"], text = "base64", base64.b64encode(whole[: _LONGEST // 4 * 3]).decode()
        cut = len(whole) > _LONGEST // 4 * 3
    else:
        cut = len(text) > _LONGEST
    if cut:
        content["comment"] = f"cut; it has {len(body)} bytes"
    return {**content, "text": text[:_LONGEST]}


def _headers(headers: Headers, secrets: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"name": redact(name, secrets), "value": shown(name, value, secrets)} for name, value in headers]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
