"""What the asynchronous client infers; for type checkers to read, never run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import assert_type

import httpx

from spacely_client import AsyncJob, AsyncSpacely, BatchRow, JobUpdate, RawResponse
from spacely_client.models import PollResultResponse


async def operations() -> None:
    async with AsyncSpacely(transport=httpx.MockTransport(lambda _: httpx.Response(200))) as client:
        assert_type(client, AsyncSpacely)
        job = await client.generate_advance(model="m", image_url="u", renovate_type="commercial")
        assert_type(job, AsyncJob[PollResultResponse])
        assert_type(await client.poll_result(ref_id="r"), PollResultResponse)
        first, second = await asyncio.gather(client.poll_result(ref_id="r"), client.poll_result(ref_id="s"))
        assert_type(first, PollResultResponse)
        assert_type(second, PollResultResponse)


async def jobs(client: AsyncSpacely) -> None:
    job = client.job("generate_advance", "r")
    assert_type(job, AsyncJob[PollResultResponse])
    assert_type(await job.poll(), PollResultResponse)
    assert_type(await job.wait(on_update=told), PollResultResponse)
    assert_type(await job.wait(on_update=print), PollResultResponse)
    assert_type(await job.download(Path("folder")), list[Path])
    async for update in job.updates(timeout=3):
        assert_type(update, JobUpdate[PollResultResponse])


async def told(update: JobUpdate[PollResultResponse]) -> None:
    assert_type(update.job_id, str)


async def batches(client: AsyncSpacely) -> None:
    assert_type((await client.batch("in.csv", "folder")).rows, tuple[BatchRow, ...])


async def raw_responses(client: AsyncSpacely) -> None:
    raw = await client.with_raw_response.poll_result(ref_id="r")
    assert_type(raw, RawResponse[PollResultResponse])
    submitted = await client.with_raw_response.generate_advance(model="m", image_url="u", renovate_type="commercial")
    assert_type(submitted.parsed, AsyncJob[PollResultResponse])
