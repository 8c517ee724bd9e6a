"""A bearer token, no base path, no examples, success told by what the status is not."""

import sys

import pytest

from spacely_client import NightRenders, Unauthorized
from spacely_mock import MockServer
from spacely_spec import load

with MockServer(load(sys.argv[1]), render_time=0.2, api_keys=["a-token"]) as server:
    with NightRenders(api_key="a-token", base_url=server.url, poll_interval=0.05) as client:
        job = client.create_night(photo_url="https://x.test/1.jpg", moon=True)
        assert job.poll().status == "running"
        assert job.wait().status != "running"
    with NightRenders(api_key="another", base_url=server.url) as client, pytest.raises(Unauthorized):
        client.read_night(night_id=job.id)
