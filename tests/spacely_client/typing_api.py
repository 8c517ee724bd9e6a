"""How people use the client, for type checkers to read; never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from spacely_client import (
    UNSET,
    AsyncJob,
    AsyncSpacely,
    BatchReport,
    BatchRow,
    Job,
    JobTimeout,
    JobUpdate,
    Spacely,
    StatusError,
)
from spacely_client.models import JobStatus, PollResultResponse, RenovateType


def synchronous() -> None:
    with Spacely(api_key="sk-…", base_url="https://api.test", timeout=5, rate_limit=None) as client:
        job = client.generate_advance(
            model="spacely-v1", image_url="https://x.test/1.jpg", renovate_type="residential", prompt=UNSET
        )
        assert_type(job, Job[PollResultResponse])
        client.generate_advance(model="m", image_url="u", renovate_type=RenovateType.COMMERCIAL, n_prompt="")
        assert_type(job.id, str)
        assert_type(job.wait(timeout=1, on_update=print), PollResultResponse)
        assert_type(job.poll().data.status, JobStatus)
        assert_type(job.poll().data.result, list[str])
        assert_type(job.download("folder"), list[Path])
        for update in job.updates():
            assert_type(update, JobUpdate[PollResultResponse])
        assert_type(client.poll_result(ref_id="r"), PollResultResponse)
        assert_type(client.job("generate_advance", "r"), Job[PollResultResponse])
        assert_type(client.batch([{"prompt": "p"}], "folder", credits=3), BatchReport)


async def asynchronous() -> None:
    async with AsyncSpacely() as client:
        job = await client.generate_advance(model="m", image_url="u", renovate_type="commercial")
        assert_type(job, AsyncJob[PollResultResponse])
        assert_type(await job.wait(), PollResultResponse)
        async for update in job.updates(timeout=3):
            assert_type(update.response, PollResultResponse)
        assert_type((await client.batch("in.csv", "folder")).rows, tuple[BatchRow, ...])


def errors() -> None:
    try:
        synchronous()
    except StatusError as error:
        assert_type(error.status_code, int)
        assert_type(error.job_id, str | None)
    except JobTimeout as error:
        assert_type(error.message, str)


def wrong(client: Spacely) -> None:
    client.generate_advance(model="m", image_url="u", renovate_type="palatial")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.generate_advance(model="m", image_url="u")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.job("poll_result", "r")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
