"""Fetching the files of a result: which, where to, and whole or not at all."""

from __future__ import annotations

import hashlib
import logging
import mimetypes
import re
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from . import _clock, _httpx
from ._defaults import DOWNLOAD_REDIRECTS, FILE_BYTES, MESSAGE_CHARACTERS
from ._intake import Intake
from ._log import log
from ._redaction import bare_urls, fetching_a_file
from ._retry import Retries, passing
from .errors import DownloadError

if TYPE_CHECKING:
    from ._jobs import AnyJob
    from ._progress import OnProgress
    from ._wait import JobUpdate

_GONE: Final = frozenset({403, 404, 410})
_STEM_BYTES: Final = 200  # Of the 255 that a name may have.
# The media types that hosts send messages in; a file that is said to be one of them may be.
_MESSAGES: Final = frozenset(
    {
        "application/json",
        "application/problem+json",
        "application/xhtml+xml",
        "application/xml",
        "text/html",
        "text/plain",
        "text/xml",
    }
)


def urls_of(update: JobUpdate[Any], job: AnyJob) -> list[str]:
    """The URLs in the result of a job that has succeeded: the result itself, or each of a list."""
    if job.polling.result is None:
        raise DownloadError(
            "The contract does not say where the result stands; add `result` to the Link's x-polling",
            url="",
            operation=job.operation.id,
            job_id=job.id,
        )
    result: Any = update.result
    values = cast("list[Any]", result) if isinstance(result, list) else [result]
    for value in values:
        if not is_web_url(value):
            raise DownloadError(
                f"The result holds {job.redact(str(value))[:100]!r}, which is no http or https URL",
                url="",
                operation=job.operation.id,
                job_id=job.id,
            )
    return values


def is_web_url(value: Any) -> bool:
    """Whether a value is an http or https URL."""
    try:
        return isinstance(value, str) and urlsplit(value).scheme in {"http", "https"}
    except ValueError:
        return False


def targets(urls: Iterable[str], directory: str | Path, job_id: str) -> Iterator[tuple[str, Path]]:
    """Each URL with the path of its file: the job's id, a number, and the ending that the URL has."""
    stem = _fitting(re.sub(r"[^\w.-]", "_", job_id).lstrip(".") or "job")
    for number, url in enumerate(urls, start=1):
        ending = re.search(r"[.]\w{1,5}$", urlsplit(url).path)
        yield url, Path(directory) / f"{stem}-{number}{ending[0] if ending else ''}"


def _fitting(stem: str) -> str:
    """A name as long as file systems take one, with room for what is added; none that was cut is that of another."""
    encoded = stem.encode()
    if len(encoded) <= _STEM_BYTES:
        return stem
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return f"{encoded[:_STEM_BYTES].decode(errors='ignore')}-{digest}"


