"""Fetching the files of a result: which, where to, and whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from . import _httpx
from .errors import DownloadError

if TYPE_CHECKING:
    from ._jobs import AnyJob, JobUpdate


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
        if not isinstance(value, str) or urlsplit(value).scheme not in {"http", "https"}:
            raise DownloadError(
                f"The result holds {str(value)[:100]!r}, which is no http or https URL",
                url="",
                operation=job.operation.id,
                job_id=job.id,
            )
    return values


def targets(urls: Iterable[str], directory: str | Path, job_id: str) -> Iterator[tuple[str, Path]]:
    """Each URL with the path of its file: the job's id, a number, and the ending that the URL has."""
    stem = re.sub(r"[^\w.-]", "_", job_id).lstrip(".") or "job"
    for number, url in enumerate(urls, start=1):
        ending = re.search(r"[.]\w{1,5}$", urlsplit(url).path)
        yield url, Path(directory) / f"{stem}-{number}{ending[0] if ending else ''}"


@contextmanager
def whole_file(path: Path) -> Generator[IO[bytes]]:
    """A file that appears at its path only when the block has ended well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def download_errors(url: str, job: AnyJob) -> Generator[None]:
    """Turn what can go wrong in a download into a DownloadError."""
    bare = urlsplit(url)._replace(query="", fragment="").geturl()
    try:
        yield
    except (_httpx.HTTPError, _httpx.InvalidURL, OSError) as error:
        about = f"{type(error).__name__}: {error}".replace(url, bare).rstrip(": ")
        raise DownloadError(
            f"{bare} could not be downloaded ({about}); the job is done, so download it again",
            url=bare,
            operation=job.operation.id,
            job_id=job.id,
        ) from error


def check_download(response: _httpx.Response, url: str, job: AnyJob) -> None:
    """Raise DownloadError where the answer is not the file."""
    if response.status_code != 200:
        bare = urlsplit(url)._replace(query="", fragment="").geturl()
        raise DownloadError(
            f"{bare} was answered with {response.status_code} {response.reason_phrase}".rstrip(),
            url=bare,
            operation=job.operation.id,
            job_id=job.id,
        )
