"""A job accepted with 202, its id deep in the answer, polled by a path parameter."""

import sys
import tempfile

import pytest

from spacely_client import NotFound, Spacely
from spacely_mock import MockServer
from spacely_spec import load

with (
    MockServer(load(sys.argv[1]), render_time=0.2) as server,
    Spacely(api_key="sk-1", base_url=server.url, poll_interval=0.05) as client,
):
    job = client.start_render(photo_url="https://x.test/1.jpg")
    assert job.id == job.submitted.render.meta.id
    envelope = job.wait()
    assert envelope.to_dict() == client.get_render(id=job.id).to_dict()
    assert client.job("start_render", job.id).wait().to_dict() == envelope.to_dict()
    with pytest.raises(NotFound) as caught:
        client.get_render(id="nothing")
    assert caught.value.documented
    other = client.generate_advance(model="m", image_url="https://x.test/1.jpg", renovate_type="residential")
    with tempfile.TemporaryDirectory() as folder:
        assert len(other.download(folder)) == 4
