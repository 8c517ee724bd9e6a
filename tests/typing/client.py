"""What the synchronous client infers; for type checkers to read, never run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_type

import httpx

from spacely_client import (
    UNSET,
    BatchProgress,
    BatchReport,
    BatchRow,
    DownloadProgress,
    Hook,
    Job,
    JobUpdate,
    LoggingHook,
    RawResponse,
    Spacely,
)
from spacely_client.models import JobStatus, PollResultData, PollResultResponse, RenovateType
from spacely_client.otel import OpenTelemetryHook
from spacely_client.testing import is_testing, set_testing


def settings() -> None:
    Spacely()
    Spacely("sk-…", "https://api.test")
    with Spacely(
        api_key="sk-…",
        base_url=None,
        timeout=5,
        rate_limit=None,
        rate_limit_store="redis://localhost",
        poll_interval=0.5,
        polls_per_job=2,
        max_retries=0,
        hooks=[LoggingHook(), OpenTelemetryHook(), Hook()],
        transport=httpx.MockTransport(lambda _: httpx.Response(200)),
    ) as client:
        assert_type(client, Spacely)
        assert_type(client.base_url, str)
    Spacely(rate_limit=UNSET, hooks=())


def operations(client: Spacely) -> None:
    job = client.generate_advance(
        model="spacely-v1", image_url="https://x.test/1.jpg", renovate_type="residential", prompt=UNSET
    )
    assert_type(job, Job[PollResultResponse])
    client.generate_advance(model="m", image_url="u", renovate_type=RenovateType.COMMERCIAL, n_prompt="")
    answer = client.poll_result(ref_id="r")
    assert_type(answer, PollResultResponse)
    assert_type(answer.data, PollResultData)
    assert_type(answer.data.status, JobStatus)
    assert_type(answer.data.status.is_known, bool)
    assert_type(answer.data.result, list[str])
    assert_type(answer.to_dict(), dict[str, Any])
    assert_type(PollResultResponse.from_dict({}), PollResultResponse)


def jobs(client: Spacely) -> None:
    job = client.job("generate_advance", "r")
    assert_type(job, Job[PollResultResponse])
    assert_type(job.id, str)
    assert_type(job.poll(), PollResultResponse)
    assert_type(job.wait(timeout=1, on_update=print), PollResultResponse)
    assert_type(job.download("folder", on_progress=fetched), list[Path])
    for update in job.updates(timeout=3):
        assert_type(update, JobUpdate[PollResultResponse])
        assert_type(update.response, PollResultResponse)
        assert_type(update.polls, int)
        assert_type(update.elapsed, float)
        if update.state == "succeeded":
            return


def fetched(progress: DownloadProgress) -> None:
    assert_type(progress.received, int)
    assert_type(progress.total, int | None)


def told(update: JobUpdate[PollResultResponse]) -> None:
    assert_type(update.response.data.result, list[str])


def waits_with_a_function_of_ones_own(client: Spacely) -> None:
    client.job("generate_advance", "r").wait(on_update=told)


def batches(client: Spacely) -> None:
    def progress(now: BatchProgress) -> None:
        assert_type(now.left, float | None)

    report = client.batch([{"prompt": "p"}], "folder", credits=3, on_progress=progress)
    assert_type(report, BatchReport)
    assert_type(report.rows, tuple[BatchRow, ...])
    client.batch(Path("rooms.csv"), Path("folder"), operation="generate_advance", retry_uncertain=True)


def raw_responses(client: Spacely) -> None:
    raw = client.with_raw_response.poll_result(ref_id="r")
    assert_type(raw, RawResponse[PollResultResponse])
    assert_type(raw.parsed.data.status, JobStatus)
    assert_type(raw.status_code, int)
    assert_type(raw.headers.get("x-request-id"), str | None)
    assert_type(raw.content, bytes)
    assert_type(raw.elapsed, float)
    submitted = client.with_raw_response.generate_advance(model="m", image_url="u", renovate_type="commercial")
    assert_type(submitted, RawResponse[Job[PollResultResponse]])
    assert_type(submitted.parsed.wait(), PollResultResponse)


def without_waiting(client: Spacely) -> None:
    waits: list[float] = []
    with set_testing(True, on_wait=waits.append):
        client.job("generate_advance", "r").wait()
    assert_type(is_testing(), bool)


def render_all(client: Spacely, photographs: Sequence[str]) -> list[Job[PollResultResponse]]:
    return [
        client.generate_advance(model="m", image_url=photograph, renovate_type="residential")
        for photograph in photographs
    ]
