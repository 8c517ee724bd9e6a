"""A job whose id is a number, a key in the query, a name made of the title."""

import io
import logging
import sys

import pytest

from spacely_client import ConfigurationError, PlanDrawings
from spacely_mock import MockServer
from spacely_spec import load

log = io.StringIO()
logging.basicConfig(stream=log, level=logging.DEBUG)
with (
    MockServer(load(sys.argv[1]), render_time=0.2) as server,
    PlanDrawings(api_key="sk-in-the-query", base_url=server.url, poll_interval=0.05) as client,
):
    job = client.draw_plan(photos=["https://x.test/1.jpg"], floors=2)
    assert job.id.isdecimal()
    plan = job.wait()
    assert client.get_plan(job_number=int(job.id)).to_dict() == plan.to_dict()
    with pytest.raises(ConfigurationError, match="seven"):
        client.job("draw_plan", "seven")
assert "key=*** " in log.getvalue()  # httpx logs the URLs.
assert "sk-in-the-query" not in log.getvalue()
