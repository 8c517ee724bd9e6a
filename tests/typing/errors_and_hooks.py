"""What errors and hooks carry; for type checkers to read, never run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import assert_type

from spacely_client import (
    CallEvent,
    ClientError,
    DownloadAttemptEvent,
    DownloadError,
    DownloadEvent,
    Hook,
    InvalidRequest,
    JobTimeout,
    RateLimitStoreError,
    RequestEvent,
    ResponseEvent,
    Spacely,
    StatusError,
    SubmissionUncertain,
    TooManyRequests,
    TransportError,
    Violation,
    WaitEvent,
)


def errors(client: Spacely) -> None:
    try:
        client.poll_result(ref_id="r")
    except InvalidRequest as error:
        assert_type(error.violations, tuple[Violation, ...])
    except (TooManyRequests, StatusError) as error:
        assert_type(error.status_code, int)
        assert_type(error.headers.get("retry-after"), str | None)
        assert_type(error.body, str)
    except RateLimitStoreError as error:
        known: TransportError = error
        assert_type(known.never_sent, bool)
    except SubmissionUncertain as error:
        assert_type(error.job_id, str | None)
    except JobTimeout as error:
        assert_type(error.message, str)
    except ClientError as error:
        assert_type(error.operation, str | None)
        assert_type(error.attempts, int)


class Count(Hook):
    """Overrides all there is."""

    def __init__(self) -> None:
        self.failures = 0

    @contextmanager
    def on_call(self, event: CallEvent, /) -> Generator[None]:
        assert_type(event.job_id, str | None)
        yield

    def on_wait(self, event: WaitEvent, /) -> None:
        assert_type(event.timeout, float)

    def on_request(self, event: RequestEvent, /) -> None:
        assert_type(event.attempt, int)

    def on_response(self, event: ResponseEvent, /) -> None:
        assert_type(event.status_code, int | None)
        assert_type(event.error, ClientError | None)
        self.failures += event.error is not None

    @contextmanager
    def on_download(self, event: DownloadEvent, /) -> Generator[None]:
        assert_type(event.path, Path)
        yield

    def on_download_attempt(self, event: DownloadAttemptEvent, /) -> None:
        assert_type(event.received, int)
        assert_type(event.error, DownloadError | None)


Spacely(hooks=[Count()])
