"""The generated client and the mock, joined by a socket: what a user of both sees."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from spacely_client import (
    AsyncSpacely,
    BadRequest,
    InvalidRequest,
    JobTimeout,
    Spacely,
    StatusError,
    TransportError,
    Unauthorized,
)
from spacely_mock import MockServer
from spacely_spec import load

ROOT = Path(__file__).parents[2]
VENDOR_EXAMPLE = {
    "model": "spacely-v1",
    "image_url": "https://storage.googleapis.com/spacely/public/image/roomstyle3/bathroom-modern.jpg",
    "prompt": "mid_century",
    "n_prompt": "",
    "renovate_type": "residential",
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with MockServer(load(ROOT / "openapi.yaml"), render_time=0.3) as server:
        yield server.url


@pytest.fixture
def client(url: str) -> Iterator[Spacely]:
    with Spacely(api_key="sk-test", base_url=url, poll_interval=0.1) as client:
        yield client


def test_the_vendors_example_becomes_images(client: Spacely, tmp_path: Path) -> None:
    states: list[str] = []
    job = client.generate_advance(**VENDOR_EXAMPLE)  # type: ignore[arg-type]  # a mapping of plain texts
    assert client.poll_result(ref_id=job.id).data.status == "processing"
    paths = job.download(tmp_path, on_update=lambda update: states.append(update.state))
    assert (states[0], states[-1]) == ("running", "succeeded")
    assert [path.name for path in paths] == [f"{job.id}-{number}.png" for number in (1, 2, 3, 4)]
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert image.width > 300


def test_a_job_is_taken_up_again_by_another_client(client: Spacely, url: str) -> None:
    job_id = client.generate_advance(**VENDOR_EXAMPLE).id  # type: ignore[arg-type]
    with Spacely(api_key="sk-test", base_url=url, poll_interval=0.1) as other:
        assert other.job("generate_advance", job_id).wait().data.status == "success"


def test_a_job_that_takes_too_long_is_a_timeout_that_knows_its_job(client: Spacely) -> None:
    job = client.generate_advance(**VENDOR_EXAMPLE)  # type: ignore[arg-type]
    with pytest.raises(JobTimeout) as caught:
        job.wait(timeout=0.05)
    assert caught.value.job_id == job.id
    assert caught.value.response.data.status == "processing"


def test_an_unknown_id_is_the_documented_400(client: Spacely) -> None:
    with pytest.raises(BadRequest) as caught:
        client.poll_result(ref_id="63d17492-43d9-4161-0000-b067be1316dc")
    assert caught.value.documented
    with pytest.raises(BadRequest) as caught:
        client.job("generate_advance", "no-such-job").wait()
    assert caught.value.job_id == "no-such-job"


def test_a_wrong_key_is_a_401_and_does_not_show(url: str) -> None:
    with Spacely(api_key="wrong-key-12345", base_url=url) as client, pytest.raises(Unauthorized) as caught:
        client.poll_result(ref_id="x")
    assert "wrong-key-12345" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def test_what_breaks_the_contract_does_not_reach_the_server(client: Spacely) -> None:
    with pytest.raises(InvalidRequest, match="renovate_type"):
        client.generate_advance(model="m", image_url="https://x.test/1.jpg", renovate_type="palatial")  # type: ignore[arg-type]


def test_another_path_is_a_status_error(url: str) -> None:
    with Spacely(api_key="sk-test", base_url=url + "/elsewhere") as client, pytest.raises(StatusError) as caught:
        client.poll_result(ref_id="x")
    assert (caught.value.status_code, caught.value.documented) == (404, False)


def test_no_network_is_a_transport_error() -> None:
    url = "http://127.0.0.1:1"
    with (
        Spacely(api_key="sk-test", base_url=url) as client,
        pytest.raises(TransportError, match="nothing was sent"),
    ):
        client.generate_advance(**VENDOR_EXAMPLE)  # type: ignore[arg-type]


def test_the_asynchronous_client_renders_several_rooms_at_once(url: str, tmp_path: Path) -> None:
    async def run() -> list[list[Path]]:
        async with AsyncSpacely(api_key="sk-test", base_url=url, poll_interval=0.1) as client:

            async def render() -> list[Path]:
                job = await client.generate_advance(**VENDOR_EXAMPLE)  # type: ignore[arg-type]
                return await job.download(tmp_path)

            return await asyncio.gather(*(render() for _ in range(5)))

    files = asyncio.run(run())
    assert len({path for paths in files for path in paths}) == 20


def test_one_asynchronous_client_serves_one_event_loop_after_the_other(url: str) -> None:
    async def submit(client: AsyncSpacely) -> str:
        return (await client.generate_advance(**VENDOR_EXAMPLE)).id  # type: ignore[arg-type]

    with warnings.catch_warnings():
        # Nobody has closed its connections while their loops ran, and Python says so when it collects them.
        warnings.simplefilter("ignore", ResourceWarning)
        client = AsyncSpacely(api_key="sk-test", base_url=url)
        ids = [asyncio.run(submit(client)) for _ in range(3)]
        asyncio.run(client.close())
        del client
        gc.collect()
    assert len(set(ids)) == 3
