"""Recorded traffic: the exchanges of a HAR file that belong to the contract."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from spacely_spec import Operation, Spec

from .. import credentials, expectations
from ..redaction import sessions
from .observations import Key, Observation, Reader, presented

# They describe the body as it travelled; a recording has it as it was read.
_OF_THE_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})

# A request that was cancelled or blocked, and one that a cache has answered.
_NO_ANSWER = frozenset({0, 304})


class HarError(Exception):
    """The file is no recording that can be read; the message names the file, the place and the remedy."""


@dataclass
class Recording:
    """What a HAR file holds for a contract.

    Attributes:
        path: The file.
        observations: The exchanges that call an operation of the contract, in their order.
        keys: Every text that stands in the place of a key; they are kept out of what is reported.
        sessions: Every text in a cookie or in other credentials; they are kept out, too.
        elsewhere: How many exchanges there are of other hosts, by host.
        unknown: How many there are of the API's host that call no operation of the contract, by method and path.
        unanswered: How many have no answer: blocked, cancelled, or from a cache.
        cut: How many have only a part of what was sent, so that nothing can be said of the answer.
    """

    path: Path
    observations: list[Observation] = field(default_factory=list[Observation])
    keys: set[str] = field(default_factory=set[str])
    sessions: set[str] = field(default_factory=set[str])
    elsewhere: Counter[str] = field(default_factory=Counter[str])
    unknown: Counter[str] = field(default_factory=Counter[str])
    unanswered: int = 0
    cut: int = 0


def read_har(path: Path, spec: Spec, reader: Reader) -> Recording:
    """Read a HAR file.

    Args:
        path: The file, HAR 1.2 as browsers and proxies write it.
        spec: The contract.
        reader: Finds the operations of the requests.

    Returns:
        What it holds.

    Raises:
        HarError: It cannot be read as one.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        entries = [*document["log"]["entries"]]
    except OSError as error:
        raise HarError(f"{path}: cannot be read: {error.strerror}; give the path of a file that can be read") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise HarError(f"{path}: is no HAR ({what}); export the traffic as HAR 1.2, with contents") from error
    recording = Recording(path)
    for number, entry in enumerate(entries):
        try:
            _take(recording, number, entry, spec, reader)
        except (KeyError, TypeError, AttributeError, ValueError, httpx.InvalidURL) as error:
            what = f"{type(error).__name__}: {error}"
            raise HarError(f"{path}: log.entries[{number}] is no HAR entry ({what}); record it once more") from error
    return recording


def _take(recording: Recording, number: int, entry: Mapping[str, Any], spec: Spec, reader: Reader) -> None:
    sent, received = entry["request"], entry["response"]
    url = httpx.URL(sent["url"])
    if not reader.is_here(url):
        recording.elsewhere[url.host] += 1
        return
    if int(received["status"]) in _NO_ANSWER:
        recording.unanswered += 1
        return
    found = reader.find(sent["method"], url)
    if found is None:
        recording.unknown[f"{sent['method']} {url.path}"] += 1
        return
    operation, path_values = found
    data = sent.get("postData") or {}
    posted = _posted(data)
    if "params" not in data and len(posted) < int(sent.get("bodySize") or -1):
        recording.cut += 1
        return
    request = httpx.Request(sent["method"], url, headers=_headers(sent), content=posted)
    body, whole = _content(received.get("content") or {})
    response = httpx.Response(
        int(received["status"]),
        headers=[(name, value) for name, value in _headers(received) if name.lower() not in _OF_THE_TRANSFER],
        content=body,
        extensions={"reason_phrase": str(received.get("statusText", "")).encode("ascii", "replace")},
        request=request,
    )
    shown = [presented(scheme, request) for scheme in credentials.schemes(spec).values()]
    recording.keys.update(key for key in shown if key)
    for name, value in [*request.headers.multi_items(), *response.headers.multi_items()]:
        recording.sessions.update(sessions(name, value))
    observation = Observation(
        operation=operation,
        source=f"{recording.path.name}, entry {number}",
        request=request,
        response=response,
        at=_moment(entry),
        key=_key(operation, request, response.status_code),
        checked=reader.check(operation, request, path_values),
        whole=whole,
    )
    check, expected = _expected(observation)
    recording.observations.append(replace(observation, check=check, expected=expected))


def _expected(observation: Observation) -> tuple[str, tuple[str, ...]]:
    """The check that a recorded answer makes, and the statuses that the contract has for it; none where it is open."""
    operation = observation.operation
    if observation.key == "none" and credentials.needs_key(operation):
        # Browsers leave these headers out of what they record, unless they are told not to.
        names = {scheme.name.lower() for alternative in operation.security for scheme in alternative}
        hidden = "authorization" in names or any(s.location == "cookie" for each in operation.security for s in each)
        return "key_missing", () if hidden else expectations.refusals(operation)
    if not observation.valid and (observation.accepted or observation.refused):
        # Which of several faults is answered first is not in the contract.
        expected = (*expectations.rejections(operation), *expectations.unknowns(operation))
        return "invalid_request_refused", tuple(dict.fromkeys(expected))
    return "", ()


def _key(operation: Operation, request: httpx.Request, status: int) -> Key:
    """What stands in the key's place; a key that was refused was no right one."""
    alternatives = [alternative for alternative in operation.security if alternative]
    for alternative in alternatives:
        if all(presented(scheme, request) for scheme in alternative):
            return "wrong" if expectations.allows(expectations.refusals(operation), status) else "right"
    return "none"


def _headers(message: Mapping[str, Any]) -> list[tuple[str, str]]:
    # Names that begin with a colon are HTTP/2's, and no headers.
    named = [(str(each["name"]), str(each["value"])) for each in message.get("headers", ())]
    return [(name, value) for name, value in named if not name.startswith(":")]


def _posted(data: Mapping[str, Any]) -> bytes:
    if not data:
        return b""
    if "text" in data:
        return str(data["text"]).encode()
    return str(httpx.QueryParams([(each["name"], each.get("value", "")) for each in data.get("params", ())])).encode()


def _content(content: Mapping[str, Any]) -> tuple[bytes, bool]:
    """The body of an answer, and whether all of it was recorded."""
    text, size = str(content.get("text") or ""), int(content.get("size", 0) or 0)
    if content.get("encoding") != "base64":
        body = text.encode()
        return body, len(body) >= size
    try:
        body = base64.b64decode(text, validate=True)
        return body, len(body) >= size
    except binascii.Error:
        raise ValueError("the content is not base64") from None


def _moment(entry: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(str(entry["startedDateTime"])).timestamp()


def notices(recording: Recording) -> Iterator[str]:
    """What the recording held besides, a line each."""
    if recording.elsewhere:
        hosts = ", ".join(f"{host} ({count})" for host, count in recording.elsewhere.most_common(5))
        yield f"{recording.elsewhere.total()} exchanges of other hosts are left out: {hosts}"
    for call, count in recording.unknown.most_common():
        yield f"{count} times {call}: the contract has no such operation, so nothing is said of it"
    if recording.unanswered:
        yield f"{recording.unanswered} exchanges have no answer"
    if recording.cut:
        yield f"{recording.cut} exchanges have only a part of what was sent, so nothing is said of them"