@contextmanager
def whole_file(path: Path) -> Generator[IO[bytes]]:
    """A file that appears at its path only when the block has ended well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")  # Its own: another may write the same file.
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


class Download:
    """One file's way here, without its I/O: what an answer means, and whether to try again.

    Args:
        url: Where the file is.
        path: Where it is to be.
        job: The job whose result names it.
        retries: How often to try again what may pass.
        on_progress: Told of each piece that comes.
    """

    def __init__(self, url: str, path: Path, job: AnyJob, retries: int, on_progress: OnProgress | None = None) -> None:
        self.url = url
        self._path = path
        self._job = job
        self._retries = Retries("GET", retries)
        self._on_progress = on_progress
        self._attempts = 0
        self._redirects = 0
        self._status: int | None = None
        self._received = 0
        self._total: int | None = None
        self._callers_error: Exception | None = None
        self._bare = job.redact(_bare(url))
        self._shown = self._bare[:MESSAGE_CHARACTERS]
        self._watch = job.download_watch(self._bare, path)

    def watched(self) -> AbstractContextManager[object]:
        """What tells the hooks of the download, which is made inside of it."""
        return nullcontext() if self._watch is None else self._watch

    def pause(self, error: DownloadError) -> float | None:
        """Seconds before the next attempt; None where there is to be none."""
        pause = self._retries.pause(error)
        if pause is not None:
            job = self._job
            message = f"A download failed and is tried again in {pause:.1f} s: {error.message}"
            log(logging.WARNING, message, operation=job.operation.id, job_id=job.id)
        return pause

    @contextmanager
    def attempt(self) -> Generator[None]:
        """One attempt: whatever goes wrong in it becomes a DownloadError, and the hooks are told how it ended."""
        self._attempts += 1
        self._redirects, self._status, self._received, self._total = 0, None, 0, None
        began = _clock.monotonic()
        try:
            with self._failures():
                yield
        except DownloadError as error:
            error.attempts = self._attempts
            self._tell_hooks(began, error)
            raise
        self._tell_hooks(began, None)

    @contextmanager
    def _failures(self) -> Generator[None]:
        try:
            with fetching_a_file():
                yield
        except DownloadError:
            raise
        except Exception as error:
            if error is self._callers_error:
                raise
            about = self._job.redact(bare_urls(f"{type(error).__name__}: {error}")).rstrip(": ")[:MESSAGE_CHARACTERS]
            if isinstance(error, _httpx.RequestError):
                error.request = _httpx.Request("GET", self._bare)
            raise self._error(
                f"{self._shown} could not be downloaded ({about}); the job is done, so download it again",
                may_pass=isinstance(error, _httpx.RequestError) and not isinstance(error, _httpx.UnsupportedProtocol),
            ) from error

    def _tell_hooks(self, began: float, error: DownloadError | None) -> None:
        if self._watch is not None:
            self._watch.attempted(
                attempt=self._attempts,
                status_code=self._status,
                received=self._received,
                elapsed=_clock.monotonic() - began,
                error=error,
            )

    def redirected(self, response: _httpx.Response) -> _httpx.Request | None:
        """The request to make next, where the host says that the file is elsewhere; None where it is here."""
        self._status = response.status_code
        request = response.next_request
        if request is None:
            return None
        self._redirects += 1
        if self._redirects > DOWNLOAD_REDIRECTS:
            raise self._error(f"{self._shown} leads from one place to the next, more than {DOWNLOAD_REDIRECTS} times")
        if request.url.scheme not in {"http", "https"} or (response.url.scheme, request.url.scheme) == (
            "https",
            "http",
        ):
            raise self._error(f"{self._shown} leads from {response.url.scheme} to {request.url.scheme}; not followed")
        return request

    @contextmanager
    def file(self, response: _httpx.Response) -> Generator[Callable[[bytes], None]]:
        """What takes an answer's body, piece by piece; the file appears only when the block has ended well."""
        self._check(response)
        length = response.headers.get("content-length", "")
        if length.isdecimal() and "content-encoding" not in response.headers:
            self._total = int(length[:20])
        Intake(response, FILE_BYTES).check()
        with whole_file(self._path) as file:
            self._tell_progress()

            def write(piece: bytes) -> None:
                self._received += file.write(piece)
                self._tell_progress()

            yield write
            if not self._received:
                raise self._error(f"{self._shown} was answered with an empty file", may_pass=True)
        if self._total != self._received:
            self._total = self._received
            self._tell_progress()

    def _tell_progress(self) -> None:
        if self._on_progress is None:
            return
        from ._progress import DownloadProgress  # Whoever does not ask for it does without.

        try:
            self._on_progress(DownloadProgress(self._job.id, self._path, self._received, self._total))
        except Exception as error:
            self._callers_error = error
            raise

    def _check(self, response: _httpx.Response) -> None:
        """Raise DownloadError where the answer is not the file."""
        status = response.status_code
        if status != 200:
            message = (
                f"{self._shown} was answered with {status} {self._job.redact(response.reason_phrase)[:100]}".rstrip()
            )
            if status in _GONE:
                message += (
                    "; links to files expire. The server may give new ones: "
                    f"client.job({self._job.name!r}, {self._job.id!r}).download(…)"
                )
            raise self._error(message, status_code=status, headers=response.headers, may_pass=passing(status))
        expected = mimetypes.guess_type(urlsplit(self.url).path)[0]
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type in _MESSAGES and expected is not None and expected not in _MESSAGES:
            raise self._error(f"{self._shown} was answered with {media_type}, which is not the {expected} it should be")

    def _error(self, message: str, **about: Any) -> DownloadError:
        return DownloadError(message, url=self._bare, operation=self._job.operation.id, job_id=self._job.id, **about)


def _bare(url: str) -> str:
    """A URL without what may be secret in it: its query, which may hold a signature, and a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the URL"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
