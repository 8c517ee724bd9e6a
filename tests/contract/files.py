"""The files that a job's result leads to: served by the mock itself, whole, and what their names say."""

from __future__ import annotations

import io
import mimetypes
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image, UnidentifiedImageError

from spacely_spec import Operation, Polling

from . import credentials, expectations
from .direct import evidence, fetch, origin
from .jobs import poll_case
from .report import Exchange
from .server import Server, answer_of

PHASE = "files"


def check_files(server: Server) -> None:
    """Fetch what the results of finished jobs lead to, twice, without a key as a client's download does."""
    if server.timing is None:
        return  # A server that is not a mock keeps its files where it likes.
    for operation in server.spec.operations:
        polling = operation.polling
        if polling is None or polling.result is None:
            continue
        first, second = (_result(server, operation, polling) for _ in range(2))
        if not first or not second:
            continue  # The job flow has it, where there ought to be some.
        label = expectations.label(operation)
        rule = "Each job has a result of its own."
        apart = not set(first) & set(second)
        shown = Exchange(received=", ".join([*first, *second]))
        server.report.check(PHASE, label, "results_apart", apart, rule, shown)
        for url in first:
            _check(server, label, url)


def _result(server: Server, submit: Operation, polling: Polling) -> list[str]:
    """The URLs in the result of a job."""
    assert server.timing is not None
    assert polling.result is not None
    (case,) = server.valid_cases(submit, 1)
    response, _ = server.send(PHASE, case, credentials.right(submit, server.key))
    job_id = polling.job_id.read(answer_of(response))
    if job_id is None:
        return []
    server.timing.clock.time += 2 * server.timing.render_time
    target = server.spec.operation(polling.target)
    response, _ = server.send(PHASE, poll_case(server, polling, job_id), credentials.right(target, server.key))
    return list(_urls(polling.result.read(answer_of(response))))


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _urls(each)
    elif isinstance(value, str) and urlsplit(value).scheme in {"http", "https"}:
        yield value


def _check(server: Server, label: str, url: str) -> None:
    def check(name: str, holds: bool, rule: str, exchange: Exchange) -> bool:
        return server.report.check(PHASE, label, name, holds, rule, exchange)

    rule = "A file of a result is served by the mock itself, and without a key."
    if not url.startswith(origin(server) + "/"):
        check("file_served", False, rule, Exchange(f"curl {url}", "not asked: it is another host's"))
        return
    response, again = (fetch(server, PHASE, label, url) for _ in range(2))
    exchange = evidence(response)
    if not check("file_served", response.status_code == 200, rule, exchange):
        return
    kind, _ = mimetypes.guess_type(urlsplit(url).path)
    same = kind is None or response.headers.get("content-type", "").partition(";")[0] == kind
    check("file_as_named", same, f"The ending of its name says {kind}, and so does its Content-Type.", exchange)
    check("file_whole", _is_whole(response, kind), "The file can be read to its end.", exchange)
    check("file_stable", response.content == again.content, "The file is the same each time.", exchange)


def _is_whole(response: httpx.Response, kind: str | None) -> bool:
    if not (kind or "").startswith("image/"):
        return bool(response.content)
    try:
        with Image.open(io.BytesIO(response.content)) as image:
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError):
        return False
    return True
