"""What the client makes of the files of a result: fetched whole or not at all, and never with the key."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from spacely_spec import Answer, Operation, Polling, all_hold

from . import expectations
from .answers import Content, encode
from .client_requests import CallExchange, Subject, recorded
from .clients import BASE_URL, Answerer, Outcome

PHASE = "client downloads"
_FILE = bytes(range(256)) * 64
_BAD_STATUSES = (302, 403, 404, 410, 500)


class _BrokenOff(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The beginning of a file, and then nothing."""

    def __iter__(self) -> Iterator[bytes]:
        yield _FILE[: len(_FILE) // 2]
        raise httpx.ReadError("the connection broke")

    async def __aiter__(self) -> Any:
        for part in self:
            yield part


def check_downloads(subject: Subject) -> None:
    """Download the result of a job of every polling Link whose result is URLs, from a host that does well or badly."""
    for operation in subject.client.operations:
        polling = operation.polling
        if polling is None or polling.result is None:
            continue
        done = _finished(subject, operation, polling)
        if done is not None:
            _Downloads(subject, operation, *done).run()


def _finished(subject: Subject, submit: Operation, polling: Polling) -> tuple[Answerer, int] | None:
    """Answers that take a submit and call it done, and how many files it has; None where a result is no URLs."""
    target = subject.client.spec.operation(polling.target)
    accepted = next(each for each in subject.answers.successes(submit) if each.status == polling.status)
    (submitted,) = subject.answers.valid(submit, accepted, 1)
    content = subject.answers.successes(target)[0]
    for body in _examples(target, content):
        answer = Answer(expectations.number(content.status), {"content-type": content.media_type}, body)
        urls = polling.result.read(answer) if polling.result is not None else None
        urls = [urls] if isinstance(urls, str) else urls
        if not all_hold(polling.success, answer) or not isinstance(urls, list) or not urls:
            continue
        if not all(isinstance(url, str) and url.startswith("http") for url in urls):
            continue

        def reply(request: httpx.Request, body: Any = body) -> httpx.Response:
            made, value = (accepted, submitted) if request.method == submit.method else (content, body)
            return _json(made, value)

        return reply, len(urls)
    return None


def _examples(target: Operation, content: Content) -> Iterator[Any]:
    for media_type in target.responses[content.status].content.values():
        yield from media_type.examples.values()


def _json(content: Content, value: Any) -> httpx.Response:
    headers = {"Content-Type": content.media_type}
    return httpx.Response(expectations.number(content.status), headers=headers, content=encode(value))


class _Downloads:
    """The downloads of one Link."""

    def __init__(self, subject: Subject, submit: Operation, api: Answerer, count: int) -> None:
        self._subject = subject
        self._submit = submit
        self._api = api
        self._count = count
        self._host = httpx.URL(BASE_URL).host

    def run(self) -> None:
        for outcome, files in self._download(lambda: httpx.Response(200, content=_FILE)):
            whole = outcome.error is None and len(files) == self._count and all(each == _FILE for each in files)
            self._check("download_whole", whole, "Every file of the result is there, byte for byte.", outcome)
            asked = [request for request in outcome.sent if request.url.host != self._host]
            key = self._subject.client.key
            texts = [text for request in asked for text in (str(request.url), *request.headers.values())]
            silent = len(asked) == self._count and not any(key in text for text in texts)
            self._check("download_without_key", silent, "The host of the files is not shown the key.", outcome)
        for status in _BAD_STATUSES:
            for outcome, files in self._download(lambda status=status: httpx.Response(status, content=b"<h1>No</h1>")):
                self._refused(outcome, files, f"A file that is answered {status}")
        for outcome, files in self._download(lambda: httpx.Response(200, stream=_BrokenOff())):
            self._refused(outcome, files, "A file that breaks off")

    def _refused(self, outcome: Outcome, files: list[bytes], what: str) -> None:
        errors = self._subject.client.errors
        holds = isinstance(outcome.error, errors.DownloadError) and bool(outcome.error.job_id) and not files
        rule = f"{what} is raised as DownloadError with the job's id, and nothing is left that looks like a file."
        self._check("download_refused", holds, rule, outcome)

    def _download(self, file: Any) -> Iterator[tuple[Outcome, list[bytes]]]:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.host == self._host:
                return self._api(request)
            response: httpx.Response = file()
            return response

        arguments = self._subject.inputs.first(self._submit)
        with tempfile.TemporaryDirectory(prefix="contract-") as temporary:
            folder = Path(temporary)
            for outcome in self._subject.client.with_job(
                self._submit, arguments, answer, ".download(…)", lambda job: job.download(folder)
            ):
                outcome = recorded(self._subject.report, PHASE, expectations.label(self._submit), outcome)
                files = sorted(folder.iterdir())
                yield outcome, [each.read_bytes() for each in files]
                for each in files:
                    each.unlink()

    def _check(self, check: str, holds: bool, rule: str, outcome: Outcome) -> None:
        label = expectations.label(self._submit)
        self._subject.report.check(PHASE, label, check, holds, rule, CallExchange(outcome))
